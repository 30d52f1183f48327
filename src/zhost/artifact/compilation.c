#include "zhost/artifact/compilation.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "adapter/wasm2c/translate.h"
#include "base/heap.h"
#include "base/memory.h"
#include "zhost/artifact/cached.h"

enum { PARALLEL = 2 };

struct compiler {
	struct loop *loop;
	struct compilation *queue; /* by size, then as they came */
	unsigned running, running_small;
	char *directory;
	uv_mutex_t lock;	       /* of what follows, until there is a translator */
	struct translator *translator; /* made when first needed */
	unsigned users;		       /* its owner, and each compilation */
};

struct compilation {
	struct compiler *compiler;
	char *module_path;
	uint64_t module_bytes, memory_bytes;
	struct compilation *queue_next;
	bool is_running;	   /* it waits no longer */
	compilation_done_fn *done; /* NULL: it was cancelled */
	void *user;
	struct translation *translation;
	struct loop_job job;
	bool is_working; /* in a thread, or it waits for one */
	uv_poll_t *poll; /* on the current program */
	struct loop_timer *timer;
	/* of the last step */
	int code; /* 1: programs run; 0: done */
	struct error *err;
};

/* ---- the compiler ---- */

static void compiler_unref(struct compiler *c)
{
	if (--c->users > 0)
		return;
	translator_free(c->translator);
	uv_mutex_destroy(&c->lock);
	free(c->directory);
	free(c);
}

struct compiler *compiler_new(struct loop *loop, const char *directory)
{
	struct compiler *c = mem_new(struct compiler);
	c->loop = loop;
	c->directory = mem_strdup(directory);
	c->users = 1;
	int r = uv_mutex_init(&c->lock);
	INVARIANT(r == 0);
	(void)translate_version(); /* computed once, before there are threads */
	return c;
}

void compiler_free(struct compiler *c)
{
	if (c != NULL)
		compiler_unref(c);
}

/* In a worker thread. */
static int translator_get(struct compiler *c, struct error **err)
{
	const struct translator_options options = {.cache_directory = c->directory};
	int r = 0;
	uv_mutex_lock(&c->lock);
	if (c->translator == NULL)
		r = translator_new(&options, &c->translator, err);
	uv_mutex_unlock(&c->lock);
	return r;
}

/* ---- its end ---- */

static void unwatch(struct compilation *m)
{
	if (m->timer != NULL)
		loop_timer_at(m->timer, NEVER_MS);
	if (m->poll == NULL)
		return;
	m->poll->data = NULL;
	uv_close((uv_handle_t *)m->poll, loop_handle_free);
	m->poll = NULL;
}

static void queue_run(struct compiler *c);

static bool is_small(const struct compilation *m)
{
	return m->module_bytes <= COMPILATION_SMALL_BYTES;
}

static void leave(struct compilation *m)
{
	struct compiler *c = m->compiler;
	if (m->is_running) {
		c->running--;
		c->running_small -= is_small(m) ? 1 : 0;
		queue_run(c);
		return;
	}
	struct compilation **at = &c->queue;
	while (*at != m)
		at = &(*at)->queue_next;
	*at = m->queue_next;
}

static void compilation_free(struct compilation *m)
{
	leave(m);
	unwatch(m);
	loop_timer_free(m->timer);
	translation_free(m->translation);
	compiler_unref(m->compiler);
	error_free(m->err);
	free(m->module_path);
	free(m);
}

static void end(struct compilation *m)
{
	const char *path = m->err == NULL ? translation_path(m->translation) : NULL;
	m->done(m->user, path, steal_ptr(&m->err));
	compilation_free(m);
}

void compilation_cancel(struct compilation *m)
{
	if (m == NULL)
		return;
	m->done = NULL;
	if (!m->is_working)
		compilation_free(m);
}

/* ---- steps ---- */

static void next_step(struct compilation *m);

static void on_program(uv_poll_t *poll, int status, int events)
{
	struct compilation *m = poll->data;
	(void)status;
	(void)events;
	if (m != NULL)
		next_step(m);
}

static void on_deadline(void *user)
{
	next_step(user);
}

static void watch(struct compilation *m)
{
	struct loop *loop = m->compiler->loop;
	if (loop_poll_new(loop, translation_fd(m->translation), &m->poll, &m->err) < 0) {
		end(m);
		return;
	}
	m->poll->data = m;
	(void)uv_poll_start(m->poll, UV_READABLE, on_program);
	if (m->timer == NULL)
		m->timer = loop_timer_new(loop, on_deadline, m);
	loop_timer_at(m->timer, (int64_t)translation_deadline_ms(m->translation));
}

static int begin(struct compilation *m)
{
	CLEANUP(freep) uint8_t *module = NULL;
	size_t size = 0;
	int r = translator_get(m->compiler, &m->err);
	if (r == 0)
		r = cached_read(m->module_path, &module, &size, &m->err);
	if (r == 0)
		r = translation_start(m->compiler->translator, module, size, m->memory_bytes,
				      &m->translation, &m->err);
	return r;
}

static void step_work(struct loop_job *job)
{
	struct compilation *m = container_of(job, struct compilation, job);
	m->code = m->translation == NULL ? begin(m)
					 : translation_continue(m->translation, &m->err);
}

static void step_worked(struct loop_job *job)
{
	struct compilation *m = container_of(job, struct compilation, job);
	m->is_working = false;
	if (m->done == NULL)
		compilation_free(m);
	else if (m->code > 0)
		watch(m);
	else
		end(m);
}

static void next_step(struct compilation *m)
{
	unwatch(m); /* each step has a descriptor of its own */
	m->is_working = true;
	m->job = (struct loop_job){.run = step_work, .done = step_worked};
	loop_run_in_thread(m->compiler->loop, &m->job);
}

/* ---- the queue ---- */

static bool may_begin(const struct compiler *c, const struct compilation *m)
{
	return c->running < PARALLEL || (is_small(m) && c->running_small == 0);
}

static void queue_run(struct compiler *c)
{
	while (c->queue != NULL && may_begin(c, c->queue)) {
		struct compilation *m = c->queue;
		c->queue = m->queue_next;
		m->is_running = true;
		c->running++;
		c->running_small += is_small(m) ? 1 : 0;
		next_step(m);
	}
}

struct compilation *compilation_new(struct compiler *c, const char *module_path,
				    uint64_t memory_bytes, compilation_done_fn *done,
				    void *user)
{
	struct compilation *m = mem_new(struct compilation), **at = &c->queue;
	struct stat st;
	m->compiler = c;
	m->module_path = mem_strdup(module_path);
	m->module_bytes = stat(module_path, &st) == 0 ? (uint64_t)st.st_size : 0;
	m->memory_bytes = memory_bytes;
	m->done = done;
	m->user = user;
	c->users++;
	while (*at != NULL && (*at)->module_bytes <= m->module_bytes)
		at = &(*at)->queue_next;
	m->queue_next = *at;
	*at = m;
	queue_run(c);
	return m;
}
