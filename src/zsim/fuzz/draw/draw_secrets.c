#include "zsim/fuzz/draw/draw_secrets.h"

#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/str.h"
#include "core/access/secrets.h"
#include "core/control/control.h"
#include "model/space_kind.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_access.h"
#include "zsim/fuzz/check/check_secrets.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/client.h"

static struct random *chance(struct fuzz *f)
{
	return draws_random(f, DRAW_SECRETS);
}

/* ---- in topologies ---- */

static void add_use(struct random *r, Samoza__V1__Space *s, unsigned number)
{
	Samoza__V1__SecretUse *use = (Samoza__V1__SecretUse *)schema_message_new(
		&samoza__v1__secret_use__descriptor);
	use->name = str_printf("s%u", number);
	bool is_variable = random_percent(r, 50);
	use->given_case = is_variable ? SAMOZA__V1__SECRET_USE__GIVEN_AS
				      : SAMOZA__V1__SECRET_USE__GIVEN_FILE;
	if (is_variable)
		use->as = str_printf("S%u", number);
	else
		use->file = str_printf("f%u", number);
	s->secrets = mem_resize(s->secrets, s->n_secrets + 1, sizeof(*s->secrets));
	s->secrets[s->n_secrets++] = use;
}

void draw_secret_uses(struct fuzz *f, Samoza__V1__Topology *t)
{
	if (check_secrets_of(f) == NULL)
		return;
	for (size_t k = 0; k < t->n_spaces; k++) {
		Samoza__V1__Space *s = t->spaces[k];
		if (!space_kind_of(s->type)->has_process || !random_percent(chance(f), 40))
			continue;
		for (unsigned n = 0; n < SECRET_NAMES; n++)
			if (random_percent(chance(f), 35))
				add_use(chance(f), s, n);
		/* It stands still for as long as its zhost does not reach zrms. */
		if (s->n_secrets > 0 && s->loss != NULL && s->loss->has_offline_start)
			s->loss->offline_start = false;
		if (s->n_secrets > 0 && !s->has_reload && random_percent(chance(f), 40)) {
			s->has_reload = true;
			s->reload = SAMOZA__V1__RELOAD__RELOAD_UPDATE;
		}
	}
}

/* ---- steps ---- */

static void ask(struct fuzz *f, enum secret_action action, unsigned number,
		const char *topologies, bool force)
{
	const struct secrets *all = control_secrets(f->world.control);
	CLEANUP(freep) char *name = str_printf("s%u", number);
	const Samoza__V1__SecretRecord *known = secrets_find(all, name);
	uint8_t sealed[] = "sealed, and nobody looks";
	char key[] = "k1", nobody[] = "";
	Samoza__V1__SecretVersion version = SAMOZA__V1__SECRET_VERSION__INIT;
	Samoza__V1__SecretVersion *versions[] = {&version};
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	Samoza__V1__SecretRecord *records[] = {&record};
	version.number = action == SECRET_RESEAL && known != NULL
				 ? known->versions[known->n_versions - 1]->number
				 : secrets_next(all, name);
	version.topologies = (char *)(uintptr_t)topologies;
	version.sealed = (ProtobufCBinaryData){sizeof(sealed), sealed};
	version.key = key;
	version.set_by = nobody;
	record.name = name;
	record.versions = versions;
	record.n_versions = 1;
	struct control_input input = {
		.type = CONTROL_SECRET,
		.secret = {.action = action, .records = records, .count = 1, .force = force}};
	struct answer a;
	check_access_asked(f, &input);
	world_log(&f->world, "STEP %s secret %s for %s%s",
		  action == SECRET_SET	    ? "set"
		  : action == SECRET_REMOVE ? "remove"
					    : "seal",
		  name, topologies, force ? " with force" : "");
	client_ask(&f->world, &input, &a);
	world_log(&f->world, "  answer: %s",
		  !a.answered	? "none"
		  : a.code >= 0 ? "granted"
				: a.message);
	answer_done(&a);
}

void draw_secrets(struct fuzz *f)
{
	if (!draws_percent(f, DRAW_SECRETS, 12) || f->world.violation != NULL ||
	    f->world.control == NULL || f->world.zrms_dies)
		return;
	const Samoza__V1__Topology *some =
		f->drawn.items[random_below(chance(f), (uint32_t)f->drawn.count)];
	const char *topologies = random_percent(chance(f), 70) ? "*" : some->metadata->name;
	uint32_t draw = random_below(chance(f), 100);
	unsigned number = random_below(chance(f), SECRET_NAMES);
	ask(f,
	    draw < 70	? SECRET_SET
	    : draw < 90 ? SECRET_REMOVE
			: SECRET_RESEAL,
	    number, topologies, random_percent(chance(f), 50));
}

void draw_secrets_end(struct fuzz *f)
{
	for (unsigned k = 0; f->secrets != NULL && k < SECRET_NAMES; k++)
		ask(f, SECRET_SET, k, "*", true);
}
