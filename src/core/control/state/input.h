/*
 * Inputs of zrms' decision core: requests of people, messages of zhosts, time.
 */
#ifndef SAMOZA_CORE_CONTROL_INPUT_H
#define SAMOZA_CORE_CONTROL_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/application/submission_effect.h"
#include "proto/record.pb-c.h"
#include "proto/wire.pb-c.h"

struct join_request; /* core/access/join.h */
struct principal;    /* core/access/access.h */
struct topology;     /* model/topology.h */

enum control_input_type {
	CONTROL_SUBMIT,
	CONTROL_TOPOLOGY,    /* start, stop, recover, remove, grouped operations */
	CONTROL_GOAL,	     /* of one instance */
	CONTROL_MOVE,	     /* spaces move: of one unit */
	CONTROL_EXEC,	     /* a command is run in an instance: an event */
	CONTROL_ROLLOUT,     /* topo promote, abort, pause, resume */
	CONTROL_ROLLBACK,    /* topo rollback */
	CONTROL_SCALE,	     /* topo scale */
	CONTROL_REBALANCE,   /* cluster rebalance */
	CONTROL_ZHOST,	     /* cordon, uncordon, remove */
	CONTROL_CREDENTIAL,  /* made, replaced, removed */
	CONTROL_SIGN_IN,     /* codes and sessions of people: made, ended */
	CONTROL_TOKEN,	     /* of those with which machines join: made, removed */
	CONTROL_AUTHORITY,   /* of the cluster: rotated */
	CONTROL_SIGNING_KEY, /* that packages are signed with: added, removed, found in files */
	CONTROL_SECRET,	     /* that spaces get: set, removed, sealed with another key */
	CONTROL_BACKUP,	     /* all records are handed out: changes nothing, for the audit */
	CONTROL_ZRMS_FORGET, /* one that is gone for good: changes nothing here either */
	CONTROL_LEADER_MOVE, /* another zrms is to lead: changes nothing here, for the audit */
	CONTROL_NOTICE_TEST, /* a notice is sent as a test: the same */
	CONTROL_JOIN,	     /* a machine joins with a token */
	CONTROL_RENEW,	     /* a zhost gets a certificate for another key */
	CONTROL_HELLO,	     /* a zhost on a new link */
	CONTROL_REPORT,
	CONTROL_HEARTBEAT,
	CONTROL_HELLO_ANSWERED, /* that it is taken was handed to the link, once it was durable (control_frame_sent()) */
	CONTROL_CLOSED,	   /* a link is gone */
	CONTROL_DATA,	   /* data.* of a space with cluster storage: fenced, then a record */
	CONTROL_DATA_FULL, /* a write of a space was refused: its quota is used up */
	CONTROL_FORGOTTEN, /* a zhost has deleted local data */
	CONTROL_MESH_APPLIED,	/* a zhost goes by a mesh table */
	CONTROL_API_TOKEN,	/* with which an instance on a zhost asks zrms */
	CONTROL_MACHINE,	/* a zhost is made by a driver, or destroyed */
	CONTROL_DRIVER,		/* what a call of a driver came to */
	CONTROL_NOTICE_TARGETS, /* whom the settings name */
	CONTROL_NOTICE_SENT,	/* to a target, or given up */
	CONTROL_BACKUP_AGE,	/* how old the newest backup is has changed */
	CONTROL_REPEAT, /* the answer to a request that was carried out under a key is asked for again */
	CONTROL_REFUSED, /* a change was refused before the core was asked: for the audit */
	CONTROL_TICK,	 /* control_next_ms() has come */
};

enum topology_action {
	TOPOLOGY_START,	  /* topo start: deploy-all, placed again */
	TOPOLOGY_STOP,	  /* topo stop */
	TOPOLOGY_RECOVER, /* topo recover: exclusions and attempts are forgotten */
	TOPOLOGY_REMOVE,  /* topo rm [--data] */
	TOPOLOGY_DEPLOY_ALL,
	TOPOLOGY_START_ALL,
	TOPOLOGY_STOP_ALL,
	TOPOLOGY_UNDEPLOY_ALL,
};

enum zhost_action {
	ZHOST_CORDON,
	ZHOST_UNCORDON,
	ZHOST_REMOVE,
	ZHOST_DRAIN,
};

enum credential_action {
	CREDENTIAL_CREATE, /* of a zhost: or another one in its place */
	CREDENTIAL_ROTATE, /* another secret for who is known */
	CREDENTIAL_REMOVE,
	CREDENTIAL_USED, /* somebody has shown it; of the system itself */
};

