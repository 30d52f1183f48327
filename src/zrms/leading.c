#include "zrms/leading.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/cli/version.h"
#include "adapter/etcd/election.h"
#include "adapter/log/log.h"
#include "base/str.h"
#include "zrms/again.h"
#include "zrms/certain.h"
#include "zrms/cluster_file.h"
#include "zrms/lead.h"
#include "zrms/member_identity.h"
#include "zrms/own_history.h"
#include "zrms/reach.h"
#include "zrms/read_ahead.h"
#include "zrms/standby.h"
#include "zrms/state_open.h"
#include "zrms/store_open.h"

/* ---- its place among the others ---- */

static void on_leads(void *user)
{
	struct zrms *zrms = user;
	loop_stop(&zrms->loop); /* leading_wait() goes on */
}

static void on_promises(void *user, int64_t until_ms)
{
	const struct zrms *zrms = user;
	if (zrms->control != NULL)
		control_set_promise(zrms->control, until_ms);
	certain_promised(zrms->certain);
}

static void on_yields(void *user)
{
	struct zrms *zrms = user;
	zrms->yield(zrms);
}

static void on_ends(void *user, const char *why)
{
	const struct zrms *zrms = user;
	if (lead_fence(zrms->lead) == 0) {
		log_error("leader", "refused", LOG_S("why", why), LOG_S("then", "exiting"));
		_exit(1);
	}
	log_error("leader", "lost", LOG_U("term", lead_term(zrms->lead)), LOG_S("why", why),
		  LOG_S("then", "standing by again: another zrms leads, or may lead; no "
				"acknowledged change is lost"));
	again(zrms);
}

static const struct lead_listener lead_listener = {
	.leads = on_leads, .promises = on_promises, .yields = on_yields, .ends = on_ends};

/* Where others reach it: under what of its certificate is this machine's, or what that says first, but for loopback. The
 * caller frees. */
static char *address_of(const struct zrms *zrms)
{
	const struct settings *s = &zrms->settings;
	struct cli_address at = cli_address_is_loopback(&s->listen) ? s->local : s->listen;
	const char *own = cli_address_is_loopback(&s->listen)
				  ? NULL
				  : cluster_file_own(zrms->cluster, &s->listen);
	if (own != NULL && strlen(own) < sizeof(at.host)) {
		(void)snprintf(at.host, sizeof(at.host), "%s", own);
		return cli_address_text(&at);
	}
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

static int stand_by(struct zrms *zrms, const struct etcd_servers *servers, struct error **err)
{
	struct election *election = NULL;
	CLEANUP(freep) char *witness = etcd_witness_of(&zrms->settings);
	zrms->standby = standby_new(zrms);
	zrms->certain = certain_new(zrms);
	int r = access_local_admin_open(&zrms->access, zrms->settings.dir, err);
	if (r == 0)
		r = artifact_store_open(zrms, err);
	if (r == 0)
		r = reach_stand_by(zrms, err);
	if (r == 0)
		r = read_ahead_new(zrms, servers, &zrms->read_ahead, err);
	if (r == 0)
		r = etcd_election_new(&zrms->loop, servers, witness, &election, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *name = name_of(&zrms->settings);
	CLEANUP(freep) char *address = address_of(zrms);
	char admin[2 * CREDENTIAL_HASH_SIZE + 1];
	(void)sodium_bin2hex(admin, sizeof(admin), zrms->access.local_admin_hash,
			     CREDENTIAL_HASH_SIZE);
	const struct leader_config config = {.name = name,
					     .admin = admin,
					     .address = address,
					     .version = SAMOZA_VERSION,
					     .lease_ms = zrms->settings.lease_ms};
	zrms->lead = lead_new(&zrms->loop, election, &config, &lead_listener, zrms);
	zrms->copies = copies_new(zrms);
	zrms->own_history = own_history_new(zrms, servers);
	zrms->member_identity = member_identity_new(zrms);
	log_info("leader", "stands.by", LOG_S("name", name), LOG_S("address", address));
	return 0;
}

int leading_wait(struct zrms *zrms, struct error **err)
{
	CLEANUP(freep) char *url = store_url_of(&zrms->settings);
	CLEANUP(etcd_servers_done) struct etcd_servers servers = {0};
	const char *urls = etcd_urls_of(url);
	if (urls == NULL)
		return 0;
	etcd_servers_of(&zrms->settings, urls, &servers);
	int r = stand_by(zrms, &servers, err);
	if (r < 0)
		return r;
	service_ready(zrms->service);
	while (lead_fence(zrms->lead) == 0)
		loop_run(&zrms->loop);
	return 0;
}
