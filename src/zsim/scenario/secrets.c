#include "zsim/scenario/secrets.h"

#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/secrets.h"
#include "core/control/control.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

static void do_secret(struct step_run *run, const Samoza__V1__SecretStep *step)
{
	const struct secrets *all = control_secrets(run->world->control);
	const Samoza__V1__SecretRecord *known = secrets_find(all, step->name);
	uint8_t sealed[] = "what nobody here can read";
	Samoza__V1__SecretVersion version = SAMOZA__V1__SECRET_VERSION__INIT;
	Samoza__V1__SecretVersion *versions[] = {&version};
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	Samoza__V1__SecretRecord *records[] = {&record};
	char key[] = "k1", other[] = "k2", nobody[] = "";
	version.number = step->reseal && known != NULL ? known->versions[0]->number
						       : secrets_next(all, step->name);
	version.topologies = step->topology != NULL ? step->topology : nobody;
	version.sealed = (ProtobufCBinaryData){sizeof(sealed), sealed};
	version.key = step->reseal ? other : key;
	version.set_by = nobody;
	record.name = step->name;
	record.versions = versions;
	record.n_versions = 1;
	struct control_input input = {.type = CONTROL_SECRET,
				      .secret = {.action = step->rm	  ? SECRET_REMOVE
							   : step->reseal ? SECRET_RESEAL
									  : SECRET_SET,
						 .records = records,
						 .count = 1,
						 .force = step->force}};
	step_ask(run, &input, step->error);
}

static char *text_of(const Samoza__V1__SecretView *v)
{
	char *text = str_printf("%s: %" PRIu64 " for %s", v->name, v->version, v->topologies);
	for (size_t k = 0; k < v->n_users; k++) {
		CLEANUP(freep) char *before = text;
		text = str_printf("%s%s%s", before, k == 0 ? ", used by " : " ", v->users[k]);
	}
	return text;
}

static void expect_secrets(struct step_run *run, char *const *wanted, size_t count)
{
	Samoza__V1__SecretListView *list =
		control_view_secrets(run->world->control, NULL, NULL);
	for (size_t k = 0; k < count || k < list->n_secrets; k++) {
		CLEANUP(freep)
		char *seen = k < list->n_secrets ? text_of(list->secrets[k]) : NULL;
		const char *expected = k < count ? wanted[k] : "none";
		if (!str_equal(seen != NULL ? seen : "none", expected))
			step_fail(run, "secrets: expected '%s', seen '%s'", expected,
				  seen != NULL ? seen : "none");
	}
	samoza__v1__secret_list_view__free_unpacked(list, NULL);
}

bool secrets_do(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	if (step->secret != NULL)
		do_secret(run, step->secret);
	else if (step->n_secrets > 0)
		expect_secrets(run, step->secrets, step->n_secrets);
	else
		return false;
	return true;
}
