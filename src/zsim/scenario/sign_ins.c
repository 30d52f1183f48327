#include "zsim/scenario/sign_ins.h"

#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "model/quantity.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* Whose token it is now; NULL: nobody's. */
static const struct principal *owner_of(const struct step_run *run,
					const uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	return run->world->control == NULL
		       ? NULL
		       : control_principal(run->world->control, hash,
					   world_instant(run->world).wall_ms);
}

/* ---- who there is ---- */

static void do_user(struct step_run *run, const Samoza__V1__UserStep *step)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	uint64_t ttl_ms = 0;
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	if (step->ttl != NULL && duration_parse(step->ttl, &ttl_ms, NULL) < 0)
		IMPOSSIBLE("the duration was checked when the file was read");
	step_hash('t', step->token != NULL ? step->token : step->name, hash);
	record.name = step->name;
	record.role = access_role_of_person(step->role);
	record.topologies = step->topologies;
	record.n_topologies = step->n_topologies;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	record.has_expires_ms = step->ttl != NULL;
	record.expires_ms =
		step->ttl != NULL ? world_instant(run->world).wall_ms + (int64_t)ttl_ms : 0;
	struct control_input input = {.type = CONTROL_CREDENTIAL,
				      .credential = {.action = step->rm ? CREDENTIAL_REMOVE
							       : step->rotate
								       ? CREDENTIAL_ROTATE
								       : CREDENTIAL_CREATE,
						     .record = &record}};
	step_ask(run, &input, step->error);
}

/* ---- codes and sessions ---- */

/* `made`: what is to be. */
static void make(struct step_run *run, enum sign_in_action action, const uint8_t *proof,
		 const char *made, const char *page, const char *error)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	bool is_code = action == SIGN_IN_CODE;
	const struct principal *owner = owner_of(run, proof);
	CLEANUP(freep) char *id = str_printf("%s-%s", is_code ? "code" : "session", made);
	CLEANUP(freep) char *actor = mem_strdup(owner != NULL ? owner->name : "somebody");
	Samoza__V1__SignInRecord record = SAMOZA__V1__SIGN_IN_RECORD__INIT;
	step_hash(is_code ? 'c' : 's', made, hash);
	record.id = id;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	record.has_word = !is_code && page == NULL;
	record.word = record.hash;
	record.page = (char *)(uintptr_t)page;
	struct control_input input = {
		.type = CONTROL_SIGN_IN,
		.actor = actor,
		.sign_in = {.action = action, .proof = proof, .record = &record}};
	step_ask(run, &input, error);
}

static void do_code(struct step_run *run, const Samoza__V1__CodeStep *step)
{
	uint8_t token[CREDENTIAL_HASH_SIZE];
	make(run, SIGN_IN_CODE, step_hash('t', step->token, token), step->code, step->page,
	     step->error);
}

static void do_sign_in(struct step_run *run, const Samoza__V1__SignInStep *step)
{
	uint8_t proof[CREDENTIAL_HASH_SIZE];
	bool has_code = step->proof_case == SAMOZA__V1__SIGN_IN_STEP__PROOF_CODE;
	step_hash(has_code ? 'c' : 't', has_code ? step->code : step->token, proof);
	make(run, has_code ? SIGN_IN_WITH_CODE : SIGN_IN_CREDENTIAL, proof, step->session,
	     step->page, step->error);
}

static void do_sign_out(struct step_run *run, const Samoza__V1__SignOutStep *step)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	CLEANUP(freep) char *id = str_printf("session-%s", step->session);
	Samoza__V1__SignInRecord record = SAMOZA__V1__SIGN_IN_RECORD__INIT;
	record.id = id;
	struct control_input input = {
		.type = CONTROL_SIGN_IN,
		.sign_in = {.action = step->rm ? SIGN_IN_END : SIGN_IN_OUT,
			    .proof = step_hash('s', step->session, hash),
			    .record = &record}};
	step_ask(run, &input, step->error);
}

/* ---- whose they are ---- */

/* "shop/web" of "one at shop/web"; NULL: it is for zrms. `ret_name`: what it is called; the caller frees. */
static const char *page_of(const char *text, char **ret_name)
{
	static const char at[] = " at ";
	const char *found = strstr(text, at);
	*ret_name =
		found != NULL ? mem_strndup(text, (size_t)(found - text)) : mem_strdup(text);
	return found != NULL ? found + strlen(at) : NULL;
}

static void expect_owner(struct step_run *run, bool is_code, const char *text,
			 const char *wanted)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	CLEANUP(freep) char *name = NULL;
	const char *page = page_of(text, &name);
	if (run->world->control == NULL) {
		step_fail(run, "zrms is not running");
		return;
	}
	const Samoza__V1__SignInRecord *found =
		control_sign_in(run->world->control, step_hash(is_code ? 'c' : 's', name, hash),
				is_code, page, world_instant(run->world).wall_ms);
	const struct principal *owner =
		found != NULL ? owner_of(run, found->credential.data) : NULL;
	const char *seen = owner != NULL ? owner->name : "";
	if (!str_equal(seen, wanted))
		step_fail(run, "%s %s: expected to be %s%s, seen %s%s",
			  is_code ? "code" : "session", text,
			  str_is_empty(wanted) ? "nobody's" : "of ", wanted,
			  str_is_empty(seen) ? "nobody's" : "of ", seen);
}

/* [formats.topology.api] */
static void expect_api(struct step_run *run, const char *name, const char *wanted)
{
	const struct principal *p = step_token_owner(run, name);
	CLEANUP(freep)
	char *names = p != NULL ? access_names_text((const char *const *)p->topologies,
						    p->topology_count)
				: NULL;
	CLEANUP(freep)
	char *seen = p != NULL ? str_printf("%s of %s", access_role_name(p->role), names)
			       : mem_strdup("");
	if (!str_equal(seen, wanted))
		step_fail(run, "what %s may do: expected '%s', seen '%s'", name, wanted, seen);
}

bool sign_ins_do(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	if (step->user != NULL)
		do_user(run, step->user);
	else if (step->code != NULL)
		do_code(run, step->code);
	else if (step->sign_in != NULL)
		do_sign_in(run, step->sign_in);
	else if (step->sign_out != NULL)
		do_sign_out(run, step->sign_out);
	else if (step->n_sessions + step->n_codes + step->n_api == 0)
		return false;
	for (size_t k = 0; k < step->n_api; k++)
		expect_api(run, step->api[k]->key, step->api[k]->value);
	for (size_t k = 0; k < step->n_sessions; k++)
		expect_owner(run, false, step->sessions[k]->key, step->sessions[k]->value);
	for (size_t k = 0; k < step->n_codes; k++)
		expect_owner(run, true, step->codes[k]->key, step->codes[k]->value);
	return true;
}

char *sign_ins_text(const Samoza__V1__ScenarioStep *step)
{
	if (step->user != NULL)
		return str_printf("%s user %s",
				  step->user->rm       ? "remove"
				  : step->user->rotate ? "another token for"
						       : "create",
				  step->user->name);
	if (step->code != NULL)
		return str_printf("make code %s", step->code->code);
	if (step->sign_in != NULL)
		return str_printf("sign in: %s", step->sign_in->session);
	if (step->sign_out != NULL)
		return str_printf("sign out: %s", step->sign_out->session);
	if (step->n_sessions + step->n_codes > 0)
		return mem_strdup("who is signed in");
	if (step->n_api > 0)
		return mem_strdup("what instances may do with zrms");
	return NULL;
}
