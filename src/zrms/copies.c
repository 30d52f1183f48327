#include "zrms/copies.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "adapter/cli/address.h"
#include "adapter/http/client.h"
#include "adapter/log/log.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "proto/view.pb-c.h"
#include "schema/json.h"
#include "schema/message.h"
#include "zrms/lead.h"
#include "zrms/standby.h"
#include "zrms/zrms.h"

#define COPY_MS	   5000
#define CONNECT_MS 3000
#define SPREAD_MS  60000 /* until the others have fetched it */
#define AGAIN_MS   500	 /* until one that could not is asked again */
#define LIST_MAX   ((size_t)64 << 20)
/* A submission may be about to need it, or a leader that is none any more had it. */
#define SPARE_MS (INT64_C(15) * 60 * 1000)

struct copies {
	struct zrms *zrms;
	struct fetches *fetches;
	struct loop_timer *timer;
	struct asked_of *asked; /* of others, and not answered */
	struct loop_timer *again;
	/* As a standby: the list of the leader that it goes by. */
	char *version;
	struct asked_of *list; /* NULL: it is not asked for now */
	uint64_t spread_total, refused_total, removed_total;
};

/* ---- the others ---- */

static const struct election_member *member_at(const struct copies *c, size_t index)
{
	size_t count = 0;
	if (c->zrms->lead == NULL) /* it ends */
		return NULL;
	const struct leader *seen = lead_seen(c->zrms->lead);
	const struct election_member *all = leader_everybody(seen, &count);
	for (size_t i = 0; i < count; i++)
		if (!str_equal(all[i].name, leader_name(seen)) && index-- == 0)
			return &all[i];
	return NULL;
}

static struct stream_transport *transport_of(void *user)
{
	const struct copies *c = user;
	return listening_transport(c->zrms->listening);
}

/* The leader first, where it is another one. */
static char *source_at(void *user, size_t index)
{
	const struct copies *c = user;
	if (c->zrms->lead == NULL)
		return NULL;
	const struct election_leader *leader = leader_known(lead_seen(c->zrms->lead));
	bool is_other = leader->fence != 0 && stands_by(c->zrms);
	if (is_other && index == 0)
		return mem_strdup(leader->member.address);
	const struct election_member *m = member_at(c, index - is_other);
	return m != NULL ? mem_strdup(m->address) : NULL;
}

static const struct fetch_sources sources = {.transport = transport_of, .at = source_at};

/* ---- what is asked of them ---- */

struct asked_of {
	struct asked_of *prev, *next;
	struct copies *copies;
	struct spread *spread; /* NULL: the list of the leader */
	char *name, *address;
	struct http_call *call; /* NULL: it is asked again later */
	int status;
	struct buffer body;
};

static void asked_free(struct asked_of *a)
{
	DL_DELETE(a->copies->asked, a);
	http_call_cancel(a->call);
	buffer_done(&a->body);
	free(a->name);
	free(a->address);
	free(a);
}

static int on_head(void *user, const struct http_response *response, struct error **err)
{
	struct asked_of *a = user;
	(void)err;
	a->status = response->status;
	return 0;
}

static int on_body(void *user, const void *data, size_t size, struct error **err)
{
	struct asked_of *a = user;
	return buffer_add(&a->body, data, size) == 0
		       ? 0
		       : error_set(err, ERR_LIMIT, "the answer is too long");
}

static bool call(struct asked_of *a, const char *method, const char *target, const char *json,
		 int64_t idle_ms, const struct http_call_handler *handler)
{
	struct cli_address at;
	struct stream_transport *transport = transport_of(a->copies);
	if (transport == NULL || cli_address_parse_any(a->address, &at, NULL) < 0)
		return false;
	const struct http_call_options options = {.method = method,
						  .target = target,
						  .to = {at.host, at.port},
						  .connect_ms = CONNECT_MS,
						  .idle_ms = idle_ms,
						  .body_max = LIST_MAX,
						  .json = json,
						  .peer_role = "zrms"};
	buffer_done(&a->body);
	a->body = BUFFER_INIT(LIST_MAX);
	a->call = http_call_new(&a->copies->zrms->loop, transport, &options, handler, a);
	return true;
}

