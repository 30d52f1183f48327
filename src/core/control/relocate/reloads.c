#include "core/control/relocate/reloads.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/handover/handovers.h"
#include "core/control/relocate/disruption.h"
#include "core/control/relocate/reload_values.h"
#include "core/control/slot/successor_place.h"
#include "core/control/slot/wants.h"
#include "core/control/state/drain.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/setting_list.h"
#include "core/control/state/state.h"
#include "core/control/state/unit_reload.h"
#include "core/lifecycle/goal.h"
#include "model/setting.h"

#define REFERENCES_SHOWN 3

/* Values must have stood still for so long; twice as long after each reload of the unit, if it is less than COUNTED_MS
 * after the one before. */
#define STILL_MS     INT64_C(2000)
#define STILL_MAX_MS (INT64_C(10) * 60 * 1000)
#define COUNTED_MS   (INT64_C(24) * 60 * 60 * 1000)
/* So many, one after the other: units that make each other's values end there. */
#define IN_A_ROW 8
/* A place that was not there is not looked for more often; and in one flush not for more units. */
#define ROOM_MS	   INT64_C(1000)
#define ROOM_LOOKS 16

/* ---- time ---- */

static int64_t still_ms(const struct unit_reload *r)
{
	int64_t still = STILL_MS;
	for (uint32_t k = 0; k < r->count && still < STILL_MAX_MS; k++)
		still *= 2;
	return still < STILL_MAX_MS ? still : STILL_MAX_MS;
}

static bool is_counted(const struct control *c, const struct unit_reload *r)
{
	return r->count > 0 && c->now.mono_ms - r->begun_ms < COUNTED_MS;
}

/* It is to be handed over, and is not. */
static bool is_open(const struct unit_reload *r)
{
	return r->need == RELOAD_DIFFERS && r->wanted != r->root->reloaded &&
	       r->root->handover == NULL;
}

/* When it goes on though nothing has changed; NEVER_MS: it does not. */
static int64_t goes_on_ms(const struct unit_reload *r)
{
	if (!is_open(r))
		return NEVER_MS;
	int64_t still = r->since_ms + still_ms(r);
	return r->room_due && r->room_ms > still ? r->room_ms : still;
}

/* ---- whether it may ---- */

static char *obstacle_of(const struct slot_control *root)
{
	if (application_of(root->slot)->rollout != NULL)
		return mem_strdup("waits for the rollout");
	if (slot_is_placed(root) && drain_is_active(slot_zhost(root)->drain))
		return mem_strdup("waits for the drain of its zhost");
	return NULL;
}

static bool may_begin(const struct slot_control *root)
{
	return root->handover == NULL && !root->lost && !root->slot->moving &&
	       slot_is_placed(root) && root->slot->goal == GOAL_DEPLOYED_STARTED;
}

/* It can be taken back without a trace for those who use the unit. */
static bool is_early(const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	return h != NULL && h->reloads != 0 && handover_is_before_switch(&h->handover) &&
	       h->handover.state != HANDOVER_STOPPING;
}

static bool has_no_place(const struct slot_control *root)
{
	const struct unit_handover *h = root->handover;
	return h->handover.state == HANDOVER_PLACING && root->of_path->next == NULL &&
	       h->waits != NULL;
}

/* ---- one unit ---- */

/* "imports.db.port", or "the secret tls" */
static char *reference_text(const char *reference)
{
	return str_has_prefix(reference, SETTING_SECRET)
		       ? str_printf("the secret %s", reference + strlen(SETTING_SECRET))
		       : str_printf("imports.%s", reference);
}

/* "reload: another value of imports.db.port, the secret tls" */
static char *cause_of(struct reload_values *values, const struct slot_control *root)
{
	struct buffer b = BUFFER_INIT(4096);
	(void)buffer_add_string(&b, "reload: another value of ");
	unsigned shown = 0;
	slot_for_each_below (root->slot, s) {
		const struct copy *copy = serving_copy(control_of_slot(s));
		if (copy == NULL || reload_need_of(values, copy) != RELOAD_DIFFERS)
			continue;
		struct setting_list list = setting_list_of(copy);
		for (size_t k = 0; k < list.count; k++, shown++) {
			if (shown >= REFERENCES_SHOWN)
				continue;
			CLEANUP(freep) char *one = reference_text(list.items[k]);
			(void)buffer_printf(&b, "%s%s", shown > 0 ? ", " : "", one);
		}
		setting_list_done(&list);
	}
	if (shown > REFERENCES_SHOWN)
		(void)buffer_printf(&b, " or %u more", shown - REFERENCES_SHOWN);
	return buffer_steal(&b);
}

