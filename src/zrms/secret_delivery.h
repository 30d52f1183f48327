/*
 * Secrets for instances: a zhost asks for each value apart, before a start and an update, and is told it over its link, where no
 * specification, and so no disk, has it.
 *
 *   zhost ── SECRET_REQUEST: key of the copy, name, version ──► may it? (core/control/request/secret_grant.h)
 *                                                                 │ yes: opened, sent, wiped
 *         ◄── SECRET_ANSWER: the value, or why not ───────────────┘
 *
 * Only while nobody else can lead: what this zrms knows of places may have been replaced by another one. Otherwise, and where the key
 * is missing, it says so, and is asked again.
 *
 * Source: [workloads.configuration.secrets].
 */
#ifndef SAMOZA_ZRMS_SECRET_DELIVERY_H
#define SAMOZA_ZRMS_SECRET_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/wire.pb-c.h"

struct zrms;

/* Of links_listener. False: it is no business of that zhost, or not any more. *ret_refused: why it gets none; static, NULL: it is
 * not refused. */
bool secret_delivery_ask(struct zrms *zrms, uint64_t link_id, const Samoza__V1__SecretAsk *ask,
			 const char **ret_refused);

#endif