/* NULL: it cannot be asked. */
static struct asked_of *ask(struct copies *c, const struct election_member *m,
			    const char *method, const char *target, const char *json,
			    int64_t idle_ms, const struct http_call_handler *handler)
{
	struct asked_of *a = mem_new(struct asked_of);
	a->copies = c;
	a->name = mem_strdup(m->name);
	a->address = mem_strdup(m->address);
	a->body = BUFFER_INIT(LIST_MAX);
	DL_APPEND(c->asked, a);
	if (call(a, method, target, json, idle_ms, handler))
		return a;
	asked_free(a);
	return NULL;
}

/* ---- a submission ---- */

struct spread {
	struct copies *copies;
	size_t known, needed, held, waiting;
	char *json;	      /* what they are to have */
	int64_t ends_ms;      /* nobody is asked again later than that */
	struct buffer why;    /* what the others said */
	copies_done_fn *done; /* NULL: it was told */
	void *user;
};

static void tell(struct spread *s)
{
	CLEANUP(error_freep) struct error *err = NULL;
	copies_done_fn *done = s->done;
	if (s->held < s->needed && s->held + s->waiting >= s->needed)
		return; /* it may still be */
	if (s->held < s->needed) {
		s->copies->refused_total++;
		(void)error_set(
			&err, ERR_UNAVAILABLE,
			"the package is on %zu of %zu zrms, and %zu are needed before it "
			"is accepted, so that it survives the loss of one: %s; nothing "
			"was changed, try again when they are back",
			s->held, s->known, s->needed,
			s->why.data != NULL ? s->why.data : "the others are away");
	} else {
		s->copies->spread_total++;
	}
	s->done = NULL;
	done(s->user, err);
}

static void spread_free(struct spread *s)
{
	buffer_done(&s->why);
	free(s->json);
	free(s);
}

static void spread_end(struct spread *s)
{
	if (s->done != NULL)
		tell(s);
	if (s->waiting == 0)
		spread_free(s);
}

/* It is there, and could not yet: it has just started, or fetches from one that was busy. */
static bool is_to_be_asked_again(const struct asked_of *a, const struct error *why)
{
	return why == NULL && a->status == 503 && a->spread->done != NULL &&
	       loop_now(&a->copies->zrms->loop).mono_ms + AGAIN_MS < a->spread->ends_ms;
}

static void on_held(void *user, const struct error *why)
{
	struct asked_of *a = user;
	struct spread *s = a->spread;
	bool is_held = why == NULL && (a->status == 200 || a->status == 204);
	a->call = NULL;
	if (is_to_be_asked_again(a, why)) {
		log_info("artifacts", "asked.again", LOG_S("of", a->name));
		loop_timer_at(s->copies->again,
			      loop_now(&s->copies->zrms->loop).mono_ms + AGAIN_MS);
		return;
	}
	s->waiting--;
	s->held += is_held;
	if (!is_held) {
		CLEANUP(freep)
		char *said = why == NULL ? fetch_refusal(a->status, &a->body)
					 : mem_strdup(why->message);
		(void)buffer_printf(&s->why, "%s%s: %s", s->why.size > 0 ? "; " : "", a->name,
				    said);
		log_warn("artifacts", "not.spread", LOG_S("to", a->name), LOG_S("why", said));
	}
	asked_free(a);
	spread_end(s);
}

static const struct http_call_handler held_handler = {
	.head = on_head, .body = on_body, .done = on_held};

static void on_again(void *user)
{
	struct copies *c = user;
	struct asked_of *a = NULL, *next = NULL;
	DL_FOREACH_SAFE (c->asked, a, next) {
		struct spread *s = a->spread;
		if (a->call != NULL || s == NULL ||
		    (s->done != NULL &&
		     call(a, "POST", "/v1/artifacts", s->json, SPREAD_MS, &held_handler)))
			continue;
		asked_free(a); /* it was told without this one */
		s->waiting--;
		spread_end(s);
	}
}

