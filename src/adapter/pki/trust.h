/*
 * Whom we believe: a set of certificate authorities, or, before we have their certificates (joining),
 * the pins of their keys.
 *
 *   leaf, chain as presented ─► pki_verify() ─► who it is
 *                                   └─► why not, and what to do
 */
#ifndef SAMOZA_ADAPTER_PKI_TRUST_H
#define SAMOZA_ADAPTER_PKI_TRUST_H

#include "adapter/pki/authority.h"

#define PKI_TRUST_MAX 16 /* authorities, and pins */

struct pki_trust;

/* Of all certificates in `pem`, each of which must be an authority's. */
int pki_trust_read(const char *pem, size_t size, struct pki_trust **ret_trust,
		   struct error **err) must_check;
int pki_trust_pinned(const struct pki_pin *pins, size_t count, struct pki_trust **ret_trust,
		     struct error **err) must_check;
/* All of them as PEM; the caller frees. */
char *pki_trust_write(const struct pki_trust *trust);
size_t pki_trust_count(const struct pki_trust *trust);
/* PRE: at < count. */
struct pki_pin pki_trust_pin(const struct pki_trust *trust, size_t at);
/* NULL is fine. */
void pki_trust_free(struct pki_trust *trust);
void pki_trust_freep(struct pki_trust **trust);

/* The kinds of refusal, for those who must answer each in another way. */
enum pki_fault {
	PKI_NO_FAULT,
	PKI_FOREIGN, /* of an authority that we do not trust */
	PKI_EXPIRED,
	PKI_NOT_YET,	   /* one of the two clocks is wrong */
	PKI_SOMEBODY_ELSE, /* a good certificate of another role, name or cluster */
	PKI_MALFORMED,
};

struct pki_expectation {
	int64_t now_wall_ms;
	int64_t grace_ms;	 /* how long after its end a certificate is still taken */
	int64_t peer_wall_ms;	 /* what the peer said its clock is, for messages; 0: unknown */
	const char *role, *name; /* NULL: any */
	bool is_server;		 /* it answers, we call */
	const char
		*advice; /* what to do where it is of another cluster; NULL: as for a machine */
};

/* `chain`: the certificates that came with it, `chain_count` of them. ERR_DENIED: `*ret_fault` has the
 * kind (never PKI_NO_FAULT), the message says what to do. `ret_fault` may be NULL. */
int pki_verify(const struct pki_trust *trust, const struct pki_expectation *expected,
	       const struct pki_certificate *leaf, const struct pki_certificate *const *chain,
	       size_t chain_count, struct pki_identity *ret_identity, enum pki_fault *ret_fault,
	       struct error **err) must_check;

/* A certificate that zrms has just issued for this machine: ERR_DENIED where it has ended by this machine's clock, which cannot
 * use it then. `again`: what to do once the clocks agree, after "set the one that is wrong, then ". */
int pki_issued_check(const struct pki_identity *identity, int64_t now_wall_ms,
		     const char *again, struct error **err) must_check;

/* "3 h", "12 minutes", "40 seconds": how far two clocks are apart. The caller frees. */
char *pki_duration_text(int64_t ms);

#endif
