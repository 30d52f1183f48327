#include "adapter/pki/trust.h"

#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "adapter/pki/private.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"

enum { CHAIN_MAX = 4, SHORT_PIN = 16 /* characters, enough for a person to compare */ };

struct pki_trust {
	STACK_OF(X509) * authorities; /* NULL: pins only */
	X509_STORE *store;	      /* of the authorities */
	struct pki_pin pins[PKI_TRUST_MAX];
	size_t count;
};

/* ---- the set ---- */

static X509_STORE *store_of(STACK_OF(X509) * authorities)
{
	X509_STORE *store = openssl_need(X509_STORE_new());
	for (int i = 0; i < sk_X509_num(authorities); i++)
		if (X509_STORE_add_cert(store, sk_X509_value(authorities, i)) != 1)
			out_of_memory(1, 0);
	return store;
}

static int authority_add(struct pki_trust *trust, X509 *take_x509, struct error **err)
{
	bool is_authority = X509_check_ca(take_x509) == 1 &&
			    X509_self_signed(take_x509, 1) == 1 &&
			    pkey_is_p256(X509_get0_pubkey(take_x509));
	if (!is_authority || trust->count >= PKI_TRUST_MAX) {
		X509_free(take_x509);
		ERR_clear_error();
		return is_authority ? error_set(err, ERR_LIMIT,
						"more than %d certificate authorities",
						PKI_TRUST_MAX)
				    : error_set(err, ERR_INVALID,
						"certificate %zu is not of a certificate "
						"authority",
						trust->count + 1);
	}
	trust->pins[trust->count++] = x509_pin(take_x509);
	if (sk_X509_push(trust->authorities, take_x509) <= 0)
		out_of_memory(1, 0);
	return 0;
}

