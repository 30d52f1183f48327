/*
 * A zhost that came with other settings (capacity, labels, capabilities): what runs there stays, because the
 * rules of placement are for the moment of placing; only an instance of `count: each` goes (each.h). What no
 * longer fits is said, once, by an event of the zhost.
 */
#ifndef SAMOZA_CORE_CONTROL_ZHOST_FIT_H
#define SAMOZA_CORE_CONTROL_ZHOST_FIT_H

#include "core/control/state/state.h"

/* After the engine knows the new ones. */
void zhost_fit_report(struct control *c, const struct control_zhost *z);
/* Whether they differ in more than in what is missing. */
bool zhost_settings_differ(const Samoza__V1__ZhostSpec *a, const Samoza__V1__ZhostSpec *b);
/* Events of the capabilities that are withdrawn since, because a device node is missing, and of those that are back.
 * `before` NULL: it is new. */
void zhost_withdrawn_report(struct control *c, const struct control_zhost *z,
			    const Samoza__V1__ZhostSpec *before);

#endif
