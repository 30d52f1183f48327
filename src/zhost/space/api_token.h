/*
 * The token with which an instance asks zrms (capability cluster.api): made here, with each start, and handed to its programs alone.
 * zrms is told the hash.
 *
 *   start ──► token, DIR/run/FILE.a: its hash ──► API_TOKEN ──► zrms: durable ──► API_TOKEN_TAKEN ──► `start` runs
 *                                                     │ zrms is away, silent for API_TOKEN_WAIT_MS, or
 *                                                     │ has asked for something else meanwhile
 *                                                     └──────────────────────────────────────────────► `start` runs
 *
 * It is told again when the instance is started, and what it has not taken then, while it has a process, after
 * API_TOKEN_AGAIN_MS, twice that, and so on: a refusal may be for a moment. On each link zrms is told of all that run: what it has
 * forgotten, or ended while the zhost was silent, is good again. The token itself is kept nowhere but in the instance's own
 * directory (zrun/native/native_api.h).
 *
 * Source: [machines.anonymous.native].
 */
#ifndef SAMOZA_ZHOST_SPACE_API_TOKEN_H
#define SAMOZA_ZHOST_SPACE_API_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/token/token.h"
#include "port/loop.h"
#include "proto/wire.pb-c.h"
#include "zhost/uplink/upstream.h"

#define API_TOKEN_WAIT_MS      INT64_C(5000)
#define API_TOKEN_AGAIN_MS     INT64_C(2000)
#define API_TOKEN_AGAIN_MAX_MS INT64_C(60000)

struct zrun_process;

/* All borrowed. */
struct api_token_of {
	struct loop *loop;
	struct upstream *upstream;
	int run_fd; /* of DIR/run */
	const Samoza__V1__InstanceKey *key;
	const char *file_name; /* instance_file_name() with the epoch */
	const Samoza__V1__InstanceSpec *spec;
	struct zrun_process *const *process; /* NULL there: nobody shows it */
};

/* The start may go on. `note`: what is worth a line in the instance's log; NULL. */
typedef void api_token_fn(void *user, const char *note);

struct api_token {
	struct api_token_of of;
	bool has_hash; /* of what its programs show, or are about to */
	bool is_taken; /* by zrms, on this link */
	uint8_t hash[TOKEN_HASH_SIZE];
	char *secret;	     /* until they have it; NULL */
	api_token_fn *go_on; /* while zrms is waited for; NULL: it is not */
	void *user;
	struct loop_timer *timer;
	struct loop_timer *again; /* NULL: zrms has taken it, or nothing was said */
	int64_t again_ms;	  /* until then, the next time */
};

void api_token_init(struct api_token *t, const struct api_token_of *of);
void api_token_done(struct api_token *t);
/* Whether the instance gets one. */
bool api_token_is_wanted(const struct api_token *t);
/* After a restart of zhost: what a process that goes on shows. */
void api_token_load(struct api_token *t);

/* A start begins: `go_on` is called once, from the loop or at once; or not at all, where api_token_abort() says so. */
void api_token_begin(struct api_token *t, api_token_fn *go_on, void *user);
/* Its programs have it. */
void api_token_handed(struct api_token *t);
/* The start is complete. It is said again: a report of the process before may have been under way, with which zrms has ended it. */
void api_token_started(struct api_token *t);
/* Whether it was waited for: it is no longer. */
bool api_token_abort(struct api_token *t);

/* zrms has accepted this zhost, and the instance shows its token, or is about to. */
void api_token_connected(struct api_token *t);
/* What zrms says to a hash. */
void api_token_take(struct api_token *t, const Samoza__V1__ApiTokenTaken *taken);

#endif
