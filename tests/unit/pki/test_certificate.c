/* adapter/pki: keys, requests, what an authority vouches for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "certificates.h"

static void a_key_survives_being_written_with_and_without_a_passphrase(void **state)
{
	(void)state;
	struct pki_key *key = NULL, *plain = NULL, *locked = NULL, *none = NULL;
	assert_int_equal(pki_key_new(&key, NULL), 0);
	CLEANUP(pki_secret_freep) char *text = pki_key_write(key, NULL);
	CLEANUP(pki_secret_freep) char *secret = pki_key_write(key, "open sesame");
	assert_int_equal(pki_key_read(text, strlen(text), NULL, &plain, NULL), 0);
	assert_int_equal(pki_key_read(secret, strlen(secret), "open sesame", &locked, NULL), 0);
	struct pki_pin a = pki_key_pin(key), b = pki_key_pin(plain), c = pki_key_pin(locked);
	assert_true(pki_pin_equal(&a, &b));
	assert_true(pki_pin_equal(&a, &c));
	assert_non_null(strstr(secret, "ENCRYPTED"));
	assert_int_equal(pki_key_read(secret, strlen(secret), "open", &none, NULL),
			 ERR_INVALID);
	/* and never asks at the terminal */
	assert_int_equal(pki_key_read(secret, strlen(secret), NULL, &none, NULL), ERR_INVALID);
	assert_int_equal(pki_key_read("nothing", 7, NULL, &none, NULL), ERR_INVALID);
	assert_null(none);
	pki_key_free(key);
	pki_key_free(plain);
	pki_key_free(locked);
}

static void keys_of_other_kinds_are_refused(void **state)
{
	(void)state;
	static const char ed25519[] =
		"-----BEGIN PRIVATE KEY-----\n"
		"MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
		"-----END PRIVATE KEY-----\n";
	struct pki_key *key = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(pki_key_read(ed25519, strlen(ed25519), NULL, &key, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "expected ECDSA on P-256"));
}

static void a_certificate_says_who_it_is_of_and_for_how_long(void **state)
{
	(void)state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *authority = authority_at("c1", 1, NOON_MS);
	CLEANUP(machine_done)
	struct machine m = machine_at(authority, "zhost", "alpha", NOON_MS, PKI_MACHINE_MS);
	CLEANUP(freep) char *pem = pki_certificate_write(m.certificate);
	CLEANUP(pki_certificate_freep) struct pki_certificate *again = NULL;
	CLEANUP(pki_identity_done) struct pki_identity identity = {0};
	assert_int_equal(pki_certificate_read(pem, strlen(pem), &again, NULL), 0);
	assert_int_equal(pki_certificate_identity(again, &identity, NULL), 0);
	assert_string_equal(identity.cluster, "c1");
	assert_string_equal(identity.role, "zhost");
	assert_string_equal(identity.name, "alpha");
	struct pki_pin key = pki_key_pin(m.key);
	assert_true(pki_pin_equal(&identity.key, &key));
	assert_int_equal(identity.not_before_ms, NOON_MS - PKI_BACKDATE_MS);
	assert_int_equal(identity.not_after_ms, NOON_MS + PKI_MACHINE_MS);
	assert_true(pki_certificate_is_of(again, m.key));
}

static void an_authority_lasts_ten_years_and_certifies_nothing_beyond_its_end(void **state)
{
	(void)state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *authority = authority_at("c1", 3, NOON_MS);
	CLEANUP(pki_identity_done) struct pki_identity own = {0};
	CLEANUP(pki_identity_done) struct pki_identity late = {0};
	assert_int_equal(
		pki_certificate_identity(pki_authority_certificate(authority), &own, NULL), 0);
	assert_string_equal(own.name, "Samoza-CA-3");
	assert_int_equal(own.not_after_ms, NOON_MS + PKI_AUTHORITY_MS);
	CLEANUP(machine_done)
	struct machine m = machine_at(authority, "zhost", "alpha", own.not_after_ms - 60000,
				      PKI_MACHINE_MS);
	assert_int_equal(pki_certificate_identity(m.certificate, &late, NULL), 0);
	assert_int_equal(late.not_after_ms, own.not_after_ms);
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	struct pki_certificate *certificate = NULL;
	const struct pki_subject subject = {"zhost", "alpha", NULL, PKI_MACHINE_MS};
	assert_int_equal(pki_request_new(m.key, &request, NULL), 0);
	assert_int_equal(
		pki_issue(authority, request, &subject, own.not_after_ms, &certificate, &err),
		ERR_CONFLICT);
	assert_non_null(strstr(err->message, "has expired"));
}

