/*
 * The keys of secrets while this zrms leads:
 *
 *   it begins to lead ─► neither a key nor a secret ─► makes a key ─► file
 *                      └ a record names a key that is not here ─► says so, makes no other one, and looks for it in the file
 *                                                                 (somebody may copy it there) and at the others
 *   others (member_secrets.h) ask for what they lack, and say what they have: a key that they all have is shared
 *   `secret set` waits for a while until the key is shared, so that a takeover does not lose what was acknowledged
 *   `secret rotate-key`, and what a life before has left of one: secret_rotation.h
 *
 * Source: [workloads.configuration.secrets], [machines.replicated.standby].
 */
#ifndef SAMOZA_ZRMS_SECRET_KEEPER_H
#define SAMOZA_ZRMS_SECRET_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/metrics.h"
#include "proto/view.pb-c.h"

struct http_request;
struct secret_keeper;
struct zrms;

/* Makes zrms->vault and zrms->secret_keeper. PRE: records are loaded, and nothing is asked yet. ERR_DENIED, ERR_INVALID: the file of
 * keys cannot be read: zrms does not start, as with a key of the authority. */
int secret_keeper_open(struct zrms *zrms, struct error **err) must_check;
/* From now on it goes on by itself. PRE: what was committed has started. */
void secret_keeper_start(struct secret_keeper *keeper);
/* Answers nothing: its requests are gone. NULL is fine. */
void secret_keeper_free(struct secret_keeper *keeper);

/* There is a key to seal with; where neither is a secret nor a key, one is made. ERR_CONFLICT: records name keys that are not
 * here. */
int secret_keeper_can_seal(struct secret_keeper *keeper, struct error **err) must_check;
/* Whether the key is shared, or was waited for long enough. False: the handler is called again later. */
bool secret_keeper_shared(struct secret_keeper *keeper, struct http_request *request);
/* Answers when all are sealed with another key, or says why not. */
void secret_keeper_rotate(struct secret_keeper *keeper, struct http_request *request);
/* A zrms that stands by says which it has, and is told what it lacks; to be freed with secret_keeper_view_done(). */
void secret_keeper_member(struct secret_keeper *keeper,
			  const Samoza__V1__ZrmsIdentityRequest *asked,
			  Samoza__V1__ZrmsIdentityView *view);
void secret_keeper_view_done(Samoza__V1__ZrmsIdentityView *view);

/* It has a look at once: zrms ends, and what waits is answered. */
void secret_keeper_wake(struct secret_keeper *keeper);

extern const struct metric_source secret_metrics; /* of struct zrms */

#endif
