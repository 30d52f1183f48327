#include "zrms/standby.h"

#include <utlist.h>

#include "adapter/cli/address.h"
#include "adapter/log/log.h"
#include "adapter/wire/wire_link.h"
#include "base/check.h"
#include "base/str.h"
#include "zrms/lead.h"
#include "zrms/zrms.h"

enum {
	LINKS_MAX = 1024, /* that wait; past that the oldest goes */
	LINK_MS = 10000,  /* until the zhost has ended it */
	OUTPUT_MAX = 4096,
};

struct standby_link {
	struct standby *standby;
	struct wire_link *wire;
	struct loop_timer *patience;
	struct standby_link *prev, *next;
};

struct standby {
	struct zrms *zrms;
	bool is_over;
	struct standby_link *links; /* the oldest first */
	unsigned count;
};

bool stands_by(const struct zrms *zrms)
{
	return zrms->standby != NULL && !zrms->standby->is_over;
}

/* HOST:PORT; NULL: nobody leads, as far as it knows, or this one ends. */
static const char *leader_address(const struct zrms *zrms)
{
	if (zrms->lead == NULL)
		return NULL;
	const struct election_leader *known = leader_known(lead_seen(zrms->lead));
	return known->fence != 0 && !str_is_empty(known->member.address) ? known->member.address
									 : NULL;
}

/* ---- requests ---- */

static bool is_loopback(const char *address)
{
	struct cli_address at;
	return cli_address_parse_any(address, &at, NULL) == 0 && cli_address_is_loopback(&at);
}

static struct http_refusal unavailable(struct http_request *request, const char *message)
{
	http_add_header(request, "Retry-After", "1");
	return (struct http_refusal){
		.status = 503, .code = "unavailable", .message = mem_strdup(message)};
}

/* Loopback is plain, everything else TLS [machines.anonymous.remote]. */
static struct http_refusal elsewhere(struct http_request *request, const char *address)
{
	CLEANUP(freep)
	char *location = str_printf("%s://%s%s", is_loopback(address) ? "http" : "https",
				    address, http_raw_target(request));
	http_add_header(request, "Location", location);
	http_add_header(request, "Cache-Control", "no-store");
	return (struct http_refusal){
		.status = 307,
		.code = "unavailable",
		.message = str_printf("this zrms stands by: %s leads", address)};
}

static bool is_one_of(const char *operation, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(operation, names[i]))
			return true;
	return false;
}

struct http_refusal standby_admit(struct zrms *zrms, struct http_request *request,
				  const struct http_route *route)
{
	static const char *const own[] = {"getHealth", "getFront", "getOpenapi"};
	const char *address = leader_address(zrms);
	bool is_link = route->operation == NULL; /* GET /v1/link: told as the links over TLS */
	if (is_link || is_one_of(route->operation, own, ARRAY_SIZE(own)))
		return (struct http_refusal){0};
	if (str_equal(route->operation, "getMetrics"))
		return unavailable(request, "this zrms stands by: it has no metrics yet");
	if (address == NULL)
		return unavailable(request,
				   "no zrms leads: one is being elected, or their store does "
				   "not answer");
	return elsewhere(request, address);
}

/* ---- links ---- */

/* At once. What comes is not even read as frames: nobody here knows who sends it. The zhost ends the link, so that its HELLO,
 * which is under way, does not cut off the answer. */
static void link_tell(struct standby_link *l)
{
	Samoza__V1__Leader message = SAMOZA__V1__LEADER__INIT;
	message.address = (char *)(uintptr_t)leader_address(l->standby->zrms);
	wire_link_ignore(l->wire);
	/* It cannot be full, and one that closes needs no word. */
	(void)!wire_link_send(l->wire, SAMOZA__V1__FRAME_TYPE__FRAME_LEADER, &message.base,
			      NULL);
}

static int on_frame(void *user, struct wire_link *wire, const struct frame *frame,
		    struct error **err)
{
	(void)user;
	(void)wire;
	(void)frame;
	(void)err;
	IMPOSSIBLE("what comes is ignored");
}

static void on_closed(void *user, struct wire_link *wire, const struct error *why)
{
	struct standby_link *l = user;
	(void)wire;
	(void)why;
	DL_DELETE(l->standby->links, l);
	l->standby->count--;
	loop_timer_free(l->patience);
	free(l);
}

static const struct wire_link_handler link_handler = {.frame = on_frame, .closed = on_closed};

static void on_silent(void *user)
{
	const struct standby_link *l = user;
	wire_link_close(l->wire, NULL);
}

void standby_take_link(struct zrms *zrms, struct stream *stream)
{
	struct standby *s = zrms->standby;
	struct standby_link *l = mem_new(struct standby_link);
	if (s->count >= LINKS_MAX)
		wire_link_close(s->links->wire, NULL);
	l->standby = s;
	l->wire = wire_link_new(stream, OUTPUT_MAX, &link_handler, l);
	l->patience = loop_timer_new(&zrms->loop, on_silent, l);
	loop_timer_at(l->patience, loop_now(&zrms->loop).mono_ms + LINK_MS);
	DL_APPEND(s->links, l);
	s->count++;
	link_tell(l);
}

/* ---- life ---- */

struct standby *standby_new(struct zrms *zrms)
{
	struct standby *s = mem_new(struct standby);
	s->zrms = zrms;
	return s;
}

void standby_end(struct standby *s)
{
	struct standby_link *l = NULL;
	if (s == NULL)
		return;
	s->is_over = true;
	DL_FOREACH (s->links, l)
		wire_link_close(l->wire, NULL);
}

void standby_free(struct standby *s)
{
	free(s);
}
