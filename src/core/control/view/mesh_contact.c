#include "core/control/view/mesh_contact.h"

#include <string.h>

#include "base/check.h"
#include "core/control/state/state.h"

static void add_key(struct mesh_contact *contact, const ProtobufCBinaryData *key)
{
	if (key->len == IDENTITY_KEY_SIZE)
		memcpy(contact->keys[contact->key_count++], key->data, IDENTITY_KEY_SIZE);
}

bool control_mesh_contact(const struct control *c, const char *zhost,
			  struct mesh_contact *ret_contact)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, zhost);
	const struct identity *identity = identities_find(&c->identities, zhost);
	if (z == NULL || z->removed)
		return false;
	struct mesh_contact contact = {.address = z->mesh};
	if (identity != NULL && !identity_is_removed(identity)) {
		add_key(&contact, &identity->record->key);
		if (identity->record->has_previous)
			add_key(&contact, &identity->record->previous);
	}
	*ret_contact = contact;
	return true;
}
