/* Authorities, keys and certificates for tests. Everything is at a time that the test names. */
#ifndef TEST_PKI_CERTIFICATES_H
#define TEST_PKI_CERTIFICATES_H

#include "adapter/pki/credentials.h"

/* 2026-11-27 12:00:00 UTC */
#define NOON_MS INT64_C(1795780800000)

struct machine {
	struct pki_key *key;
	struct pki_certificate *certificate;
};

struct pki_authority *authority_at(const char *cluster, unsigned number, int64_t now_ms);
/* Addresses: "localhost" and 127.0.0.1. */
struct machine machine_at(const struct pki_authority *authority, const char *role,
			  const char *name, int64_t now_ms, int64_t lifetime_ms);
/* A certificate for a key that there is already. */
struct pki_certificate *certificate_for(const struct pki_authority *authority,
					const struct pki_key *key, const char *role,
					const char *name, int64_t now_ms, int64_t lifetime_ms);
void machine_done(struct machine *machine);
struct pki_trust *trust_of(const struct pki_authority *first,
			   const struct pki_authority *second /* NULL: none */);
/* A new directory with the machine's credentials; remove it with directory_remove(). */
char *directory_of(const struct machine *machine /* NULL: anonymous */,
		   const struct pki_trust *trust);
void directory_fill(const char *directory, const struct machine *machine,
		    const struct pki_trust *trust);
void directory_remove(char *take_directory);

#endif
