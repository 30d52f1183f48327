/* adapter/pki: whom a machine believes, and what it says to the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "certificates.h"

/* A cluster with one zhost, and what came of looking at it. */
struct stage {
	struct pki_authority *authority;
	struct pki_trust *trust;
	struct machine alpha;
	enum pki_fault fault;
	struct pki_identity identity;
	struct error *err;
};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->authority = authority_at("c1", 1, NOON_MS);
	s->trust = trust_of(s->authority, NULL);
	s->alpha = machine_at(s->authority, "zhost", "alpha", NOON_MS, 10000);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	pki_authority_free(s->authority);
	pki_trust_free(s->trust);
	machine_done(&s->alpha);
	pki_identity_done(&s->identity);
	error_free(s->err);
	free(s);
	return 0;
}

static int look(struct stage *s, const struct machine *m, const struct pki_authority *presented,
		const struct pki_expectation *expected)
{
	const struct pki_certificate *chain[] = {
		presented != NULL ? pki_authority_certificate(presented) : NULL};
	error_free(steal_ptr(&s->err));
	pki_identity_done(&s->identity);
	s->fault = PKI_NO_FAULT;
	return pki_verify(s->trust, expected, m->certificate, chain, presented != NULL,
			  &s->identity, &s->fault, &s->err);
}

