#include "core/control/request/secret_grant.h"

#include "core/access/access.h"
#include "core/control/slot/copies.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/state.h"
#include "core/control/state/target.h"

static struct secret_grant refuse(const char *why)
{
	return (struct secret_grant){.refused = why};
}

static struct secret_grant foreign(const char *why)
{
	return (struct secret_grant){.refused = why, .is_foreign = true};
}

/* It has a process, or is to have one, and its zhost is heard. */
static bool is_live(const struct copy *copy)
{
	return !copy->unit->lost && !copy->forsaken &&
	       (copy->of_slot.active || (copy->target == TARGET_STARTED && !copy->exhausted));
}

static const Samoza__V1__SecretVersion *find_version(const Samoza__V1__SecretRecord *secret,
						     uint64_t number)
{
	for (size_t k = 0; k < secret->n_versions; k++)
		if (secret->versions[k]->number == number)
			return secret->versions[k];
	return NULL;
}

struct secret_grant control_secret_grant(const struct control *c, uint64_t link_id,
					 const Samoza__V1__SecretAsk *ask)
{
	const struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	const struct copy *copy = z != NULL ? copy_find(c, z, ask->key) : NULL;
	if (copy == NULL)
		return foreign("no such copy is placed there");
	if (copy_is_retired(copy) || copy->declared == NULL)
		return refuse("its instance is to go");
	if (!space_uses_secret(copy->declared->space, ask->name))
		return foreign("its space does not name it");
	if (!is_live(copy))
		return refuse("its instance is not to run");
	const struct control_application *a = copy->unit->application;
	/* The newest one says who may have it: an older one with a wider pattern is for nobody else. */
	if (secret_number_for(a, ask->name) == NULL)
		return refuse("it is not set for its topology");
	const Samoza__V1__SecretVersion *version =
		find_version(secrets_find(&c->secrets, ask->name), ask->version);
	if (version == NULL || !access_pattern_matches(version->topologies, a->name))
		return refuse("that version is not kept any more, or not for its topology");
	return (struct secret_grant){.version = version};
}
