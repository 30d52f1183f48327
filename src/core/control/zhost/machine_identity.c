#include "core/control/zhost/machine_identity.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/identity.h"
#include "core/control/state/credential_request.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "schema/message.h"

void machine_identity_event(struct control *c, const char *of, const char *name,
			    const char *from, const char *to, const char *cause)
{
	CLEANUP(freep) char *subject = str_printf("%s/%s", of, name);
	emit_event(&c->emitter, "credential", subject, from, to, NULL, cause);
}

void machine_identity_asked(struct control *c, const char *of, const char *name,
			    const char *from, const char *to)
{
	CLEANUP(freep) char *cause = str_printf("asked for by %s", c->actor);
	machine_identity_event(c, of, name, from, to, cause);
}

void machine_identity_forget(struct control *c)
{
	uint64_t oldest = UINT64_MAX;
	for (const struct issued_token *t = c->join_tokens.by_id; t != NULL; t = t->hh.next)
		if (t->record->number < oldest)
			oldest = t->record->number;
	for (struct identity *i = c->identities.by_name, *next; i != NULL; i = next) {
		next = i->hh.next;
		const struct control_zhost *z = zhost_find(&c->zhosts, i->record->name);
		if (!identity_is_removed(i) || i->record->number > oldest ||
		    (z != NULL && z->removed)) /* it is not let in without a key again */
			continue;
		records_delete_identity(c, i);
		identities_remove(&c->identities, i);
	}
}

void machine_identity_put(struct control *c, const Samoza__V1__IdentityRecord *record)
{
	if (identities_put(&c->identities, record, NULL) < 0)
		IMPOSSIBLE("it is made of what was checked");
	records_write_identity(c, identities_find(&c->identities, record->name));
}

bool machine_identity_revoke(struct control *c, const char *name)
{
	struct identity *identity = identities_find(&c->identities, name);
	if (identity == NULL || identity_is_removed(identity))
		return false;
	Samoza__V1__IdentityRecord record = SAMOZA__V1__IDENTITY_RECORD__INIT;
	record.name = (char *)(uintptr_t)name;
	record.joined_ms = c->now.wall_ms;
	record.token = (char *)(uintptr_t) "";
	record.number = c->next_epoch++;
	machine_identity_asked(c, "zhost", name, "joined", NULL);
	machine_identity_put(c, &record);
	credential_forget_zhost(c, name);
	machine_identity_forget(c);
	return true;
}

/* ---- labels ---- */

static void add_label(Samoza__V1__ZhostSpec *spec, const Samoza__V1__LabelRecord *label)
{
	Samoza__V1__ZhostSpec__LabelsEntry *entry =
		(Samoza__V1__ZhostSpec__LabelsEntry *)schema_message_new(
			&samoza__v1__zhost_spec__labels_entry__descriptor);
	schema_set_string(&entry->key, NULL, label->name);
	schema_set_string(&entry->value, NULL, label->value);
	spec->labels[spec->n_labels++] = entry;
}

Samoza__V1__ZhostSpec *machine_identity_spec(const struct control *c,
					     const Samoza__V1__ZhostSpec *claimed)
{
	Samoza__V1__ZhostSpec *spec =
		(Samoza__V1__ZhostSpec *)schema_message_copy(&claimed->base);
	const struct identity *identity = identities_find(&c->identities, claimed->name);
	size_t count = 0, given = identity != NULL ? identity->record->n_labels : 0;
	for (size_t k = 0; k < spec->n_labels; k++)
		if (identities_own_label(&c->identities, spec->labels[k]->key))
			schema_message_free(spec->labels[k]);
		else
			spec->labels[count++] = spec->labels[k];
	spec->n_labels = count;
	if (identities_own_label(&c->identities, "region"))
		schema_set_string(&spec->region, NULL, NULL);
	if (identities_own_label(&c->identities, "kind"))
		schema_set_string(&spec->kind, NULL, NULL);
	spec->labels = mem_resize(spec->labels, count + given + 1, sizeof(*spec->labels));
	for (size_t k = 0; k < given; k++)
		add_label(spec, identity->record->labels[k]);
	return spec;
}

static bool gives(const struct identity *identity, const char *name, const char *value)
{
	for (size_t k = 0; identity != NULL && k < identity->record->n_labels; k++)
		if (str_equal(identity->record->labels[k]->name, name))
			return str_equal(identity->record->labels[k]->value, value);
	return false;
}

bool machine_identity_overclaims(const struct control *c, const Samoza__V1__ZhostSpec *taken)
{
	const struct identity *identity = identities_find(&c->identities, taken->name);
	for (size_t k = 0; k < taken->n_labels; k++)
		if (identities_own_label(&c->identities, taken->labels[k]->key) &&
		    !gives(identity, taken->labels[k]->key, taken->labels[k]->value))
			return true;
	return (!str_is_empty(taken->region) &&
		identities_own_label(&c->identities, "region")) ||
	       (!str_is_empty(taken->kind) && identities_own_label(&c->identities, "kind"));
}