static void assert_says(const struct stage *s, const char *text)
{
	assert_non_null(s->err);
	if (strstr(s->err->message, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", s->err->message, text);
}

static void a_machine_of_the_cluster_is_known_by_its_certificate(void **state)
{
	struct stage *s = *state;
	const struct pki_expectation expected = {.now_wall_ms = NOON_MS, .role = "zhost"};
	assert_int_equal(look(s, &s->alpha, NULL, &expected), 0);
	assert_string_equal(s->identity.name, "alpha");
	assert_int_equal(look(s, &s->alpha, s->authority, &expected), 0);
}

static void the_seconds_of_a_certificate_are_kept_to(void **state)
{
	struct stage *s = *state;
	struct pki_expectation at = {.now_wall_ms = NOON_MS + 9999};
	assert_int_equal(look(s, &s->alpha, NULL, &at), 0);
	at.now_wall_ms = NOON_MS + 10000;
	assert_int_equal(look(s, &s->alpha, NULL, &at), ERR_DENIED);
	assert_int_equal(s->fault, PKI_EXPIRED);
	assert_says(s, "has expired at 2026-11-27 12:00:10 UTC, 0 s ago: it must be renewed");
	at.now_wall_ms = NOON_MS - PKI_BACKDATE_MS;
	assert_int_equal(look(s, &s->alpha, NULL, &at), 0);
}

static void an_expired_certificate_is_taken_for_a_renewal_within_90_days(void **state)
{
	struct stage *s = *state;
	struct pki_expectation at = {.now_wall_ms = NOON_MS + 9999 + PKI_RENEW_GRACE_MS,
				     .grace_ms = PKI_RENEW_GRACE_MS};
	assert_int_equal(look(s, &s->alpha, NULL, &at), 0);
	assert_true(s->identity.not_after_ms < at.now_wall_ms);
	at.now_wall_ms++;
	assert_int_equal(look(s, &s->alpha, NULL, &at), ERR_DENIED);
	assert_int_equal(s->fault, PKI_EXPIRED);
	assert_says(s, "join again with a fresh token and --replace");
}

static void a_wrong_clock_is_named(void **state)
{
	struct stage *s = *state;
	struct pki_expectation at = {.now_wall_ms = NOON_MS - 3 * 60 * PKI_MINUTE_MS};
	assert_int_equal(look(s, &s->alpha, NULL, &at), ERR_DENIED);
	assert_int_equal(s->fault, PKI_NOT_YET);
	assert_says(s, "your clock differs by at least 3 h");
	/* Of an authority that is there already. */
	CLEANUP(machine_done)
	struct machine beta = machine_at(s->authority, "zhost", "beta",
					 NOON_MS + PKI_DAY_MS + PKI_BACKDATE_MS, 10000);
	at.now_wall_ms = NOON_MS;
	assert_int_equal(look(s, &beta, NULL, &at), ERR_DENIED);
	assert_int_equal(s->fault, PKI_NOT_YET);
	assert_says(s, "its certificate is valid from 2026-11-28 12:00:00 UTC, in 24 h: ");
	at.peer_wall_ms = NOON_MS;
	at.now_wall_ms = NOON_MS - 4 * 24 * 60 * PKI_MINUTE_MS;
	s->fault = PKI_NO_FAULT;
	assert_int_equal(look(s, &s->alpha, NULL, &at), ERR_DENIED);
	assert_says(s, "your clock differs by 4 days from the clock of the other end");
}

static void clocks_that_agree_are_not_blamed(void **state)
{
	struct stage *s = *state;
	struct pki_expectation at = {.now_wall_ms = NOON_MS + PKI_DAY_MS,
				     .peer_wall_ms = NOON_MS + PKI_DAY_MS + 5000};
	assert_int_equal(look(s, &s->alpha, NULL, &at), ERR_DENIED);
	assert_null(strstr(s->err->message, "your clock"));
	at.peer_wall_ms = NOON_MS;
	assert_int_equal(look(s, &s->alpha, NULL, &at), ERR_DENIED);
	assert_says(s, "your clock differs by 24 h");
}

static void another_cluster_is_named_by_its_authority(void **state)
{
	struct stage *s = *state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *other = authority_at("c2", 1, NOON_MS);
	CLEANUP(machine_done)
	struct machine m = machine_at(other, "zrms", "zrms", NOON_MS, PKI_SERVER_MS);
	const struct pki_expectation expected = {.now_wall_ms = NOON_MS, .is_server = true};
	struct pki_pin pin = pki_certificate_pin(pki_authority_certificate(other));
	char text[PKI_PIN_HEX];
	pki_pin_text(&pin, text);
	text[16] = '\0';
	CLEANUP(freep)
	char *is = str_printf("this is another cluster: its CA is \"Samoza CA 1\", key %s, "
			      "expected key ",
			      text);
	assert_int_equal(look(s, &m, other, &expected), ERR_DENIED);
	assert_int_equal(s->fault, PKI_FOREIGN);
	assert_says(s, is);
	assert_int_equal(look(s, &m, NULL, &expected), ERR_DENIED);
	assert_int_equal(s->fault, PKI_FOREIGN);
	assert_says(s, "not presented");
	/* One who owns no key of ours can still present our authority's certificate. */
	assert_int_equal(look(s, &m, s->authority, &expected), ERR_DENIED);
	assert_int_equal(s->fault, PKI_FOREIGN);
}

static void a_set_of_authorities_is_believed_until_one_is_dropped(void **state)
{
	struct stage *s = *state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *next = authority_at("c1", 2, NOON_MS);
	CLEANUP(machine_done)
	struct machine m = machine_at(next, "zhost", "beta", NOON_MS, PKI_MACHINE_MS);
	const struct pki_expectation expected = {.now_wall_ms = NOON_MS};
	assert_int_equal(look(s, &m, next, &expected), ERR_DENIED);
	pki_trust_free(s->trust);
	s->trust = trust_of(s->authority, next);
	assert_int_equal(pki_trust_count(s->trust), 2);
	assert_int_equal(look(s, &m, NULL, &expected), 0);
	assert_int_equal(look(s, &s->alpha, NULL, &expected), 0);
	pki_trust_free(s->trust);
	s->trust = trust_of(next, NULL);
	assert_int_equal(look(s, &s->alpha, NULL, &expected), ERR_DENIED);
	assert_int_equal(s->fault, PKI_FOREIGN);
}

static void pins_stand_for_authorities_that_are_presented(void **state)
{
	struct stage *s = *state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *other = authority_at("c2", 1, NOON_MS);
	struct pki_pin pins[] = {pki_certificate_pin(pki_authority_certificate(other)),
				 pki_certificate_pin(pki_authority_certificate(s->authority))};
	const struct pki_expectation expected = {.now_wall_ms = NOON_MS, .is_server = true};
	pki_trust_free(steal_ptr(&s->trust));
	assert_int_equal(pki_trust_pinned(pins, 2, &s->trust, NULL), 0);
	assert_int_equal(look(s, &s->alpha, s->authority, &expected), 0);
	assert_int_equal(look(s, &s->alpha, NULL, &expected), ERR_DENIED);
	pki_trust_free(steal_ptr(&s->trust));
	assert_int_equal(pki_trust_pinned(pins, 1, &s->trust, NULL), 0);
	assert_int_equal(look(s, &s->alpha, s->authority, &expected), ERR_DENIED);
	assert_int_equal(s->fault, PKI_FOREIGN);
	struct pki_trust *none = NULL;
	assert_int_equal(pki_trust_pinned(pins, 0, &none, NULL), ERR_INVALID);
}

/* A pin is of the authority's key: a machine's own certificate cannot stand in for it. */
static void a_pinned_key_of_a_machine_is_no_authority(void **state)
{
	struct stage *s = *state;
	struct pki_pin pin = pki_certificate_pin(s->alpha.certificate);
	const struct pki_certificate *chain[] = {s->alpha.certificate};
	const struct pki_expectation expected = {.now_wall_ms = NOON_MS, .is_server = true};
	pki_trust_free(steal_ptr(&s->trust));
	assert_int_equal(pki_trust_pinned(&pin, 1, &s->trust, NULL), 0);
	assert_int_equal(pki_verify(s->trust, &expected, s->alpha.certificate, chain, 1,
				    &s->identity, &s->fault, NULL),
			 ERR_DENIED);
}

/* A zhost that issues certificates with its own key. */
static void a_machine_cannot_vouch_for_another(void **state)
{
	struct stage *s = *state;
	CLEANUP(pki_authority_freep)
	struct pki_authority *false_one = authority_at("c1", 1, NOON_MS);
	CLEANUP(machine_done)
	struct machine m = machine_at(false_one, "zrms", "zrms", NOON_MS, PKI_SERVER_MS);
	const struct pki_certificate *chain[] = {pki_authority_certificate(false_one),
						 s->alpha.certificate};
	const struct pki_expectation expected = {.now_wall_ms = NOON_MS, .is_server = true};
	assert_int_equal(pki_verify(s->trust, &expected, m.certificate, chain, 2, &s->identity,
				    &s->fault, NULL),
			 ERR_DENIED);
	assert_int_equal(s->fault, PKI_FOREIGN);
}

static void roles_and_names_are_not_interchangeable(void **state)
{
	struct stage *s = *state;
	struct pki_expectation expected = {.now_wall_ms = NOON_MS, .role = "zrms"};
	assert_int_equal(look(s, &s->alpha, NULL, &expected), ERR_DENIED);
	assert_int_equal(s->fault, PKI_SOMEBODY_ELSE);
	assert_says(s, "it is zhost 'alpha', expected zrms");
	expected.role = "zhost";
	expected.name = "beta";
	assert_int_equal(look(s, &s->alpha, NULL, &expected), ERR_DENIED);
	assert_says(s, "it is zhost 'alpha', expected zhost 'beta'");
	/* A user's certificate answers nobody. */
	CLEANUP(machine_done)
	struct machine user = machine_at(s->authority, "user", "anna", NOON_MS, PKI_DAY_MS);
	const struct pki_expectation server = {.now_wall_ms = NOON_MS, .is_server = true};
	const struct pki_expectation client = {.now_wall_ms = NOON_MS};
	assert_int_equal(look(s, &user, NULL, &client), 0);
	assert_int_equal(look(s, &user, NULL, &server), ERR_DENIED);
	assert_int_equal(s->fault, PKI_MALFORMED);
}

static void an_authority_that_has_expired_vouches_for_nobody(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done)
	struct machine m = machine_at(s->authority, "zhost", "beta",
				      NOON_MS + PKI_AUTHORITY_MS - PKI_DAY_MS, PKI_MACHINE_MS);
	const struct pki_expectation expected = {.now_wall_ms = NOON_MS + PKI_AUTHORITY_MS,
						 .grace_ms = PKI_RENEW_GRACE_MS};
	assert_int_equal(look(s, &m, NULL, &expected), ERR_DENIED);
	assert_says(s, "its certificate authority has expired");
}

static void durations_are_told_in_one_unit(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {{5000, "5 s"},
		    {-119999, "119 s"},
		    {600000, "10 min"},
		    {INT64_C(3) * 3600000, "3 h"},
		    {INT64_C(72) * 3600000, "3 days"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *text = pki_duration_text(rows[i].ms);
		assert_string_equal(text, rows[i].text);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_machine_of_the_cluster_is_known_by_its_certificate),
		TEST(the_seconds_of_a_certificate_are_kept_to),
		TEST(an_expired_certificate_is_taken_for_a_renewal_within_90_days),
		TEST(a_wrong_clock_is_named),
		TEST(clocks_that_agree_are_not_blamed),
		TEST(another_cluster_is_named_by_its_authority),
		TEST(a_set_of_authorities_is_believed_until_one_is_dropped),
		TEST(pins_stand_for_authorities_that_are_presented),
		TEST(a_pinned_key_of_a_machine_is_no_authority),
		TEST(a_machine_cannot_vouch_for_another),
		TEST(roles_and_names_are_not_interchangeable),
		TEST(an_authority_that_has_expired_vouches_for_nobody),
		TEST(durations_are_told_in_one_unit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
