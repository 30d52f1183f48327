/*
 * What zrms decides: topologies, instances, zhosts, heartbeats, recovery.
 *
 * One function takes an input and writes its consequences into an outbox; nothing here does
 * I/O, reads a clock or draws a random number. The caller's loop is the contract:
 *
 *     take the inputs that wait ── control_handle() for each ──► control_flush()
 *                                                                    │
 *         records and events: ONE durable commit ◄───────────────────┘
 *                  │ then, and only then
 *                  ▼
 *         messages to zhosts, replies to clients, events to subscribers
 *
 * so that nothing is promised that a crash can take back. After a crash, control_load() takes
 * the records of the last commit, and control_start() continues from there.
 *
 * Ownership: inputs are borrowed for the call; what the outbox holds belongs to the outbox.
 * Links are numbers that the caller draws, one per connection, never used again.
 */
#ifndef SAMOZA_CORE_CONTROL_CONTROL_H
#define SAMOZA_CORE_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/metrics.h"
#include "base/vector.h"
#include "core/access/credentials.h"
#include "core/access/identity.h"
#include "core/access/secrets.h"
#include "core/access/signing_keys.h"
#include "core/control/state/config.h"
#include "core/control/state/input.h"
#include "core/instant.h"
#include "core/outbox.h"
#include "model/parameter/values.h"
#include "proto/view.pb-c.h"

struct control;
struct control_tap; /* state/tap.h */

/* ---- a life: new, load every record, start, handle inputs, free ---- */

/* `cluster`: identity used when the store holds none yet (a uuid that the caller drew). */
struct control *control_new(const struct control_config *config, const char *cluster);
void control_free(struct control *control);
/* From now on `tap` is told of everything that the core is told; PRE: it was told of nothing yet. Borrowed. */
void control_set_tap(struct control *control, const struct control_tap *tap, void *user);

/* Takes one record of the store: kind and bytes as the outbox once wrote them. Any order of
 * kinds is fine: control_start() ties them together. ERR_INVALID for what cannot be read. */
int control_load(struct control *control, enum record_kind kind, const void *data, size_t size,
		 struct error **err) must_check;

/* What records of that kind are. NULL: this version knows no such kind, and control_load() takes none. */
const ProtobufCMessageDescriptor *control_record_type(enum record_kind kind);

/* After the last record: the store is of an earlier format, and the first flush converts it. A copy of
 * it is to be made before. */
bool control_is_to_convert(const struct control *control);

/* After the last record: goes on without a record that was damaged. What belongs to an application
 * takes the whole application with it: its zhosts then unload what they hold of it. ERR_INVALID: there
 * is no sound way to continue without it. */
int control_load_without(struct control *control, enum record_kind kind, const char *id,
			 struct error **err) must_check;
/* After the last record: changes were lost that had been acknowledged. Epochs and numbers of events
 * that may have been used are not used again. */
void control_load_gap(struct control *control);

/* Of several zrms, the one that has won: its term (port/election.h), before control_start(). Without it,
 * each start begins the next term. It is durable before anything is sent. */
void control_set_term(struct control *control, uint64_t elected);
uint64_t control_term(const struct control *control);
/* Heartbeats that are handled before `mono_ms` are acknowledged, others are not: what the lease of a leader
 * allows (core/leader). NEVER_MS, as at first: all are. */
void control_set_promise(struct control *control, int64_t mono_ms);
/* After the last record: the store is that of a backup of `after_ms`, restored at `until_ms`; wall clock. Certificates of zhosts
 * that were issued between them are taken (core/access/identity.h). */
void control_load_restored(struct control *control, int64_t after_ms, int64_t until_ms);

/* After the last record. Silence of zhosts is counted from `now`. */
int control_start(struct control *control, struct instant now, struct outbox *outbox,
		  struct error **err) must_check;

/* ---- inputs ---- */

void control_handle(struct control *control, struct instant now,
		    const struct control_input *input, struct outbox *outbox);

/* Ends a batch: decides what the inputs left to decide (placement, rules), and writes every
 * changed record once, with its final value. */
void control_flush(struct control *control, struct instant now, struct outbox *outbox);