enum sign_in_action {
	SIGN_IN_CODE,	    /* a code is made with a credential */
	SIGN_IN_CREDENTIAL, /* a session, with a credential */
	SIGN_IN_WITH_CODE,  /* a session, with a code, which is used */
	SIGN_IN_OUT,	    /* a session ends: who has it asks */
	SIGN_IN_END,	    /* a session ends: an administrator asks */
};

enum token_action {
	TOKEN_CREATE,
	TOKEN_REMOVE,
};

enum signing_key_action {
	SIGNING_KEY_ADD,
	SIGNING_KEY_REMOVE,
	SIGNING_KEY_FILES, /* these are in files of zrms now; of the system itself */
};

enum secret_action {
	SECRET_SET,    /* another version, or the first one */
	SECRET_REMOVE, /* both versions; processes that have it keep it */
	SECRET_RESEAL, /* the same values, sealed with another key */
};

enum machine_action {
	MACHINE_CREATE, /* also: is tried again */
	MACHINE_DESTROY,
};

/* What a driver said of the machine. */
enum driver_state {
	DRIVER_FAILED, /* or nothing that can be understood, or not in time: `error` */
	DRIVER_READY,
	DRIVER_CHANGING, /* it is at work; to be asked again */
	DRIVER_ABSENT,
};

enum authority_action {
	AUTHORITY_BEGIN,  /* of a rotation */
	AUTHORITY_FINISH, /* waits for fewer zhosts */
	AUTHORITY_ABORT,
	AUTHORITY_STORE, /* what zrms has seen of the servers of the store: nobody asks for it */
};

/* What the certificate says with which a key was proved; wall clock. 0: not known. */
struct control_certified {
	int64_t issued_ms, expires_ms;
};

struct control_submit {
	const char
		*id; /* uuid that the caller drew: of the application, where the name is new */
	struct topology *topology; /* compiled; the core takes a reference of its own */
	/* What is kept: source message, version, publisher, digests. Application, number, time and
	 * who are filled in by the core. */
	const Samoza__V1__RevisionRecord *record;
	struct submission_options options;
	/* The values that the application had when the record was made, and that it keeps
	 * (revision_values_text()): with others it is refused as stale. NULL: it keeps none. */
	const char *kept;
};

/* All borrowed. */
struct control_sign_in {
	enum sign_in_action action;
	/* Hash of the credential, of the code, or of the session that ends. */
	const uint8_t *proof;
	/* That of the administrator of the machine, whom the core does not know; NULL: there is none. */
	const uint8_t *local;
	/* What is made: id, hash, page, and of a session its word and address. End: the id. */
	const Samoza__V1__SignInRecord *record;
};

