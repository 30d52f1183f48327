#include "zrms/migrate_place.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "adapter/cli/version.h"
#include "adapter/etcd/election.h"
#include "adapter/etcd/store.h"
#include "adapter/sqlite/inspect.h"
#include "adapter/sqlite/store.h"
#include "adapter/sqlite/store_schema.h"
#include "base/str.h"
#include "zrms/directory.h"
#include "zrms/store_open.h"
#include "zrms/store_start.h"

#define SQLITE "sqlite:"
#define OWN    "zrms-store-migrate" /* as the others see it */

enum {
	LEASE_MS = 10000,
	ASK_PAUSE_MS = 300,
	SILENT_MAX_MS = 30000, /* etcd does not answer */
	OWN_MAX_MS = 20000,    /* the lease of one that was killed */
	OTHER_MAX_MS = 4000,
};

static const char *directory_of(const struct migrate_place *p)
{
	return str_has_prefix(p->url, SQLITE) ? p->url + strlen(SQLITE) : NULL;
}

/* ---- etcd: who is there ---- */

struct asked {
	struct migrate_place *place;
	bool is_done;
	enum election_outcome outcome;
	char *why;
	uint64_t lease, leader_lease, fence;
	char *name, *address; /* of somebody who leads or stands by; NULL: nobody */
};

static void asked_done(struct asked *a)
{
	free(a->why);
	free(a->name);
	free(a->address);
}

static void on_answer(void *user, const struct election_answer *answer)
{
	struct asked *a = user;
	const struct election_member *there = answer->leader.fence != 0 ? &answer->leader.member
					      : answer->member_count > 0 ? &answer->members[0]
									 : NULL;
	a->outcome = answer->outcome;
	a->why = answer->error != NULL ? mem_strdup(answer->error->message) : NULL;
	a->lease = answer->lease;
	a->leader_lease = answer->leader.lease;
	a->fence = answer->leader.fence;
	a->name = there != NULL ? mem_strdup(there->name) : NULL;
	a->address = there != NULL ? mem_strdup(there->address) : NULL;
	a->is_done = true;
	loop_stop(a->place->loop);
}

enum question { OBSERVE, GRANT, CAMPAIGN, REVOKE };

static void ask_once(struct migrate_place *p, enum question question, struct asked *a)
{
	const struct election_ops *ops = p->election->ops;
	const struct election_member self = {
		.name = OWN, .address = "", .version = SAMOZA_VERSION};
	*a = (struct asked){.place = p};
	switch (question) {
	case OBSERVE:
		ops->observe(p->election, on_answer, a);
		break;
	case GRANT:
		ops->grant(p->election, LEASE_MS, on_answer, a);
		break;
	case CAMPAIGN:
		ops->campaign(p->election, p->lease, &self, on_answer, a);
		break;
	case REVOKE:
		ops->revoke(p->election, p->lease, on_answer, a);
		break;
	}
	while (!a->is_done)
		loop_run(p->loop);
}

/* Again while etcd does not answer. */
static int ask(struct migrate_place *p, enum question question, struct asked *ret,
	       struct error **err)
{
	int64_t until_ms = loop_now(p->loop).mono_ms + SILENT_MAX_MS;
	for (;;) {
		CLEANUP(asked_done) struct asked a;
		ask_once(p, question, &a);
		if (a.outcome == ELECTION_DONE) {
			*ret = a;
			a = (struct asked){0};
			return 0;
		}
		if (a.outcome == ELECTION_REFUSED || clock_now().mono_ms > until_ms)
			return error_set(err, ERR_UNAVAILABLE, "%s: %s", p->url,
					 a.why != NULL ? a.why : "no answer");
		(void)poll(NULL, 0, ASK_PAUSE_MS);
	}
}

/* Until nobody is there: who was killed holds its lease for some time. */
static int wait_for_nobody(struct migrate_place *p, struct error **err)
{
	int64_t began_ms = clock_now().mono_ms;
	for (;;) {
		CLEANUP(asked_done) struct asked a = {0};
		int r = ask(p, OBSERVE, &a, err);
		if (r < 0 || a.name == NULL)
			return r;
		bool is_own = str_equal(a.name, OWN);
		if (clock_now().mono_ms - began_ms > (is_own ? OWN_MAX_MS : OTHER_MAX_MS))
			return is_own ? error_set(err, ERR_CONFLICT,
						  "another 'zrms store migrate' uses %s",
						  p->url)
				      : error_set(err, ERR_CONFLICT,
						  "zrms %s (%s) runs on %s: stop it first; "
						  "where it was killed, its lease ends soon",
						  a.name, a.address, p->url);
		(void)poll(NULL, 0, ASK_PAUSE_MS);
	}
}

static int lead(struct migrate_place *p, struct error **err)
{
	CLEANUP(asked_done) struct asked granted = {0};
	CLEANUP(asked_done) struct asked won = {0};
	int r = ask(p, GRANT, &granted, err);
	if (r < 0)
		return r;
	p->lease = granted.lease;
	r = ask(p, CAMPAIGN, &won, err);
	if (r == 0 && won.leader_lease != p->lease)
		r = error_set(err, ERR_CONFLICT,
			      "zrms %s has just started on %s: stop it first",
			      won.name != NULL ? won.name : "?", p->url);
	if (r < 0)
		return r;
	p->fence = won.fence;
	migrate_place_hold(p);
	return 0;
}

void migrate_place_hold(const struct migrate_place *p)
{
	if (p->election == NULL || p->fence == 0)
		return;
	p->election->ops->hold(p->election, 0);
	p->election->ops->hold(p->election, p->lease);
}