/* What a flush does of this. */
struct pass {
	struct control *c;
	struct reload_values values;
	struct tally tally;
	unsigned room_looks;
	bool changed; /* since the last flush, something of the cluster */
	bool begun;
};

static void look(struct pass *pass, struct unit_reload *r)
{
	uint64_t wanted = 0;
	r->due = false;
	r->need = reload_need_of_unit(&pass->values, r->root, &wanted);
	if (wanted == r->wanted)
		return;
	r->wanted = wanted;
	r->since_ms = pass->c->now.mono_ms;
	r->room_ms = 0;
	r->room_due = false;
}

static void set_reloaded(struct slot_control *root, uint64_t values)
{
	if (root->reloaded == values)
		return;
	root->reloaded = values;
	mark_slot(root);
}

/* One that finds none at once, since another unit took it, has not begun: values need not stand still for longer after it. */
static void set_no_place(struct unit_reload *r, int64_t now)
{
	if (r->count > 0 && r->begun_ms == now)
		r->count--;
	r->room_ms = now + ROOM_MS;
}

/* What has begun is not wanted any longer, or cannot go on. */
static void take_back(struct pass *pass, struct unit_reload *r)
{
	struct slot_control *root = r->root;
	if (!is_early(root))
		return;
	CLEANUP(freep) char *obstacle = obstacle_of(root);
	bool no_place = has_no_place(root);
	if (!no_place && obstacle == NULL && r->need != RELOAD_EQUAL && r->need != RELOAD_LACKS)
		return;
	if (no_place)
		set_no_place(r, pass->c->now.mono_ms);
	handover_end(pass->c, root);
	look(pass, r);
	pass->begun = true;
}

static bool has_room(struct pass *pass, struct unit_reload *r)
{
	CLEANUP(freep) char *why = NULL;
	int64_t now = pass->c->now.mono_ms;
	if (r->room_ms > now || (r->room_ms != 0 && !r->room_due))
		return false;
	if (pass->room_looks >= ROOM_LOOKS) {
		r->room_ms = now + ROOM_MS;
		r->room_due = true;
		return false;
	}
	r->room_due = false;
	if (successor_has_place_for_reload(pass->c, r->root, r->wanted, &why)) {
		r->room_ms = 0;
		return true;
	}
	pass->room_looks++;
	r->room_ms = now + ROOM_MS;
	return false;
}

static void begin(struct pass *pass, struct unit_reload *r)
{
	struct control *c = pass->c;
	struct slot_control *root = r->root;
	r->count = is_counted(c, r) ? r->count + 1 : 1;
	r->begun_ms = c->now.mono_ms;
	CLEANUP(freep) char *cause = cause_of(&pass->values, root);
	handover_start(c, root, NULL, cause);
	root->handover->reloads = r->wanted;
	tally_add(&pass->tally);
	pass->begun = true;
}

static void try_unit(struct pass *pass, struct unit_reload *r)
{
	struct slot_control *root = r->root;
	if (!may_begin(root))
		return;
	if (!is_counted(pass->c, r))
		r->count = 0;
	if (pass->c->now.mono_ms < r->since_ms + still_ms(r))
		return;
	if (r->count >= IN_A_ROW && reload_makes_itself(&pass->values, root)) {
		set_reloaded(root, r->wanted);
		return;
	}
	CLEANUP(freep) char *why = obstacle_of(root);
	if (why == NULL)
		why = disruption_of(&pass->tally, root);
	if (why == NULL && has_room(pass, r))
		begin(pass, r);
}

static void run_unit(struct pass *pass, struct unit_reload *r)
{
	struct slot_control *root = r->root;
	/* Also while it waits for something else: room may be made then, and nothing change after. */
	r->room_due |= pass->changed && r->room_ms != 0;
	if (r->due)
		look(pass, r);
	take_back(pass, r);
	if (r->need == RELOAD_EQUAL && root->handover == NULL)
		set_reloaded(root, 0); /* when they differ again, they are others */
	if (is_open(r))
		try_unit(pass, r);
	if (r->need == RELOAD_EQUAL && root->handover == NULL && !is_counted(pass->c, r))
		unit_reload_free(root);
}

/* ---- all ---- */

static bool has_settings(const struct control_application *a)
{
	vector_for_each (&a->slots.declarations, d)
		if ((*d)->topology->has_settings)
			return true;
	return false;
}

