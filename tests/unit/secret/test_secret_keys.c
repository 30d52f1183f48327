/* adapter/secret/secret_keys.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "adapter/secret/secret_keys.h"
#include "base/memory.h"
#include "base/str.h"

static const struct secret_label db = {"db-password", "shop-*", 3};

static char *open_text(const struct secret_keys *keys, const char *id,
		       const struct secret_label *label, const uint8_t *sealed, size_t size,
		       int expected)
{
	char *value = NULL;
	size_t value_size = 99;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(secret_open(keys, id, label, sealed, size, &value, &value_size, &err),
			 expected);
	assert_int_equal(err != NULL, expected != 0);
	if (value != NULL)
		assert_int_equal(strlen(value), value_size);
	return value;
}

static void a_value_is_opened_as_what_it_was_sealed(void **state)
{
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	const char *id = secret_keys_id(keys, 0);
	size_t size = 0, again_size = 0;
	CLEANUP(freep) uint8_t *sealed = secret_seal(keys, &db, "hunter2", 7, &size);
	CLEANUP(freep) uint8_t *again = secret_seal(keys, &db, "hunter2", 7, &again_size);
	(void)state;
	assert_int_equal(size, 7 + SECRET_OVERHEAD);
	assert_null(memmem(sealed, size, "hunter2", 7));
	assert_memory_not_equal(sealed, again, size); /* no one sees that it is the same */
	CLEANUP(freep) char *value = open_text(keys, id, &db, sealed, size, 0);
	assert_string_equal(value, "hunter2");
	/* Bytes of any kind, and none. */
	CLEANUP(freep) uint8_t *zero = secret_seal(keys, &db, "a\0b", 3, &size);
	char *bytes = NULL;
	assert_int_equal(secret_open(keys, id, &db, zero, size, &bytes, &size, NULL), 0);
	assert_int_equal(size, 3);
	assert_memory_equal(bytes, "a\0b", 4);
	free(bytes);
}

static void it_is_not_opened_as_anything_else(void **state)
{
	static const struct secret_label others[] = {
		{"db-passwor", "shop-*", 3},
		{"db-password", "*", 3},
		{"db-password", "shop-*", 2},
		{"db-passwords", "hop-*", 3},
		{"db-password", "shop-*", UINT64_C(3) << 8},
	};
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	CLEANUP(secret_keys_freep) struct secret_keys *strange = secret_keys_new();
	const char *id = secret_keys_id(keys, 0);
	size_t size = 0;
	CLEANUP(freep) uint8_t *sealed = secret_seal(keys, &db, "hunter2", 7, &size);
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(others); k++)
		assert_null(open_text(keys, id, &others[k], sealed, size, ERR_INVALID));
	assert_null(open_text(strange, id, &db, sealed, size, ERR_NOT_FOUND));
	assert_null(
		open_text(strange, secret_keys_id(strange, 0), &db, sealed, size, ERR_INVALID));
	for (size_t k = 0; k < size; k++) {
		sealed[k] ^= 1;
		assert_null(open_text(keys, id, &db, sealed, size, ERR_INVALID));
		sealed[k] ^= 1;
	}
	for (size_t k = 0; k < size; k++)
		assert_null(open_text(keys, id, &db, sealed, k, ERR_INVALID));
}

static struct secret_keys *copy_of(const struct secret_keys *keys, const char *passphrase)
{
	struct secret_keys *copy = NULL;
	CLEANUP(secret_text_freep) char *text = NULL;
	assert_int_equal(secret_keys_write(keys, passphrase, &text, NULL), 0);
	assert_int_equal(secret_keys_read(text, strlen(text), passphrase, &copy, NULL), 0);
	assert_int_equal(secret_keys_count(copy), secret_keys_count(keys));
	for (size_t k = 0; k < secret_keys_count(keys); k++)
		assert_string_equal(secret_keys_id(copy, k), secret_keys_id(keys, k));
	return copy;
}

static void a_new_key_seals_and_the_one_before_still_opens(void **state)
{
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	CLEANUP(freep) char *first = mem_strdup(secret_keys_id(keys, 0));
	size_t size = 0, new_size = 0;
	CLEANUP(freep) uint8_t *old = secret_seal(keys, &db, "one", 3, &size);
	(void)state;
	secret_keys_add(keys);
	assert_int_equal(secret_keys_count(keys), 2);
	assert_string_equal(secret_keys_id(keys, 1), first);
	CLEANUP(freep) uint8_t *new = secret_seal(keys, &db, "two", 3, &new_size);
	CLEANUP(secret_keys_freep) struct secret_keys *copy = copy_of(keys, NULL);
	CLEANUP(freep) char *one = open_text(copy, first, &db, old, size, 0);
	CLEANUP(freep)
	char *two = open_text(copy, secret_keys_id(keys, 0), &db, new, new_size, 0);
	assert_string_equal(one, "one");
	assert_string_equal(two, "two");
	assert_false(secret_keys_drop(copy, "0123456789abcdef"));
	assert_true(secret_keys_drop(copy, first));
	assert_null(open_text(copy, first, &db, old, size, ERR_NOT_FOUND));
	assert_int_equal(secret_keys_count(copy), 1);
	/* Taken from another file, it opens, and does not seal: it is older, whatever the clock says. */
	assert_true(secret_keys_take(copy, keys, first));
	assert_false(secret_keys_take(copy, keys, first));
	assert_string_equal(secret_keys_id(copy, 1), first);
	/* And the newer one is the first where it is taken. */
	CLEANUP(freep) char *second = mem_strdup(secret_keys_id(keys, 0));
	assert_true(secret_keys_drop(copy, second));
	assert_true(secret_keys_unite(copy, keys));
	assert_true(secret_keys_has_all(copy, keys));
	assert_string_equal(secret_keys_id(copy, 0), second);
	CLEANUP(secret_keys_freep) struct secret_keys *read = copy_of(copy, NULL);
	assert_true(secret_keys_drop(read, second));
	assert_false(secret_keys_has_all(read, copy));
	assert_true(secret_keys_take(read, copy, second));
	assert_string_equal(secret_keys_id(read, 0), second);
	CLEANUP(freep) char *again = open_text(copy, first, &db, old, size, 0);
	assert_string_equal(again, "one");
}

