#include "zrms/store_open.h"

#include <string.h>

#include "adapter/etcd/store.h"
#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "adapter/sqlite/store.h"
#include "base/str.h"
#include "port/scheme.h"
#include "zrms/lead.h"
#include "zrms/own_history.h"
#include "zrms/own_identity.h"
#include "zrms/read_ahead.h"

#define ETCD "etcd:"

enum { LOAD_PATIENCE_MS = 30000 };

char *store_url_of(const struct settings *s)
{
	return str_is_empty(s->store) ? str_printf("sqlite:%s", s->dir) : mem_strdup(s->store);
}

const char *etcd_urls_of(const char *url)
{
	return str_has_prefix(url, ETCD) ? url + strlen(ETCD) : NULL;
}

/* Of zrms' own identity, where nothing else is said. */
static char *credential(const struct settings *s, const char *said, const char *file)
{
	CLEANUP(freep) char *directory = own_identity_directory(s->dir);
	return str_is_empty(said) ? str_printf("%s/%s", directory, file) : mem_strdup(said);
}

void etcd_servers_of(const struct settings *s, const char *urls, struct etcd_servers *ret)
{
	*ret = (struct etcd_servers){
		.urls = mem_strdup(urls),
		.authorities = credential(s, s->store_authorities, PKI_AUTHORITIES_FILE),
		.certificate = credential(s, s->store_certificate, PKI_IDENTITY_FILE),
		.key = str_is_empty(s->store_key) ? NULL : mem_strdup(s->store_key),
	};
}

void etcd_servers_done(struct etcd_servers *servers)
{
	free((char *)servers->urls);
	free((char *)servers->authorities);
	free((char *)servers->certificate);
	free((char *)servers->key);
}

char *etcd_witness_of(const struct settings *s)
{
	return str_printf("%s/etcd-seen", s->dir);
}

/* While it loads. */
static void on_store_waits(void *user, const struct error *why)
{
	(void)user;
	log_warn("store", "etcd.silent", LOG_E(why),
		 LOG_S("then", "it is asked again for 30 s"));
}

static int open_etcd(struct zrms *zrms, const char *urls, struct error **err)
{
	struct etcd_store_options options = {0};
	CLEANUP(etcd_servers_done) struct etcd_servers servers = {0};
	CLEANUP(freep) char *witness = etcd_witness_of(&zrms->settings);
	etcd_servers_of(&zrms->settings, urls, &servers);
	options.witness = witness;
	options.servers = servers;
	options.fence = lead_fence(zrms->lead);
	options.copy = read_ahead_copy(zrms->read_ahead);
	options.older = own_history_older(zrms->own_history);
	options.events_kept = zrms->settings.store_events;
	options.patience =
		(struct etcd_patience){.ms = LOAD_PATIENCE_MS, .waits = on_store_waits};
	return etcd_store_open(&zrms->loop, &options, &zrms->store, err);
}

/* The values of --store but etcd: these need no leadership. */
static const struct store_scheme stores[] = {
	{"sqlite", "sqlite:DIR", sqlite_store_open_dir},
	{"etcd", "etcd:https://HOST:PORT,…", NULL},
};

int store_of_settings_open(struct zrms *zrms, const char *url, struct error **err)
{
	const char *urls = etcd_urls_of(url);
	if (urls != NULL)
		return open_etcd(zrms, urls, err);
	return store_open(stores, ARRAY_SIZE(stores), &zrms->loop, url, &zrms->store, err);
}
