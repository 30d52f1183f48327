#include "core/control/zhost/zhost_identity.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/control/slot/copies.h"
#include "core/control/state/zhost_event.h"
#include "schema/message.h"

bool zhost_is_same(const struct control_zhost *z, const Samoza__V1__Hello *hello)
{
	bool is_known = !str_is_empty(z->machine) && !str_is_empty(hello->machine);
	return str_equal(z->identity, hello->identity) &&
	       (!is_known || str_equal(z->machine, hello->machine));
}

/* ---- refusals ---- */

/* Whether the one that is known has been heard since this one was first refused. */
static bool both_live(const struct control *c, struct control_zhost *z,
		      const Samoza__V1__Hello *hello)
{
	if (!str_equal(z->refused_machine, hello->machine)) {
		schema_set_string(&z->refused_machine, NULL, hello->machine);
		z->refused_ms = c->now.mono_ms;
		z->refused_told = false;
	}
	return z->heard_ms > z->refused_ms;
}

static char *refuse_other_machine(struct control *c, struct control_zhost *z,
				  const Samoza__V1__Hello *hello)
{
	double heard_s = (double)(c->now.mono_ms - z->heard_ms) / 1e3;
	if (!both_live(c, z, hello))
		return str_printf(
			"%s was heard from another machine or directory, with the "
			"same identity, %.1f s ago; this one may join when that one is "
			"in state problem",
			z->name, heard_s);
	if (!z->refused_told)
		zhost_event_within(c, z, "another machine with the same identity was refused");
	z->refused_told = true;
	return str_printf(
		"%s lives on another machine or in another directory, with the same "
		"identity: one of the two directories is a copy; give the copy an "
		"identity of its own with zhost --dir DIR --new-identity, and another "
		"--name",
		z->name);
}

char *zhost_identity_refusal(struct control *c, struct control_zhost *z,
			     const Samoza__V1__Hello *hello)
{
	bool lives = !z->removed && z->state == ZHOST_STARTED;
	if (!str_equal(z->identity, hello->identity))
		return !lives ? NULL
			      : str_printf("another zhost named %s is connected; choose "
					   "another --name, or wait until that one is in "
					   "state problem",
					   z->name);
	if (!zhost_is_same(z, hello))
		return lives ? refuse_other_machine(c, z, hello) : NULL;
	if (hello->incarnation < z->incarnation)
		return mem_strdup(
			"an older incarnation of this zhost; a newer one has joined: the "
			"directory is an earlier state of that one's, or was copied; give it "
			"an "
			"identity of its own with zhost --dir DIR --new-identity");
	return NULL;
}

/* The zhost that is connected under its name holds what is placed under that name. What is placed under another
 * name may be its own: it was started with a wrong --name. */
static bool is_superseded(const struct control *c, const struct control_zhost *z,
			  const Samoza__V1__Hello *hello, const Samoza__V1__InstanceKey *key)
{
	const struct copy *copy = copy_find(c, NULL, key);
	if (copy == NULL || copy_is_retired(copy))
		return true;
	if (copy_zhost(copy) == z)
		return z->link_id != 0;
	return !str_equal(copy_zhost(copy)->identity, hello->identity);
}

void zhost_name_superseded(const struct control *c, const struct control_zhost *z,
			   const Samoza__V1__Hello *hello, Samoza__V1__HelloAck *ack)
{
	ack->superseded = mem_new_array(Samoza__V1__InstanceKey *, hello->n_instances);
	for (size_t k = 0; k < hello->n_instances; k++) {
		const Samoza__V1__InstanceKey *key = hello->instances[k]->key;
		if (is_superseded(c, z, hello, key))
			ack->superseded[ack->n_superseded++] =
				(Samoza__V1__InstanceKey *)schema_message_copy(&key->base);
	}
}

/* ---- joined ---- */

void zhost_set_identity(struct control_zhost *z, const Samoza__V1__Hello *hello)
{
	z->incarnation = hello->incarnation;
	schema_set_string(&z->identity, NULL, hello->identity);
	schema_set_string(&z->machine, NULL, hello->machine);
	schema_set_string(&z->refused_machine, NULL, NULL);
	z->refused_told = false;
}
