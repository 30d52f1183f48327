/*
 * The parts of the daemon, made and tied together by main.c.
 *
 *   http ─┬─ api ──────► commits ◄──── links ◄──► hub
 *         ├─ submission ►   │  ▲
 *         └─ subscribers ◄──┘  ├── control (decisions)
 *                              └── store   (durable)
 */
#ifndef SAMOZA_ZRMS_ZRMS_H
#define SAMOZA_ZRMS_ZRMS_H

#include "adapter/http/http.h"
#include "adapter/systemd/service.h"
#include "adapter/uv/loop.h"
#include "base/metrics.h"
#include "core/control/control.h"
#include "port/store.h"
#include "zrms/access.h"
#include "zrms/artifact/artifacts.h"
#include "zrms/artifact/look.h"
#include "zrms/audit.h"
#include "zrms/authorities.h"
#include "zrms/backups.h"
#include "zrms/commit_driver.h"
#include "zrms/committed.h"
#include "zrms/copies.h"
#include "zrms/drivers.h"
#include "zrms/exec.h"
#include "zrms/hub.h"
#include "zrms/links.h"
#include "zrms/listen.h"
#include "zrms/logs.h"
#include "zrms/mesh_book.h"
#include "zrms/mesh_queries.h"
#include "zrms/notices.h"
#include "zrms/plans.h"
#include "zrms/secret/secret_store.h"
#include "zrms/settings.h"
#include "zrms/submission/submissions.h"
#include "zrms/submission/translations.h"
#include "zrms/subscribers.h"

struct api;
struct certain;
struct lead;
struct member_identity;
struct own_history;
struct recorder;
struct secret_keeper;
struct standby;
struct topology_logs;
struct last_lines;
struct usage_sampler;
struct store_trust;

struct zrms {
	struct settings settings;
	unsigned page_sign_ins;		  /* that wait for their commit: page_access.c */
	unsigned joins;			  /* that wait for their commit: api_join.c */
	unsigned answers_held;		  /* until what they show is durable: api_answer.c */
	Samoza__V1__ClusterFile *cluster; /* as of zrms init; NULL: it was not run */
	struct loop loop;
	struct authorities authorities; /* whom it believes */
	struct service *service;	/* what systemd hears */
	int lock_fd;			/* DIR/lock */
	char **arguments;		/* of the program (again.h) */
	const char *config_file;	/* NULL: there is none */
	uint64_t artifacts_refused;	/* to zhosts that do not need them */
	uint64_t secrets_refused;	/* the same, of secrets */
	struct access access;
	struct request_key *request_keys; /* of what is at work, by principal and key */
	int64_t started_ms;
	struct store *store;
	struct lead *lead;	 /* NULL: the store is this zrms' alone, or it has resigned */
	struct certain *certain; /* with `lead`: that it leads at a moment */
	struct standby *standby; /* with `lead`: what it answered until it led */
	struct read_ahead *read_ahead;	  /* with `lead`, until the store is loaded */
	void (*yield)(struct zrms *zrms); /* it gives its place away: as SIGTERM */
	struct control *control;
	struct secret_vault *vault; /* from when it leads: secrets are opened with it */
	struct secret_keeper *secret_keeper; /* the same */
	struct recorder *recorder;	     /* of `control`; NULL: the settings want none */
	struct commit_driver *commits;
	struct links *links;
	struct hub *hub;
	struct mesh_book *mesh_book;
	struct mesh_queries *mesh_queries;
	struct usage_sampler *usage;
	struct logs *logs;
	struct topology_logs *topology_logs;
	struct last_lines *last_lines;
	struct execs *execs;
	struct subscribers *subscribers;
	struct audit_feed *audit;
	struct store_trust *store_trust;
	struct artifact_store *artifact_store;
	struct artifacts *artifacts;
	struct copies *copies;			 /* with `lead`: on the others */
	struct member_identity *member_identity; /* with `lead`: while it stands by */
	struct own_history *own_history;	 /* with `lead`; NULL: the store's alone */
	struct looks *looks;
	struct api_read *reads;	     /* that wait (api_reads.h) */
	struct api_parked *parked;   /* that are handled again */
	struct committed *committed; /* what they see while the store fails */
	struct translator *translator;
	struct error *translator_error;
	struct translations *translations;
	struct submissions *submissions;
	struct plans *plans;
	struct backups *backups;
	struct notices *notices;
	struct notice_settings notice_settings;
	unsigned pieces,
		pieces_made; /* of recordings, that are being put together (api_recording.c); so far */
	struct drivers *drivers;
	struct api *api;
	const struct http_route *routes; /* of `http` */
	size_t route_count;
	struct http_server *http;
	char *spool, *socket;	     /* of `http` */
	struct listening *listening; /* for other machines; NULL: only this one reaches zrms */
	struct metric_registry metrics;
	struct loop_timer *ending; /* checks whether everything is idle */
	bool is_tight, is_failing; /* the store, when it was last looked at */
	bool stopping;
	bool is_yielding; /* it stops, to stand by again */
	int64_t end_ms;	  /* when stopping: no later than this */
};

#endif
