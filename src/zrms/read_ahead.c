#include "zrms/read_ahead.h"

#include "adapter/log/log.h"
#include "zrms/lead.h"
#include "zrms/zrms.h"

enum { LOOK_MS = 1000 };

struct read_ahead {
	struct zrms *zrms;
	struct etcd_copy *copy;
	struct loop_timer *timer;
	bool said_whole, said_large;
};

static void say(struct read_ahead *a, const struct etcd_copy_state *state)
{
	if (state->is_whole && !a->said_whole)
		log_info("store", "read.ahead", LOG_U("transactions", state->batch));
	if (state->is_too_large && !a->said_large)
		log_warn("store", "read.ahead.not",
			 LOG_S("why", "the records need more than 1 GiB of memory"),
			 LOG_S("then", "they are read when this zrms leads"));
	a->said_whole = state->is_whole;
	a->said_large = state->is_too_large;
}

static void look(void *user)
{
	struct read_ahead *a = user;
	const struct etcd_copy_state state = etcd_copy_look(a->copy);
	const struct election_copied copied = {
		.transactions = state.is_whole ? state.batch : 0,
		.lag = state.lag,
		.lag_ms = state.lag_ms,
	};
	say(a, &state);
	lead_set_copied(a->zrms->lead, &copied);
	loop_timer_at(a->timer, loop_now(&a->zrms->loop).mono_ms + LOOK_MS);
}

int read_ahead_new(struct zrms *zrms, const struct etcd_servers *servers,
		   struct read_ahead **ret_ahead, struct error **err)
{
	struct etcd_copy *copy = NULL;
	int r = etcd_copy_new(servers, ETCD_COPY_BYTES, &copy, err);
	if (r < 0)
		return r;
	struct read_ahead *a = mem_new(struct read_ahead);
	*a = (struct read_ahead){.zrms = zrms, .copy = copy};
	a->timer = loop_timer_new(&zrms->loop, look, a);
	loop_timer_at(a->timer, loop_now(&zrms->loop).mono_ms + LOOK_MS);
	*ret_ahead = a;
	return 0;
}

struct etcd_copy *read_ahead_copy(const struct read_ahead *a)
{
	return a != NULL ? a->copy : NULL;
}

void read_ahead_free(struct read_ahead *a)
{
	if (a == NULL)
		return;
	loop_timer_free(a->timer);
	etcd_copy_free(a->copy);
	free(a);
}
