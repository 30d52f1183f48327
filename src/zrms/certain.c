#include "zrms/certain.h"

#include <utlist.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "zrms/api_reads.h"
#include "zrms/lead.h"
#include "zrms/standby.h"
#include "zrms/zrms.h"

struct certain_waiting {
	struct http_request *request;
	struct certain_waiting *next, *prev;
};

struct certain {
	struct zrms *zrms;
	struct loop_timer *timer;
	struct certain_waiting *waiting; /* the oldest first */
	int64_t silent_ms;		 /* without a promise until then, nobody waits longer */
	bool is_forgiven;		 /* a delay since the last promise */
	int64_t looks_ms;		 /* the timer is due then; NEVER_MS: it is not */
};

static int64_t now_ms(const struct certain *c)
{
	return loop_now(&c->zrms->loop).mono_ms;
}

static void look_at(struct certain *c, int64_t mono_ms)
{
	c->looks_ms = mono_ms;
	loop_timer_at(c->timer, mono_ms);
}

/* The timer is late: the loop was held, by a start or the sleep of the machine, and a renewal may have been granted meanwhile that
 * is not read yet. It is not the store that is silent, so it gets another lease to answer: once, as a loop that is held again and
 * again would let requests wait for ever. */
static void forgive_delay(struct certain *c)
{
	int64_t now = now_ms(c);
	if (c->is_forgiven || now < c->looks_ms ||
	    now - c->looks_ms < c->zrms->settings.lease_ms / 4)
		return;
	c->is_forgiven = true;
	c->silent_ms = now + c->zrms->settings.lease_ms;
	look_at(c, c->silent_ms);
}

static bool is_certain(const struct certain *c)
{
	const struct lead *lead = c->zrms->lead; /* NULL: it has resigned */
	return lead != NULL && now_ms(c) < lead_promise_ms(lead);
}

static const char uncertain[] = "zrms cannot tell whether it still leads: its store does not "
				"answer (is a majority of etcd "
				"away?); nothing was changed, try again later";

static void refuse(struct http_request *request)
{
	http_add_header(request, "Retry-After", "1");
	http_reply_failure(request, 503, "unavailable", uncertain);
}

struct http_refusal certain_refusal(struct http_request *request)
{
	http_add_header(request, "Retry-After", "1");
	return (struct http_refusal){
		.status = 503, .code = "unavailable", .message = mem_strdup(uncertain)};
}

bool certain_is(const struct certain *c)
{
	return c == NULL || is_certain(c);
}

static struct http_request *waiting_take(struct certain *c)
{
	struct certain_waiting *w = c->waiting;
	struct http_request *request = w->request;
	DL_DELETE(c->waiting, w);
	free(w);
	return request;
}

static void on_time(void *user)
{
	struct certain *c = user;
	forgive_delay(c);
	while (c->waiting != NULL && is_certain(c))
		http_handle_again(waiting_take(c));
	if (is_certain(c)) {
		look_at(c, c->silent_ms);
		return;
	}
	if (now_ms(c) >= c->silent_ms) {
		while (c->waiting != NULL)
			refuse(waiting_take(c));
		api_reads_refuse(c->zrms, refuse);
	}
	look_at(c, now_ms(c) + c->zrms->settings.lease_ms);
}

/* What says nothing of the cluster, or has another guard. */
static bool is_free(const struct http_route *route)
{
	return route->needs == ACCESS_NOBODY || route->needs == ACCESS_ZHOST ||
	       str_equal(route->operation, "getMetrics");
}

bool certain_begins(void *context, struct http_request *request, const struct http_route *route)
{
	const struct zrms *zrms = context;
	struct certain *c = zrms->certain;
	/* One that stands by answers nothing of the cluster: what other zrms may have of it are files. */
	if (c == NULL || stands_by(zrms) || is_free(route) || is_certain(c))
		return true;
	forgive_delay(c);
	if (now_ms(c) >= c->silent_ms) {
		refuse(request);
		return false;
	}
	struct certain_waiting *w = mem_new(struct certain_waiting);
	w->request = request;
	DL_APPEND(c->waiting, w);
	return false;
}

void certain_promised(struct certain *c)
{
	if (c == NULL || !is_certain(c))
		return;
	c->silent_ms = lead_promise_ms(c->zrms->lead) + c->zrms->settings.lease_ms;
	c->is_forgiven = false;
	/* Not from within the election. */
	look_at(c, c->waiting != NULL ? now_ms(c) : c->silent_ms);
}

struct certain *certain_new(struct zrms *zrms)
{
	struct certain *c = mem_new(struct certain);
	c->zrms = zrms;
	c->timer = loop_timer_new(&zrms->loop, on_time, c);
	c->looks_ms = NEVER_MS;
	return c;
}

void certain_free(struct certain *c)
{
	if (c == NULL)
		return;
	while (c->waiting != NULL)
		(void)waiting_take(c);
	loop_timer_free(c->timer);
	free(c);
}
