/*
 * Zhosts that ask over their link for a certificate for another key.
 *
 *   RENEW ─► request read, authority there? ─► core: recorded ─► commit ─► joining_issue() ─► RENEWED
 *
 * What fails is told with RENEWED, too; the zhost tries again later, with what it has.
 *
 * Source: [machines.identity.renewal].
 */
#ifndef SAMOZA_ZRMS_RENEWALS_H
#define SAMOZA_ZRMS_RENEWALS_H

#include <stdint.h>

#include "core/control/state/input.h"
#include "proto/wire.pb-c.h"

struct zrms;

/* As links_listener.renew: who asks has proved to be the zhost `name` by the key `own`. */
void renewals_take(struct zrms *zrms, uint64_t link_id, const char *name, const uint8_t *own,
		   const struct control_certified *certified, const Samoza__V1__Renew *renew);

#endif