static void a_mark_shows_nothing_to_who_has_no_key(void **state)
{
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	CLEANUP(secret_keys_freep) struct secret_keys *same = copy_of(keys, NULL);
	CLEANUP(secret_keys_freep) struct secret_keys *others = secret_keys_new();
	uint8_t mark[SECRET_MARK_BYTES], other[SECRET_MARK_BYTES];
	(void)state;
	secret_keys_mark(keys, "a use", "hunter2", 7, mark);
	secret_keys_mark(same, "a use", "hunter2", 7, other);
	assert_memory_equal(mark, other, sizeof(mark));
	secret_keys_mark(same, "a use", "hunter3", 7, other);
	assert_memory_not_equal(mark, other, sizeof(mark));
	secret_keys_mark(same, "other use", "hunter2", 7, other);
	assert_memory_not_equal(mark, other, sizeof(mark));
	secret_keys_mark(others, "a use", "hunter2", 7, other);
	assert_memory_not_equal(mark, other, sizeof(mark));
}

static void a_file_may_be_sealed_with_a_passphrase(void **state)
{
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	CLEANUP(secret_keys_freep) struct secret_keys *copy = copy_of(keys, "correct horse");
	assert_non_null(copy);
	CLEANUP(secret_text_freep) char *plain = NULL;
	CLEANUP(secret_text_freep) char *sealed = NULL;
	struct secret_keys *none = NULL;
	size_t size = 0;
	(void)state;
	assert_int_equal(secret_keys_write(keys, NULL, &plain, NULL), 0);
	assert_int_equal(secret_keys_write(keys, "correct horse", &sealed, NULL), 0);
	assert_null(strstr(sealed, secret_keys_id(keys, 0)));
	size = strlen(sealed);
	assert_int_equal(secret_keys_read(sealed, size, NULL, &none, NULL), ERR_DENIED);
	assert_int_equal(secret_keys_read(sealed, size, "battery", &none, NULL), ERR_DENIED);
	/* One that is not sealed is read whether or not a passphrase is given. */
	assert_int_equal(secret_keys_read(plain, strlen(plain), "battery", &none, NULL), 0);
	secret_keys_free(none);
}

static void what_was_cut_or_changed_is_no_file(void **state)
{
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	CLEANUP(secret_text_freep) char *plain = NULL;
	CLEANUP(secret_text_freep) char *sealed = NULL;
	struct secret_keys *none = NULL;
	(void)state;
	secret_keys_add(keys);
	assert_int_equal(secret_keys_write(keys, NULL, &plain, NULL), 0);
	assert_int_equal(secret_keys_write(keys, "correct horse", &sealed, NULL), 0);
	size_t line = (strlen(plain) - strlen("samoza-secret-keys 1\n")) / 2;
	for (size_t k = 0; k < strlen(plain); k++) {
		if (k == strlen(plain) - line)
			continue; /* with one key it is whole */
		assert_int_equal(secret_keys_read(plain, k, NULL, &none, NULL), ERR_INVALID);
	}
	for (size_t k = 0; k < strlen(sealed); k++)
		assert_int_equal(secret_keys_read(sealed, k, NULL, &none, NULL), ERR_INVALID);
	CLEANUP(freep) char *more = str_printf("%s\n", plain);
	assert_int_equal(secret_keys_read(more, strlen(more), NULL, &none, NULL), ERR_INVALID);
	assert_int_equal(secret_keys_read("", 0, NULL, &none, NULL), ERR_INVALID);
	/* What was sealed is noticed when it was changed. */
	char *at = sealed + strlen(sealed) - 4;
	*at = *at == 'A' ? 'B' : 'A';
	assert_int_equal(secret_keys_read(sealed, strlen(sealed), "correct horse", &none, NULL),
			 ERR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_opened_as_what_it_was_sealed),
		cmocka_unit_test(it_is_not_opened_as_anything_else),
		cmocka_unit_test(a_new_key_seals_and_the_one_before_still_opens),
		cmocka_unit_test(a_mark_shows_nothing_to_who_has_no_key),
		cmocka_unit_test(a_file_may_be_sealed_with_a_passphrase),
		cmocka_unit_test(what_was_cut_or_changed_is_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
