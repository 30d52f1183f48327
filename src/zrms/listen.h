/*
 * Where zrms is reached:
 *
 *   --listen is loopback      HTTP server, plain                    nothing of this file
 *   --listen is not           TLS ─► ALPN ─┬─ samoza-link/1 ─► links    needs the certificate of a zhost
 *                                          └─ http/1.1      ─► HTTP server
 *                             HTTP server, plain, on --local, for programs of this machine
 *
 * zrms renews its own certificate, for every advertised name, when it starts and from a third of its life on; while it stands by
 * it asks the leader for it (member_identity.h). The
 * files in DIR/credentials are read again when they change, and on SIGHUP; links that are open stay.
 *
 * Source: [machines.anonymous.remote], [machines.transport.port].
 */
#ifndef SAMOZA_ZRMS_LISTEN_H
#define SAMOZA_ZRMS_LISTEN_H

#include "base/error.h"
#include "base/metrics.h"
#include "port/stream.h"
#include "proto/cluster.pb-c.h"

struct zrms;
struct listening;

/* Reads DIR/cluster.json into zrms->cluster, and completes settings.listen and settings.local by it. ERR_DENIED:
 * other machines would reach it, and zrms init was not run. */
int listening_settle(struct zrms *zrms, struct error **err) must_check;
/* Listens for other machines, where --listen is for them; otherwise zrms->listening stays NULL. The HTTP server
 * is there. */
int listening_open(struct zrms *zrms, struct error **err) must_check;
/* It was opened by a standby, and now it leads: renews its certificate as at a start. NULL is fine. */
void listening_lead(struct listening *listening);
/* By which others are reached, with its certificate; NULL: it has none. NULL is fine. */
struct stream_transport *listening_transport(const struct listening *listening);
/* Takes nobody more. */
void listening_drain(struct listening *listening);
/* PRE: all its streams are closed. NULL is fine. */
void listening_free(struct listening *listening);
/* Reads the credentials again; on an error the old ones stay in use, and the log says why. NULL is fine. */
void listening_reload(struct listening *listening);

/* Whether its own certificate is to be renewed; false: it has none. NULL is fine. */
bool listening_is_due(const struct listening *listening);
/* It was, by another hand: counts it, and shows it from now on. */
void listening_renewed(struct listening *listening);

/*
 * Whether a machine that has proved to own a good certificate of this cluster is one that may talk to zrms now:
 * in the handshake, and for each request. `user`: struct zrms. The one place to ask the core for its key [machines.identity.removal].
 */
int listening_admit(void *user, const struct stream_peer *peer, struct error **err) must_check;

extern const struct metric_source listening_metrics; /* of struct listening */

#endif
