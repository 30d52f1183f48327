#include "core/control/zhost/rotation.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/access/authorities.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/control/zhost/machine_identity.h"
#include "schema/message.h"

/* So that zrms signs, and shakes hands, no faster than it can. */
#define PER_ZHOST_MS 5

uint64_t rotation_generation(const struct control *c)
{
	return c->authorities != NULL ? c->authorities->generation : 0;
}

bool rotation_misses(const struct control *c, const struct identity *identity)
{
	return !identity_is_removed(identity) &&
	       identity_issued(identity) < rotation_generation(c);
}

static bool is_connected(const struct control *c, const char *name)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, name);
	return z != NULL && z->link_id != 0;
}

bool rotation_is_held_up(const struct control *c, const struct identity *identity)
{
	const Samoza__V1__AuthoritiesRecord *a = c->authorities;
	if (a == NULL || a->phase == AUTHORITY_STABLE || a->waits == AUTHORITY_FOR_NOBODY ||
	    !rotation_misses(c, identity))
		return false;
	return a->waits == AUTHORITY_FOR_ALL || is_connected(c, identity->record->name);
}

/* ---- telling ---- */

static void prompt(struct control *c, const struct control_zhost *z, uint64_t within_ms)
{
	Samoza__V1__Reissue *reissue =
		(Samoza__V1__Reissue *)schema_message_new(&samoza__v1__reissue__descriptor);
	reissue->within_ms = within_ms;
	emit_message(&c->emitter, z->link_id, SAMOZA__V1__FRAME_TYPE__FRAME_REISSUE, reissue,
		     false);
}

static bool is_to_be_told(const struct control *c, const struct control_zhost *z)
{
	const struct identity *identity = identities_find(&c->identities, z->name);
	return z->link_id != 0 && identity != NULL && rotation_misses(c, identity);
}

void rotation_prompt(struct control *c, uint64_t link_id)
{
	const struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	if (z != NULL && is_to_be_told(c, z))
		prompt(c, z, 0);
}

static void prompt_all(struct control *c)
{
	uint64_t count = 0;
	zhost_for_each (&c->zhosts, z)
		count += is_to_be_told(c, z);
	zhost_for_each (&c->zhosts, z)
		if (is_to_be_told(c, z))
			prompt(c, z, count * PER_ZHOST_MS);
}

/* ---- going on ---- */

static void tell_event(struct control *c, const char *cause)
{
	static const char *const phases[] = {
		[AUTHORITY_STABLE] = "rotated",
		[AUTHORITY_ADDING] = "adding",
		[AUTHORITY_REISSUING] = "reissuing",
	};
	CLEANUP(freep) char *name = str_printf("%u", c->authorities->signer);
	machine_identity_event(c, "authority", name, NULL, phases[c->authorities->phase],
			       cause);
}

void rotation_changed(struct control *c, const char *cause)
{
	records_write_authorities(c);
	tell_event(c, cause);
	prompt_all(c);
}

static bool is_held_up(const struct control *c)
{
	if (authorities_wait_for_store(c->authorities))
		return true;
	for (const struct identity *i = c->identities.by_name; i != NULL; i = i->hh.next)
		if (rotation_is_held_up(c, i))
			return true;
	return false;
}

void rotation_look(struct control *c)
{
	while (c->authorities != NULL && c->authorities->phase != AUTHORITY_STABLE &&
	       !is_held_up(c)) {
		bool waits = c->authorities->waits == AUTHORITY_FOR_ALL;
		authorities_advance(c->authorities, c->now.wall_ms);
		rotation_changed(c, c->authorities->phase == AUTHORITY_REISSUING
					    ? waits ? "all zhosts believe both authorities"
						    : "no longer waits for all zhosts"
				    : waits ? "all zhosts have a certificate of it"
					    : "no longer waits for all zhosts");
	}
}
