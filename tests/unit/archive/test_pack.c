/* Packing of source directories, and keys. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "adapter/archive/pack.h"
#include "adapter/archive/package.h"
#include "base/memory.h"
#include "base/str.h"
#include "project.h"

/* ---- Packing ---- */

static void put_file(const char *directory, const char *path, const char *content, mode_t mode)
{
	CLEANUP(freep) char *full = str_printf("%s/%s", directory, path);

	for (char *slash = strchr(full + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(full, 0700);
		*slash = '/';
	}
	CLEANUP(closep) int fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
	assert_int_equal(fchmod(fd, mode), 0);
}

static char *read_all(const char *path, size_t *ret_size)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY);
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	char *data = mem_calloc(1, (size_t)status.st_size + 1);
	assert_int_equal(read(fd, data, (size_t)status.st_size), status.st_size);
	*ret_size = (size_t)status.st_size;
	return data;
}

static void remove_tree(const char *path)
{
	CLEANUP(freep) char *command = str_printf("rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

static void make_project(const char *directory)
{
	put_file(directory, "manifest.yaml", MANIFEST, 0640);
	for (size_t i = 0; i < GOOD_FILES; i++)
		put_file(directory, good_files[i].path, good_files[i].content,
			 (good_files[i].mode & 0777) != 0 ? 0711 : 0600);
	/* What does not belong into the archive. */
	put_file(directory, "README.md", "x", 0600);
	put_file(directory, ".git/config", "x", 0600);
	put_file(directory, "spaces/api/src/main.c", "int x;", 0600);
	put_file(directory, "spaces/web/.DS_Store", "x", 0600);
}

static void packing_is_reproducible(void **state)
{
	char a[] = "/tmp/mex-test-XXXXXX", b[] = "/tmp/mex-test-XXXXXX";
	struct mex_options options = {0}, trusting = {.trust = trust_a()};
	CLEANUP(mex_package_freep) struct mex_package *pa = NULL;
	CLEANUP(mex_package_freep) struct mex_package *pb = NULL;
	CLEANUP(mex_package_freep) struct mex_package *again = NULL;
	struct error *err = NULL;
	size_t size_a, size_b;

	assert_non_null(mkdtemp(a));
	assert_non_null(mkdtemp(b));
	make_project(a);
	make_project(b);
	if (mex_package_open_directory(a, &options, NULL, &pa, &err) < 0)
		fail_msg("%s", err->message);
	assert_int_equal(pa->file_count, GOOD_FILES);
	assert_int_equal(mex_package_open_directory(b, &options, NULL, &pb, NULL), 0);
	CLEANUP(freep) char *out_a = str_printf("%s/out.mex", a);
	CLEANUP(freep) char *out_b = str_printf("%s/out.mex", b);
	struct pack_options pack = {.key = &key_a, .created = "2026-04-29T10:30:00Z"};
	if (mex_pack(pa, &pack, out_a, &err) < 0)
		fail_msg("%s", err->message);
	assert_int_equal(mex_pack(pb, &pack, out_b, NULL), 0);
	CLEANUP(freep) char *bytes_a = read_all(out_a, &size_a);
	CLEANUP(freep) char *bytes_b = read_all(out_b, &size_b);
	assert_int_equal(size_a, size_b);
	assert_memory_equal(bytes_a, bytes_b, size_a);
	/* both are made within a moment: the first entry's time is the fixed one, too */
	assert_memory_equal(bytes_a + 10, "\0\0\x21\0", 4);
	if (mex_package_open(out_a, &trusting, NULL, &again, &err) < 0)
		fail_msg("%s", err->message);
	assert_string_equal(again->manifest.created, "2026-04-29T10:30:00Z");
	assert_int_equal(again->manifest.space_count, 3);
	assert_true(again->spaces[2].recipes[0].file->executable);
	assert_false(mex_package_find(again, "topology.yaml")->executable);
	trust_free((struct trust *)trusting.trust);
	remove_tree(a);
	remove_tree(b);
}

static void source_directories_are_checked(void **state)
{
	char directory[] = "/tmp/mex-test-XXXXXX";
	struct mex_options options = {.shown_prefix = "p/"};
	CLEANUP(mex_package_freep) struct mex_package *p = NULL;
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	struct error *err = NULL;

	assert_non_null(mkdtemp(directory));
	make_project(directory);
	CLEANUP(freep) char *link = str_printf("%s/spaces/web/link", directory);
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(mex_package_open_directory(directory, &options, NULL, &p, &err),
			 ERR_INVALID);
	assert_string_equal(err->message, "spaces/web/link is a symbolic link");
	error_freep(&err);
	err = NULL;
	assert_int_equal(unlink(link), 0);

	/* Findings of both files, with the directory in front. */
	put_file(directory, "manifest.yaml", "kind: MEX\nmetadata: {name: app}\nspec: {}\n",
		 0600);
	put_file(directory, "spaces/api/space.yaml", "inside: nobody\n", 0600);
	assert_int_equal(mex_package_open_directory(directory, &options, &findings, &p, &err),
			 ERR_INVALID);
	CLEANUP(freep)
	char *last = diagnostic_text(&findings.list.items[findings.list.count - 1]);
	assert_true(findings.list.count >= 3);
	assert_string_equal(last, "p/spaces/api/space.yaml:1:9: there is no space 'nobody'");
	error_free(err);
	remove_tree(directory);
}

/* ---- Keys ---- */

static void keys_are_read_and_written(void **state)
{
	char directory[] = "/tmp/mex-test-XXXXXX";
	struct error *err = NULL;
	struct secret_key key;
	struct stat status;
	struct trust *t = trust_new();

	assert_non_null(mkdtemp(directory));
	CLEANUP(freep) char *path = str_printf("%s/dev", directory);
	assert_int_equal(secret_key_create(path, NULL), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(secret_key_create(path, &err), ERR_CONFLICT);
	error_freep(&err);
	err = NULL;
	assert_int_equal(secret_key_load(path, &key, NULL), 0);
	assert_int_equal(trust_add_directory(t, directory, NULL), 0);
	assert_int_equal(trust_count(t), 1);
	assert_true(trust_has(t, key.public_key));
	assert_false(trust_has(t, key_a.public_key));
	put_file(directory, "bad.pub", "ed25519 AAAA\n", 0600);
	assert_int_equal(trust_add_directory(t, directory, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "bad.pub is not a public key"));
	error_freep(&err);
	err = NULL;
	/* a secret key is not taken for a public one */
	assert_int_equal(trust_add_file(t, path, &err), ERR_INVALID);
	error_freep(&err);
	assert_int_equal(trust_add_directory(t, "/nonexistent/directory", NULL), 0);
	trust_free(t);
	remove_tree(directory);
}

/* A limit that is meant and not read would leave the key good for everything. */
static void a_limit_that_is_not_understood_is_no_key(void **state)
{
	static const char *const bad[] = {
		" of shop topologies=shop-*", " Topologies=shop-*",  " topologies: shop-*",
		" #topologies=shop-*",	      "\ntopologies=shop-*", " \ttopologies=shop-*",
	};
	static const char *const good[] = {"", " of shop", " topologies=shop-*"};
	char directory[] = "/tmp/mex-test-XXXXXX";
	char text[KEY_TEXT_BYTES];

	(void)state;
	assert_non_null(mkdtemp(directory));
	CLEANUP(freep) char *path = str_printf("%s/a.pub", directory);
	key_text(key_a.public_key, text);
	for (size_t k = 0; k < ARRAY_SIZE(bad) + ARRAY_SIZE(good); k++) {
		bool is_bad = k < ARRAY_SIZE(bad);
		CLEANUP(error_freep) struct error *err = NULL;
		CLEANUP(freep)
		char *line = str_printf("ed25519 %s%s\n", text,
					is_bad ? bad[k] : good[k - ARRAY_SIZE(bad)]);
		struct trust *t = trust_new();
		put_file(directory, "a.pub", line, 0600);
		assert_int_equal(trust_add_file(t, path, &err), is_bad ? ERR_INVALID : 0);
		if (is_bad)
			assert_non_null(strstr(err->message, "a.pub is not understood"));
		trust_free(t);
	}
	/* Nor one that is cut off. */
	char *names = mem_calloc(1, 5001);
	struct trust *t = trust_new();
	memset(names, 'x', 5000);
	CLEANUP(freep) char *line = str_printf("ed25519 %s topologies=%s\n", text, names);
	put_file(directory, "a.pub", line, 0600);
	assert_int_equal(trust_add_file(t, path, NULL), ERR_INVALID);
	free(names);
	trust_free(t);
	remove_tree(directory);
}

static void files_of_one_key_agree_whether_it_is_limited(void **state)
{
	static const char *const comments[] = {"", " topologies=shop-*"};
	char directory[] = "/tmp/mex-test-XXXXXX";
	char text[KEY_TEXT_BYTES];

	(void)state;
	assert_non_null(mkdtemp(directory));
	key_text(key_a.public_key, text);
	for (unsigned k = 0; k < 4; k++) {
		CLEANUP(error_freep) struct error *err = NULL;
		CLEANUP(freep)
		char *a = str_printf("ed25519 %s%s\n", text, comments[k & 1]);
		CLEANUP(freep)
		char *b = str_printf("ed25519 %s%s\n", text, comments[k >> 1]);
		struct trust *t = trust_new();
		put_file(directory, "a.pub", a, 0600);
		put_file(directory, "b.pub", b, 0600);
		bool agree = (k & 1) == k >> 1;
		assert_int_equal(trust_add_directory(t, directory, &err),
				 agree ? 0 : ERR_INVALID);
		if (!agree)
			assert_non_null(strstr(err->message, "b.pub is"));
		trust_free(t);
	}
	remove_tree(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packing_is_reproducible),
		cmocka_unit_test(source_directories_are_checked),
		cmocka_unit_test(keys_are_read_and_written),
		cmocka_unit_test(a_limit_that_is_not_understood_is_no_key),
		cmocka_unit_test(files_of_one_key_agree_whether_it_is_limited),
	};
	if (sodium_init() < 0)
		return 1;
	make_keys();
	return cmocka_run_group_tests_name("pack", tests, NULL, NULL);
}
