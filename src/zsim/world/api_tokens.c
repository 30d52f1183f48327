#include "zsim/world/api_tokens.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "model/zhost.h"
#include "schema/message.h"
#include "zsim/world/link.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/older_protocol.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

static bool is_declared(const Samoza__V1__InstanceSpec *spec)
{
	for (size_t k = 0; k < spec->n_capabilities; k++)
		if (str_equal(spec->capabilities[k], CAPABILITY_CLUSTER_API))
			return true;
	return false;
}

static void tell(struct sim_machine *n, const struct sim_process *p)
{
	Samoza__V1__ApiToken *message =
		(Samoza__V1__ApiToken *)schema_message_new(&samoza__v1__api_token__descriptor);
	message->key = (Samoza__V1__InstanceKey *)schema_message_new(
		&samoza__v1__instance_key__descriptor);
	message->key->topology = mem_strdup(p->topology);
	message->key->path = mem_strdup(p->path);
	message->key->epoch = p->epoch;
	message->hash.data = mem_memdup(p->api_hash, sizeof(p->api_hash));
	message->hash.len = sizeof(p->api_hash);
	sim_link_send(n->world, n->link_id, false, SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN,
		      &message->base);
	schema_message_free(&message->base);
}

static bool can_tell(const struct sim_machine *n)
{
	return n->link_id != 0 && n->accepted_link == n->link_id &&
	       !older_protocol_is(n->protocol);
}

void api_token_begin(struct world *w, struct sim_machine *n, struct sim_process *p,
		     const struct agent_order *o)
{
	if (!is_declared(o->spec) || older_protocol_is(n->protocol))
		return;
	struct sim_api_token token = {.name = mem_strdup(p->name), .process = p->life};
	uint64_t number = w->api_tokens.count + 1;
	token.hash[0] = 'a';
	memcpy(token.hash + 1, &number, sizeof(number));
	p->has_api = true;
	memcpy(p->api_hash, token.hash, sizeof(p->api_hash));
	vector_push(&w->api_tokens, token);
	if (can_tell(n))
		tell(n, p);
}

void api_token_started(struct sim_machine *n, const struct sim_process *p)
{
	if (p->has_api && can_tell(n))
		tell(n, p);
}

void api_tokens_on_link(struct world *w, struct sim_machine *n)
{
	(void)w;
	n->accepted_link = n->link_id;
	if (!can_tell(n))
		return;
	for (const struct sim_process *p = n->processes; p != NULL; p = p->hh.next)
		if (p->has_api)
			tell(n, p);
}

const struct sim_api_token *api_token_newest(const struct world *w, const char *name)
{
	for (size_t k = w->api_tokens.count; k > 0; k--)
		if (str_equal(w->api_tokens.items[k - 1].name, name))
			return &w->api_tokens.items[k - 1];
	return NULL;
}

void api_tokens_done(struct world *w)
{
	vector_for_each (&w->api_tokens, token)
		free(token->name);
	vector_done(&w->api_tokens);
}