static void an_authority_is_read_again_only_with_its_own_key(void **state)
{
	(void)state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *first = authority_at("c1", 1, NOON_MS);
	CLEANUP(pki_authority_freep)
	struct pki_authority *second = authority_at("c1", 2, NOON_MS);
	CLEANUP(pki_authority_freep) struct pki_authority *again = NULL;
	CLEANUP(pki_secret_freep) char *locked = pki_authority_write(first, "sesame");
	CLEANUP(pki_secret_freep) char *other = pki_authority_write(second, NULL);
	CLEANUP(freep)
	char *certificate = pki_certificate_write(pki_authority_certificate(first));
	CLEANUP(freep)
	char *mixed = str_printf("%s%s", certificate, strstr(other, "-----BEGIN PRIVATE"));
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(pki_authority_read(locked, strlen(locked), "sesame", &again, NULL), 0);
	struct pki_pin a = pki_certificate_pin(pki_authority_certificate(first));
	struct pki_pin b = pki_certificate_pin(pki_authority_certificate(again));
	assert_true(pki_pin_equal(&a, &b));
	pki_authority_free(steal_ptr(&again));
	assert_int_equal(pki_authority_read(mixed, strlen(mixed), NULL, &again, &err),
			 ERR_INVALID);
	assert_string_equal(err->message, "the key does not belong to the certificate");
}

static void a_machine_is_no_authority(void **state)
{
	(void)state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *authority = authority_at("c1", 1, NOON_MS);
	CLEANUP(machine_done)
	struct machine m = machine_at(authority, "zhost", "alpha", NOON_MS, PKI_MACHINE_MS);
	CLEANUP(freep) char *certificate = pki_certificate_write(m.certificate);
	CLEANUP(pki_secret_freep) char *key = pki_key_write(m.key, NULL);
	CLEANUP(freep) char *pem = str_printf("%s%s", certificate, key);
	struct pki_authority *none = NULL;
	struct pki_trust *trust = NULL;
	assert_int_equal(pki_authority_read(pem, strlen(pem), NULL, &none, NULL), ERR_INVALID);
	assert_int_equal(pki_trust_read(pem, strlen(pem), &trust, NULL), ERR_INVALID);
}

static void a_request_carries_the_public_key_and_proves_the_private_one(void **state)
{
	(void)state;
	struct pki_key *key = NULL;
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	CLEANUP(pki_request_freep) struct pki_request *again = NULL;
	assert_int_equal(pki_key_new(&key, NULL), 0);
	assert_int_equal(pki_request_new(key, &request, NULL), 0);
	CLEANUP(freep) char *pem = pki_request_write(request);
	assert_int_equal(pki_request_read(pem, strlen(pem), &again, NULL), 0);
	struct pki_pin a = pki_key_pin(key), b = pki_request_pin(again);
	assert_true(pki_pin_equal(&a, &b));
	pki_key_free(key);
}

/* One bit in the signature, which is at the end. */
static void a_request_that_is_not_signed_by_its_key_is_refused(void **state)
{
	(void)state;
	struct pki_key *key = NULL;
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	struct pki_request *none = NULL;
	assert_int_equal(pki_key_new(&key, NULL), 0);
	assert_int_equal(pki_request_new(key, &request, NULL), 0);
	CLEANUP(freep) char *pem = pki_request_write(request);
	char *at = strstr(pem, "-----END") - 20;
	*at = *at == 'A' ? 'B' : 'A';
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(pki_request_read(pem, strlen(pem), &none, &err), ERR_INVALID);
	pki_key_free(key);
}

