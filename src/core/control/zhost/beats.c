#include "core/control/zhost/beats.h"

#include "base/str.h"
#include "core/control/state/state.h"

int64_t zhost_silent_since_ms(const struct control_zhost *z)
{
	return z->answered_ms > z->heard_ms ? z->answered_ms : z->heard_ms;
}

static int64_t silent_ms(const struct control *c, const struct control_zhost *z)
{
	return zhost_silent_since_ms(z) + c->config.failure_timeout_ms + 1;
}

void zhost_watch(struct control *c, struct control_zhost *z)
{
	z->hello_waits = false;
	heap_set(&c->deadlines, &z->deadline, silent_ms(c, z));
}

void zhost_hello_waits(struct control *c, struct control_zhost *z)
{
	if (!c->config.says_answered)
		return;
	z->hello_waits = true;
	heap_remove(&c->deadlines, &z->deadline);
}

void zhost_hello_answered(struct control *c, struct control_zhost *z)
{
	if (z == NULL || !z->hello_waits)
		return;
	z->answered_ms = c->now.mono_ms;
	zhost_watch(c, z);
}

bool zhost_is_forgiven(const struct control *c, const struct control_zhost *z)
{
	return z->deadline.key > silent_ms(c, z);
}

bool beat_is_void(const struct control_zhost *z, const Samoza__V1__Heartbeat *heartbeat)
{
	return z == NULL || !str_equal(z->identity, heartbeat->identity) ||
	       z->incarnation != heartbeat->incarnation || heartbeat->counter <= z->counter;
}

/* It says of disks and data what is known, and ends nothing that was waited for. */
static bool is_news(const struct control_zhost *z, const Samoza__V1__Usage *usage)
{
	return z->state != ZHOST_STARTED || z->is_overdue || z->hello_waits ||
	       z->long_leases_end_ms != 0 ||
	       (usage != NULL && (z->has_full_data || usage->n_data_full > 0 ||
				  usage->disk_full != z->disk_full));
}

bool beat_is_all(const struct control *c, struct instant at, uint64_t link_id,
		 const Samoza__V1__Heartbeat *heartbeat, struct zhost_beat *ret)
{
	const struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	const Samoza__V1__Usage *usage = heartbeat->usage;
	if (beat_is_void(z, heartbeat) || is_news(z, usage))
		return false;
	*ret = (struct zhost_beat){.link_id = link_id, .counter = heartbeat->counter, .at = at};
	if (usage != NULL) {
		ret->has_usage = true;
		ret->cpu_millicores = usage->cpu_millicores;
		ret->memory_bytes = usage->memory_bytes;
		ret->disk_bytes = usage->disk_bytes;
	}
	return true;
}

void zhost_beat_late(struct control *c, const struct zhost_beat *beat)
{
	struct control_zhost *z = zhost_by_link(&c->zhosts, beat->link_id);
	if (z == NULL || beat->counter <= z->counter)
		return;
	z->counter = beat->counter;
	z->heard_ms = beat->at.mono_ms;
	z->heard_wall_ms = beat->at.wall_ms;
	zhost_watch(c, z);
	if (!beat->has_usage)
		return;
	z->usage.cpu_millicores = beat->cpu_millicores;
	z->usage.memory_bytes = beat->memory_bytes;
	z->usage.disk_bytes = beat->disk_bytes;
}

void zhosts_spare(struct control *c, int64_t mono_ms)
{
	for (struct heap_node *n; (n = heap_first(&c->deadlines)) != NULL && n->key <= mono_ms;)
		heap_set(&c->deadlines, n, mono_ms + 1);
}