/* When the next CONTROL_TICK is due, on the monotonic clock; NEVER_MS: no timer. */
int64_t control_next_ms(const struct control *control);
/* Something waits for that time, or an earlier one, and not only for zhosts to be looked at once more. */
bool control_is_due(const struct control *control, int64_t mono_ms);

/* ---- reading (no change, no outbox) ---- */

/* The number of the newest event; 0: there was none. */
uint64_t control_newest_event(const struct control *c);

/* Shorter prefixes of ids are rather mistyped, and what they mean changes with every submission. */
#define CONTROL_ID_PREFIX_MIN 4

/* ID (also an older one), unambiguous prefix of one, or name. Returns the full id, borrowed until the
 * next input; ERR_NOT_FOUND, ERR_CONFLICT (ambiguous). What `reader` may not see is not found; NULL: it
 * sees all.
 */
int control_resolve(const struct control *control, const struct principal *reader,
		    const char *text, const char **ret_id, struct error **err) must_check;
/* Whether this is the name of a topology that `reader` may not see. */
bool control_hides(const struct control *control, const struct principal *reader,
		   const char *name);

/* Adds the values that a further submission of this name keeps, those of what runs or is being led to, to `to` (may be
 * NULL), and returns what it then says that it took to be kept (control_submit.kept). The caller frees. */
char *control_kept_values(const struct control *control, const char *name, struct values *to);

/* Views are the caller's: free with samoza__v1__…__free_unpacked(view, NULL).
 * ERR_NOT_FOUND names what there is not. `now` is for times in sentences. */
int control_view_topology(const struct control *control, const char *id,
			  Samoza__V1__TopologyView **ret_view, struct error **err) must_check;
int control_view_revisions(const struct control *control, const char *id,
			   Samoza__V1__RevisionListView **ret_view,
			   struct error **err) must_check;
/* What it says. */
int control_view_revision(const struct control *control, const char *id, uint32_t number,
			  Samoza__V1__RevisionContentView **ret_view,
			  struct error **err) must_check;
int control_view_space(const struct control *control, const char *id, const char *path,
		       Samoza__V1__SpaceView **ret_view, struct error **err) must_check;
int control_view_zhost(const struct control *control, const char *name,
		       Samoza__V1__ZhostView **ret_view, struct error **err) must_check;
Samoza__V1__ClusterView *control_view_cluster(const struct control *control);
/* The newest; state "none" where there was none. */
Samoza__V1__RebalanceView *control_view_rebalance(const struct control *control);
int control_view_explain(
	const struct control *control, const char *id, const char *path, /* NULL: all */
	bool each, /* zhosts one by one; otherwise those of the same verdict together */
	Samoza__V1__ExplainView **ret_view, struct error **err) must_check;

Samoza__V1__UserListView *control_view_users(const struct control *control);
int control_view_user(const struct control *control, const char *name,
		      Samoza__V1__UserView **ret_view, struct error **err) must_check;
/* Who has shown the secret with that hash, at that time; borrowed until the next input. NULL: nobody. */
const struct principal *control_principal(const struct control *control,
					  const uint8_t hash[CREDENTIAL_HASH_SIZE],
					  int64_t wall_ms);

/* The code or session whose secret has that hash, at that time; borrowed until the next input. NULL: it is over, or
 * was never there, or is not for `page` ("shop/web"; NULL: zrms itself). It is as good as its credential. */
const Samoza__V1__SignInRecord *control_sign_in(const struct control *control,
						const uint8_t hash[CREDENTIAL_HASH_SIZE],
						bool is_code, const char *page,
						int64_t wall_ms);
Samoza__V1__SessionListView *control_view_sessions(const struct control *control,
						   int64_t wall_ms);
/* Its id; borrowed. */
const char *control_cluster(const struct control *control);

Samoza__V1__JoinTokenListView *control_view_join_tokens(const struct control *control);
int control_view_join_token(const struct control *control, const char *id,
			    Samoza__V1__JoinTokenView **ret_view,
			    struct error **err) must_check;
/* ---- notices (core/notice) ---- */

/* A target that no settings name any more is kept for so long. */
#define CONTROL_NOTICE_ABSENT_MS (INT64_C(60) * 60 * 1000)
/* How far the notices to that target have got, in memory; NULL: there is none. Borrowed until the next input. */
const Samoza__V1__NoticeTargetRecord *control_notice_target(const struct control *control,
							    const char *name);
