/*
 * One zhost: makes the parts, connects them, runs the loop, and takes them apart in order.
 *
 *    zrms ◄─────────── uplink/ ◄──────────── upstream (send) ◄─────────────┐
 *      │                  │ frames                                         │
 *      │                  ▼                                                │
 *      │              frames.c ──► mesh/, data/, log/  ────────────────────┤
 *      │                  │                 ▲                              │
 *      │                  ▼                 │ messages, requests, lines    │
 *      │              reconcile/ ──tasks──► space/ ──► process/ ◄──► zrun, zrun, zrun …
 *      │         core/agent, store ◄─results─┘  └────► artifact/
 *      │                                                  ▲
 *      └────────────── artifacts by digest ───────────────┘
 *                                  browsers ◄──► edge/ ◄──► mesh/
 *
 * A part knows the parts below it in the order of tools/check; it calls those above through the
 * listener that it was made with.
 *
 * One turn of the loop: callbacks take what arrived and append to buffers; then the hooks
 * write the zruns' buffers (process/), hand inputs to the core and commit (reconcile/), and
 * write logs (log/).
 */
#ifndef SAMOZA_ZHOST_DAEMON_H
#define SAMOZA_ZHOST_DAEMON_H

#include "base/error.h"
#include "zhost/settings.h"

/* Runs until SIGTERM, SIGINT, or an end of its own; the spaces continue. `settings` and
 * `config_file` (NULL: none) are borrowed. Returns 0, 1 when it ended because of a failure, or a
 * negative error when it could not start. */
int zhost_daemon_run(struct zhost_settings *settings, const char *config_file,
		     struct error **err) must_check;

#endif
