/* zhost/join/join.h; what asks zrms (join/ask.h) is the test's own. */
#include "test.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../pki/certificates.h"
#include "base/str.h"
#include "schema/message.h"
#include "zhost/join/ask.h"
#include "zhost/join/join.h"

/* ---- zrms ---- */

static struct {
	struct pki_authority *authority, *foreign;
	int64_t ahead_ms;  /* its clock */
	const char *name;  /* that it certifies; NULL: what it is asked for */
	bool is_other_key; /* so is the key */
	bool is_away;
	unsigned asked;
	bool replace;
	struct pki_pin pin; /* of the key that was shown last */
} zrms;

static int64_t wall_ms(void)
{
	return (int64_t)time(NULL) * 1000;
}

int join_ask(const struct join_token *token, const char *name, bool replace,
	     const struct pki_key *key, Samoza__V1__JoinView **ret_view, struct error **err)
{
	assert_int_equal(token->address_count, 2);
	zrms.asked++;
	zrms.replace = replace;
	zrms.pin = pki_key_pin(key);
	if (zrms.is_away)
		return error_set(err, ERR_UNAVAILABLE, "zrms is away");
	struct pki_key *other = NULL;
	if (zrms.is_other_key)
		assert_int_equal(pki_key_new(&other, NULL), 0);
	struct pki_certificate *certificate =
		certificate_for(zrms.authority, other != NULL ? other : key, "zhost",
				zrms.name != NULL ? zrms.name : name, wall_ms() + zrms.ahead_ms,
				PKI_MACHINE_MS);
	CLEANUP(pki_trust_freep) struct pki_trust *trust = trust_of(zrms.authority, NULL);
	Samoza__V1__JoinView *view = mem_new(Samoza__V1__JoinView);
	samoza__v1__join_view__init(view);
	view->cluster = mem_strdup("c1");
	view->name = mem_strdup(name);
	view->expires = mem_strdup("soon");
	view->certificate = pki_certificate_write(certificate);
	view->authorities = pki_trust_write(trust);
	*ret_view = view;
	pki_certificate_free(certificate);
	pki_key_free(other);
	return 0;
}

/* ---- the machine ---- */

struct stage {
	char *dir;
	char *word, *other_word, *foreign_word;
	struct error *why;
};