int migrate_place_claim(struct migrate_place *p, bool only_looks, struct error **err)
{
	CLEANUP(etcd_servers_done) struct etcd_servers servers = {0};
	const char *urls = etcd_urls_of(p->url);
	if (urls == NULL)
		return 0;
	etcd_servers_of(p->settings, urls, &servers);
	int r = etcd_election_new(p->loop, &servers, NULL, &p->election, err);
	if (r == 0)
		r = wait_for_nobody(p, err);
	return r == 0 && !only_looks ? lead(p, err) : r;
}

/* ---- opening ---- */

static void on_closed(void *user)
{
	struct migrate_place *p = user;
	p->store = NULL;
	loop_stop(p->loop);
}

static void store_close(struct migrate_place *p)
{
	if (p->store == NULL)
		return;
	p->store->ops->close(p->store, on_closed, p);
	while (p->store != NULL)
		loop_run(p->loop);
}

static void on_finding(void *user, const struct store_finding *finding)
{
	char **text = user;
	if (*text == NULL)
		*text = store_finding_text(finding);
}

static int on_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	(void)user, (void)kind, (void)id, (void)data, (void)size, (void)err;
	return 0;
}

static int in_use(int code, struct error **err)
{
	return code == ERR_CONFLICT ? error_wrap(err, "zrms runs on it; stop zrms first")
				    : code;
}

static int refuse_damaged(const char *url, const char *what, struct error **err)
{
	return error_set(err, ERR_INVALID,
			 "%s is damaged: %s; look at it with 'zrms check', and start zrms on "
			 "it once with --accept-loss, or restore a backup",
			 url, what);
}

/* Everything, before it is opened, which would change a file of an earlier version. */
static int sqlite_check(const struct migrate_place *p, const char *path, struct error **err)
{
	struct store_inventory inventory;
	CLEANUP(freep) char *damage = NULL;
	int r = sqlite_store_check(path, on_finding, on_record, &damage, &inventory, err);
	if (r < 0)
		return in_use(r, err);
	if (inventory.version > 0 && inventory.version < STORE_VERSION_AUDIT)
		return error_set(err, ERR_UNSUPPORTED,
				 "%s was written by an earlier version: start this version of "
				 "zrms on it once",
				 p->url);
	return damage != NULL ? refuse_damaged(p->url, damage, err) : 0;
}

static int sqlite_open(struct migrate_place *p, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/zrms.db", directory_of(p));
	int r = migrate_place_is_new(p) ? 0 : sqlite_check(p, path, err);
	if (r == 0)
		r = in_use(sqlite_store_open(p->loop, path, &p->store, err), err);
	return r;
}

static int etcd_open(struct migrate_place *p, struct error **err)
{
	CLEANUP(etcd_servers_done) struct etcd_servers servers = {0};
	CLEANUP(freep) char *damage = NULL;
	etcd_servers_of(p->settings, etcd_urls_of(p->url), &servers);
	const struct etcd_store_options options = {.servers = servers,
						   .fence = p->fence,
						   .patience = {.ms = SILENT_MAX_MS},
						   .events_kept = p->settings->store_events};
	int r = etcd_store_open(p->loop, &options, &p->store, err);
	if (r == 0)
		r = p->store->ops->inspect(p->store, on_finding, &damage, err);
	return r == 0 && damage != NULL ? refuse_damaged(p->url, damage, err) : r;
}

int migrate_place_open(struct migrate_place *p, struct error **err)
{
	store_close(p);
	return etcd_urls_of(p->url) != NULL ? etcd_open(p, err) : sqlite_open(p, err);
}

/* ---- life ---- */

bool migrate_place_is_new(const struct migrate_place *p)
{
	const char *directory = directory_of(p);
	if (directory == NULL)
		return false;
	CLEANUP(freep) char *path = str_printf("%s/zrms.db", directory);
	return access(path, F_OK) < 0 && errno == ENOENT;
}

int migrate_place_init(struct migrate_place *p, struct loop *loop,
		       const struct settings *settings, const char *url, bool must_be_there,
		       struct error **err)
{
	*p = (struct migrate_place){.settings = settings, .loop = loop};
	if (etcd_urls_of(url) != NULL) {
		p->url = mem_strdup(url);
		return 0;
	}
	if (!str_has_prefix(url, SQLITE) || str_is_empty(url + strlen(SQLITE)))
		return error_set(err, ERR_INVALID,
				 "unknown store '%s': expected sqlite:DIR or "
				 "etcd:https://HOST:PORT,…",
				 url);
	CLEANUP(freep) char *directory = realpath(url + strlen(SQLITE), NULL);
	if (directory == NULL)
		return error_errno(err, "cannot use the directory %s", url + strlen(SQLITE));
	p->url = str_printf(SQLITE "%s", directory);
	if (must_be_there && migrate_place_is_new(p))
		return error_set(err, ERR_NOT_FOUND, "there is no store in %s", directory);
	return 0;
}

static void on_election_closed(void *user)
{
	struct migrate_place *p = user;
	p->election = NULL;
	loop_stop(p->loop);
}

void migrate_place_done(struct migrate_place *p)
{
	store_close(p);
	if (p->election != NULL && p->lease != 0) {
		CLEANUP(asked_done) struct asked a;
		p->election->ops->hold(p->election, 0);
		ask_once(p, REVOKE, &a); /* otherwise it ends by itself */
	}
	if (p->election != NULL)
		p->election->ops->close(p->election, on_election_closed, p);
	while (p->election != NULL)
		loop_run(p->loop);
	free(p->url);
	*p = (struct migrate_place){0};
}
