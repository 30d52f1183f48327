#include "zsim/scenario/joins.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/join.h"
#include "core/control/control.h"
#include "model/quantity.h"
#include "zsim/world/authority.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

#define CERTIFICATE_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

_Static_assert(IDENTITY_KEY_SIZE == 32 && JOIN_TOKEN_HASH_SIZE == 32, "both are hashes");

/* Its first bytes, where a hash would be. */
static void bytes_of(const char *text, uint8_t to[32])
{
	size_t size = strlen(text);
	memset(to, 0, 32);
	memcpy(to, text, size < 32 ? size : 32);
}

static void do_token(struct step_run *run, const Samoza__V1__TokenStep *step)
{
	uint8_t secret[JOIN_TOKEN_HASH_SIZE];
	uint64_t ttl_ms = 0;
	bytes_of(step->id, secret);
	if (duration_parse(step->ttl, &ttl_ms, NULL) < 0)
		IMPOSSIBLE("the duration was checked when the file was read");
	Samoza__V1__LabelRecord *labels =
		mem_new_array(Samoza__V1__LabelRecord, step->n_labels + 1);
	Samoza__V1__LabelRecord **list =
		mem_new_array(Samoza__V1__LabelRecord *, step->n_labels + 1);
	for (size_t k = 0; k < step->n_labels; k++) {
		samoza__v1__label_record__init(&labels[k]);
		labels[k].name = step->labels[k]->key;
		labels[k].value = step->labels[k]->value;
		list[k] = &labels[k];
	}
	Samoza__V1__JoinTokenRecord record = SAMOZA__V1__JOIN_TOKEN_RECORD__INIT;
	record.id = step->id;
	record.hash = (ProtobufCBinaryData){sizeof(secret), secret};
	record.expires_ms = world_instant(run->world).wall_ms + (int64_t)ttl_ms;
	record.uses = step->uses;
	record.pattern = step->name;
	record.labels = list;
	record.n_labels = step->n_labels;
	struct control_input input = {
		.type = CONTROL_TOKEN,
		.token = {.action = step->rm ? TOKEN_REMOVE : TOKEN_CREATE, .record = &record}};
	step_ask(run, &input, step->error);
	free(list);
	free(labels);
}

static void do_join(struct step_run *run, const Samoza__V1__JoinStep *step)
{
	struct join_request join = {.token = step->token,
				    .name = step->zhost,
				    .replace = step->replace,
				    .expires_ms =
					    world_instant(run->world).wall_ms + CERTIFICATE_MS};
	bytes_of(step->secret != NULL ? step->secret : step->token, join.secret);
	bytes_of(step->key, join.key);
	struct control_input input = {.type = CONTROL_JOIN, .join = &join};
	step_ask(run, &input, step->error);
}

static void do_renew(struct step_run *run, const Samoza__V1__RenewStep *step)
{
	uint8_t own[IDENTITY_KEY_SIZE], key[IDENTITY_KEY_SIZE];
	bytes_of(step->own, own);
	bytes_of(step->key, key);
	struct control_input input = {
		.type = CONTROL_RENEW,
		.renew = {.name = step->zhost,
			  .own = own,
			  .key = key,
			  .expires_ms = world_instant(run->world).wall_ms + CERTIFICATE_MS}};
	step_ask(run, &input, step->error);
}

static void expect_admits(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	if (run->world->control == NULL) {
		step_fail(run, "zrms is not running");
		return;
	}
	for (size_t k = 0; k < step->n_admits; k++) {
		const char *text = step->admits[k]->key, *slash = strchr(text, '/');
		uint8_t key[IDENTITY_KEY_SIZE];
		if (slash == NULL) {
			step_fail(run, "'%s' is not ZHOST/KEY", text);
			continue;
		}
		CLEANUP(freep) char *name = mem_strndup(text, (size_t)(slash - text));
		bytes_of(slash + 1, key);
		if (control_admits(run->world->control, name, key) != step->admits[k]->value)
			step_fail(run, "%s: expected to be %s", text,
				  step->admits[k]->value ? "let in" : "refused");
	}
}

static void do_authority(struct step_run *run, const Samoza__V1__AuthorityStep *step)
{
	static const enum authority_action actions[] = {
		[SAMOZA__V1__AUTHORITY_VERB__AUTHORITY_VERB_ROTATE] = AUTHORITY_BEGIN,
		[SAMOZA__V1__AUTHORITY_VERB__AUTHORITY_VERB_FINISH] = AUTHORITY_FINISH,
		[SAMOZA__V1__AUTHORITY_VERB__AUTHORITY_VERB_FORCE] = AUTHORITY_FINISH,
		[SAMOZA__V1__AUTHORITY_VERB__AUTHORITY_VERB_ABORT] = AUTHORITY_ABORT,
	};
	struct sim_authority first, next;
	sim_authority_init(&first, 1);
	sim_authority_init(&next, sim_authority_next(run->world->control));
	struct control_input input = {
		.type = CONTROL_AUTHORITY,
		.authority = {.action = actions[step->do_],
			      .first = &first.record,
			      .next = &next.record,
			      .force = step->do_ ==
				       SAMOZA__V1__AUTHORITY_VERB__AUTHORITY_VERB_FORCE}};
	step_ask(run, &input, step->error);
}

static void expect_authorities(struct step_run *run, const char *wanted)
{
	if (run->world->control == NULL) {
		step_fail(run, "zrms is not running");
		return;
	}
	CLEANUP(freep) char *text = sim_authorities_text(run->world->control);
	if (!str_equal(text, wanted))
		step_fail(run, "authorities: %s, expected %s", text, wanted);
}

bool joins_do(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	if (step->token != NULL)
		do_token(run, step->token);
	else if (step->join != NULL)
		do_join(run, step->join);
	else if (step->renew != NULL)
		do_renew(run, step->renew);
	else if (step->authority != NULL)
		do_authority(run, step->authority);
	else if (step->authorities != NULL)
		expect_authorities(run, step->authorities);
	else if (step->n_admits > 0)
		expect_admits(run, step);
	else
		return false;
	return true;
}
