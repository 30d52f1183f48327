/*
 * The Idempotency-Key of a request: who has lost the answer asks again with the same key, and it is carried out once.
 *
 *   header ──► request_key_admit() ──body──► request_key_body() ──► access_ask() ──► core (core/control/request/repeat.h)
 *                │ one of that key is at work: 409                                    ├─ known: the answer of then
 *                └ no key may look so: 400                                            └─ of another request: 422
 *
 * What is compared is a hash of method, target and body; where the body has a secret (http_route.is_secret), one that says nothing
 * without the key of secrets. After `secret rotate-key` such a request is another one: 422.
 *
 * What is at work is known to this zrms alone, until it is answered; what was carried out is in the store.
 *
 * Source: [machines.replicated.failover].
 */
#ifndef SAMOZA_ZRMS_REQUEST_KEY_H
#define SAMOZA_ZRMS_REQUEST_KEY_H

#include <stdbool.h>

#include "adapter/http/http.h"

struct asker;
struct control_input;
struct request_key;

#define REQUEST_KEY_HEADER "Idempotency-Key"

/* Of what changes something, and somebody has asked who is known. */
struct http_refusal request_key_admit(struct asker *asker, struct http_request *request,
				      const struct http_route *route);
/* For http_options.body: what is asked is the body, too. */
void request_key_body(void *context, struct http_request *request, const void *data,
		      size_t size);
/* Tells the core. */
void request_key_ask(struct asker *asker, struct control_input *input);
/* Whether it was carried out before: the core only has to answer (CONTROL_REPEAT). */
bool request_key_is_known(const struct asker *asker);
/* It is at work no longer. NULL is fine. */
void request_key_free(struct request_key *key);

#endif