struct control_input {
	enum control_input_type type;
	uint64_t request; /* token that comes back in the reply; 0: no reply wanted */
	/* Whose request it is: what it does not allow is refused (access_check.h). NULL: of the system
	 * itself, which nothing limits. */
	const struct principal *principal;
	const char *actor; /* the same for causes: "ops"; NULL: "operator" */
	/* For the audit: from which address, and as it came ("POST /v1/users"); NULL: not known. */
	struct {
		const char *address, *request;
	} origin;
	/* The Idempotency-Key under which it is carried out once (core/access/idempotency_keys.h), and the SHA-256 of
	 * what is asked. NULL: it has none. */
	struct {
		const char *text;
		const uint8_t *request;
	} key;
	union {
		struct control_submit submit;
		struct {
			const char *id; /* topology: full id (control_resolve() finds it) */
			enum topology_action action;
			const char *path; /* grouped: this instance and all below; NULL: all */
			bool data;	  /* remove: its data too */
		} topology;
		struct {
			const char *id;
			const char *path;
			const char
				*goal; /* as the client spelt it: refusing is the core's job */
			bool is_stop_command; /* `spaces stop`: refused where nothing is
						 deployed */
		} goal;
		struct {
			const char *id;
			const char *path;
			const char *zhost; /* NULL: any other */
		} move;
		struct {
			const char *id;
			const char *path;
			const char *program; /* the first word of the command */
		} exec;
		struct {
			const char *id;
			int command; /* enum rollout_command (core/application/rollout.h) */
		} rollout;
		struct {
			const char *id;
			uint32_t to; /* number of a revision; 0: the completed one before */
		} rollback;
		struct {
			const char *id;
			const char *counts; /* "api=3,web=2" */
		} scale;
		struct {
			uint32_t max_moves; /* 0: as many as there may be */
			/* What may move though it stops first: "shop/db", also of an instance. */
			char *const *include;
			size_t include_count;
			bool stop; /* the one that is running; nothing else counts */
			/* The moves, as a copy of this core has chosen them (plan_choose()); NULL: they
			 * are chosen now. */
			const Samoza__V1__RebalanceRecord *chosen;
		} rebalance;
		struct {
			const char *name;
			enum zhost_action action;
			int64_t deadline_ms; /* drain: from now on; 0: none */
			bool force;	     /* drain: what is left then is stopped */
		} zhost;
		struct {
			enum credential_action action;
			/* Create: all of it, but for who made it and when. Otherwise: role and
			 * name say which one; rotate: its new hash. */
			const Samoza__V1__CredentialRecord *record;
		} credential;
		struct control_sign_in sign_in;
		struct {
			enum token_action action;
			/* Create: all of it, but for who made it, when and its number. Remove:
			 * the id says which one. */
			const Samoza__V1__JoinTokenRecord *record;
		} token;
		struct {
			enum authority_action action;
			/* Begin: the one that signs, where the cluster was never rotated, and the next. */
			const Samoza__V1__AuthorityRecord *first, *next;
			bool force;	 /* finish: waits for nobody */
			bool asks_store; /* begin: the servers of the store have to follow, too */
			/* store: in which generation, and who does not follow; none: all do. */
			uint64_t generation;
			char *const *missing;
			size_t n_missing;
		} authority;
		struct {
			enum signing_key_action action;
			/* Add: name, key and the names of topologies that it is for. Remove: the name. */
			const Samoza__V1__SigningKeyRecord *record;
			Samoza__V1__SigningKeyRecord *const *files;
			size_t file_count;
		} signing_key;
		struct {
			enum secret_action action;
			/* Set: one with one version: secrets_next() is its number, and who and when are the core's.
			 * Remove: its name. Reseal: versions that there are; of others nothing happens. */
			Samoza__V1__SecretRecord *const *records;
			size_t count;
			bool force; /* although it is in use */
		} secret;
		struct {
			bool keys;	/* those of the cluster, too */
			bool recording; /* no backup: a piece of the recording */
		} backup;
		struct {
			const char *to; /* NULL: to the one that lags least */
		} leader_move;
		struct {
			const char *name;
		} zrms_forget;
		const struct join_request *join; /* core/access/join.h */
		struct {
			const char *name;	  /* of the zhost: its certificate says so */
			const uint8_t *own, *key; /* that it has proved, and the new one */
			int64_t expires_ms;	  /* wall clock: of the certificate to come */
			struct control_certified certified; /* of `own` */
		} renew;
		struct {
			uint64_t link_id;
			const Samoza__V1__Hello *message;
			const uint8_t *key; /* that it has proved; NULL: none was asked for */
			struct control_certified certified; /* of that key */
		} hello;
		struct {
			uint64_t link_id;
			const Samoza__V1__Report *message;
		} report;
		struct {
			uint64_t link_id;
			const Samoza__V1__Heartbeat *message;
		} heartbeat;
		struct {
			uint64_t link_id;
		} answered;
		struct {
			uint64_t link_id;
		} closed;
		struct {
			uint64_t link_id;
			const Samoza__V1__DataRequest *message;
		} data;
		struct {
			uint64_t link_id;
			const Samoza__V1__DataForgotten *message;
		} forgotten;
		struct {
			uint64_t link_id;
			const Samoza__V1__MeshApplied *message;
		} applied;
		struct {
			uint64_t link_id;
			const Samoza__V1__ApiToken *message;
		} api_token;
		struct {
			const char *owner; /* "TOPOLOGY-NAME/INSTANCE-PATH" */
		} data_full;
		struct {
			enum machine_action action;
			/* Create: name, driver, settings, labels. Destroy: the name. */
			const Samoza__V1__MachineRecord *record;
			bool drain; /* destroy: what runs there is handed over before */
			/* A token that may be made for it: id and hash. */
			const Samoza__V1__JoinTokenRecord *token;
		} machine;
		struct {
			uint64_t call; /* driver_call.id */
			enum driver_state state;
			const char *error; /* failed: why */
			const char *note;  /* ready: what is worth to be known; may be NULL */
			const Samoza__V1__JoinTokenRecord *token; /* as above */
			/* List: what the driver keeps, by key. */
			const char *const *keys;
			size_t key_count;
		} driver;
		struct {
			const char *target;
		} notice_test;
		struct {
			const char *const *names;
			size_t count;
		} notice_targets;
		struct {
			const char *target;
			uint64_t position, dropped; /* as in NoticeTargetRecord */
			bool delivered;		    /* one was, now */
		} notice_sent;
		struct {
			int64_t newest_ms; /* when it was made; wall clock; 0: there is none */
			int64_t limit_ms;  /* an older one is old; 0: none is */
		} backup_age;
		struct {
			const char *code, *message; /* code: as error_code_name() */
		} refused;
	};
};

#endif
