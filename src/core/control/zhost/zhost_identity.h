/*
 * Which zhost says hello: the one that is known, or another one under its name. The identity is drawn
 * once for the directory of a zhost, and a copy of the directory has it too. So HELLO names the machine as
 * well: a digest of what a copy does not have (zhost/state/machine.h).
 *
 *   identity  machine   the hello is of
 *   same      same      the zhost that is known, or its next start; or a clone of the whole machine
 *   same      another   a copy of its directory, or the machine that replaces the one before
 *   another   -         another zhost with the same name
 *
 * Only the next start takes over from a zhost that lives. Where one is refused because another one is
 * connected, what it runs has been taken over, and it is told so. That also ends what the first of two
 * machines runs when the second is a clone of the whole: it cannot be told from a reboot of the first.
 *
 * A zhost that does not name its machine counts as being on the same one.
 *
 * Source: [lifecycle.root.same-name], [lifecycle.root.same-identity].
 */
#ifndef SAMOZA_CORE_CONTROL_ZHOST_IDENTITY_H
#define SAMOZA_CORE_CONTROL_ZHOST_IDENTITY_H

#include "core/control/state/state.h"

/* The same directory on the same machine. */
bool zhost_is_same(const struct control_zhost *z, const Samoza__V1__Hello *hello);
/* Why it may not take over from what is known under its name, and what to do; the caller frees. NULL: it
 * may. There is an event when two with one identity are known to live. */
char *zhost_identity_refusal(struct control *c, struct control_zhost *z,
			     const Samoza__V1__Hello *hello);
/* Of what it holds, the copies that another one has taken over, for `ack`. */
void zhost_name_superseded(const struct control *c, const struct control_zhost *z,
			   const Samoza__V1__Hello *hello, Samoza__V1__HelloAck *ack);
/* It has joined. */
void zhost_set_identity(struct control_zhost *z, const Samoza__V1__Hello *hello);

#endif
