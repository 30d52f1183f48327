/*
 * A process that takes other values of `env` or `config` while it runs: its zhost reports another sum, and an event of the kind
 * `reload` says so. (A handover for new values has those of its placement.) What was taken while zrms was away has none.
 *
 * Source: [workloads.configuration].
 */
#ifndef SAMOZA_CORE_CONTROL_RELOAD_EVENT_H
#define SAMOZA_CORE_CONTROL_RELOAD_EVENT_H

#include "proto/wire.pb-c.h"

struct control;
struct copy;

/* Before the copy takes what is reported. PRE: it is not retired. */
void reload_report(struct control *c, const struct copy *copy,
		   const Samoza__V1__InstanceReport *r);

#endif