static void names_that_could_be_taken_for_others_are_not_certified(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	  "a/b",	  "a,b", "a b",
					  "a\nb", "zh\xc3\xb6st", NULL};
	CLEANUP(pki_authority_freep)
	struct pki_authority *authority = authority_at("c1", 1, NOON_MS);
	struct pki_key *key = NULL;
	CLEANUP(pki_request_freep) struct pki_request *request = NULL;
	struct pki_certificate *none = NULL;
	assert_int_equal(pki_key_new(&key, NULL), 0);
	assert_int_equal(pki_request_new(key, &request, NULL), 0);
	for (const char *const *name = bad; *name != NULL; name++) {
		const char *const addresses[] = {*name, NULL};
		const struct pki_subject named = {"zhost", *name, NULL, PKI_MACHINE_MS};
		const struct pki_subject at = {"zhost", "alpha", addresses, PKI_MACHINE_MS};
		assert_int_equal(pki_issue(authority, request, &named, NOON_MS, &none, NULL),
				 ERR_INVALID);
		assert_int_equal(pki_issue(authority, request, &at, NOON_MS, &none, NULL),
				 ERR_INVALID);
	}
	struct pki_authority *nobody = NULL;
	assert_int_equal(pki_authority_new("a/b", 1, NOON_MS, &nobody, NULL), ERR_INVALID);
	pki_key_free(key);
}

static void broken_certificates_are_refused(void **state)
{
	(void)state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *authority = authority_at("c1", 1, NOON_MS);
	CLEANUP(freep) char *pem = pki_certificate_write(pki_authority_certificate(authority));
	struct pki_certificate *none = NULL;
	struct pki_trust *trust = NULL;
	assert_int_equal(pki_certificate_read("", 0, &none, NULL), ERR_INVALID);
	assert_int_equal(pki_certificate_read(pem, strlen(pem) / 2, &none, NULL), ERR_INVALID);
	/* Of two, the second is cut off: half a set is no set. */
	CLEANUP(freep) char *two = str_printf("%s%.*s", pem, (int)strlen(pem) / 2, pem);
	assert_int_equal(pki_trust_read(two, strlen(two), &trust, NULL), ERR_INVALID);
	assert_int_equal(pki_trust_read("", 0, &trust, NULL), ERR_INVALID);
	assert_int_equal(pki_certificate_read_der("\x30\x03\x02\x01\x00", 5, &none, NULL),
			 ERR_INVALID);
}

static void renewal_comes_after_a_third_of_the_life_and_not_for_all_at_once(void **state)
{
	(void)state;
	assert_int_equal(pki_renewal_ms(0, 3000, 0), 1000);
	assert_int_equal(pki_renewal_ms(0, 3000, UINT32_MAX), 1300);
	int64_t middle_ms = pki_renewal_ms(NOON_MS, NOON_MS + 3000, UINT32_MAX / 2);
	assert_true(middle_ms > NOON_MS + 1100 && middle_ms < NOON_MS + 1200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_survives_being_written_with_and_without_a_passphrase),
		cmocka_unit_test(keys_of_other_kinds_are_refused),
		cmocka_unit_test(a_certificate_says_who_it_is_of_and_for_how_long),
		cmocka_unit_test(
			an_authority_lasts_ten_years_and_certifies_nothing_beyond_its_end),
		cmocka_unit_test(an_authority_is_read_again_only_with_its_own_key),
		cmocka_unit_test(a_machine_is_no_authority),
		cmocka_unit_test(a_request_carries_the_public_key_and_proves_the_private_one),
		cmocka_unit_test(a_request_that_is_not_signed_by_its_key_is_refused),
		cmocka_unit_test(names_that_could_be_taken_for_others_are_not_certified),
		cmocka_unit_test(broken_certificates_are_refused),
		cmocka_unit_test(
			renewal_comes_after_a_third_of_the_life_and_not_for_all_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