void copies_spread(struct copies *c, char *const *digests, size_t count, copies_done_fn *done,
		   void *user)
{
	struct spread *s = mem_new(struct spread);
	Samoza__V1__ArtifactListView list = SAMOZA__V1__ARTIFACT_LIST_VIEW__INIT;
	list.n_digests = count;
	list.digests = (char **)(uintptr_t)digests;
	CLEANUP(freep) char *json = schema_write_json(&list.base, SCHEMA_JSON_COMPACT);
	*s = (struct spread){.copies = c, .held = 1, .done = done, .user = user};
	s->json = steal_ptr(&json);
	s->ends_ms = loop_now(&c->zrms->loop).mono_ms + SPREAD_MS;
	s->why = BUFFER_INIT(4096);
	for (const struct election_member *m; (m = member_at(c, s->known)) != NULL;
	     s->known++) {
		struct asked_of *a = count > 0 ? ask(c, m, "POST", "/v1/artifacts", s->json,
						     SPREAD_MS, &held_handler)
					       : NULL;
		if (a != NULL)
			a->spread = s;
		s->waiting += a != NULL;
	}
	s->known++;
	/* Without a certificate nobody can be asked: all are on this machine, and are lost with it at once. */
	s->needed = count > 0 && c->zrms->listening != NULL ? s->known / 2 + 1 : 1;
	spread_end(s);
}

bool copies_fetch(struct copies *c, const char *digest, fetch_done_fn *done, void *user)
{
	if (c == NULL || member_at(c, 0) == NULL)
		return false;
	fetch_artifact(c->fetches, digest, done, user);
	return true;
}

/* ---- standing by ---- */

static bool has(struct artifact_store *store, const char *digest)
{
	struct artifact_reader *reader = NULL;
	bool has = artifact_get(store, digest, &reader, NULL) == 0;
	artifact_close(reader);
	return has;
}

static void on_copied(void *user, const char *digest, const struct error *why)
{
	struct copies *c = user;
	if (why == NULL)
		return;
	log_warn("artifacts", "not.copied", LOG_S("digest", digest), LOG_E(why));
	free(steal_ptr(&c->version)); /* it asks for the list again, and for this one */
}

