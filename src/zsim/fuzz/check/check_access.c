#include "zsim/fuzz/check/check_access.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/request/access_check.h"
#include "core/control/request/audit.h"
#include "model/topology.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_api.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"

static char no_topology[] = "none-*";
static char *const no_topologies[] = {no_topology};

/* Who may do none of what people do in a life: it is about topologies with other names. */
static const struct principal strangers[] = {
	{.name = (char[]){"viewer"}, .role = ACCESS_VIEWER},
	{.name = (char[]){"other"},
	 .role = ACCESS_OPERATOR,
	 .topologies = (char **)(uintptr_t)no_topologies,
	 .topology_count = 1},
	{.name = (char[]){"zhost"}, .role = ACCESS_ZHOST},
};

static char giver_name[] = "giver";

/* Who may submit the topology but for what its spaces may do with zrms: that is more than it has itself. NULL: it is
 * not. `names` is to have room for one. */
static const struct principal *giver_of(const struct control_input *input, char **names,
					struct principal *to)
{
	const struct topology *t =
		input->type == CONTROL_SUBMIT ? input->submit.topology : NULL;
	bool is_more = false;
	names[0] = t != NULL ? (char *)(uintptr_t)t->name : NULL;
	for (unsigned k = 0; t != NULL && k < t->space_count; k++)
		for (unsigned i = 0; i < t->spaces[k].api_topology_count; i++)
			is_more |= !str_equal(t->spaces[k].api_topologies[i], t->name);
	*to = (struct principal){.name = giver_name,
				 .role = ACCESS_OPERATOR,
				 .topologies = names,
				 .topology_count = 1};
	return is_more ? to : NULL;
}

/* An instance that shows its token, for what is not its own; NULL: there is none, or it may. */
static const struct principal *instance_for(struct fuzz *f, const struct control_input *input,
					    uint32_t n)
{
	const struct principal *p = check_api_some(f, n);
	const char *id = access_topology(input);
	if (p == NULL || access_needed(input) == ACCESS_ADMIN || p->role == ACCESS_VIEWER)
		return access_needed(input) > ACCESS_VIEWER ? p : NULL;
	if (access_needed(input) != ACCESS_OPERATOR)
		return NULL;
	if (input->type == CONTROL_SUBMIT)
		return access_sees(p, input->submit.topology->name) ? NULL : p;
	vector_for_each (&f->submitted, s)
		if (str_equal(s->id, id))
			return access_sees(p, s->topology->name) ? NULL : p;
	return NULL;
}

/* What it did to the core, and what it left to be written, sent or answered. */
static void judge(struct fuzz *f, const struct principal *who, const struct outbox *o,
		  const char *before, const char *after)
{
	if (!str_equal(before, after))
		world_violate(&f->world,
			      "a request of %s, which may not, has changed something",
			      who->name);
	else if (o->records.count + o->events.count + o->data.count + o->data_forget.count +
			 o->messages.count >
		 0)
		world_violate(
			&f->world,
			"a request of %s, which may not, leaves something to write or send",
			who->name);
	else if (o->audit.count != 1 || str_equal(o->audit.items[0]->outcome, AUDIT_DONE))
		world_violate(&f->world,
			      "a request of %s, which may not, is not in the audit as refused",
			      who->name);
	else if (o->replies.count != 1 || o->replies.items[0].code >= 0)
		world_violate(&f->world, "a request of %s, which may not, is not refused",
			      who->name);
}

/* The digest of the copy after an input, and what it leaves. What only the time changes is not its doing. */
static char *digest_after(struct fuzz *f, struct control *copy,
			  const struct control_input *input, struct outbox *o)
{
	struct instant now = world_instant(&f->world);
	control_handle(copy, now, &(const struct control_input){.type = CONTROL_TICK}, o);
	outbox_clear(o);
	control_handle(copy, now, input, o);
	return control_digest(copy, now);
}

/* It leaves no more than something that was refused without the core: a line in the audit. */
static void ask(struct fuzz *f, struct control *copy, struct control *other,
		const struct control_input *input, const struct principal *who)
{
	static const struct control_input refused = {.type = CONTROL_REFUSED,
						     .refused = {.code = "denied"}};
	struct control_input denied = *input;
	struct outbox o, unwanted;
	denied.principal = who;
	denied.request = 1;
	outbox_init(&o);
	outbox_init(&unwanted);
	CLEANUP(freep) char *before = digest_after(f, other, &refused, &unwanted);
	CLEANUP(freep) char *after = digest_after(f, copy, &denied, &o);
	judge(f, who, &o, before, after);
	outbox_done(&unwanted);
	outbox_done(&o);
}

void check_access_asked(struct fuzz *f, const struct control_input *input)
{
	struct control *control = f->world.control, *copy = NULL, *other = NULL;
	if (!draws_have(f, DRAW_ACCESS) || access_needed(input) == ACCESS_NOBODY ||
	    control == NULL || f->world.zrms_dies || control_loop_is_due(f->world.commits) ||
	    f->world.violation != NULL || !draws_percent(f, DRAW_ACCESS, 10))
		return;
	uint32_t k = random_below(draws_random(f, DRAW_ACCESS), ARRAY_SIZE(strangers) + 2);
	char *names[1];
	struct principal giver;
	const struct principal *who =
		k < ARRAY_SIZE(strangers) ? &strangers[k]
		: k == ARRAY_SIZE(strangers)
			? giver_of(input, names, &giver)
			: instance_for(f, input, (uint32_t)f->world.now_ms);
	if (who == NULL)
		return;
	Samoza__V1__Checkpoint *now = checkpoint_new(control, world_instant(&f->world));
	if (checkpoint_load(now, &copy, NULL) == 0 && checkpoint_load(now, &other, NULL) == 0)
		ask(f, copy, other, input, who);
	control_free(copy);
	control_free(other);
	schema_message_free(&now->base);
	draws_happened(f, DRAW_ACCESS);
}
