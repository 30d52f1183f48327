#include "zsim/fuzz/check_access.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/control/access_check.h"
#include "core/control/checkpoint.h"
#include "schema/message.h"
#include "zsim/fuzz/fuzz.h"
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

/* What it did to the core, and what it left to be written, sent or answered. */
static void judge(struct fuzz *f, const struct principal *who, const struct outbox *o,
		  const char *before, const char *after)
{
	if (!str_equal(before, after))
		world_violate(&f->world,
			      "a request of %s, which may not, has changed something",
			      who->name);
	else if (outbox_is_durable(o) || o->messages.count > 0)
		world_violate(
			&f->world,
			"a request of %s, which may not, leaves something to write or send",
			who->name);
	else if (o->replies.count != 1 || o->replies.items[0].code >= 0)
		world_violate(&f->world, "a request of %s, which may not, is not refused",
			      who->name);
}

static void ask(struct fuzz *f, struct control *copy, const struct control_input *input,
		const struct principal *who)
{
	struct instant now = world_instant(&f->world);
	struct control_input denied = *input;
	struct outbox o;
	denied.principal = who;
	denied.request = 1;
	outbox_init(&o);
	/* What only the time changes is not the request's doing. */
	control_handle(copy, now, &(const struct control_input){.type = CONTROL_TICK}, &o);
	outbox_clear(&o);
	CLEANUP(freep) char *before = control_digest(copy, now);
	control_handle(copy, now, &denied, &o);
	CLEANUP(freep) char *after = control_digest(copy, now);
	judge(f, who, &o, before, after);
	outbox_done(&o);
}

void check_access_asked(struct fuzz *f, const struct control_input *input)
{
	struct control *control = f->world.control, *copy = NULL;
	if (!draws_have(f, DRAW_ACCESS) || access_needed(input) == ACCESS_NOBODY ||
	    control == NULL || f->world.zrms_dies || control_loop_is_due(f->world.commits) ||
	    f->world.violation != NULL || !draws_percent(f, DRAW_ACCESS, 10))
		return;
	uint32_t k = random_below(draws_random(f, DRAW_ACCESS), ARRAY_SIZE(strangers));
	Samoza__V1__Checkpoint *now = checkpoint_new(control, world_instant(&f->world));
	if (checkpoint_load(now, &copy, NULL) == 0)
		ask(f, copy, input, &strangers[k]);
	control_free(copy);
	schema_message_free(&now->base);
	draws_happened(f, DRAW_ACCESS);
}