static char *word_of(const struct pki_authority *authority)
{
	static const char *const addresses[] = {"10.0.0.5:7331", "[::1]:7331"};
	struct pki_pin pin = pki_certificate_pin(pki_authority_certificate(authority));
	struct join_token token = {0};
	assert_int_equal(join_token_new(&pin, 1, addresses, 2, &token, NULL), 0);
	char *word = join_token_write(&token);
	join_token_done(&token);
	return word;
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	memset(&zrms, 0, sizeof(zrms));
	zrms.authority = authority_at("c1", 1, wall_ms() - 800 * PKI_DAY_MS);
	zrms.foreign = authority_at("c2", 1, wall_ms() - PKI_DAY_MS);
	s->dir = mem_strdup("/tmp/test-join-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->word = word_of(zrms.authority);
	s->other_word = word_of(zrms.authority);
	s->foreign_word = word_of(zrms.foreign);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *remove = str_printf("rm -r %s", s->dir);
	assert_int_equal(system(remove), 0);
	free(s->dir);
	pki_secret_free(s->word);
	pki_secret_free(s->other_word);
	pki_secret_free(s->foreign_word);
	error_free(s->why);
	pki_authority_free(zrms.authority);
	pki_authority_free(zrms.foreign);
	free(s);
	return 0;
}

static bool has(const struct stage *s, const char *file)
{
	CLEANUP(freep) char *path = str_printf("%s/credentials/%s", s->dir, file);
	return access(path, F_OK) == 0;
}

static int join(struct stage *s, const char *word, bool replace)
{
	error_free(steal_ptr(&s->why));
	return join_cluster(s->dir, "alpha", word, replace, &s->why);
}

static void assert_says(const struct stage *s, const char *text)
{
	const char *message = s->why != NULL ? s->why->message : "(nothing)";
	if (strstr(message, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", message, text);
}

static struct pki_pin pin_stored(const struct stage *s)
{
	CLEANUP(freep) char *directory = str_printf("%s/credentials", s->dir);
	struct pki_credentials c = {0};
	assert_int_equal(pki_credentials_load(directory, &c, NULL), 0);
	struct pki_pin pin = pki_certificate_pin(c.certificate);
	pki_credentials_done(&c);
	return pin;
}

/* ---- tests ---- */

static void it_stores_who_it_is_and_keeps_no_word(void **state)
{
	struct stage *s = *state;
	assert_int_equal(join(s, s->word, false), 0);
	struct pki_pin stored = pin_stored(s);
	assert_true(pki_pin_equal(&stored, &zrms.pin));
	assert_true(has(s, "authorities.pem") && has(s, "addresses") && has(s, "joined-with"));
	assert_false(has(s, "joining.pem"));
}

static void the_same_word_again_asks_nobody(void **state)
{
	struct stage *s = *state;
	assert_int_equal(join(s, s->word, false), 0);
	assert_int_equal(join(s, s->word, false), 0);
	assert_int_equal(join(s, s->word, true), 0);	    /* as a unit file would */
	assert_int_equal(join(s, s->other_word, false), 0); /* of the same cluster */
	assert_int_equal(zrms.asked, 1);
}

static void another_word_and_replace_asks_for_another_identity(void **state)
{
	struct stage *s = *state;
	assert_int_equal(join(s, s->word, false), 0);
	struct pki_pin first = pin_stored(s);
	assert_int_equal(join(s, s->other_word, true), 0);
	assert_int_equal(zrms.asked, 2);
	assert_true(zrms.replace);
	struct pki_pin second = pin_stored(s);
	assert_false(pki_pin_equal(&first, &second));
}

static void a_word_of_another_cluster_is_refused_and_says_what_to_do(void **state)
{
	struct stage *s = *state;
	assert_int_equal(join(s, s->word, false), 0);
	assert_int_equal(join(s, s->foreign_word, false), ERR_CONFLICT);
	assert_says(s, "this machine has joined another cluster");
	assert_says(s, "give --replace to leave that one, or another --dir");
	assert_int_equal(zrms.asked, 1);
	struct pki_pin stored = pin_stored(s);
	assert_true(pki_pin_equal(&stored, &zrms.pin));
}

static void given_up_and_asked_again_it_shows_the_same_key(void **state)
{
	struct stage *s = *state;
	zrms.is_away = true;
	assert_int_equal(join(s, s->word, false), ERR_UNAVAILABLE);
	assert_says(s, "this machine has not joined: zrms is away");
	assert_true(has(s, "joining.pem"));
	assert_false(has(s, "identity.pem"));
	struct pki_pin first = zrms.pin;
	zrms.is_away = false;
	assert_int_equal(join(s, s->word, false), 0);
	assert_true(pki_pin_equal(&first, &zrms.pin));
	struct pki_pin stored = pin_stored(s);
	assert_true(pki_pin_equal(&first, &stored));
}

static void killed_before_the_last_file_it_asks_again_and_is_answered_as_before(void **state)
{
	struct stage *s = *state;
	assert_int_equal(join(s, s->word, false), 0);
	CLEANUP(freep) char *path = str_printf("%s/credentials/joined-with", s->dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(join(s, s->word, false), 0); /* it has an identity of that cluster */
	assert_int_equal(zrms.asked, 1);
}

static void a_certificate_for_another_key_or_name_is_not_taken(void **state)
{
	struct stage *s = *state;
	zrms.is_other_key = true;
	assert_int_equal(join(s, s->word, false), ERR_INVALID);
	assert_says(s, "for another key or name");
	zrms.is_other_key = false;
	zrms.name = "beta";
	assert_int_equal(join(s, s->word, false), ERR_INVALID);
	assert_says(s, "for another key or name");
	assert_false(has(s, "identity.pem"));
}

static void what_is_no_word_is_refused_before_anything_is_written(void **state)
{
	struct stage *s = *state;
	assert_int_equal(join(s, "smz2.a.b.c.d.e", false), ERR_INVALID);
	assert_says(s, "--join");
	assert_false(has(s, ""));
	assert_int_equal(zrms.asked, 0);
}

static void a_clock_that_is_a_year_ahead_is_named_and_the_key_stays(void **state)
{
	struct stage *s = *state;
	zrms.ahead_ms = -365 * PKI_DAY_MS;
	assert_int_equal(join(s, s->word, false), ERR_DENIED);
	assert_says(s, "your clock differs by 365 days from that of zrms; set the one that is "
		       "wrong, then give the same command again");
	assert_false(has(s, "identity.pem"));
	struct pki_pin first = zrms.pin;
	zrms.ahead_ms = 0;
	assert_int_equal(join(s, s->word, false), 0);
	assert_true(pki_pin_equal(&first, &zrms.pin));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(it_stores_who_it_is_and_keeps_no_word),
		TEST(the_same_word_again_asks_nobody),
		TEST(another_word_and_replace_asks_for_another_identity),
		TEST(a_word_of_another_cluster_is_refused_and_says_what_to_do),
		TEST(given_up_and_asked_again_it_shows_the_same_key),
		TEST(killed_before_the_last_file_it_asks_again_and_is_answered_as_before),
		TEST(a_certificate_for_another_key_or_name_is_not_taken),
		TEST(what_is_no_word_is_refused_before_anything_is_written),
		TEST(a_clock_that_is_a_year_ahead_is_named_and_the_key_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