/* Of what imports from a provider that has come or gone, or exports something else. */
static void mark_importers(const struct control *c)
{
	vector_for_each (&c->dirty.applications, item) {
		struct control_application *a = *item;
		if ((a->marks & APPLICATION_IMPORTERS) == 0 || !has_settings(a))
			continue;
		for (size_t space = 0; space < a->slots.spaces.count; space++) {
			if (!a->importers_changed.items[space])
				continue;
			vector_for_each (&a->slots.spaces.items[space]->slots, s) {
				const struct copy *copy = serving_copy(control_of_slot(*s));
				if (copy != NULL)
					unit_reload_mark_copy(copy);
			}
		}
	}
}

static bool has_changed(const struct control *c)
{
	return c->dirty.applications.count > 0 || c->dirty.zhosts.count > 0 ||
	       c->dirty.copies.count > 0 || c->dirty.slots.count > 0;
}

static void schedule(struct control *c)
{
	struct application_list *all = &c->applications;
	all->reloads_next_ms = 0;
	for (const struct unit_reload *r = all->reloads; r != NULL; r = r->next) {
		int64_t at = goes_on_ms(r);
		if (at != NEVER_MS && at > c->now.mono_ms &&
		    (all->reloads_next_ms == 0 || at < all->reloads_next_ms))
			all->reloads_next_ms = at;
	}
}

bool reloads_run(struct control *c)
{
	struct application_list *all = &c->applications;
	bool changed = has_changed(c);
	if (changed)
		mark_importers(c);
	if (all->reloads == NULL || (!changed && reloads_next_ms(c) > c->now.mono_ms))
		return false;
	struct pass pass = {.c = c, .tally = tally_begin(c), .changed = changed};
	unit_reloads_sort(all);
	for (struct unit_reload *r = all->reloads, *next; r != NULL; r = next) {
		next = r->next;
		run_unit(&pass, r);
	}
	reload_values_done(&pass.values);
	schedule(c);
	return pass.begun;
}

int64_t reloads_next_ms(const struct control *c)
{
	return c->applications.reloads_next_ms != 0 ? c->applications.reloads_next_ms
						    : NEVER_MS;
}

const struct unit_reload *reloads_first_timed(const struct control *c)
{
	for (const struct unit_reload *r = c->applications.reloads;
	     r != NULL && c->applications.reloads_next_ms != 0; r = r->next)
		if (goes_on_ms(r) == c->applications.reloads_next_ms)
			return r;
	return NULL;
}

/* ---- the view ---- */

static char *settled_text(struct reload_values *values, const struct slot_control *root)
{
	return reload_makes_itself(values, root)
		       ? mem_strdup(
				 "each new copy makes one of what it refers to, and that one "
				 "of it, for ever, so no more are made: choose reload: update "
				 "in one of them")
		       : mem_strdup("a copy with the new values has failed; it is tried again "
				    "when they change, or when it is started again");
}

static char *waits_text(struct reload_values *values, const struct unit_reload *r)
{
	struct slot_control *root = r->root;
	if (root->handover != NULL)
		return handover_on_its_way(root);
	if (r->wanted == root->reloaded)
		return settled_text(values, root);
	char *why = obstacle_of(root);
	if (why != NULL)
		return why;
	if (r->since_ms + still_ms(r) > control_of(root->slot)->now.mono_ms)
		return str_printf("waits until the values have stood still for %d s",
				  (int)(still_ms(r) / 1000));
	struct tally tally = tally_begin(control_of(root->slot));
	CLEANUP(freep) char *others = disruption_of(&tally, root);
	if (others != NULL)
		return str_printf("waits for others of its space: %s", others);
	return mem_strdup(may_begin(root) ? "waits for room for a second copy"
					  : "waits until its unit serves");
}

char *reload_waits(const struct copy *copy)
{
	const struct slot_control *root = control_of_slot(copy->sc->slot->root);
	struct reload_values values = {0};
	char *text = NULL;
	if (root->reload == NULL || !slot_is_placed(root))
		return NULL;
	enum reload_need need = reload_need_of(&values, copy);
	if (need == RELOAD_LACKS) {
		CLEANUP(freep) char *what = reference_text(reload_lacking(&values, copy));
		text = str_printf("%s has no value now: it keeps those that it has", what);
	} else if (need == RELOAD_DIFFERS && root->reload->need == RELOAD_LACKS)
		text = mem_strdup("waits: a value that its unit has is missing now");
	else if (need == RELOAD_DIFFERS)
		text = waits_text(&values, root->reload);
	reload_values_done(&values);
	return text;
}
