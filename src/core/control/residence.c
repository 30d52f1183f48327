#include "core/control/residence.h"

#include "core/control/mesh_tables.h"
#include "core/control/state.h"

void copy_link(struct copy *copy, struct control_zhost *z)
{
	copy_unlink(copy);
	copy->zhost = z;
	copy->previous_on_zhost = NULL;
	copy->next_on_zhost = z->first_copy;
	if (z->first_copy != NULL)
		z->first_copy->previous_on_zhost = copy;
	z->first_copy = copy;
	z->copy_count++;
	mesh_tables_count(deployment_of(copy->slot), z, 1);
	copy_publish_facts(copy);
}

void copy_unlink(struct copy *copy)
{
	struct control_zhost *z = copy->zhost;
	if (z == NULL)
		return;
	*(copy->previous_on_zhost != NULL ? &copy->previous_on_zhost->next_on_zhost
					  : &z->first_copy) = copy->next_on_zhost;
	if (copy->next_on_zhost != NULL)
		copy->next_on_zhost->previous_on_zhost = copy->previous_on_zhost;
	copy->next_on_zhost = copy->previous_on_zhost = NULL;
	z->copy_count--;
	mesh_tables_count(deployment_of(copy->slot), z, -1);
	copy->last_zhost = z;
	copy->zhost = NULL;
	copy_publish_facts(copy);
}

/* Exclusive copies of the same slot may have waited for it, or have to wait now. */
static void publish_others(const struct copy *copy)
{
	slot_copy_for_each_other(&copy->of_path, other)
	{
		struct copy *waiting = container_of(other, struct copy, of_path);
		if (!slot_declared_space(waiting->slot)->exclusive)
			continue;
		copy_publish_facts(waiting);
		lifecycle_push(waiting->slot);
	}
}

void copy_set_active(struct control *c, struct copy *copy, bool active)
{
	if (copy->of_path.active == active)
		return;
	copy->of_path.active = active;
	publish_others(copy);
}

void copy_hold(struct control *c, struct copy *copy, int64_t until_ms)
{
	copy->may_run_at_ms = copy->of_path.ends_by_ms = until_ms;
	publish_others(copy);
	if (until_ms > c->now.mono_ms)
		heap_set(&c->may_run_timers, &copy->may_run_timer, until_ms);
	else
		heap_remove(&c->may_run_timers, &copy->may_run_timer);
	copy_publish_facts(copy);
}

void holds_tick(struct control *c)
{
	for (struct heap_node *n;
	     (n = heap_first(&c->may_run_timers)) != NULL && n->key <= c->now.mono_ms;) {
		heap_remove(&c->may_run_timers, n);
		struct copy *copy = container_of(n, struct copy, may_run_timer);
		lifecycle_push(copy->slot);
		publish_others(copy);
	}
}

int64_t holds_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->may_run_timers);
	return n != NULL ? n->key : NEVER_MS;
}

const struct copy *holds_first(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->may_run_timers);
	return n != NULL ? container_of(n, struct copy, may_run_timer) : NULL;
}
