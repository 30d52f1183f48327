/*
 * zrms init: makes a cluster whose machines reach each other over networks that nobody trusts.
 *
 *   lock ─► authority.pem ─► authorities.pem ─► identity.pem ─► first-admin ─► the token is printed
 *                                                                                 │
 *                                     cluster.json: from here on there is a cluster ◄┘
 *
 * Each file is there as a whole or not at all. Until the last one is there, nothing uses the others, and the command
 * can be given again.
 *
 * Source: [machines.identity.init].
 */
#ifndef SAMOZA_ZRMS_INIT_H
#define SAMOZA_ZRMS_INIT_H

#include "adapter/cli/cli.h"

/* Its context is the struct settings. */
extern const struct cli_command init_command;

#endif
