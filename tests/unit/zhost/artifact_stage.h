/*
 * The cache of artifacts of a zhost, for tests: a real directory, and a zrms that the test plays over
 * simulated streams.
 */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_ARTIFACT_STAGE_H
#define SAMOZA_TESTS_UNIT_ZHOST_ARTIFACT_STAGE_H

#include "test.h"

#include "adapter/sim/network.h"
#include "zhost/artifact/artifact.h"

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

int cache_begin(void **state);
int cache_end(void **state);

/* Lets the loop take what is there. */
void cache_run(struct stage *s);
void open_cache(struct stage *s, uint64_t cache_bytes);
/* Everything that waits is dropped. */
void close_cache(struct stage *s);

/* ---- zrms ---- */

/* Answers the request of that number (0: the first), in raw bytes or with a body. */
void answer_raw(struct stage *s, size_t number, const char *text);
void answer(struct stage *s, size_t number, const char *body);
void hang_up(struct stage *s, size_t number);

/* ---- those who wait ---- */

#define assert_answers(s, expected)                          \
	do {                                                 \
		assert_string_equal((s)->answers, expected); \
		(s)->answers[0] = '\0';                      \
	} while (0)

/* SHA-256; borrowed until the next call but three. */
const char *digest_of(const char *text);
/* For artifact_fetch(): appends to s->answers; `data`: a struct want. */
void cache_on_done(void *data, const char *path, const struct error *error);
/* Asks for an artifact of this content. */
void want(struct stage *s, struct want *w, const char *name, const char *content);
void want_sized(struct stage *s, struct want *w, const char *name, const char *content,
		uint64_t size);
/* Into the cache, from zrms. */
void fetch(struct stage *s, const char *content);
bool is_cached(struct stage *s, const char *content);
/* In the directory. */
unsigned cache_files(const struct stage *s);

#endif
