/*
 * Opens the store that --store names.
 *
 *     sqlite:DIR     opened; the file is locked
 *     etcd:URLS      with the fence of the win: this zrms leads (leading.h)
 */
#ifndef SAMOZA_ZRMS_STORE_OPEN_H
#define SAMOZA_ZRMS_STORE_OPEN_H

#include "adapter/etcd/rpc.h"
#include "zrms/zrms.h"

/* Makes zrms->store. `url`: of the store, for messages too. */
int store_of_settings_open(struct zrms *zrms, const char *url, struct error **err) must_check;
/* What settings say about how etcd is connected to; strings of `ret` are freed with etcd_servers_done(). */
void etcd_servers_of(const struct settings *settings, const char *urls,
		     struct etcd_servers *ret_servers);
void etcd_servers_done(struct etcd_servers *servers);
/* What this machine has seen of it: DIR/etcd-seen; the caller frees. */
char *etcd_witness_of(const struct settings *settings);
/* The URLs in "etcd:URLS", or NULL: another kind of store. */
const char *etcd_urls_of(const char *url);

/* --store, or the store of --dir; the caller frees. */
char *store_url_of(const struct settings *settings);

#endif
