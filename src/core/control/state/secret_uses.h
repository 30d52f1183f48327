/*
 * Which secrets instances may have: those that their space names, and whose pattern matches the name of their topology.
 *
 * Source: [workloads.configuration.secrets].
 */
#ifndef SAMOZA_CORE_CONTROL_SECRET_USES_H
#define SAMOZA_CORE_CONTROL_SECRET_USES_H

#include "core/control/state/application.h"

/* The number of the version that instances of the application get now, as text; NULL: none. Borrowed until the next change. */
const char *secret_number_for(const struct control_application *a, const char *name);
/* The same; 0: none. */
uint64_t secret_version_for(const struct control_application *a, const char *name);
/* The first that the space names, and that the application may not have or that is not there; NULL: none. Borrowed from the
 * space. */
const char *secret_missing(const struct control_application *a, const struct space *space);
bool space_uses_secret(const struct space *space, const char *name);

/* "shop/api, shop/web": spaces of topologies that are not stopped, of any revision of theirs that is served or is to be, which name
 * the secret, and whose topology matches the pattern; NULL: there are none. The caller frees. `but` (NULL: none): topologies that
 * match this one, too, are left out. */
char *secret_users_text(const struct control *c, const char *name, const char *pattern,
			const char *but);
typedef void secret_user_fn(void *user, const char *name, const char *topology,
			    const char *space);
/* All uses of all secrets, whether they are set or not, and whatever their patterns: each once. Texts are borrowed. */
void secret_each_user(const struct control *c, secret_user_fn *each, void *user);

#endif
