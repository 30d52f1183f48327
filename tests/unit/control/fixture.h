/*
 * zrms' decision core with a store in memory: tests hand in requests and what zhosts send, one
 * batch at a time, and look at records, events and messages.
 */
#ifndef SAMOZA_TEST_CONTROL_FIXTURE_H
#define SAMOZA_TEST_CONTROL_FIXTURE_H

#include "base/vector.h"
#include "core/control/control.h"
#include "core/mesh_sum.h"

struct stored_record {
	enum record_kind kind;
	char *id;
	void *data;
	size_t size;
};

struct fixture {
	struct control *control;
	const uint64_t *mesh_sums; /* of the next hellos: MESH_PARTS; NULL: none */
	struct instant now;
	struct outbox outbox; /* of the last batch */
	VECTOR(struct stored_record) records;
	VECTOR(Samoza__V1__EventRecord *)
	events; /* committed, since fixture_init() or a clear */
	uint64_t next_request;
	unsigned packages; /* that were submitted */
	/* Of the next submissions: NULL: none; the digest of the one file of the space "web", NULL: it has none. */
	const char *version, *web_file;
	Samoza__V1__Rollout *rollout;	   /* NULL: the defaults */
	const struct principal *principal; /* of the next requests; NULL: the system itself */
	uint32_t protocol;		   /* that zhosts speak: 4 */
	/* Of the next hellos. NULL: one for each name; none. */
	const char *identity, *machine;
	const Samoza__V1__Limits *limits; /* NULL: they do not say */
	bool api_token;			  /* they give instances tokens (cluster.api) */
	bool secrets;			  /* they give instances secrets, and env and config */
	uint64_t incarnation;		  /* 0: as the fixture has it */
	const Samoza__V1__Usage *usage;	  /* of the next heartbeats; NULL: none */
};

/* An empty store. Nothing runs yet. */
void fixture_init(struct fixture *f);
void fixture_done(struct fixture *f);

/* ---- the store ---- */

/* Adds or replaces. Copies. */
void fixture_put(struct fixture *f, enum record_kind kind, const char *id, const void *data,
		 size_t size);
/* NULL when there is none. */
const struct stored_record *fixture_record(const struct fixture *f, enum record_kind kind,
					   const char *id);

/* ---- zrms ---- */

/* Starts zrms from the store. */
void fixture_start(struct fixture *f);
/* The same where the store has lost a record and more (control_load_without(), control_load_gap()). */
void fixture_start_without(struct fixture *f, enum record_kind kind, const char *id);
/* The same where it was restored from a backup of `after_ms` at `until_ms` (control_load_restored()). */
void fixture_start_restored(struct fixture *f, int64_t after_ms, int64_t until_ms);
/* Ends it; what was committed stays. */
void fixture_stop(struct fixture *f);
void fixture_restart(struct fixture *f);
/* One input, and its batch committed. The reply (borrowed until the next call; NULL without).
 */
const struct reply *fixture_handle(struct fixture *f, struct control_input *input);
/* Handles without ending the batch. */
void fixture_take(struct fixture *f, const struct control_input *input);
void fixture_flush(struct fixture *f);
/* Time passes, with a tick whenever one is due. */
void fixture_advance(struct fixture *f, int64_t ms);

/* ---- what people ask ---- */

/* `spaces`: the list of topology.yaml. Submits under that id; fails the test unless granted. */
void fixture_submit(struct fixture *f, const char *id, const char *name, const char *spaces);
/* 0 or the code of the refusal, whose text stays in outbox.replies. */
int fixture_try_submit(struct fixture *f, const char *id, const char *name, const char *spaces,
		       bool start);
int fixture_topology(struct fixture *f, const char *id, enum topology_action action);
int fixture_goal(struct fixture *f, const char *id, const char *path, const char *goal);

/* ---- what zhosts report ---- */

struct reported {
	const char *topology, *path;
	uint64_t epoch;
	Samoza__V1__Phase phase;
	const char *error;
	Samoza__V1__FailedAction failed_action; /* FAILED_NONE: not sent, as in protocol 1 */
	bool exhausted;				/* no attempts are left there */
	uint32_t failures;			/* that count there */
	const char *port;			/* that it exports; NULL: nothing */
};

/* A zhost of 4 CPUs and 8 GiB on a new link, which holds `instances`. */
void fixture_hello(struct fixture *f, const char *zhost, uint64_t link_id,
		   const struct reported *instances, size_t count);
void fixture_report(struct fixture *f, uint64_t link_id, const struct reported *instance);
/* In one frame. */
void fixture_report_all(struct fixture *f, uint64_t link_id, const struct reported *instances,
			size_t count);
void fixture_heartbeat(struct fixture *f, const char *zhost, uint64_t link_id);

/* ---- looking ---- */

/* The last message of that type to that link in the last batch; NULL when there is none. */
const ProtobufCMessage *fixture_message(const struct fixture *f, uint64_t link_id,
					Samoza__V1__FrameType type);
/* The entry of that path in the last DESIRED to that link in the last batch; NULL. */
const Samoza__V1__DesiredInstance *fixture_desired(const struct fixture *f, uint64_t link_id,
						   const char *path);
/* "stopped", and so on; the caller frees. */
char *fixture_topology_state(const struct fixture *f, const char *id);
/* "deployed-started on n1"; without a place: "not-deployed". The caller frees. */
char *fixture_space(const struct fixture *f, const char *id, const char *path);
/* Events of that kind since the last clear, one "SUBJECT: FROM -> TO" per line; the caller
 * frees. */
char *fixture_events(const struct fixture *f, const char *kind);
void fixture_clear_events(struct fixture *f);

#endif
