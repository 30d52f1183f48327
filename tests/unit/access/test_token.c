/*
 * Tokens and their files (adapter/token).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/token/known_cluster.h"
#include "adapter/token/token.h"
#include "base/memory.h"
#include "base/str.h"

static char directory[] = "/tmp/samoza-token-XXXXXX";

static char *path_of(const char *name)
{
	return str_printf("%s/%s", directory, name);
}

static void put_text(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void tokens_differ_and_look_like_tokens(void **state)
{
	CLEANUP(token_freep) char *a = token_new(TOKEN_OF_PERSON);
	CLEANUP(token_freep) char *b = token_new(TOKEN_OF_PERSON);
	uint8_t hash_a[TOKEN_HASH_SIZE], hash_b[TOKEN_HASH_SIZE], again[TOKEN_HASH_SIZE];
	(void)state;
	assert_string_not_equal(a, b);
	assert_true(token_is_well_formed(a));
	assert_int_equal(strlen(a), 48);
	token_hash(a, hash_a);
	token_hash(b, hash_b);
	token_hash(a, again);
	assert_true(token_hashes_are_equal(hash_a, again));
	assert_false(token_hashes_are_equal(hash_a, hash_b));
	assert_false(token_is_well_formed("smzu_"));
	assert_false(token_is_well_formed(""));
	a[10] = ' ';
	assert_false(token_is_well_formed(a));
	a[10] = 'x';
	a[0] = 'S';
	assert_false(token_is_well_formed(a));
}

static void a_file_is_for_its_owner_only(void **state)
{
	CLEANUP(freep) char *path = path_of("credentials/local-admin");
	CLEANUP(token_freep) char *token = token_new(TOKEN_OF_PERSON);
	CLEANUP(token_freep) char *read = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	struct stat st;
	(void)state;
	assert_int_equal(token_read(path, &read, NULL), ERR_NOT_FOUND);
	assert_int_equal(token_write(path, token, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(token_read(path, &read, NULL), 0);
	assert_string_equal(read, token);
	assert_int_equal(chmod(path, 0640), 0);
	CLEANUP(token_freep) char *none = NULL;
	assert_int_equal(token_read(path, &none, &err), ERR_DENIED);
	assert_non_null(strstr(err->message, "chmod 600"));
	assert_null(none);
}

static void a_file_without_a_token_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "\n", "smzu_short\n",
		"smzu_0123456789012345678901234567890123456789012x4\n"};
	CLEANUP(freep) char *path = path_of("none");
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
		char *token = NULL;
		put_text(path, texts[k], 0600);
		assert_int_equal(token_read(path, &token, NULL), ERR_INVALID);
		assert_null(token);
	}
	char *token = NULL;
	assert_int_equal(token_read(directory, &token, NULL), ERR_INVALID); /* a directory */
}

static void a_noted_cluster_is_found_by_its_address(void **state)
{
	CLEANUP(freep) char *path = path_of("admin");
	CLEANUP(token_freep) char *token = token_new(TOKEN_OF_PERSON);
	char *found = NULL;
	(void)state;
	assert_int_equal(unsetenv("SAMOZA_TOKEN"), 0);
	assert_int_equal(token_write(path, token, NULL), 0);
	assert_int_equal(known_cluster_note("127.0.0.1:7331", path, NULL), 0);
	assert_int_equal(known_token("http://127.0.0.1:7331/", NULL, &found, NULL), 0);
	assert_string_equal(found, token);
	token_free(steal_ptr(&found));
	assert_int_equal(known_token("http://127.0.0.1:7332", NULL, &found, NULL), 0);
	assert_null(found);
	assert_int_equal(known_token("http://../../admin", NULL, &found, NULL), 0);
	assert_null(found);
	assert_int_equal(unlink(path), 0); /* that cluster is gone */
	assert_int_equal(known_token("http://127.0.0.1:7331", NULL, &found, NULL), 0);
	assert_null(found);
	known_cluster_forget("127.0.0.1:7331");
	assert_null(known_cluster_file("127.0.0.1:7331"));
}

static void what_is_given_is_taken_before_what_is_known(void **state)
{
	CLEANUP(freep) char *path = path_of("given");
	CLEANUP(token_freep) char *of_file = token_new(TOKEN_OF_PERSON);
	CLEANUP(token_freep) char *of_variable = token_new(TOKEN_OF_PERSON);
	char *found = NULL;
	(void)state;
	assert_int_equal(token_write(path, of_file, NULL), 0);
	assert_int_equal(setenv("SAMOZA_TOKEN", of_variable, 1), 0);
	assert_int_equal(known_token("127.0.0.1:7331", NULL, &found, NULL), 0);
	assert_string_equal(found, of_variable);
	token_free(steal_ptr(&found));
	assert_int_equal(known_token("127.0.0.1:7331", path, &found, NULL), 0);
	assert_string_equal(found, of_file);
	token_free(steal_ptr(&found));
	assert_int_equal(setenv("SAMOZA_TOKEN", "secret", 1), 0);
	assert_int_equal(known_token("127.0.0.1:7331", NULL, &found, NULL), ERR_INVALID);
	assert_int_equal(unsetenv("SAMOZA_TOKEN"), 0);
}

static int begin(void **state)
{
	(void)state;
	return mkdtemp(directory) != NULL && setenv("XDG_STATE_HOME", directory, 1) == 0 ? 0
											 : -1;
}

static int end(void **state)
{
	CLEANUP(freep) char *command = str_printf("rm -rf %s", directory);
	(void)state;
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_differ_and_look_like_tokens),
		cmocka_unit_test(a_file_is_for_its_owner_only),
		cmocka_unit_test(a_file_without_a_token_is_refused),
		cmocka_unit_test(a_noted_cluster_is_found_by_its_address),
		cmocka_unit_test(what_is_given_is_taken_before_what_is_known),
	};
	return cmocka_run_group_tests(tests, begin, end);
}
