#include "artifact_stage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/artifact/digest.h"
#include "adapter/artifact/directory.h"
#include "adapter/sim/loop.h"
#include "base/str.h"

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

void cache_run(struct stage *s)
{
	sim_loop_run(&s->loop, 0);
}

void answer_raw(struct stage *s, size_t number, const char *text)
{
	struct stream *stream = s->calls[number].stream;
	size_t n = 0;
	assert_non_null(stream);
	assert_int_equal(stream_write(stream, text, strlen(text), &n, NULL), 0);
	assert_int_equal(n, strlen(text));
	cache_run(s);
}

void answer(struct stage *s, size_t number, const char *body)
{
	CLEANUP(freep)
	char *text = str_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
				strlen(body), body);
	answer_raw(s, number, text);
}

void hang_up(struct stage *s, size_t number)
{
	stream_close(s->calls[number].stream);
	s->calls[number].stream = NULL;
	cache_run(s);
}

/* ---- zhost ---- */

void open_cache(struct stage *s, uint64_t cache_bytes)
{
	const struct artifact_directory_options directory = {.files = s->directory,
							     .temporary = s->directory,
							     .prefix = "new-",
							     .mode = 0444};
	assert_int_equal(artifact_directory_open(&directory, &s->store, NULL), 0);
	static char host[] = "zrms";
	static const struct zrms_addresses zrms = {
		.hosts = {host}, .ports = {PORT}, .count = 1};
	const struct artifacts_options options = {.loop = &s->loop,
						  .transport = s->zhost,
						  .zrms = &zrms,
						  .store = s->store,
						  .cache_path = s->directory,
						  .cache_bytes = cache_bytes,
						  .machine = "x86_64"};
	assert_int_equal(artifacts_new(&options, &s->artifacts, NULL), 0);
}

void close_cache(struct stage *s)
{
	artifacts_free(s->artifacts);
	artifact_store_free(s->store);
	cache_run(s);
}

int cache_begin(void **state)
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

int cache_end(void **state)
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

void cache_on_done(void *data, const char *path, const struct error *error)
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

/* Borrowed until the next call but three. */
const char *digest_of(const char *text)
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

void want_sized(struct stage *s, struct want *w, const char *name, const char *content,
		uint64_t size)
{
	*w = (struct want){.stage = s, .name = name};
	w->wait = artifact_fetch(s->artifacts, digest_of(content), size, cache_on_done, w);
	cache_run(s);
}

void want(struct stage *s, struct want *w, const char *name, const char *content)
{
	want_sized(s, w, name, content, 0);
}

/* Into the cache, from zrms. */
void fetch(struct stage *s, const char *content)
{
	struct want w;
	size_t number = s->call_count;
	want(s, &w, "fetch", content);
	assert_int_equal(s->call_count, number + 1);
	answer(s, number, content);
	CLEANUP(freep) char *expected = str_printf("fetch=%s\n", content);
	assert_answers(s, expected);
}

bool is_cached(struct stage *s, const char *content)
{
	CLEANUP(freep) char *path = artifact_directory_path(s->store, digest_of(content));
	return access(path, R_OK) == 0;
}

unsigned cache_files(const struct stage *s)
{
	DIR *directory = opendir(s->directory);
	unsigned count = 0;
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL)
		count += entry->d_name[0] != '.';
	(void)closedir(directory);
	return count;
}
