/*
 * Another key for secrets:
 *
 *   file: new, old ─► the others have it, too ─► pieces: opened, sealed with the new one, committed ─► no durable record names the
 *                                                                                                     old one ─► file: new
 *
 * After a crash at any point, and in the next leader, the file and the records say what is left to do; it is done without being
 * asked. A new key that nobody else got, and that no record names, is dropped.
 *
 * Source: [workloads.configuration.secrets].
 */
#ifndef SAMOZA_ZRMS_SECRET_ROTATION_H
#define SAMOZA_ZRMS_SECRET_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

struct http_request;
struct loop_timer;
struct secret_sharing;
struct zrms;

/* Of a secret_keeper. */
struct secret_rotation {
	struct zrms *zrms;
	struct secret_sharing *sharing;
	struct loop_timer *timer;     /* calls secret_rotation_step() */
	struct http_request *request; /* NULL: nobody waits for it */
	bool is_under_way;
	bool is_first_another; /* what a life before has left is ended first; then one begins for `request` */
	bool is_sealing; /* the others have the key, or one has used it already */
	bool is_asked;	 /* a piece is with the core */
	bool is_noted;	 /* the audit has it */
	bool is_stuck;	 /* something cannot be opened: only a request tries again */
	uint64_t sealed; /* versions, in this life */
};

/* Begins one, and answers when it is done: SecretKeyView, or a refusal. PRE: there is a key. */
void secret_rotation_begin(struct secret_rotation *rotation, struct http_request *request);
/* What is left to do. True: something is. */
bool secret_rotation_step(struct secret_rotation *rotation);

#endif
