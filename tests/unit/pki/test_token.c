/* adapter/pki: words that let somebody in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "adapter/pki/token.h"
#include "base/str.h"

static const char *const addresses[] = {"10.0.0.5:7331", "[2001:db8::1]:7331",
					"zrms.example:443"};

static struct join_token token_make(void)
{
	const struct pki_pin pins[] = {{{1, 2, 3}}, {{0xff, 0xfe}}};
	struct join_token token;
	assert_int_equal(join_token_new(pins, 2, addresses, 3, &token, NULL), 0);
	return token;
}

static void a_join_token_is_one_word_and_read_again(void **state)
{
	(void)state;
	CLEANUP(join_token_done) struct join_token token = token_make();
	CLEANUP(join_token_done) struct join_token again = {0};
	CLEANUP(pki_secret_freep) char *text = join_token_write(&token);
	CLEANUP(freep) char *pasted = str_printf("  %s\r\n", text);
	assert_int_equal(strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.+,"),
			 strlen(text));
	assert_memory_equal(text, "smz2.", 5);
	assert_int_equal(join_token_read(pasted, &again, NULL), 0);
	assert_string_equal(again.id, token.id);
	assert_memory_equal(again.secret, token.secret, sizeof(token.secret));
	assert_int_equal(again.pin_count, 2);
	assert_memory_equal(again.pins, token.pins, sizeof(token.pins));
	assert_int_equal(again.address_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(again.addresses[i], addresses[i]);
}

static void two_tokens_share_nothing(void **state)
{
	(void)state;
	CLEANUP(join_token_done) struct join_token a = token_make();
	CLEANUP(join_token_done) struct join_token b = token_make();
	assert_memory_not_equal(a.secret, b.secret, sizeof(a.secret));
	assert_string_not_equal(a.id, b.id);
	struct token_hash x = join_token_hash(&a), y = join_token_hash(&b);
	assert_memory_not_equal(x.bytes, y.bytes, sizeof(x.bytes));
	assert_memory_not_equal(x.bytes, a.secret, sizeof(a.secret));
}

static void assert_refused(const char *text, int code, const char *says)
{
	struct join_token token = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(join_token_read(text, &token, &err), code);
	if (strstr(err->message, says) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err->message, says);
	assert_int_equal(token.address_count, 0);
}

static void what_is_no_join_token_is_refused_with_what_it_is(void **state)
{
	(void)state;
	const char *user = "smzu_AbcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ";
	assert_refused("", ERR_INVALID,
		       "this is not a join token: expected smz2.ID.SECRET.PIN");
	assert_refused("hello", ERR_INVALID, "this is not a join token");
	assert_refused(user, ERR_INVALID, "this is the token of a user");
	assert_refused("smz1.a.b.c.d", ERR_UNSUPPORTED, "of another version");
	assert_refused("smz3.a", ERR_UNSUPPORTED, "of another version");
	assert_refused("smz3.a.b.c.d.e.f", ERR_UNSUPPORTED, "of another version");
	assert_refused("smz2", ERR_INVALID, "has 1 of 6 parts");
	assert_refused("smz2.a.b.c.d.e.f", ERR_INVALID, "damaged in its end");
	CLEANUP(freep) char *huge = mem_calloc(1, JOIN_TOKEN_TEXT_MAX + 2);
	memset(huge, 'a', JOIN_TOKEN_TEXT_MAX + 1);
	assert_refused(huge, ERR_INVALID, "longer than one");
}

static void a_token_without_a_pin_is_refused(void **state)
{
	(void)state;
	CLEANUP(join_token_done) struct join_token token = token_make();
	CLEANUP(pki_secret_freep) char *text = join_token_write(&token);
	char *pins = strchr(strchr(text + 5, '.') + 1, '.') + 1;
	CLEANUP(freep)
	char *empty = str_printf("%.*s%s", (int)(pins - text), text, strchr(pins, '.'));
	assert_refused(empty, ERR_INVALID, "damaged in its pins");
	CLEANUP(freep)
	char *none = str_printf("%.*s%s", (int)(pins - text), text, strchr(pins, '.') + 1);
	assert_refused(none, ERR_INVALID, "there is no form without a pin");
	struct join_token made;
	assert_int_equal(join_token_new(NULL, 0, addresses, 3, &made, NULL), ERR_INVALID);
}

/* Each part, with its last character gone: the message names the part and shows nothing of it. */
static void a_damaged_part_is_named_and_not_shown(void **state)
{
	(void)state;
	static const char *const names[] = {"id", "secret", "pins", "addresses", "sum"};
	CLEANUP(join_token_done) struct join_token token = token_make();
	CLEANUP(pki_secret_freep) char *text = join_token_write(&token);
	char *at = text + 4;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *next = strchr(at + 1, '.');
		size_t cut = next != NULL ? (size_t)(next - text) : strlen(text);
		CLEANUP(freep)
		char *bad = str_printf("%.*s!%s", (int)cut - 1, text, next != NULL ? next : "");
		assert_refused(bad, ERR_INVALID, names[i]);
		struct join_token none = {0};
		CLEANUP(error_freep) struct error *err = NULL;
		assert_int_equal(join_token_read(bad, &none, &err), ERR_INVALID);
		CLEANUP(freep) char *shown = mem_strndup(at + 1, 8);
		assert_null(strstr(err->message, shown));
		at = next;
	}
}

