/*
 * Who asks: each request shows a token, and is one of these.
 *
 *   Authorization: Bearer smzu_…  ──hash──┬─► that of DIR/credentials/local-admin: the administrator of
 *                                         │                                       this machine; of several
 *                                         │                                       zrms, of any that is known
 *                                         ├─► a credential that the core knows ──► its principal
 *                                         └─► nobody: 401
 *   no token, but the cookie of a session ─► the principal of the credential with which it was made
 *   no token, but over DIR/api.sock ───────► the administrator of this machine (adapter/http/owner_socket.h)
 *   no token, and a certificate of a zhost ─► that zhost
 *
 * What a route needs stands in its table (api_routes.c); the core asks once more (core/control/request/access_check.h).
 */
#ifndef SAMOZA_ZRMS_ACCESS_H
#define SAMOZA_ZRMS_ACCESS_H

#include "adapter/http/http.h"
#include "core/access/access.h"
#include "core/access/credentials.h"
#include "zrms/access_watch.h"
#include "zrms/attempts.h"
#include "zrms/request_key.h"

struct zrms;
struct control_input;

/* Who asks, from where, and for what. */
struct asker {
	struct zrms *zrms;
	struct principal *principal; /* NULL: nobody that is known */
	char *address;		     /* without the port */
	char *request;		     /* "POST /v1/users" */
	bool is_member;		     /* it is another zrms, by its certificate: copies.h */
	bool is_certified;   /* the connection has shown its certificate, and no token */
	bool is_session;     /* it has shown the cookie of a session */
	bool has_credential; /* otherwise it is the administrator of this machine, or nobody */
	uint8_t hash[CREDENTIAL_HASH_SIZE]; /* of the credential, or of the session */
	bool is_change;			    /* what is refused of it belongs into the audit */
	struct request_key *key; /* its Idempotency-Key; NULL: it has none, or this is a copy */
	uint32_t refused; /* how often within the hour, this time, too; 0: not counted yet */
};
/* NULL is fine. */
struct asker *asker_copy(const struct asker *asker);
void asker_free(struct asker *asker);

struct access {
	struct zrms *zrms;
	struct principal local_admin;
	uint8_t local_admin_hash[CREDENTIAL_HASH_SIZE];
	struct access_watches open; /* what ends with a credential */
	struct attempts attempts;   /* of those who were refused */
};

/* The token of this machine's administrator, DIR/credentials/local-admin: made where it is missing. The hash of it is there
 * then. */
int access_local_admin_open(struct access *access, const char *dir,
			    struct error **err) must_check;
int access_open(struct access *access, struct zrms *zrms, const char *dir,
		struct error **err) must_check;
void access_close(struct access *access);

/* For http_options.admit. */
struct http_refusal access_admit(void *context, struct http_request *request,
				 const struct http_route *route);
/* Whether it changes something, or is as much: a session shows its word for it. */
bool access_is_change(const struct http_route *route);
/* For http_options.refused: a change that was refused before the core was asked is told to the core, for the
 * audit. */
void access_refused(void *context, struct http_request *request, const char *code,
		    const char *message);
/* The same of somebody who was refused at a zedge, as its zhost says. */
void access_refused_at_zedge(struct zrms *zrms, const char *address, const char *request,
			     const char *message);

/* Who asks, as it was when the request came; it lives as long as the request. */
const struct asker *access_asker(const struct http_request *request);
const struct principal *access_principal(const struct http_request *request);
/* Whose the credential with that hash is, at this moment; that of this machine's administrator, too. NULL: nobody's. */
const struct principal *access_credential(struct zrms *zrms,
					  const uint8_t hash[CREDENTIAL_HASH_SIZE]);
/* `hash`, where it is that of an administrator of a machine, of this one or of another that has a zrms; otherwise that of this
 * one. For control_sign_in.local: after a takeover the administrators are as they were. */
const uint8_t *access_local_hash(const struct zrms *zrms,
				 const uint8_t hash[CREDENTIAL_HASH_SIZE]);
/* For what is open to everybody, and asks for a proof of its own: from now on the request is that of `principal`, NULL:
 * of a stranger, with an audit line where it is refused. */
void access_identify(struct zrms *zrms, struct http_request *request,
		     const struct principal *principal);
/* A stranger has shown a wrong secret: is answered `message` (taken over), the later the more often. */
void access_refuse_wrong(struct zrms *zrms, struct http_request *request, char *take_message);
/* Fills in who asks the core: it is the one that tells the audit from here on. */
void access_ask(struct http_request *request, struct control_input *input);
/* The request only computes: what is refused of it does not belong into the audit. */
void access_only_reads(struct http_request *request);
/* Who may read only some names, for what is read: NULL where nothing is hidden from it. */
const struct principal *access_reader(const struct http_request *request);
/* Whether values that a topology was given (exports, imports) and logs are hidden from who asks. */
bool access_hides_values(const struct http_request *request);

/* For access_watch(): of the credential; NULL: it is the administrator of this machine. */
const uint8_t *asker_hash(const struct asker *asker);

#endif
