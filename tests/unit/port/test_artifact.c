/* port/artifact.h: what every store of artifacts promises; files of a directory, and in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/artifact/digest.h"
#include "adapter/artifact/directory.h"
#include "adapter/artifact/memory.h"
#include "base/str.h"

/* Of "hello" and of nothing. */
#define HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct stage {
	const struct kind *kind;
	char directory[64];
	struct artifact_store *store;
};

struct kind {
	const char *name;
	struct artifact_store *(*open)(const struct stage *s);
};

static struct artifact_store *directory_open(const struct stage *s)
{
	CLEANUP(freep) char *files = str_printf("%s/store/sha256", s->directory);
	CLEANUP(freep) char *temporary = str_printf("%s/store", s->directory);
	const struct artifact_directory_options options = {
		.files = files, .temporary = temporary, .prefix = "tmp-", .mode = 0644};
	struct artifact_store *store = NULL;
	assert_int_equal(artifact_directory_open(&options, &store, NULL), 0);
	return store;
}

static struct artifact_store *memory_open(const struct stage *s)
{
	(void)s;
	return artifact_memory_new();
}

static const struct kind kinds[] = {{"directory", directory_open}, {"memory", memory_open}};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	s->kind = *state;
	(void)snprintf(s->directory, sizeof(s->directory), "/tmp/test-artifact-XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	s->store = s->kind->open(s);
	*state = s;
	return 0;
}

static void tree_remove(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		CLEANUP(freep) char *name = str_printf("%s/%s", path, entry->d_name);
		if (entry->d_name[0] != '.' && unlink(name) < 0)
			tree_remove(name);
	}
	if (directory != NULL)
		(void)closedir(directory);
	assert_int_equal(rmdir(path), 0);
}

static int end(void **state)
{
	struct stage *s = *state;
	artifact_store_free(s->store);
	tree_remove(s->directory);
	free(s);
	return 0;
}

/* ---- helpers ---- */

static int put_text(struct artifact_store *store, const char *digest, const char *text,
		    struct error **err)
{
	struct artifact_writer *w = NULL;
	int r = artifact_put(store, digest, &w, err);
	if (r < 0)
		return r;
	size_t half = strlen(text) / 2;
	assert_int_equal(artifact_write(w, text, half, NULL), 0);
	assert_int_equal(artifact_write(w, text + half, strlen(text) - half, NULL), 0);
	return artifact_finish(w, err);
}

static void read_all(struct artifact_reader *r, size_t step, char *to, size_t room)
{
	size_t size = 0, n = 0;
	while (artifact_read(r, to + size, step < room - size ? step : room - size, &n, NULL) ==
	       1) {
		assert_true(n > 0);
		size += n;
	}
	assert_int_equal(size, artifact_size(r));
	to[size] = '\0';
}

static void assert_content(struct artifact_store *store, const char *digest, const char *text)
{
	struct artifact_reader *r = NULL;
	char got[100];
	assert_int_equal(artifact_get(store, digest, &r, NULL), 0);
	assert_int_equal(artifact_size(r), strlen(text));
	read_all(r, 2, got, sizeof(got) - 1);
	assert_string_equal(got, text);
	artifact_close(r);
}

static bool is_there(struct artifact_store *store, const char *digest)
{
	struct artifact_reader *r = NULL;
	int result = artifact_get(store, digest, &r, NULL);
	assert_true(result == 0 || result == ERR_NOT_FOUND);
	artifact_close(r);
	return result == 0;
}

struct listing {
	struct artifact_store *store;
	unsigned count;
	uint64_t size;
	int64_t used_ms;
	bool remove;
};

static void on_listed(void *user, const struct artifact_info *info)
{
	struct listing *l = user;
	assert_true(artifact_digest_is_valid(info->digest));
	l->count++;
	l->size += info->size;
	l->used_ms = info->used_ms;
	if (l->remove)
		assert_true(artifact_remove(l->store, info->digest));
}

static struct listing list(struct artifact_store *store, bool remove_all)
{
	struct listing l = {.store = store, .remove = remove_all};
	assert_int_equal(artifact_list(store, on_listed, &l, NULL), 0);
	return l;
}

/* ---- the contract ---- */

