#include "zrms/hub.h"

#include "port/mesh.h"

/* Messages of spaces may be lost; beyond so many bytes they leave the rest of a link's output to
 * frames that may not. */
#define WAITING_MAX ((size_t)4 * 1024 * 1024)

struct hub {
	struct loop *loop;
	struct links *links;
	hub_link_of_fn *link_of;
	void *user;
	uint64_t forwarded, forwarded_bytes, dropped;
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

void hub_free(struct hub *hub)
{
	free(hub);
}

int hub_forward(struct hub *hub, const char *member, const struct frame *frame,
		struct error **err)
{
	if (member == NULL || !mesh_frame_is_of(frame, member)) {
		hub->dropped++;
		return 0;
	}
	loop_busy_poll(hub->loop);
	char zhost[MESH_ZHOST_NAME_MAX + 1];
	int r = mesh_frame_destination(frame, zhost, err);
	if (r < 0)
		return r;
	if (links_forward(hub->links, hub->link_of(hub->user, zhost), frame, WAITING_MAX,
			  NULL) < 0) {
		hub->dropped++;
		return 0;
	}
	hub->forwarded++;
	hub->forwarded_bytes += frame->whole_size;
	return 0;
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
