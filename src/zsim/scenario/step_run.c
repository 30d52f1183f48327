

#include "zsim/scenario/step_run.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/idempotency_keys.h"
#include "zsim/world/client.h"
#include "zsim/world/world.h"

void step_fail(struct step_run *run, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vector_push(&run->wrong, str_vprintf(format, args));
	va_end(args);
}

bool step_find(struct step_run *run, const char *name, const char **ret_id,
	       const char **ret_path, char **ret_refusal)
{
	if (run->world->control == NULL) {
		step_fail(run, "zrms is not running");
		return false;
	}
	const char *slash = strchr(name, '/');
	CLEANUP(freep)
	char *topology =
		slash != NULL ? mem_strndup(name, (size_t)(slash - name)) : mem_strdup(name);
	CLEANUP(error_freep) struct error *err = NULL;
	if (control_resolve(run->world->control, NULL, topology, ret_id, &err) < 0) {
		if (ret_refusal != NULL)
			*ret_refusal = mem_strdup(err->message);
		else
			step_fail(run, "%s: %s", name, err->message);
		return false;
	}
	*ret_path = slash != NULL ? slash + 1 : "";
	return true;
}

void step_judge(struct step_run *run, const char *error, const char *refusal)
{
	if (error == NULL && refusal != NULL)
		step_fail(run, "refused: %s", refusal);
	else if (error != NULL && refusal == NULL)
		step_fail(run, "expected to be refused with '%s', but it was not", error);
	else if (error != NULL && strstr(refusal, error) == NULL)
		step_fail(run, "expected to be refused with '%s', seen '%s'", error, refusal);
}

/* As if it were a hash: equal steps ask the same. */
static void request_of(const Samoza__V1__ScenarioStep *step,
		       uint8_t to[IDEMPOTENCY_REQUEST_SIZE])
{
	size_t size = protobuf_c_message_get_packed_size(&step->base);
	CLEANUP(freep) uint8_t *bytes = mem_calloc(size + 1, 1);
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	(void)protobuf_c_message_pack(&step->base, bytes);
	for (size_t k = 0; k < size; k++)
		sum = (sum ^ bytes[k]) * UINT64_C(0x100000001b3);
	memset(to, 0, IDEMPOTENCY_REQUEST_SIZE);
	memcpy(to, &sum, sizeof(sum));
}

const struct principal *step_token_owner(const struct step_run *run, const char *name)
{
	const struct world *w = run->world;
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	const struct sim_api_token *newest =
		strchr(name, '/') != NULL ? api_token_newest(w, name) : NULL;
	if (w->control == NULL || (strchr(name, '/') != NULL && newest == NULL))
		return NULL;
	return control_principal(w->control,
				 newest != NULL ? newest->hash : step_hash('t', name, hash),
				 world_instant(w).wall_ms);
}

uint8_t *step_hash(char kind, const char *text, uint8_t to[CREDENTIAL_HASH_SIZE])
{
	size_t size = strlen(text), most = CREDENTIAL_HASH_SIZE - 1;
	memset(to, 0, CREDENTIAL_HASH_SIZE);
	to[0] = (uint8_t)kind;
	memcpy(to + 1, text, size < most ? size : most);
	return to;
}

/* Of who shows the token. False: nobody does, which is the answer. */
static bool set_principal(struct step_run *run, struct control_input *input, const char *error)
{
	const char *token = steal_ptr(&run->token);
	const struct principal *owner = token != NULL ? step_token_owner(run, token) : NULL;
	if (token == NULL)
		return true;
	if (owner == NULL) {
		step_judge(run, error, "the token is not known");
		return false;
	}
	input->principal = owner;
	input->actor = owner->name;
	return true;
}

void step_ask(struct step_run *run, struct control_input *input, const char *error)
{
	uint8_t request[IDEMPOTENCY_REQUEST_SIZE];
	struct answer a;
	const char *key = steal_ptr(&run->key);
	if (run->world->control == NULL) {
		step_fail(run, "zrms is not running");
		return;
	}
	if (!set_principal(run, input, error))
		return;
	request_of(run->step, request);
	input->key.text = key;
	input->key.request = request;
	client_ask(run->world, input, &a);
	if (!a.answered)
		step_fail(run, "zrms did not answer");
	else
		step_judge(run, error,
			   a.code < 0 ? (a.message != NULL ? a.message : "(no message)")
				      : NULL);
	answer_done(&a);
}