/* How many targets are kept that the settings do not name: CONTROL_NOTICE_TARGETS is to be given once more. */
size_t control_notice_targets_absent(const struct control *control);
/* Whether a backup of `newest_ms` (0: there is none) is old, where one is after `limit_ms` (0: never); wall clock. */
bool control_backup_is_old(const struct control *control, int64_t newest_ms, int64_t limit_ms,
			   int64_t wall_ms);
/* Whether CONTROL_BACKUP_AGE with these would change anything. */
bool control_backup_age_is_new(const struct control *control, int64_t newest_ms,
			       int64_t limit_ms, int64_t wall_ms);

/* Keys that sign packages; for each, `key` is the 32 bytes in hexadecimal digits. */
Samoza__V1__SigningKeyListView *control_view_signing_keys(const struct control *control);
/* Secrets of topologies that `p` sees (NULL: all), by name; never what they say. `name` NULL: all, else at most that one. */
Samoza__V1__SecretListView *control_view_secrets(const struct control *control,
						 const struct principal *p, const char *name);
/* All of them; borrowed until the next input. */
const struct secrets *control_secrets(const struct control *control);
/* What the core knows of them; borrowed until the next input. */
const struct signing_keys *control_signing_keys(const struct control *control);
/* Of the zhost of that name, or NULL: none has joined, or it was removed. Borrowed until the next input. */
const Samoza__V1__IdentityRecord *control_identity(const struct control *control,
						   const char *name);
/* Whom the cluster believes, in memory; NULL: it was never rotated. Borrowed until the next input. */
const Samoza__V1__AuthoritiesRecord *control_authorities(const struct control *control);
/* `first`: the one of a cluster that was never rotated; NULL: it has none. */
Samoza__V1__AuthorityListView *
control_view_authorities(const struct control *control,
			 const Samoza__V1__AuthorityRecord *first);
/* Whether that name is proved by that key (core/access/identity.h). */
bool control_admits(const struct control *control, const char *name,
		    const uint8_t key[IDENTITY_KEY_SIZE]);
/* Whether that zhost is to be let in by a certificate that a restored store may have forgotten: then its HELLO or its renewal
 * decides. */
bool control_may_have_forgotten(const struct control *control, const char *name,
				int64_t issued_wall_ms, int64_t wall_ms);
/* Whether `principal` has had something carried out under that Idempotency-Key: CONTROL_REPEAT answers it again. */
bool control_has_answered(const struct control *control, const char *principal, const char *key,
			  int64_t wall_ms);
/* Whether it is to be noted that somebody has shown that secret (CREDENTIAL_USED). */
bool control_use_is_new(const struct control *control, const uint8_t hash[CREDENTIAL_HASH_SIZE],
			int64_t wall_ms);

enum control_list {
	CONTROL_LIST_TOPOLOGIES, /* TopologySummaryView, the oldest first */
	CONTROL_LIST_SPACES,	 /* SpaceView, topology by topology, as declared */
	CONTROL_LIST_MESH,	 /* MeshSpaceView: the started ones of them */
	CONTROL_LIST_ZHOSTS,	 /* ZhostView, by name */
	CONTROL_LIST_COUNTS,	 /* SummaryTopologyView, the oldest first */
};
/* How far a list was read: {0} at its beginning. What comes or goes meanwhile is in the rest of the list
 * or not; nothing else is left out. */
struct list_position {
	uint64_t sequence; /* of the topology: its age */
	uint32_t instance;
	char *name; /* of the zhost; of topologies: the id */
};
void list_position_done(struct list_position *position);
/* As text for a client that asks for one page after the other: "12.300"; the caller frees. */
char *list_position_text(const struct list_position *position);
/* -1: it is none of this list. `ret` needs list_position_done(). */
int list_position_parse(enum control_list list, const char *text,
			struct list_position *ret) must_check;
