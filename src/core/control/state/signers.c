#include "core/control/state/signers.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/signing_keys.h"
#include "core/control/state/state.h"

enum { NAMED_MAX = 10 };

static bool is_signed(const struct revision *r)
{
	return r != NULL && r->record->has_signer && r->record->signer.len == SIGNING_KEY_SIZE;
}

static const Samoza__V1__SigningKeyRecord *key_of(const struct control *c,
						  const struct revision *r)
{
	return signing_keys_find(&c->signing_keys, r->record->signer.data);
}

const char *signer_name(const struct control *c, const struct revision *r)
{
	if (!is_signed(r))
		return NULL;
	const Samoza__V1__SigningKeyRecord *known = key_of(c, r);
	return known != NULL ? known->name : r->record->signer_name;
}

bool signer_is_removed(const struct control *c, const struct revision *r)
{
	if (!is_signed(r))
		return false;
	const Samoza__V1__SigningKeyRecord *known = key_of(c, r);
	return known == NULL || !signing_key_is_trusted(known);
}

bool signer_signs(const struct control *c, const struct revision *r, const char *name)
{
	const Samoza__V1__SigningKeyRecord *known = is_signed(r) ? key_of(c, r) : NULL;
	return known == NULL || signing_key_signs(known, name);
}

static bool is_of(const struct revision *r, const uint8_t *key)
{
	return is_signed(r) && memcmp(r->record->signer.data, key, SIGNING_KEY_SIZE) == 0;
}

bool signer_runs(const struct control_application *a, const uint8_t *key)
{
	if (a->state == TOPOLOGY_STOPPED)
		return false;
	return is_of(a->application.served, key) || is_of(a->kept.revision, key) ||
	       (a->rollout != NULL &&
		(is_of(a->rollout->target, key) || is_of(a->rollout->base, key)));
}

char *signer_runs_text(const struct control *c, const uint8_t *key)
{
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(SIZE_MAX);
	unsigned count = 0;
	application_for_each (&c->applications, a) {
		if (!signer_runs(a, key))
			continue;
		if (count < NAMED_MAX)
			(void)buffer_printf(&out, "%s%s", count > 0 ? ", " : "", a->name);
		count++;
	}
	if (count > NAMED_MAX)
		(void)buffer_printf(&out, " and %u more", count - NAMED_MAX);
	return count > 0 ? buffer_steal(&out) : NULL;
}