/* Of a fixed word, since the sum has 24 bits: of words that are drawn, one in a thousand has a letter that may
 * become another one and keep it. */
static char *fixed_word(void)
{
	struct join_token token = {.id = "b8uwdrvd", .pin_count = 2, .address_count = 3};
	for (size_t i = 0; i < TOKEN_SECRET_BYTES; i++) {
		token.secret[i] = (uint8_t)(31 * i + 7);
		token.pins[0].bytes[i] = (uint8_t)(57 * i + 1);
		token.pins[1].bytes[i] = (uint8_t)(91 * i + 3);
	}
	for (size_t i = 0; i < token.address_count; i++)
		token.addresses[i] = (char *)(uintptr_t)addresses[i];
	return join_token_write(&token);
}

static const char whole[] = "copy the whole word as it was printed";

static void a_word_that_was_cut_is_refused_wherever_it_was_cut(void **state)
{
	(void)state;
	CLEANUP(pki_secret_freep) char *word = fixed_word();
	for (size_t size = 0; size < strlen(word); size++) {
		CLEANUP(freep) char *cut = mem_strndup(word, size);
		assert_refused(cut, ERR_INVALID,
			       size < strlen("smz2") ? "this is not a join token" : whole);
		assert_refused(word + strlen(word) - size, ERR_INVALID,
			       "this is not a join token");
	}
}

static void assert_damaged(const char *word)
{
	struct join_token token = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	if (join_token_read(word, &token, &err) == 0)
		fail_msg("'%s' is read", word);
	if (memcmp(word, "smz2.", 5) == 0 && strstr(err->message, whole) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err->message, whole);
}

static void a_word_with_one_letter_changed_lost_or_swapped_is_refused(void **state)
{
	(void)state;
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.+, !=";
	CLEANUP(pki_secret_freep) char *word = fixed_word();
	const size_t size = strlen(word);
	for (size_t i = 0; i < size; i++) {
		const char was = word[i];
		for (const char *letter = letters; *letter != '\0'; letter++) {
			if (*letter == was || (*letter == ' ' && i + 1 == size))
				continue;
			word[i] = *letter;
			assert_damaged(word);
		}
		word[i] = was;
		CLEANUP(freep) char *lost = str_printf("%.*s%s", (int)i, word, word + i + 1);
		assert_damaged(lost);
		if (i + 1 < size && word[i + 1] != was) {
			word[i] = word[i + 1];
			word[i + 1] = was;
			assert_damaged(word);
			word[i + 1] = word[i];
			word[i] = was;
		}
	}
	struct join_token token = {0};
	assert_int_equal(join_token_read(word, &token, NULL), 0);
	join_token_done(&token);
}

static void only_addresses_can_be_in_a_token(void **state)
{
	(void)state;
	static const char *const bad[] = {"",		"host",	    "host:",	   "host:0",
					  "host:65536", ":7331",    "a b:7331",	   "a/b:7331",
					  "[]:7331",	"[x]:7331", "host:7331\n", "h:+1"};
	const struct pki_pin pin = {{1}};
	struct join_token token;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(join_token_new(&pin, 1, &bad[i], 1, &token, NULL),
				 ERR_INVALID);
}

static void a_secret_that_is_shown_has_the_hash_of_its_token(void **state)
{
	(void)state;
	CLEANUP(join_token_done) struct join_token token = token_make();
	CLEANUP(pki_secret_freep) char *secret = join_token_secret(&token);
	CLEANUP(pki_secret_freep) char *word = join_token_write(&token);
	struct token_hash x = join_token_hash(&token), y;
	assert_int_equal(strlen(secret), TOKEN_SECRET_TEXT);
	assert_non_null(strstr(word, secret));
	assert_int_equal(join_token_secret_hash(secret, &y, NULL), 0);
	assert_memory_equal(x.bytes, y.bytes, sizeof(x.bytes));
	CLEANUP(freep) char *longer = str_printf("%sA", secret);
	CLEANUP(freep) char *shorter = mem_strndup(secret, TOKEN_SECRET_TEXT - 1);
	const char *const bad[] = {"", longer, shorter, word, "hunter2 is my password"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		assert_int_equal(join_token_secret_hash(bad[i], &y, &err), ERR_INVALID);
		assert_null(strstr(err->message, "hunter2"));
		assert_null(strstr(err->message, secret));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_join_token_is_one_word_and_read_again),
		cmocka_unit_test(two_tokens_share_nothing),
		cmocka_unit_test(what_is_no_join_token_is_refused_with_what_it_is),
		cmocka_unit_test(a_token_without_a_pin_is_refused),
		cmocka_unit_test(a_damaged_part_is_named_and_not_shown),
		cmocka_unit_test(a_word_that_was_cut_is_refused_wherever_it_was_cut),
		cmocka_unit_test(a_word_with_one_letter_changed_lost_or_swapped_is_refused),
		cmocka_unit_test(only_addresses_can_be_in_a_token),
		cmocka_unit_test(a_secret_that_is_shown_has_the_hash_of_its_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
