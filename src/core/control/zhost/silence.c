#include "core/control/zhost/silence.h"

#include "core/control/state/state.h"
#include "core/control/zhost/beats.h"
#include "core/control/zhost/zhosts.h"

bool silence_was_held(const struct control *c, int64_t mono_ms)
{
	int64_t due_ms = zhosts_next_ms(c);
	int64_t since_ms = due_ms > c->awake_ms ? due_ms : c->awake_ms;
	return mono_ms - since_ms > c->config.failure_timeout_ms / 6;
}

void silence_forgive(struct control *c)
{
	VECTOR(struct heap_node *) spent = {0};
	if (!silence_was_held(c, c->now.mono_ms))
		return;
	int64_t judged_ms = c->now.mono_ms + c->config.heartbeat_ms + c->config.check_ms;
	for (struct heap_node *n;
	     (n = heap_first(&c->deadlines)) != NULL && n->key < judged_ms;) {
		struct control_zhost *z = container_of(n, struct control_zhost, deadline);
		if (zhost_is_forgiven(c, z)) {
			heap_remove(&c->deadlines, n);
			vector_push(&spent, n);
			continue;
		}
		zhost_set_overdue(c, z, false);
		heap_set(&c->deadlines, n, judged_ms);
	}
	vector_for_each (&spent, n)
		heap_set(&c->deadlines, *n, (*n)->key);
	vector_done(&spent);
}
