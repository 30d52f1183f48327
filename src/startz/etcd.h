/*
 * Three etcd on this machine for the state of several zrms (startz up --store etcd): Debian's, always by TLS with certificates of an
 * authority that is made for them.
 *
 *   DIR/etcd/credentials/   authorities.pem, identity.pem: of all etcd, and of the zrms that connect to them
 *   DIR/etcd/etcd-N/        its data
 */
#ifndef SAMOZA_STARTZ_ETCD_H
#define SAMOZA_STARTZ_ETCD_H

#include "startz/state.h"

#define ETCD_COUNT 3

bool etcd_is_used(const struct state *s);
/* ERR_NOT_FOUND: it is not installed. */
int etcd_check(struct error **err) must_check;
/* Starts those that do not run. */
int etcd_up(struct state *s, struct error **err) must_check;

/* "etcd:https://127.0.0.1:PORT,…", and the files with which zrms connects. The caller frees. */
char *etcd_url(const struct state *s);
char *etcd_authorities(const struct state *s);
char *etcd_identity(const struct state *s);

#endif
