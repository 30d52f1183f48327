/* adapter/pki: the files of a machine's identity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "certificates.h"

struct stage {
	struct pki_authority *authority;
	struct pki_trust *trust;
	struct machine alpha;
	char *directory;
};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->authority = authority_at("c1", 1, NOON_MS);
	s->trust = trust_of(s->authority, NULL);
	s->alpha = machine_at(s->authority, "zhost", "alpha", NOON_MS, PKI_MACHINE_MS);
	s->directory = directory_of(&s->alpha, s->trust);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	directory_remove(s->directory);
	pki_authority_free(s->authority);
	pki_trust_free(s->trust);
	machine_done(&s->alpha);
	free(s);
	return 0;
}

static char *path_of(const struct stage *s, const char *name)
{
	return str_printf("%s/%s", s->directory, name);
}

static int load(const struct stage *s, struct pki_credentials *ret, const char *says)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int r = pki_credentials_load(s->directory, ret, &err);
	if (says != NULL && (err == NULL || strstr(err->message, says) == NULL))
		fail_msg("\"%s\" does not say \"%s\"", err != NULL ? err->message : "", says);
	return r;
}

static void what_was_stored_is_loaded_and_nobody_else_can_read_it(void **state)
{
	struct stage *s = *state;
	static const char *const files[] = {PKI_IDENTITY_FILE, PKI_AUTHORITIES_FILE};
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	assert_int_equal(load(s, &c, NULL), 0);
	struct pki_pin a = pki_key_pin(c.key), b = pki_key_pin(s->alpha.key);
	assert_true(pki_pin_equal(&a, &b));
	assert_int_equal(pki_trust_count(c.trust), 1);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(freep) char *path = path_of(s, files[i]);
		struct stat status;
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(status.st_mode & 07777, 0600);
	}
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *path = path_of(s, PKI_IDENTITY_FILE);
	struct pki_credentials c = {0};
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(load(s, &c, "others have rights on"), ERR_DENIED);
	assert_null(c.key);
}

static void a_machine_without_an_identity_is_anonymous(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *path = path_of(s, PKI_IDENTITY_FILE);
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	assert_int_equal(unlink(path), 0);
	assert_int_equal(load(s, &c, NULL), 0);
	assert_null(c.key);
	assert_null(c.certificate);
}

static void without_authorities_there_are_no_credentials(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *path = path_of(s, PKI_AUTHORITIES_FILE);
	struct pki_credentials c = {0};
	assert_int_equal(unlink(path), 0);
	assert_int_equal(load(s, &c, PKI_AUTHORITIES_FILE), ERR_NOT_FOUND);
}

static void broken_files_are_named(void **state)
{
	struct stage *s = *state;
	static const char *const files[] = {PKI_IDENTITY_FILE, PKI_AUTHORITIES_FILE};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(freep) char *path = path_of(s, files[i]);
		CLEANUP(pki_secret_freep) char *whole = NULL;
		struct pki_credentials c = {0};
		size_t size = 0;
		assert_int_equal(pki_file_read(path, &whole, &size, NULL), 0);
		for (size_t cut = 0; cut < size - 1; cut += size / 7) {
			assert_int_equal(pki_file_write(path, whole, cut, NULL), 0);
			assert_int_equal(load(s, &c, files[i]), ERR_INVALID);
		}
		assert_int_equal(pki_file_write(path, whole, size, NULL), 0);
	}
}

static void a_key_of_another_certificate_is_refused(void **state)
{
	struct stage *s = *state;
	CLEANUP(machine_done)
	struct machine beta =
		machine_at(s->authority, "zhost", "beta", NOON_MS, PKI_MACHINE_MS);
	struct pki_credentials c = {0};
	assert_int_equal(pki_identity_store(s->directory, beta.key, s->alpha.certificate, NULL),
			 0);
	assert_int_equal(load(s, &c, "the key does not belong to the certificate"),
			 ERR_INVALID);
}

static void links_and_what_is_no_file_are_not_read(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *path = path_of(s, PKI_IDENTITY_FILE);
	CLEANUP(freep) char *other = path_of(s, "other");
	struct pki_credentials c = {0};
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_true(pki_credentials_load(s->directory, &c, NULL) < 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(load(s, &c, "is not a file"), ERR_INVALID);
	assert_int_equal(unlink(other), 0);
}

static void
a_write_that_was_cut_off_leaves_the_old_file_and_does_not_stop_the_next(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *path = path_of(s, PKI_IDENTITY_FILE);
	CLEANUP(freep) char *next = str_printf("%s.new", path);
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	FILE *file = fopen(next, "w");
	assert_non_null(file);
	assert_true(fputs("half of", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(load(s, &c, NULL), 0);
	pki_credentials_done(&c);
	directory_fill(s->directory, &s->alpha, s->trust);
	assert_int_equal(access(next, F_OK), -1);
	assert_int_equal(load(s, &c, NULL), 0);
}

static void a_directory_that_is_not_there_is_named(void **state)
{
	(void)state;
	CLEANUP(error_freep) struct error *err = NULL;
	struct pki_credentials c = {0};
	assert_int_equal(pki_credentials_load("/nowhere/at/all", &c, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err->message, "/nowhere/at/all"));
	assert_int_equal(pki_file_write("/nowhere/at/all", "x", 1, NULL), ERR_NOT_FOUND);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(what_was_stored_is_loaded_and_nobody_else_can_read_it),
		TEST(a_key_that_others_can_read_is_refused),
		TEST(a_machine_without_an_identity_is_anonymous),
		TEST(without_authorities_there_are_no_credentials),
		TEST(broken_files_are_named),
		TEST(a_key_of_another_certificate_is_refused),
		TEST(links_and_what_is_no_file_are_not_read),
		TEST(a_write_that_was_cut_off_leaves_the_old_file_and_does_not_stop_the_next),
		TEST(a_directory_that_is_not_there_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