static void stored_content_is_read_back(void **state)
{
	struct stage *s = *state;
	assert_false(is_there(s->store, HELLO));
	assert_int_equal(put_text(s->store, HELLO, "hello", NULL), 0);
	assert_int_equal(put_text(s->store, EMPTY, "", NULL), 0);
	assert_int_equal(artifact_sync(s->store, NULL), 0);
	assert_content(s->store, HELLO, "hello");
	assert_content(s->store, EMPTY, "");
	assert_int_equal(put_text(s->store, HELLO, "hello", NULL), 0);
	assert_content(s->store, HELLO, "hello");
}

static void nothing_is_visible_before_it_is_finished(void **state)
{
	struct stage *s = *state;
	struct artifact_writer *w = NULL;
	assert_int_equal(artifact_put(s->store, HELLO, &w, NULL), 0);
	assert_int_equal(artifact_write(w, "hello", 5, NULL), 0);
	assert_false(is_there(s->store, HELLO));
	assert_int_equal(list(s->store, false).count, 0);
	artifact_abandon(w);
	assert_false(is_there(s->store, HELLO));
}

static void another_content_than_its_digest_is_refused(void **state)
{
	struct stage *s = *state;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(put_text(s->store, HELLO, "hellO", &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "a different digest"));
	assert_false(is_there(s->store, HELLO));
	assert_int_equal(put_text(s->store, HELLO, "hello", NULL), 0);
	assert_int_equal(put_text(s->store, HELLO, "hell", NULL), ERR_INVALID);
	assert_content(s->store, HELLO, "hello");
}

static void an_invalid_digest_names_nothing(void **state)
{
	static const char *const names[] = {
		"",	   "../../etc/passwd",
		"2cf24d",  "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824",
		HELLO "0", "../f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b982"};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct artifact_writer *w = NULL;
		struct artifact_reader *r = NULL;
		assert_int_equal(artifact_put(s->store, names[i], &w, NULL), ERR_INVALID);
		assert_int_equal(artifact_get(s->store, names[i], &r, NULL), ERR_NOT_FOUND);
		assert_int_equal(artifact_adopt(s->store, "/etc/passwd", names[i], NULL),
				 ERR_INVALID);
		assert_false(artifact_remove(s->store, names[i]));
	}
}

static void what_is_removed_while_it_is_read_can_be_read_to_its_end(void **state)
{
	struct stage *s = *state;
	struct artifact_reader *r = NULL;
	char got[100];
	assert_int_equal(put_text(s->store, HELLO, "hello", NULL), 0);
	assert_int_equal(artifact_get(s->store, HELLO, &r, NULL), 0);
	assert_true(artifact_remove(s->store, HELLO));
	assert_false(artifact_remove(s->store, HELLO));
	assert_false(is_there(s->store, HELLO));
	read_all(r, 1, got, sizeof(got) - 1);
	assert_string_equal(got, "hello");
	artifact_close(r);
}

static void everything_is_listed_once_and_may_be_removed_meanwhile(void **state)
{
	struct stage *s = *state;
	assert_int_equal(put_text(s->store, HELLO, "hello", NULL), 0);
	assert_int_equal(put_text(s->store, EMPTY, "", NULL), 0);
	struct listing l = list(s->store, false);
	assert_int_equal(l.count, 2);
	assert_int_equal(l.size, 5);
	assert_true(l.used_ms > INT64_C(1700000000000));
	assert_int_equal(list(s->store, true).count, 2);
	assert_int_equal(list(s->store, false).count, 0);
}

static void a_file_is_adopted(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *path = str_printf("%s/hello", s->directory);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs("hello", file) >= 0);
	assert_int_equal(fclose(file), 0);
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	assert_int_equal(file_digest(path, digest, NULL), 0);
	assert_string_equal(digest, HELLO);
	assert_int_equal(artifact_adopt(s->store, path, HELLO, NULL), 0);
	assert_int_equal(artifact_adopt(s->store, path, HELLO, NULL), 0);
	assert_int_equal(unlink(path), 0);
	assert_content(s->store, HELLO, "hello");
	assert_true(artifact_adopt(s->store, path, EMPTY, NULL) < 0);
}

