/*
 * zhost/artifact/artifact.h: the cache and its downloads, from a zrms that the test plays over
 * simulated streams into a real directory.
 */
#include "test.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/artifact/digest.h"
#include "adapter/artifact/directory.h"
#include "adapter/sim/loop.h"
#include "adapter/sim/network.h"
#include "base/str.h"
#include "zhost/artifact/package_files.h"

enum { PORT = 7331, CALLS_MAX = 8, HOUR_MS = 3600 * 1000 };

/* A request that reached zrms. */
struct call {
	struct stage *stage;
	struct stream *stream; /* NULL: closed */
	char head[512];
	size_t size;
};

struct stage {
	struct loop loop;
	struct sim_network *net;
	struct stream_transport *zrms, *zhost;
	struct stream_listener *listener;
	struct call calls[CALLS_MAX];
	size_t call_count;
	char directory[64];
	struct artifact_store *store;
	struct artifact_store_ops full_ops; /* of a disk that is full */
	struct artifacts *artifacts;
	char *answers; /* "NAME=CONTENT" or "NAME!ERROR", one line each */
};

/* Who waits for an artifact. */
struct want {
	struct stage *stage;
	const char *name;
	struct artifact_wait *wait;
};

/* ---- zrms ---- */

static void on_request(void *user, struct stream *stream, unsigned events)
{
	struct call *c = user;
	size_t n = 0;
	(void)events;
	int r = stream_read(stream, c->head + c->size, sizeof(c->head) - 1 - c->size, &n, NULL);
	if (r <= 0) { /* zhost has closed it */
		stream_close(stream);
		c->stream = NULL;
		return;
	}
	c->size += n;
}

static const struct stream_handler request_handler = {.ready = on_request};

static void on_accepted(void *user, struct stream *stream)
{
	struct stage *s = user;
	assert_true(s->call_count < CALLS_MAX);
	struct call *c = &s->calls[s->call_count++];
	*c = (struct call){.stage = s, .stream = stream};
	stream_set_handler(stream, &request_handler, c);
	stream_want(stream, STREAM_READ);
}

static const struct stream_listen_handler listen_handler = {.accepted = on_accepted};

static void run(struct stage *s)
{
	sim_loop_run(&s->loop, 0);
}

static void answer_raw(struct stage *s, size_t number, const char *text)
{
	struct stream *stream = s->calls[number].stream;
	size_t n = 0;
	assert_non_null(stream);
	assert_int_equal(stream_write(stream, text, strlen(text), &n, NULL), 0);
	assert_int_equal(n, strlen(text));
	run(s);
}

static void answer(struct stage *s, size_t number, const char *body)
{
	CLEANUP(freep)
	char *text = str_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
				strlen(body), body);
	answer_raw(s, number, text);
}

static void hang_up(struct stage *s, size_t number)
{
	stream_close(s->calls[number].stream);
	s->calls[number].stream = NULL;
	run(s);
}

/* ---- zhost ---- */

static void open_cache(struct stage *s, uint64_t cache_bytes)
{
	const struct artifact_directory_options directory = {.files = s->directory,
							     .temporary = s->directory,
							     .prefix = "new-",
							     .mode = 0444};
	assert_int_equal(artifact_directory_open(&directory, &s->store, NULL), 0);
	const struct artifacts_options options = {.loop = &s->loop,
						  .transport = s->zhost,
						  .zrms = {.host = "zrms", .port = PORT},
						  .store = s->store,
						  .cache_path = s->directory,
						  .cache_bytes = cache_bytes,
						  .machine = "x86_64"};
	assert_int_equal(artifacts_new(&options, &s->artifacts, NULL), 0);
}

