#include "zrms/store_open.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/cli/version.h"
#include "adapter/etcd/election.h"
#include "adapter/etcd/store.h"
#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "adapter/sqlite/store.h"
#include "base/str.h"
#include "port/scheme.h"
#include "zrms/lead.h"
#include "zrms/own_identity.h"

#define ETCD "etcd:"

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

/* ---- its place among the others ---- */

static void on_leads(void *user)
{
	struct zrms *zrms = user;
	loop_stop(&zrms->loop); /* win() goes on */
}

static void on_promises(void *user, int64_t until_ms)
{
	const struct zrms *zrms = user;
	if (zrms->control != NULL)
		control_set_promise(zrms->control, until_ms);
}

static void on_yields(void *user)
{
	struct zrms *zrms = user;
	zrms->yield(zrms);
}

static void on_ends(void *user, const char *why)
{
	const struct zrms *zrms = user;
	log_error("leader", "lost", LOG_U("term", lead_term(zrms->lead)), LOG_S("why", why),
		  LOG_S("then", "exiting: another zrms leads, or may lead; no acknowledged "
				"change is lost"));
	_exit(1);
}

static const struct lead_listener lead_listener = {
	.leads = on_leads, .promises = on_promises, .yields = on_yields, .ends = on_ends};

/* Where others reach it: under what its certificate says first, but for loopback. The caller frees. */
static char *address_of(const struct zrms *zrms)
{
	const struct settings *s = &zrms->settings;
	struct cli_address at = cli_address_is_loopback(&s->listen) ? s->local : s->listen;
	for (size_t i = 0; !cli_address_is_loopback(&at) && i < zrms->cluster->n_advertise;
	     i++) {
		struct cli_address said = {.port = at.port};
		int n = snprintf(said.host, sizeof(said.host), "%s",
				 zrms->cluster->advertise[i]);
		if (n < 0 || (size_t)n >= sizeof(said.host) || cli_address_is_loopback(&said) ||
		    str_equal(said.host, "localhost"))
			continue;
		return cli_address_text(&said);
	}
	return cli_address_text(&at);
}

/* HOST-PORT, where nothing is said. The caller frees. */
static char *name_of(const struct settings *s)
{
	char host[256] = "zrms";
	if (!str_is_empty(s->name))
		return mem_strdup(s->name);
	(void)gethostname(host, sizeof(host) - 1);
	return str_printf("%s-%u", host, s->listen.port);
}

static int win(struct zrms *zrms, const struct etcd_servers *servers, struct error **err)
{
	struct election *election = NULL;
	CLEANUP(freep) char *name = name_of(&zrms->settings);
	CLEANUP(freep) char *address = address_of(zrms);
	const struct leader_config config = {.name = name,
					     .address = address,
					     .version = SAMOZA_VERSION,
					     .lease_ms = zrms->settings.lease_ms};
	int r = etcd_election_new(&zrms->loop, servers, &election, err);
	if (r < 0)
		return r;
	zrms->lead = lead_new(&zrms->loop, election, &config, &lead_listener, zrms);
	while (lead_fence(zrms->lead) == 0)
		loop_run(&zrms->loop);
	return 0;
}

static int open_etcd(struct zrms *zrms, const char *urls, struct error **err)
{
	struct etcd_store_options options = {0};
	CLEANUP(etcd_servers_done) struct etcd_servers servers = {0};
	etcd_servers_of(&zrms->settings, urls, &servers);
	int r = win(zrms, &servers, err);
	if (r < 0)
		return r;
	options.servers = servers;
	options.fence = lead_fence(zrms->lead);
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