static void a_file_is_given_where_there_is_one(void **state)
{
	struct stage *s = *state;
	struct artifact_reader *r = NULL;
	char got[10] = "";
	assert_int_equal(put_text(s->store, HELLO, "hello", NULL), 0);
	assert_int_equal(artifact_get(s->store, HELLO, &r, NULL), 0);
	int fd = artifact_take_file(&r);
	if (fd >= 0) {
		assert_null(r);
		assert_int_equal(read(fd, got, sizeof(got)), 5);
		assert_int_equal(close(fd), 0);
	} else {
		read_all(r, 10, got, sizeof(got) - 1);
		artifact_close(r);
	}
	assert_string_equal(got, "hello");
}

static void *put_many(void *user)
{
	struct artifact_store *store = user;
	for (unsigned i = 0; i < 50; i++)
		if (put_text(store, i % 2 == 0 ? HELLO : EMPTY, i % 2 == 0 ? "hello" : "",
			     NULL) < 0)
			return user;
	return NULL;
}

static void several_threads_may_write(void **state)
{
	struct stage *s = *state;
	pthread_t threads[4];
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, put_many, s->store), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *failed = NULL;
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(list(s->store, false).count, 2);
	assert_content(s->store, HELLO, "hello");
}

static const struct CMUnitTest contract[] = {
#define CONTRACT(test)                             \
	{                                          \
#test, test, begin, end, (void *)0 \
	}
	CONTRACT(stored_content_is_read_back),
	CONTRACT(nothing_is_visible_before_it_is_finished),
	CONTRACT(another_content_than_its_digest_is_refused),
	CONTRACT(an_invalid_digest_names_nothing),
	CONTRACT(what_is_removed_while_it_is_read_can_be_read_to_its_end),
	CONTRACT(everything_is_listed_once_and_may_be_removed_meanwhile),
	CONTRACT(a_file_is_adopted),
	CONTRACT(a_file_is_given_where_there_is_one),
	CONTRACT(several_threads_may_write),
};

/* ---- files of a directory ---- */

static void artifacts_survive_and_leftovers_do_not(void **state)
{
	struct stage *s = *state;
	struct artifact_writer *w = NULL;
	assert_int_equal(put_text(s->store, HELLO, "hello", NULL), 0);
	CLEANUP(freep) char *leftover = str_printf("%s/store/tmp-abc", s->directory);
	CLEANUP(freep) char *other = str_printf("%s/store/other", s->directory);
	CLEANUP(freep) char *stray = str_printf("%s/store/sha256/notes", s->directory);
	const char *const made[] = {leftover, other, stray};
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		int fd = open(made[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		assert_int_equal(close(fd), 0);
	}
	artifact_store_free(s->store);
	s->store = s->kind->open(s);
	assert_content(s->store, HELLO, "hello");
	assert_int_equal(list(s->store, false).count, 1);
	assert_int_not_equal(access(leftover, F_OK), 0);
	assert_int_equal(access(other, F_OK), 0);
	assert_int_equal(artifact_put(s->store, EMPTY, &w, NULL), 0);
	artifact_abandon(w);
	assert_int_equal(unlink(other), 0);
}

static void a_path_has_the_mode_and_touching_renews_its_time(void **state)
{
	struct stage *s = *state;
	struct stat info;
	const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	assert_int_equal(put_text(s->store, HELLO, "hello", NULL), 0);
	CLEANUP(freep) char *path = artifact_directory_path(s->store, HELLO);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0644);
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_int_equal(list(s->store, false).used_ms, 1000000);
	artifact_touch(s->store, HELLO);
	artifact_touch(s->store, EMPTY);
	assert_true(list(s->store, false).used_ms > INT64_C(1700000000000));
}

static const struct CMUnitTest directory_tests[] = {
	CONTRACT(artifacts_survive_and_leftovers_do_not),
	CONTRACT(a_path_has_the_mode_and_touching_renews_its_time),
};

static int run(const struct kind *kind, const struct CMUnitTest *tests, size_t count)
{
	struct CMUnitTest copy[32];
	assert_true(count <= ARRAY_SIZE(copy));
	memcpy(copy, tests, count * sizeof(*tests));
	for (size_t i = 0; i < count; i++)
		copy[i].initial_state = (void *)(uintptr_t)kind;
	return _cmocka_run_group_tests(kind->name, copy, count, NULL, NULL);
}

int main(void)
{
	int failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		failed += run(&kinds[i], contract, ARRAY_SIZE(contract));
	return failed + run(&kinds[0], directory_tests, ARRAY_SIZE(directory_tests));
}
