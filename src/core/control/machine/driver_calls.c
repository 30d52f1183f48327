#include "core/control/machine/driver_calls.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/record_writer.h"
#include "core/control/zhost/machine_identity.h"
#include "schema/message.h"

int driver_find(const struct control *c, const char *name)
{
	const char *const *all = c->config.drivers;
	for (int k = 0; all != NULL && all[k] != NULL; k++)
		if (str_equal(all[k], name))
			return k;
	return -1;
}

char *driver_names(const struct control *c)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(4096);
	const char *const *all = c->config.drivers;
	for (size_t k = 0; all != NULL && all[k] != NULL; k++)
		(void)buffer_printf(&text, "%s%s", k > 0 ? ", " : "", all[k]);
	return buffer_steal(&text);
}

/* ---- tokens ---- */

static void drop_token(struct control *c, const char *id)
{
	struct issued_token *token = join_tokens_find(&c->join_tokens, id);
	if (token == NULL)
		return;
	records_delete_join_token(c, token);
	join_tokens_remove(&c->join_tokens, token);
}

static void forget_oldest_token(struct control *c, Samoza__V1__MachineRecord *r)
{
	drop_token(c, r->tokens[0]);
	free(r->tokens[0]);
	r->n_tokens--;
	for (size_t k = 0; k < r->n_tokens; k++)
		r->tokens[k] = r->tokens[k + 1];
}

void driver_tokens_drop(struct control *c, struct made_zhost *m)
{
	while (m->record->n_tokens > 0)
		forget_oldest_token(c, m->record);
	machine_identity_forget(c);
	m->changed = true;
}

static void make_token(struct control *c, struct made_zhost *m,
		       const Samoza__V1__JoinTokenRecord *drawn)
{
	Samoza__V1__MachineRecord *r = m->record;
	Samoza__V1__JoinTokenRecord record = SAMOZA__V1__JOIN_TOKEN_RECORD__INIT;
	record.id = drawn->id;
	record.hash = drawn->hash;
	record.created_ms = c->now.wall_ms;
	record.expires_ms = c->now.wall_ms + MACHINE_TOKEN_MS;
	record.uses = 1;
	record.pattern = r->name;
	record.labels = r->labels;
	record.n_labels = r->n_labels;
	record.created_by = r->created_by;
	record.number = c->next_epoch++;
	if (r->n_tokens == MACHINE_TOKENS_MAX)
		forget_oldest_token(c, r);
	if (join_tokens_put(&c->join_tokens, &record, NULL) < 0)
		IMPOSSIBLE("the hash of a token has its size");
	records_write_join_token(c, join_tokens_find(&c->join_tokens, record.id));
	CLEANUP(freep)
	char *cause = str_printf("for the machine %s of driver %s", r->key, r->driver);
	machine_identity_event(c, "join-token", record.id, NULL, "created", cause);
	r->tokens = mem_resize(r->tokens, r->n_tokens + 1, sizeof(*r->tokens));
	r->tokens[r->n_tokens++] = mem_strdup(record.id);
	m->changed = true;
}

/* ---- calls ---- */

static struct driver_call *add_call(struct control *c, enum driver_operation operation,
				    const char *driver)
{
	struct driver_call *call = vector_add(&c->emitter.outbox->calls);
	*call = (struct driver_call){.id = ++c->made.last_call,
				     .operation = operation,
				     .driver = mem_strdup(driver)};
	return call;
}

void driver_call(struct control *c, struct made_zhost *m, enum driver_operation operation)
{
	PRE(m->call == 0);
	struct driver_call *call = add_call(c, operation, m->record->driver);
	call->machine = (Samoza__V1__MachineRecord *)schema_message_copy(&m->record->base);
	m->call = call->id;
	m->operation = operation;
	m->ask_ms = NEVER_MS;
}

void driver_call_create(struct control *c, struct made_zhost *m,
			const Samoza__V1__JoinTokenRecord *token)
{
	make_token(c, m, token);
	driver_call(c, m, DRIVER_CREATE);
	vector_last(&c->emitter.outbox->calls)->token = mem_strdup(token->id);
}

void driver_call_list(struct control *c, int driver)
{
	PRE(c->made.list_calls[driver] == 0);
	c->made.list_calls[driver] = add_call(c, DRIVER_LIST, c->config.drivers[driver])->id;
}