int pki_trust_read(const char *pem, size_t size, struct pki_trust **ret_trust,
		   struct error **err)
{
	ERR_clear_error();
	CLEANUP(pki_trust_freep) struct pki_trust *trust = mem_new(struct pki_trust);
	trust->authorities = openssl_need(sk_X509_new_null());
	BIO *bio = bio_of(pem, size);
	int r = 0;
	X509 *x509;
	while (r == 0 && (x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		r = authority_add(trust, x509, err);
	BIO_free(bio);
	if (r < 0)
		return r;
	bool is_whole = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	if (trust->count == 0 || !is_whole)
		return openssl_error(err, ERR_INVALID, "%s",
				     trust->count == 0
					     ? "it holds no certificate of an authority"
					     : "a certificate in it is broken");
	ERR_clear_error();
	trust->store = store_of(trust->authorities);
	*ret_trust = steal_ptr(&trust);
	return 0;
}

int pki_trust_pinned(const struct pki_pin *pins, size_t count, struct pki_trust **ret_trust,
		     struct error **err)
{
	if (count == 0 || count > PKI_TRUST_MAX)
		return error_set(err, ERR_INVALID, "%zu pins: expected between 1 and %d", count,
				 PKI_TRUST_MAX);
	struct pki_trust *trust = mem_new(struct pki_trust);
	memcpy(trust->pins, pins, count * sizeof(*pins));
	trust->count = count;
	*ret_trust = trust;
	return 0;
}

char *pki_trust_write(const struct pki_trust *trust)
{
	BIO *bio = openssl_need(BIO_new(BIO_s_mem()));
	for (int i = 0; i < sk_X509_num(trust->authorities); i++)
		if (PEM_write_bio_X509(bio, sk_X509_value(trust->authorities, i)) != 1)
			out_of_memory(1, 0);
	return bio_text(bio);
}

STACK_OF(X509) * trust_authorities(const struct pki_trust *trust)
{
	return trust->authorities;
}

size_t pki_trust_count(const struct pki_trust *trust)
{
	return trust->count;
}

struct pki_pin pki_trust_pin(const struct pki_trust *trust, size_t at)
{
	PRE(at < trust->count);
	return trust->pins[at];
}

void pki_trust_free(struct pki_trust *trust)
{
	if (trust == NULL)
		return;
	sk_X509_pop_free(trust->authorities, X509_free);
	X509_STORE_free(trust->store);
	free(trust);
}

void pki_trust_freep(struct pki_trust **trust)
{
	pki_trust_free(*trust);
}

static bool trust_has(const struct pki_trust *trust, X509 *x509)
{
	struct pki_pin pin = x509_pin(x509);
	for (size_t i = 0; i < trust->count; i++)
		if (pki_pin_equal(&trust->pins[i], &pin))
			return true;
	return false;
}

/* ---- text ---- */

char *pki_duration_text(int64_t ms)
{
	int64_t s = (ms < 0 ? -ms : ms) / 1000;
	if (s < 120)
		return str_printf("%" PRId64 " s", s);
	if (s < 2 * 3600)
		return str_printf("%" PRId64 " min", (s + 30) / 60);
	if (s < INT64_C(48) * 3600)
		return str_printf("%" PRId64 " h", (s + 1800) / 3600);
	return str_printf("%" PRId64 " days", (s + 43200) / 86400);
}

static char *time_text(int64_t wall_ms)
{
	struct tm parts;
	char text[32] = "";
	time_t at = (time_t)(wall_ms / 1000);
	(void)gmtime_r(&at, &parts);
	(void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &parts);
	return mem_strdup(text);
}

/* "Samoza CA 1" with the beginning of its pin. */
static char *authority_text(X509 *x509)
{
	char name[65] = "";
	char pin[PKI_PIN_HEX];
	struct pki_pin key = x509_pin(x509);
	(void)X509_NAME_get_text_by_NID(X509_get_subject_name(x509), NID_commonName, name,
					sizeof(name));
	pki_pin_text(&key, pin);
	return str_printf("\"%s\", key %.*s", name, SHORT_PIN, pin);
}

static char *pins_text(const struct pki_trust *trust)
{
	struct buffer text = BUFFER_INIT(1024);
	for (size_t i = 0; i < trust->count; i++) {
		char pin[PKI_PIN_HEX];
		pki_pin_text(&trust->pins[i], pin);
		(void)buffer_printf(&text, "%s%.*s", i > 0 ? " or " : "", SHORT_PIN, pin);
	}
	return buffer_steal(&text);
}

/* ---- verifying ---- */

struct verification {
	const struct pki_trust *trust;
	const struct pki_expectation *expected;
	X509 *leaf;
	STACK_OF(X509) * chain; /* as presented; borrows its certificates */
	enum pki_fault fault;
};

/* What the presented chain ends in, or NULL. */
static X509 *presented_authority(const struct verification *v)
{
	for (int i = sk_X509_num(v->chain) - 1; i >= 0; i--)
		if (X509_check_ca(sk_X509_value(v->chain, i)) == 1)
			return sk_X509_value(v->chain, i);
	return NULL;
}

static int foreign(struct verification *v, struct error **err)
{
	v->fault = PKI_FOREIGN;
	ERR_clear_error();
	X509 *authority = presented_authority(v);
	CLEANUP(freep) char *is = authority != NULL ? authority_text(authority) : NULL;
	CLEANUP(freep) char *wanted = pins_text(v->trust);
	return error_set(
		err, ERR_DENIED, "this is another cluster: its CA is %s, expected key %s; %s",
		is != NULL ? is : "not presented", wanted,
		v->expected->advice != NULL ? v->expected->advice
		: v->expected->is_server
			? "check the address, or join again with a token of that cluster"
			: "that machine must join this cluster with a token of it");
}

static int malformed(struct verification *v, struct error **err, const char *why)
{
	v->fault = PKI_MALFORMED;
	ERR_clear_error();
	return error_set(err, ERR_DENIED,
			 "its certificate is not one that a cluster issues: %s", why);
}

static X509_STORE *pinned_store(const struct verification *v)
{
	X509_STORE *store = openssl_need(X509_STORE_new());
	for (int i = 0; i < sk_X509_num(v->chain); i++) {
		X509 *x509 = sk_X509_value(v->chain, i);
		if (trust_has(v->trust, x509) && X509_STORE_add_cert(store, x509) != 1)
			out_of_memory(1, 0);
	}
	return store;
}

static int chain_fault(struct verification *v, int code, struct error **err)
{
	switch (code) {
	case X509_V_ERR_OUT_OF_MEM:
		out_of_memory(1, 0);
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_AKID_SKID_MISMATCH:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_CERT_CHAIN_TOO_LONG: /* an authority of theirs beside the leaf */
		return foreign(v, err);
	default:
		return malformed(v, err, X509_verify_cert_error_string(code));
	}
}

/* *ret_authority: the one that issued it, to be freed. Times are looked at afterwards: what is wrong with
 * them is worth a message of its own. */
static int chain_verify(struct verification *v, X509 **ret_authority, struct error **err)
{
	X509_STORE *store = v->trust->store;
	if (store != NULL)
		X509_STORE_up_ref(store);
	else
		store = pinned_store(v);
	X509_STORE_CTX *context = openssl_need(X509_STORE_CTX_new());
	if (X509_STORE_CTX_init(context, store, v->leaf, v->chain) != 1)
		out_of_memory(1, 0);
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
	(void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_NO_CHECK_TIME);
	X509_VERIFY_PARAM_set_depth(param, 0); /* no authority between */
	(void)X509_STORE_CTX_set_purpose(context, v->expected->is_server
							  ? X509_PURPOSE_SSL_SERVER
							  : X509_PURPOSE_SSL_CLIENT);
	int r = 0;
	if (X509_verify_cert(context) == 1) {
		STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
		*ret_authority = sk_X509_value(chain, sk_X509_num(chain) - 1);
		X509_up_ref(*ret_authority);
	} else {
		r = chain_fault(v, X509_STORE_CTX_get_error(context), err);
	}
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return r;
}

/* "your clock differs by 3 h", where the peer told its clock and it differs; else NULL. */
static char *clock_text(const struct pki_expectation *e)
{
	int64_t apart_ms = e->peer_wall_ms - e->now_wall_ms;
	if (e->peer_wall_ms == 0 || (apart_ms < PKI_MINUTE_MS && apart_ms > -PKI_MINUTE_MS))
		return NULL;
	CLEANUP(freep) char *apart = pki_duration_text(apart_ms);
	return str_printf(
		"your clock differs by %s from the clock of the other end; set the one "
		"that is wrong",
		apart);
}

static int not_yet(struct verification *v, const struct pki_identity *identity,
		   const char *whose, struct error **err)
{
	const struct pki_expectation *e = v->expected;
	v->fault = PKI_NOT_YET;
	CLEANUP(freep) char *from = time_text(identity->not_before_ms);
	CLEANUP(freep)
	char *apart = pki_duration_text(identity->not_before_ms - e->now_wall_ms);
	CLEANUP(freep) char *clocks = clock_text(e);
	if (clocks == NULL)
		clocks = str_printf("your clock differs by at least %s; set the one that is "
				    "wrong",
				    apart);
	return error_set(err, ERR_DENIED, "%s is valid from %s, in %s: %s", whose, from, apart,
			 clocks);
}

static int expired(struct verification *v, const struct pki_identity *identity,
		   const char *whose, const char *what_to_do, struct error **err)
{
	const struct pki_expectation *e = v->expected;
	v->fault = PKI_EXPIRED;
	CLEANUP(freep) char *to = time_text(identity->not_after_ms);
	CLEANUP(freep)
	char *apart = pki_duration_text(e->now_wall_ms - identity->not_after_ms);
	CLEANUP(freep) char *clocks = clock_text(e);
	return error_set(err, ERR_DENIED, "%s has expired at %s, %s ago: %s", whose, to, apart,
			 clocks != NULL ? clocks : what_to_do);
}

static int times_check(struct verification *v, const struct pki_identity *identity,
		       const struct pki_identity *authority, struct error **err)
{
	int64_t now_ms = v->expected->now_wall_ms;
	if (now_ms < authority->not_before_ms)
		return not_yet(v, authority, "its certificate authority", err);
	if (now_ms >= authority->not_after_ms)
		return expired(v, authority, "its certificate authority",
			       "the cluster needs a new one (cluster ca rotate)", err);
	if (now_ms < identity->not_before_ms)
		return not_yet(v, identity, "its certificate", err);
	if (now_ms >= identity->not_after_ms + v->expected->grace_ms)
		return expired(v, identity, "its certificate",
			       v->expected->grace_ms > 0
				       ? "too long for a renewal; that machine must join again "
					 "with a fresh token and --replace"
				       : "it must be renewed, or this machine's clock is wrong",
			       err);
	return 0;
}

int pki_issued_check(const struct pki_identity *identity, int64_t now_wall_ms,
		     const char *again, struct error **err)
{
	if (now_wall_ms < identity->not_after_ms)
		return 0;
	CLEANUP(freep) char *ago = pki_duration_text(now_wall_ms - identity->not_after_ms);
	CLEANUP(freep)
	char *apart =
		pki_duration_text(now_wall_ms - (identity->not_before_ms + PKI_BACKDATE_MS));
	return error_set(err, ERR_DENIED,
			 "the certificate that zrms issues has ended by this machine's clock, "
			 "%s ago: your clock differs by %s from that of zrms; set the one that "
			 "is wrong, then %s",
			 ago, apart, again);
}

static int somebody_else(struct verification *v, const struct pki_identity *identity,
			 struct error **err)
{
	const struct pki_expectation *e = v->expected;
	v->fault = PKI_SOMEBODY_ELSE;
	return error_set(err, ERR_DENIED, "it is %s '%s', expected %s%s%s%s; check the address",
			 identity->role, identity->name, e->role != NULL ? e->role : "anybody",
			 e->name != NULL ? " '" : "", e->name != NULL ? e->name : "",
			 e->name != NULL ? "'" : "");
}

static int identity_check(struct verification *v, X509 *authority,
			  struct pki_identity *ret_identity, struct error **err)
{
	const struct pki_certificate leaf = {.x509 = v->leaf}, issuer = {.x509 = authority};
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	CLEANUP(pki_identity_done) struct pki_identity of_issuer = {0};
	if (!pkey_is_p256(X509_get0_pubkey(v->leaf)))
		return malformed(v, err, "its key is of another kind than ECDSA on P-256");
	if (pki_certificate_identity(&leaf, &identity, NULL) < 0 ||
	    pki_certificate_identity(&issuer, &of_issuer, NULL) < 0)
		return malformed(v, err, "it does not name a cluster, a role and a name");
	if (!str_equal(identity.cluster, of_issuer.cluster))
		return malformed(v, err, "it names another cluster than its authority");
	int r = times_check(v, &identity, &of_issuer, err);
	if (r < 0)
		return r;
	const struct pki_expectation *e = v->expected;
	if ((e->role != NULL && !str_equal(e->role, identity.role)) ||
	    (e->name != NULL && !str_equal(e->name, identity.name)))
		return somebody_else(v, &identity, err);
	*ret_identity = identity;
	identity = (struct pki_identity){0};
	return 0;
}

int pki_verify(const struct pki_trust *trust, const struct pki_expectation *expected,
	       const struct pki_certificate *leaf, const struct pki_certificate *const *chain,
	       size_t chain_count, struct pki_identity *ret_identity, enum pki_fault *ret_fault,
	       struct error **err)
{
	struct verification v = {.trust = trust, .expected = expected, .leaf = leaf->x509};
	v.chain = openssl_need(sk_X509_new_null());
	for (size_t i = 0; i < chain_count && i < CHAIN_MAX; i++)
		if (sk_X509_push(v.chain, chain[i]->x509) <= 0)
			out_of_memory(1, 0);
	X509 *authority = NULL;
	int r = chain_verify(&v, &authority, err);
	if (r == 0)
		r = identity_check(&v, authority, ret_identity, err);
	X509_free(authority);
	sk_X509_free(v.chain);
	if (r < 0 && ret_fault != NULL)
		*ret_fault = v.fault;
	return r;
}