static void close_cache(struct stage *s)
{
	artifacts_free(s->artifacts);
	artifact_store_free(s->store);
	run(s);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	s->answers = mem_strdup("");
	(void)snprintf(s->directory, sizeof(s->directory), "/tmp/samoza-test-XXXXXX");
	if (sodium_init() < 0 || mkdtemp(s->directory) == NULL)
		return -1;
	sim_loop_init(&s->loop);
	s->net = sim_network_new(&s->loop, 3);
	s->zrms = sim_network_machine(s->net, "zrms");
	s->zhost = sim_network_machine(s->net, "alpha");
	const struct stream_listen_options options = {.at = {"zrms", PORT}};
	assert_int_equal(
		stream_listen(s->zrms, &options, &listen_handler, s, &s->listener, NULL), 0);
	open_cache(s, 1 << 20);
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	close_cache(s);
	for (size_t i = 0; i < s->call_count; i++)
		stream_close(s->calls[i].stream);
	stream_listener_close(s->listener);
	stream_transport_free(s->zrms);
	stream_transport_free(s->zhost);
	sim_network_free(s->net);
	sim_loop_done(&s->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", s->directory);
	int r = system(command);
	free(s->answers);
	free(s);
	return r;
}

/* ---- those who want an artifact ---- */

static char *content_of(const char *path)
{
	char text[200] = "";
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	(void)!fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	return mem_strdup(text);
}

static void on_done(void *data, const char *path, const struct error *error)
{
	struct want *w = data;
	struct stage *s = w->stage;
	CLEANUP(freep) char *content = path != NULL ? content_of(path) : NULL;
	char *all = path != NULL ? str_printf("%s%s=%s\n", s->answers, w->name, content)
				 : str_printf("%s%s!%s\n", s->answers, w->name, error->message);
	free(s->answers);
	s->answers = all;
	w->wait = NULL;
}

#define assert_answers(s, expected)                          \
	do {                                                 \
		assert_string_equal((s)->answers, expected); \
		(s)->answers[0] = '\0';                      \
	} while (0)

/* Borrowed until the next call but three. */
static const char *digest_of(const char *text)
{
	static char digests[4][ARTIFACT_DIGEST_CHARS + 1];
	static unsigned next;
	char *to = digests[next++ % 4];
	struct digest d;
	digest_init(&d);
	digest_add(&d, text, strlen(text));
	digest_final(&d, to);
	return to;
}

static void want_sized(struct stage *s, struct want *w, const char *name, const char *content,
		       uint64_t size)
{
	*w = (struct want){.stage = s, .name = name};
	w->wait = artifact_fetch(s->artifacts, digest_of(content), size, on_done, w);
	run(s);
}

static void want(struct stage *s, struct want *w, const char *name, const char *content)
{
	want_sized(s, w, name, content, 0);
}

/* Into the cache, from zrms. */
static void fetch(struct stage *s, const char *content)
{
	struct want w;
	size_t number = s->call_count;
	want(s, &w, "fetch", content);
	assert_int_equal(s->call_count, number + 1);
	answer(s, number, content);
	CLEANUP(freep) char *expected = str_printf("fetch=%s\n", content);
	assert_answers(s, expected);
}

static bool is_cached(struct stage *s, const char *content)
{
	CLEANUP(freep) char *path = artifact_directory_path(s->store, digest_of(content));
	return access(path, R_OK) == 0;
}

static unsigned files(const struct stage *s)
{
	DIR *directory = opendir(s->directory);
	unsigned count = 0;
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	(void)closedir(directory);
	return count;
}

/* ---- tests ---- */

static void what_is_missing_is_fetched_once(void **state)
{
	struct stage *s = *state;
	struct want first, second;
	want(s, &first, "first", "hello");
	assert_non_null(first.wait);
	assert_int_equal(s->call_count, 1);
	CLEANUP(freep)
	char *line = str_printf("GET /v1/artifacts/sha256/%s HTTP/1.1\r\n", digest_of("hello"));
	assert_true(str_has_prefix(s->calls[0].head, line));
	assert_answers(s, "");
	answer(s, 0, "hello");
	assert_answers(s, "first=hello\n");
	want(s, &second, "second", "hello");
	assert_null(second.wait);
	assert_answers(s, "second=hello\n");
	assert_int_equal(s->call_count, 1);
	struct artifact_counters c = artifacts_counters(s->artifacts);
	assert_int_equal(c.fetched, 1);
	assert_int_equal(c.bytes, 5);
	assert_int_equal(c.hits, 1);
}

static void waits_for_one_artifact_share_a_download(void **state)
{
	struct stage *s = *state;
	struct want a, b, c, other;
	want(s, &a, "a", "hello");
	want(s, &b, "b", "hello");
	want(s, &other, "other", "world");
	want(s, &c, "c", "hello");
	assert_int_equal(s->call_count, 2);
	answer(s, 0, "hello");
	assert_answers(s, "a=hello\nb=hello\nc=hello\n");
	answer(s, 1, "world");
	assert_answers(s, "other=world\n");
}

static void a_cancelled_wait_is_not_answered_and_the_download_continues(void **state)
{
	struct stage *s = *state;
	struct want a, b;
	want(s, &a, "a", "hello");
	artifact_cancel(a.wait);
	want(s, &b, "b", "hello");
	assert_int_equal(s->call_count, 1);
	answer(s, 0, "hello");
	assert_answers(s, "b=hello\n");
}

static void an_aborted_wait_is_answered_alone(void **state)
{
	struct stage *s = *state;
	struct want a, b;
	want(s, &a, "a", "hello");
	want(s, &b, "b", "hello");
	artifact_abort(b.wait, "took too long");
	assert_answers(s, "b!took too long\n");
	answer(s, 0, "hello");
	assert_answers(s, "a=hello\n");
}

static void content_of_another_digest_is_not_kept(void **state)
{
	struct stage *s = *state;
	struct want a, b;
	want(s, &a, "a", "hello");
	want(s, &b, "b", "hello");
	answer(s, 0, "HELLO");
	CLEANUP(freep)
	char *why = str_printf("artifact %.12s has another digest, %.12s: not accepted",
			       digest_of("hello"), digest_of("HELLO"));
	CLEANUP(freep) char *expected = str_printf("a!%s\nb!%s\n", why, why);
	assert_answers(s, expected);
	assert_int_equal(files(s), 0);
	assert_int_equal(artifacts_counters(s->artifacts).fetched, 0);
	fetch(s, "hello"); /* the next one asks again */
}

static void content_of_another_size_is_not_kept(void **state)
{
	struct stage *s = *state;
	struct want a, b;
	want_sized(s, &a, "short", "hello", 6);
	answer(s, 0, "hello");
	CLEANUP(freep)
	char *expected = str_printf("short!artifact %.12s has 5 bytes instead of 6\n",
				    digest_of("hello"));
	assert_answers(s, expected);
	want_sized(s, &b, "long", "hello", 4); /* refused by its Content-Length */
	answer_raw(s, 1, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	assert_true(str_has_prefix(s->answers, "long!cannot fetch artifact "));
	assert_null(s->calls[1].stream);
	assert_int_equal(files(s), 0);
}

static void an_answer_without_an_artifact_is_an_error(void **state)
{
	static const struct {
		const char *answer, *why;
	} cases[] = {
		{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "zrms answered 404"},
		{"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "zrms answered 503"},
		{"HTTP/1.1 200 OK\r\n\r\nhello", "the answer has no Content-Length"},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct want w;
		want(s, &w, "w", "hello");
		answer_raw(s, i, cases[i].answer);
		CLEANUP(freep)
		char *expected = str_printf("w!cannot fetch artifact %.12s: %s\n",
					    digest_of("hello"), cases[i].why);
		assert_answers(s, expected);
		assert_int_equal(files(s), 0);
	}
}

static void a_download_that_breaks_off_leaves_nothing_and_can_be_repeated(void **state)
{
	struct stage *s = *state;
	struct want w;
	want(s, &w, "w", "hello");
	answer_raw(s, 0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
	assert_int_equal(files(s), 1);
	hang_up(s, 0);
	assert_true(str_has_prefix(s->answers, "w!cannot fetch artifact "));
	s->answers[0] = '\0';
	assert_int_equal(files(s), 0);
	fetch(s, "hello");
}

static void a_zrms_that_falls_silent_is_an_error(void **state)
{
	struct stage *s = *state;
	struct want w;
	want(s, &w, "w", "hello");
	answer_raw(s, 0, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
	sim_loop_run(&s->loop, 29999);
	assert_answers(s, "");
	sim_loop_run(&s->loop, 1);
	CLEANUP(freep)
	char *expected = str_printf("w!cannot fetch artifact %.12s: zrms:7331 sends nothing\n",
				    digest_of("hello"));
	assert_answers(s, expected);
	assert_int_equal(files(s), 0);
}

static void a_zrms_that_cannot_be_reached_is_an_error(void **state)
{
	struct stage *s = *state;
	struct want w;
	sim_network_cut(s->net, "zrms", "alpha");
	want(s, &w, "w", "hello");
	sim_loop_run(&s->loop, 60000);
	assert_true(str_has_prefix(s->answers, "w!cannot fetch artifact "));
	s->answers[0] = '\0';
	assert_int_equal(files(s), 0);
	sim_network_heal(s->net, "zrms", "alpha");
	fetch(s, "hello");
}

static int write_to_full_disk(struct artifact_writer *writer, const void *data, size_t size,
			      struct error **err)
{
	(void)writer;
	(void)data;
	(void)size;
	return error_set(err, ERR_IO, "No space left on device");
}

static void a_full_disk_fails_the_download_until_there_is_space(void **state)
{
	struct stage *s = *state;
	const struct artifact_store_ops *ops = s->store->ops;
	struct want w;
	s->full_ops = *ops;
	s->full_ops.write = write_to_full_disk;
	s->store->ops = &s->full_ops;
	want(s, &w, "w", "hello");
	answer(s, 0, "hello");
	CLEANUP(freep)
	char *expected = str_printf("w!cannot fetch artifact %.12s: No space left on device\n",
				    digest_of("hello"));
	assert_answers(s, expected);
	assert_int_equal(files(s), 0);
	s->store->ops = ops;
	fetch(s, "hello");
}

static void a_cache_without_a_directory_refuses_at_once(void **state)
{
	struct stage *s = *state;
	struct want w;
	assert_int_equal(rmdir(s->directory), 0);
	want(s, &w, "w", "hello");
	assert_null(w.wait);
	assert_true(str_has_prefix(s->answers, "w!cannot make a file in "));
	assert_int_equal(s->call_count, 0);
}

static void a_restart_keeps_whole_files_and_drops_halves(void **state)
{
	struct stage *s = *state;
	struct want w, again;
	fetch(s, "hello");
	want(s, &w, "w", "world");
	answer_raw(s, 1, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwor");
	/* What kill -9 leaves: the half file is not removed by its writer. */
	CLEANUP(freep) char *half = str_printf("%s/new-half", s->directory);
	FILE *f = fopen(half, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite("wor", 1, 3, f), 3);
	assert_int_equal(fclose(f), 0);
	close_cache(s);
	assert_answers(s, ""); /* no wait is answered any more */
	open_cache(s, 1 << 20);
	assert_int_equal(files(s), 1);
	want(s, &again, "again", "hello");
	assert_answers(s, "again=hello\n");
	fetch(s, "world");
}

static void a_file_that_was_removed_by_hand_is_fetched_again(void **state)
{
	struct stage *s = *state;
	fetch(s, "hello");
	assert_true(artifact_remove(s->store, digest_of("hello")));
	fetch(s, "hello");
	assert_int_equal(artifacts_counters(s->artifacts).hits, 0);
}

/* Down to nine tenths of its size. */
static void a_full_cache_removes_the_longest_unused(void **state)
{
	struct stage *s = *state;
	struct want w;
	close_cache(s);
	open_cache(s, 22);
	fetch(s, "first..");
	sim_loop_run(&s->loop, 1000);
	fetch(s, "second.");
	sim_loop_run(&s->loop, 1000);
	fetch(s, "third..");
	sim_loop_run(&s->loop, HOUR_MS + 1);
	want(s, &w, "w", "first..");
	assert_answers(s, "w=first..\n");
	sim_loop_run(&s->loop, 1000);
	fetch(s, "fourth.");
	assert_true(is_cached(s, "first.."));
	assert_false(is_cached(s, "second."));
	assert_false(is_cached(s, "third..")); /* 21 of 22 bytes are more than nine tenths */
	assert_true(is_cached(s, "fourth."));
	fetch(s, "second."); /* it is known to be gone */
}

static void a_cache_that_is_too_large_at_start_is_trimmed(void **state)
{
	struct stage *s = *state;
	fetch(s, "first..");
	fetch(s, "second.");
	fetch(s, "third..");
	close_cache(s);
	open_cache(s, 10);
	assert_int_equal(files(s), 1);
}

static void an_invalid_digest_is_refused_at_once(void **state)
{
	struct stage *s = *state;
	struct want w = {.stage = s, .name = "w"};
	assert_null(artifact_fetch(s->artifacts, "../../etc/passwd", 0, on_done, &w));
	assert_answers(s, "w!'../../etc/passwd' is not a digest\n");
	assert_int_equal(s->call_count, 0);
}

/* ---- modules ---- */

static void want_module(struct stage *s, struct want *w, Samoza__V1__InstanceSpec *spec)
{
	*w = (struct want){.stage = s, .name = "m"};
	w->wait = artifact_fetch_module(s->artifacts, spec, on_done, w);
	run(s);
}

static void a_module_for_this_machine_is_fetched_as_zrms_compiled_it(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	struct want w;
	spec.native_digest = (char *)(uintptr_t)digest_of("native");
	spec.native_platform = (char *)"wasm2c 1.0.32, gcc 12.2.0, x86_64";
	spec.module_digest = (char *)(uintptr_t)digest_of("module");
	want_module(s, &w, &spec);
	answer(s, 0, "native");
	assert_answers(s, "m=native\n");
}

static void a_module_for_another_machine_is_fetched_as_webassembly(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	struct want a, b;
	spec.native_digest = (char *)(uintptr_t)digest_of("native");
	spec.native_platform = (char *)"wasm2c 1.0.32, gcc 12.2.0, aarch64";
	spec.module_digest = (char *)(uintptr_t)digest_of("module");
	want_module(s, &a, &spec);
	want_module(s, &b, &spec);
	assert_int_equal(s->call_count, 1);
	assert_non_null(strstr(s->calls[0].head, digest_of("module")));
	answer_raw(s, 0, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	CLEANUP(freep)
	char *why = str_printf("m!cannot fetch artifact %.12s: zrms answered 404\n",
			       digest_of("module"));
	CLEANUP(freep) char *both = str_printf("%s%s", why, why);
	assert_answers(s, both);
}

static void an_instance_without_a_module_is_refused_at_once(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	struct want w;
	spec.space = (char *)"api";
	want_module(s, &w, &spec);
	assert_null(w.wait);
	assert_answers(s, "m!zrms named no module for space 'api'\n");
}

/* ---- the files of a package ---- */

struct package {
	struct stage *stage;
	unsigned done;
	char error[200];
};

static void on_package(void *user, const char *error)
{
	struct package *p = user;
	p->done++;
	(void)snprintf(p->error, sizeof(p->error), "%s", error != NULL ? error : "");
}

static void package_spec(Samoza__V1__InstanceSpec *spec, Samoza__V1__AssetFile *recipe,
			 Samoza__V1__AssetFile *asset)
{
	static Samoza__V1__AssetFile *recipes[1], *assets[1];
	samoza__v1__instance_spec__init(spec);
	samoza__v1__asset_file__init(recipe);
	samoza__v1__asset_file__init(asset);
	recipe->digest = (char *)(uintptr_t)digest_of("recipe");
	recipe->size_bytes = 6;
	asset->digest = (char *)(uintptr_t)digest_of("asset");
	asset->size_bytes = 5;
	recipes[0] = recipe;
	assets[0] = asset;
	spec->recipes = recipes;
	spec->assets = assets;
	spec->n_recipes = spec->n_assets = 1;
}

static void the_files_of_a_package_are_fetched_one_after_another(void **state)
{
	struct stage *s = *state;
	struct package p = {.stage = s};
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__AssetFile recipe, asset;
	package_spec(&spec, &recipe, &asset);
	assert_non_null(package_fetch_new(s->artifacts, &spec, on_package, &p));
	run(s);
	assert_int_equal(s->call_count, 1);
	answer(s, 0, "recipe");
	assert_int_equal(s->call_count, 2);
	assert_int_equal(p.done, 0);
	answer(s, 1, "asset");
	assert_int_equal(p.done, 1);
	assert_string_equal(p.error, "");
	/* All there: answered from within. */
	assert_null(package_fetch_new(s->artifacts, &spec, on_package, &p));
	assert_int_equal(p.done, 2);
	assert_int_equal(s->call_count, 2);
}

static void a_file_that_is_missing_fails_the_package(void **state)
{
	struct stage *s = *state;
	struct package p = {.stage = s};
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__AssetFile recipe, asset;
	package_spec(&spec, &recipe, &asset);
	assert_non_null(package_fetch_new(s->artifacts, &spec, on_package, &p));
	run(s);
	answer_raw(s, 0, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(p.done, 1);
	CLEANUP(freep)
	char *expected = str_printf("cannot fetch artifact %.12s: zrms answered 404",
				    digest_of("recipe"));
	assert_string_equal(p.error, expected);
	assert_int_equal(s->call_count, 1);
}

static void a_package_can_be_cancelled_and_given_up(void **state)
{
	struct stage *s = *state;
	struct package p = {.stage = s};
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__AssetFile recipe, asset;
	package_spec(&spec, &recipe, &asset);
	package_fetch_cancel(package_fetch_new(s->artifacts, &spec, on_package, &p));
	package_fetch_abort(package_fetch_new(s->artifacts, &spec, on_package, &p),
			    "took too long");
	assert_int_equal(p.done, 1);
	assert_string_equal(p.error, "took too long");
	run(s);
	answer(s, 0, "recipe");
	assert_int_equal(p.done, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_missing_is_fetched_once),
		TEST(waits_for_one_artifact_share_a_download),
		TEST(a_cancelled_wait_is_not_answered_and_the_download_continues),
		TEST(an_aborted_wait_is_answered_alone),
		TEST(content_of_another_digest_is_not_kept),
		TEST(content_of_another_size_is_not_kept),
		TEST(an_answer_without_an_artifact_is_an_error),
		TEST(a_download_that_breaks_off_leaves_nothing_and_can_be_repeated),
		TEST(a_zrms_that_falls_silent_is_an_error),
		TEST(a_zrms_that_cannot_be_reached_is_an_error),
		TEST(a_full_disk_fails_the_download_until_there_is_space),
		TEST(a_cache_without_a_directory_refuses_at_once),
		TEST(a_restart_keeps_whole_files_and_drops_halves),
		TEST(a_file_that_was_removed_by_hand_is_fetched_again),
		TEST(a_full_cache_removes_the_longest_unused),
		TEST(a_cache_that_is_too_large_at_start_is_trimmed),
		TEST(an_invalid_digest_is_refused_at_once),
		TEST(a_module_for_this_machine_is_fetched_as_zrms_compiled_it),
		TEST(a_module_for_another_machine_is_fetched_as_webassembly),
		TEST(an_instance_without_a_module_is_refused_at_once),
		TEST(the_files_of_a_package_are_fetched_one_after_another),
		TEST(a_file_that_is_missing_fails_the_package),
		TEST(a_package_can_be_cancelled_and_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