/* What of a list is asked for (list_filter.h); {0}: all of it. */
struct list_filter_label {
	char *name, *value;
};
struct list_filter {
	/* Who reads: what it may not see is not there. NULL: all is. Borrowed. */
	const struct principal *reader;
	uint32_t states;	  /* a bit for each that is asked for; 0: any */
	uint32_t topology_states; /* of instances: the same of their topologies */
	char *zhost;		  /* NULL: any; so are the following */
	char *named;		  /* of topologies: what names them */
	char *prefix;		  /* of the name; of a topology also of an id */
	char *path;		  /* of instances */
	VECTOR(struct list_filter_label) labels;
};
/* The next views of a list, at most `max`, and where it goes on; fewer: that was the end. They are the
 * caller's. `id`: spaces of this topology only (none where it is gone); NULL: all. `filter`: NULL: all.
 */
size_t control_list_next(const struct control *control, enum control_list list, const char *id,
			 const struct list_filter *filter, struct list_position *position,
			 ProtobufCMessage **views, size_t max);

/* Whole lists, where they are known to be short. */
Samoza__V1__TopologyListView *control_view_topologies(const struct control *control);
Samoza__V1__SpaceListView *control_view_spaces(const struct control *control,
					       const char *id /* NULL: all */);
Samoza__V1__ZhostListView *control_view_zhosts(const struct control *control);

/* The hub: the link that reaches `zhost`, 0 when it has none. */
uint64_t control_link_of(const struct control *control, const char *zhost);
/* As long as it stays the same, so does the link of every zhost. */
uint64_t control_link_changes(const struct control *control);
/* What zhosts have said of copies that are not theirs, or not any more: it changed nothing [machines.identity.itself]. */
struct control_link_refusals {
	uint64_t reports, data;
};
/* How many were decided in this life. */
uint64_t control_placements(const struct control *c);
struct control_link_refusals control_link_refusals(const struct control *control);
/* Whether an instance is placed on that zhost, or still there, that needs the artifact, or it is of a page
 * [machines.identity.itself]. */
bool control_zhost_needs(const struct control *control, const char *zhost, const char *digest);
/* The zhost that has its log: where it is, or was last; borrowed. NULL: there is none. */
const char *control_zhost_of_log(const struct control *c, const char *id, const char *path);
/* The id of the record of the revision to which a rollback would lead (`to` 0: the completed one before). NULL: there is
 * none. The caller frees. */
char *control_rollback_record(const struct control *control, const char *id, uint32_t to,
			      uint32_t *ret_number);
/* Which zhost holds an instance, or held it last: for logs. 0, or ERR_NOT_FOUND /
 * ERR_UNAVAILABLE. */
int control_link_of_instance(const struct control *control, const char *id, const char *path,
			     uint64_t *ret_link, struct error **err) must_check;
/* Where the logs of all instances of a topology are: of each copy the zhost that holds it, of an instance without one that which
 * held it last. */
struct control_log_place {
	const char *path, *zhost; /* borrowed until the next input */
	uint64_t link_id;	  /* 0: it cannot be reached */
	uint64_t epoch;		  /* of the copy; 0: it is there no longer */
};
typedef void control_log_place_fn(void *user, const struct control_log_place *place);
/* False: there is no topology with that id. */
bool control_log_places(const struct control *control, const char *id,
			control_log_place_fn *each, void *user);
/* The link of a zhost. ERR_NOT_FOUND: there is no such zhost; ERR_UNAVAILABLE: it has no link now. */
int control_link_of_zhost(const struct control *c, const char *name, uint64_t *ret_link,
			  struct error **err) must_check;

/* Where a command is run in an instance: the copy that serves, and its zhost's link. Borrowed until the
 * next input. ERR_NOT_FOUND, ERR_UNSUPPORTED (it runs no programs), ERR_CONFLICT (it is not started),
 * ERR_UNAVAILABLE (its zhost has no link now; *ret is filled all the same, with link 0: it may be
 * between two links). */
struct control_exec {
	const char *topology, *path;
	uint64_t epoch;
	const char *zhost;
	uint64_t link_id;
};
int control_exec_find(const struct control *c, const char *id, const char *path,
		      struct control_exec *ret, struct error **err) must_check;

extern const struct metric_source control_metrics; /* of struct control */

/* ---- what a simulator asks, to know when all is idle [scenario.meaning.settle] ---- */

/* A grace, margin, recovery or placement is still waiting for its time. Appends what, for
 * people. */
bool control_is_busy(const struct control *control, struct instant now, char **ret_what);

#endif
