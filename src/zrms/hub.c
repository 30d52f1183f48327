#include "zrms/hub.h"

#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "port/mesh.h"

/* Messages of spaces may be lost; beyond so many bytes they leave the rest of a link's output to
 * frames that may not. */
#define WAITING_MAX ((size_t)4 * 1024 * 1024)

enum { KEPT_MAX = 1024 * 1024, KEPT_MS = 5000 };

/* A zhost between two links. */
struct kept {
	struct hub *hub;
	char *zhost;
	struct buffer frames;
	struct loop_timer *end;
	UT_hash_handle hh;
};

struct hub {
	struct loop *loop;
	struct links *links;
	hub_link_of_fn *link_of;
	void *user;
	struct kept *kept;
	uint64_t forwarded, forwarded_bytes, dropped, refused;
};

struct hub *hub_new(struct loop *loop, struct links *links, hub_link_of_fn *link_of, void *user)
{
	struct hub *hub = mem_new(struct hub);
	hub->loop = loop;
	hub->links = links;
	hub->link_of = link_of;
	hub->user = user;
	return hub;
}

/* ---- what is kept ---- */

static void kept_free(struct kept *kept)
{
	HASH_DEL(kept->hub->kept, kept);
	loop_timer_free(kept->end);
	buffer_done(&kept->frames);
	free(kept->zhost);
	free(kept);
}

/* The first of those that are kept from `at` on. */
static struct frame kept_at(const struct kept *kept, size_t at)
{
	struct frame frame;
	int r = frame_next(kept->frames.data + at, kept->frames.size - at, &frame, NULL);
	INVARIANT(r == 1); /* it came as one */
	return frame;
}

/* It has not come. */
static void on_kept_end(void *user)
{
	struct kept *kept = user;
	for (size_t at = 0; at < kept->frames.size; at += kept_at(kept, at).whole_size)
		kept->hub->dropped++;
	kept_free(kept);
}

static struct kept *kept_of(const struct hub *hub, const char *zhost)
{
	struct kept *kept;
	HASH_FIND_STR(hub->kept, zhost, kept);
	return kept;
}

bool hub_keeps(const struct hub *hub, const char *zhost)
{
	return kept_of(hub, zhost) != NULL;
}

void hub_keep(struct hub *hub, const char *zhost)
{
	struct kept *kept = kept_of(hub, zhost);
	if (kept == NULL) {
		kept = mem_new(struct kept);
		kept->hub = hub;
		kept->zhost = mem_strdup(zhost);
		kept->frames = BUFFER_INIT(KEPT_MAX);
		kept->end = loop_timer_new(hub->loop, on_kept_end, kept);
		HASH_ADD_KEYPTR(hh, hub->kept, kept->zhost, strlen(kept->zhost), kept);
	}
	loop_timer_at(kept->end, loop_now(hub->loop).mono_ms + KEPT_MS);
}

void hub_free(struct hub *hub)
{
	if (hub == NULL)
		return;
	while (hub->kept != NULL)
		kept_free(hub->kept);
	free(hub);
}

/* ---- passing on ---- */

static int pass(struct hub *hub, uint64_t link_id, const struct frame *frame)
{
	int r = links_forward(hub->links, link_id, frame, WAITING_MAX, NULL);
	if (r < 0)
		return r;
	hub->forwarded++;
	hub->forwarded_bytes += frame->whole_size;
	return 0;
}

void hub_pass_kept(struct hub *hub, const char *zhost, uint64_t link_id)
{
	struct kept *kept = kept_of(hub, zhost);
	size_t at = 0;
	int r = 0;
	if (kept == NULL)
		return;
	while (r == 0 && at < kept->frames.size) {
		const struct frame frame = kept_at(kept, at);
		r = pass(hub, link_id, &frame);
		at += r == 0 ? frame.whole_size : 0;
	}
	buffer_consume(&kept->frames, at);
	if (r == 0) /* else this link is closing, too: until it has another one */
		kept_free(kept);
}

int hub_forward(struct hub *hub, const char *member, const struct frame *frame,
		struct error **err)
{
	if (member == NULL || !mesh_frame_is_of(frame, member)) {
		hub->dropped++;
		hub->refused++;
		return member != NULL ? HUB_REFUSED : 0;
	}
	loop_busy_poll(hub->loop);
	char zhost[MESH_ZHOST_NAME_MAX + 1];
	int r = mesh_frame_destination(frame, zhost, err);
	if (r < 0)
		return r;
	struct kept *kept = kept_of(hub, zhost);
	r = kept != NULL ? buffer_add(&kept->frames, frame->whole, frame->whole_size)
			 : pass(hub, hub->link_of(hub->user, zhost), frame);
	hub->dropped += r < 0;
	return 0;
}

uint64_t hub_refused(const struct hub *hub)
{
	return hub->refused;
}

enum { FORWARDED, FORWARDED_BYTES, DROPPED };
static const struct metric metrics[] = {
	[FORWARDED] = {"zrms_mesh_forwarded_total", METRIC_COUNTER,
		       "Messages forwarded between zhosts."},
	[FORWARDED_BYTES] = {"zrms_mesh_forwarded_bytes_total", METRIC_COUNTER,
			     "Bytes forwarded between zhosts."},
	[DROPPED] =
		{"zrms_mesh_dropped_total", METRIC_COUNTER,
		 "Messages dropped: no such zhost, its link is full, or not of who sent them."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct hub *hub = part;

	metric_set(to, FORWARDED, hub->forwarded);
	metric_set(to, FORWARDED_BYTES, hub->forwarded_bytes);
	metric_set(to, DROPPED, hub->dropped);
}

const struct metric_source hub_metrics = METRIC_SOURCE(metrics, read_metrics);
