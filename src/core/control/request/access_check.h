/*
 * Whether a request may be handled at all: the one place where the core asks what a principal is allowed.
 * The interface asks before it, so as to refuse before a body is read; what it forgets is refused here.
 *
 *   input ──► who? ──► needs which role? ──► of which topology? ──► handled
 *              │             │                     │
 *              │ the system  └─ too low: denied    └─ not among its names: there is no such topology
 *              └──► handled
 *
 * Source: [machines.people.users].
 */
#ifndef SAMOZA_CORE_CONTROL_ACCESS_CHECK_H
#define SAMOZA_CORE_CONTROL_ACCESS_CHECK_H

#include <stdbool.h>

#include "core/access/access.h"
#include "core/control/state/input.h"
#include "model/topology.h"

struct control;

/* The role that an input needs. */
enum access_role access_needed(const struct control_input *input);
/* The id of the topology that a request is about; NULL: it is about none. Borrowed. */
const char *access_topology(const struct control_input *input);
/* What `api:` of a space stands for. */
enum access_role access_role_of_space(enum space_api api);
/* Whether the principal (NULL: the system) may give the instances of that topology, called `name`, all that they ask of zrms;
 * ERR_DENIED says what it may not [formats.topology.api]. */
int access_check_grants(const struct principal *p, const struct topology *topology,
			const char *name, struct error **err) must_check;
/* The same of one space. */
int access_check_grant(const struct principal *p, const struct space *space, const char *name,
		       struct error **err) must_check;
/* False: it is refused, and answered. */
bool access_check(struct control *c, const struct control_input *input);

#endif