static int compare_digests(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct sweep {
	struct copies *copies;
	const Samoza__V1__ArtifactListView *list;
	int64_t before_ms;
};

static void sweep_one(void *user, const struct artifact_info *info)
{
	struct sweep *s = user;
	const char *digest = info->digest;
	if (info->used_ms >= s->before_ms ||
	    bsearch(&digest, s->list->digests, s->list->n_digests, sizeof(char *),
		    compare_digests) != NULL)
		return;
	s->copies->removed_total += artifact_remove(s->copies->zrms->artifact_store, digest);
}

static void follow(struct copies *c, Samoza__V1__ArtifactListView *list)
{
	struct artifact_store *store = c->zrms->artifact_store;
	if (list->n_digests > 1)
		qsort(list->digests, list->n_digests, sizeof(char *), compare_digests);
	for (size_t i = 0; i < list->n_digests; i++)
		if (artifact_digest_is_valid(list->digests[i]) && !has(store, list->digests[i]))
			fetch_artifact(c->fetches, list->digests[i], on_copied, c);
	struct sweep sweep = {c, list, loop_now(&c->zrms->loop).wall_ms - SPARE_MS};
	(void)!artifact_list(store, sweep_one, &sweep, NULL);
	free(c->version);
	c->version = mem_strdup(list->version);
}

static void on_list(void *user, const struct error *why)
{
	struct asked_of *a = user;
	struct copies *c = a->copies;
	struct diagnostics findings = {0};
	ProtobufCMessage *list = NULL;
	a->call = NULL;
	c->list = NULL;
	if (why == NULL && a->status == 200 && a->body.size > 0 && stands_by(c->zrms) &&
	    schema_read_json(&samoza__v1__artifact_list_view__descriptor, NULL, a->body.data,
			     a->body.size, 0, &findings, &list, NULL) == 0)
		follow(c, (Samoza__V1__ArtifactListView *)list);
	diagnostics_done(&findings);
	schema_message_free(list);
	asked_free(a);
}

static const struct http_call_handler list_handler = {
	.head = on_head, .body = on_body, .done = on_list};

static void on_time(void *user)
{
	struct copies *c = user;
	if (!stands_by(c->zrms) || c->zrms->lead == NULL)
		return;
	const struct election_leader *leader = leader_known(lead_seen(c->zrms->lead));
	if (c->list == NULL && leader->fence != 0 && !str_is_empty(leader->member.address)) {
		CLEANUP(freep)
		char *target =
			str_printf("/v1/artifacts%s%s", c->version != NULL ? "?unless=" : "",
				   c->version != NULL ? c->version : "");
		c->list =
			ask(c, &leader->member, "GET", target, NULL, CONNECT_MS, &list_handler);
	}
	loop_timer_at(c->timer, loop_now(&c->zrms->loop).mono_ms + COPY_MS);
}

/* ---- leading ---- */

static void on_missed(void *user, const char *digest, const struct error *why)
{
	struct copies *c = user;
	if (why == NULL)
		artifact_fetched(c->zrms->artifacts, digest);
	else
		log_error("artifacts", "missing", LOG_S("digest", digest), LOG_E(why),
			  LOG_S("then", "it is asked for again when a zhost needs it"));
}

static void miss(void *user, const char *digest)
{
	struct copies *c = user;
	if (!has(c->zrms->artifact_store, digest))
		fetch_artifact(c->fetches, digest, on_missed, c);
}

void copies_lead(struct copies *c)
{
	if (c != NULL)
		artifacts_each(c->zrms->artifacts, miss, c);
}

/* ---- life ---- */

struct copies *copies_new(struct zrms *zrms)
{
	struct copies *c = mem_new(struct copies);
	c->zrms = zrms;
	c->fetches = fetches_new(&zrms->loop, zrms->artifact_store, &sources, c);
	c->timer = loop_timer_new(&zrms->loop, on_time, c);
	c->again = loop_timer_new(&zrms->loop, on_again, c);
	loop_timer_at(c->timer, loop_now(&zrms->loop).mono_ms);
	return c;
}

void copies_free(struct copies *c)
{
	if (c == NULL)
		return;
	while (c->asked != NULL) {
		struct spread *s = c->asked->spread;
		if (s != NULL && --s->waiting == 0)
			spread_free(s);
		asked_free(c->asked);
	}
	fetches_free(c->fetches);
	loop_timer_free(c->timer);
	loop_timer_free(c->again);
	free(c->version);
	free(c);
}

enum { SPREAD, REFUSED, FETCHED, FAILED };
static const struct metric metrics[] = {
	[SPREAD] = {"zrms_artifacts_spread_total", METRIC_COUNTER,
		    "Submissions whose artifacts a majority of the zrms has."},
	[REFUSED] = {"zrms_artifacts_not_spread_total", METRIC_COUNTER,
		     "Submissions that were refused because no majority could be had."},
	[FETCHED] = {"zrms_artifacts_fetched_total", METRIC_COUNTER,
		     "Artifacts that were fetched from other zrms."},
	[FAILED] = {"zrms_artifacts_not_fetched_total", METRIC_COUNTER,
		    "Artifacts that no other zrms could give."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct copies *c = part;
	struct fetch_counters fetches = fetches_counters(c->fetches);
	metric_set(to, SPREAD, c->spread_total);
	metric_set(to, REFUSED, c->refused_total);
	metric_set(to, FETCHED, fetches.fetched_total);
	metric_set(to, FAILED, fetches.failed_total);
}

const struct metric_source copies_metrics = METRIC_SOURCE(metrics, read_metrics);
