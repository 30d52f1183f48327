#include "core/control/state/loss.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "core/control/state/state.h"

/* The longest that a space of the unit declares; SPACE_REPLACE_NEVER, or 0: at once. */
static uint32_t replace_after_ms(const struct slot_control *root)
{
	uint32_t longest = 0;
	slot_for_each_below (root->slot, s) {
		uint32_t own = slot_declared_space(s)->replace_after_ms;
		longest = own > longest ? own : longest;
	}
	return longest;
}

static void publish(struct slot_control *root)
{
	slot_for_each_below (root->slot, s)
		slot_publish_facts(control_of_slot(s));
	mark_slot(root);
}

void loss_continue(struct control *c, struct slot_control *root, int64_t heard_wall_ms,
		   int64_t replace_at_ms)
{
	PRE(root->slot->parent == NULL);
	loss_forget(c, root);
	struct unit_loss *loss = root->loss = mem_new(struct unit_loss);
	loss->root = root;
	loss->heard_wall_ms = heard_wall_ms;
	loss->replace_at_ms = replace_at_ms;
	if (replace_at_ms != NEVER_MS)
		heap_set(&c->loss_timers, &loss->timer, replace_at_ms);
}

static void begin(struct control *c, struct slot_control *root, uint32_t after_ms,
		  int64_t left_ms, int64_t heard_wall_ms)
{
	loss_continue(c, root, heard_wall_ms,
		      after_ms == SPACE_REPLACE_NEVER ? NEVER_MS : c->now.mono_ms + left_ms);
}

void loss_begin(struct control *c, struct slot_control *root, int64_t silent_ms)
{
	uint32_t after = replace_after_ms(root);
	if (after <= silent_ms)
		return;
	begin(c, root, after, after - silent_ms, c->now.wall_ms - silent_ms);
	publish(root);
}

void loss_restore(struct control *c, struct slot_control *root, int64_t heard_wall_ms)
{
	uint32_t after = replace_after_ms(root);
	int64_t left = heard_wall_ms + after - c->now.wall_ms;
	if (left > after)
		left = after; /* the clock was set back */
	if (after > 0 && root->lost && (left > 0 || after == SPACE_REPLACE_NEVER))
		begin(c, root, after, left, heard_wall_ms);
}

bool loss_only_there(const struct slot_control *root)
{
	return root->lost && slot_zhost(root) != NULL &&
	       replace_after_ms(root) == SPACE_REPLACE_NEVER;
}

void loss_end(struct control *c, struct slot_control *root)
{
	if (root->loss == NULL)
		return;
	loss_forget(c, root);
	publish(root);
	if (root->lost)
		mark_application(application_of(root->slot), APPLICATION_PLACE);
}

void loss_forget(struct control *c, struct slot_control *root)
{
	if (root->loss == NULL)
		return;
	heap_remove(&c->loss_timers, &root->loss->timer);
	free(root->loss);
	root->loss = NULL;
}

void loss_tick(struct control *c)
{
	for (struct heap_node *n;
	     (n = heap_first(&c->loss_timers)) != NULL && n->key <= c->now.mono_ms;)
		loss_end(c, container_of(n, struct unit_loss, timer)->root);
}

int64_t loss_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->loss_timers);
	return n != NULL ? n->key : NEVER_MS;
}

const struct slot_control *loss_first(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->loss_timers);
	return n != NULL ? container_of(n, struct unit_loss, timer)->root : NULL;
}
