#include "zhost/native/clearing.h"

#include <utlist.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"
#include "zhost/native/kept_data.h"
#include "zrun/native/native_files.h"

enum forgetting_state { FORGETTING_WAITS, FORGETTING_FAILED, FORGETTING_DONE };

struct forgetting {
	char *topology;
	uint64_t epoch;
	enum forgetting_state state;
	bool is_last; /* it is not needed once it is done */
	struct forgetting *next, *prev;
};

/* It outlives its owner while a job runs. */
struct clearing {
	struct loop *loop;
	char *dir;
	struct forgetting *forgettings; /* in the order of the calls */
	path_vector directories;	/* to be removed, in no order */
	bool is_running, is_closed;
	/* what runs */
	struct loop_job job;
	struct forgetting *forgetting; /* NULL: a removal */
	char *directory;	       /* NULL: a forgetting */
	path_vector gone;
	struct error *err;
	char text[300]; /* why the removal failed */
	bool has_failed;
};

/* ---- life ---- */

static void forgetting_free(struct clearing *c, struct forgetting *f)
{
	DL_DELETE(c->forgettings, f);
	free(f->topology);
	free(f);
}

static void destroy(struct clearing *c)
{
	struct forgetting *f, *next;
	DL_FOREACH_SAFE (c->forgettings, f, next)
		forgetting_free(c, f);
	vector_for_each (&c->directories, directory)
		free(*directory);
	vector_done(&c->directories);
	vector_done(&c->gone);
	free(c->dir);
	free(c);
}

struct clearing *clearing_new(struct loop *loop, const char *dir)
{
	struct clearing *c = mem_new(struct clearing);
	c->loop = loop;
	c->dir = mem_strdup(dir);
	return c;
}

void clearing_free(struct clearing *c)
{
	if (c == NULL)
		return;
	c->is_closed = true;
	if (!c->is_running)
		destroy(c);
}

/* ---- one at a time ---- */

static void run(struct loop_job *job)
{
	struct clearing *c = container_of(job, struct clearing, job);
	const struct forgetting *f = c->forgetting;
	if (f == NULL) {
		c->has_failed = native_remove(c->directory, c->text, sizeof(c->text)) < 0;
		return;
	}
	c->has_failed = kept_data_forget(c->dir, f->topology, f->epoch, &c->gone, &c->err) < 0;
	POST(c->has_failed == (c->err != NULL));
}

/* What it was to forget is forgotten with it. */
static void drop_older(struct clearing *c, const struct forgetting *than)
{
	struct forgetting *f, *next;
	DL_FOREACH_SAFE (c->forgettings, f, next)
		if (f != than && f->epoch <= than->epoch &&
		    str_equal(f->topology, than->topology))
			forgetting_free(c, f);
}

/* One that failed stays: a new instance would else take what is left for its own, and lose it at the next start. */
static void on_forgotten(struct clearing *c)
{
	struct forgetting *f = steal_ptr(&c->forgetting);
	f->state = c->has_failed ? FORGETTING_FAILED : FORGETTING_DONE;
	if (c->has_failed)
		log_error("zhost", "data.not_forgotten", LOG_S("topology", f->topology),
			  LOG_E(c->err),
			  LOG_S("then",
				"it does not count, and is tried again at the next start"));
	else
		drop_older(c, f);
	if (!c->has_failed && f->is_last)
		forgetting_free(c, f);
	error_free(steal_ptr(&c->err));
	vector_for_each (&c->gone, directory)
		vector_push(&c->directories, *directory);
	vector_clear(&c->gone);
}

static void on_removed(struct clearing *c)
{
	if (c->has_failed)
		log_error("zhost", "directory.not_removed", LOG_S("directory", c->directory),
			  LOG_S("error", c->text),
			  LOG_S("then", "tried again at the next start"));
	free(steal_ptr(&c->directory));
}

static void begin_next(struct clearing *c);

static void done(struct loop_job *job)
{
	struct clearing *c = container_of(job, struct clearing, job);
	c->is_running = false;
	if (c->forgetting != NULL)
		on_forgotten(c);
	else
		on_removed(c);
	if (c->is_closed)
		destroy(c);
	else
		begin_next(c);
}

static void begin_next(struct clearing *c)
{
	if (c->is_running)
		return;
	DL_SEARCH_SCALAR(c->forgettings, c->forgetting, state, FORGETTING_WAITS);
	if (c->forgetting == NULL && c->directories.count == 0)
		return;
	if (c->forgetting == NULL)
		c->directory = c->directories.items[--c->directories.count];
	c->is_running = true;
	c->job = (struct loop_job){.run = run, .done = done};
	loop_run_in_thread(c->loop, &c->job);
}

/* ---- what is to go ---- */

void clearing_forget(struct clearing *c, const char *topology, uint64_t epoch)
{
	struct forgetting *f = mem_new(struct forgetting);
	f->topology = mem_strdup(topology);
	f->epoch = epoch;
	DL_APPEND(c->forgettings, f);
	begin_next(c);
}

bool clearing_forgets(const struct clearing *c, const char *topology)
{
	for (const struct forgetting *f = c->forgettings; f != NULL; f = f->next)
		if (f->state != FORGETTING_DONE && str_equal(f->topology, topology))
			return true;
	return false;
}

uint64_t clearing_counts_from(const struct clearing *c, const char *topology)
{
	uint64_t epoch = 0;
	for (const struct forgetting *f = c->forgettings; f != NULL; f = f->next)
		if (f->epoch > epoch && str_equal(f->topology, topology))
			epoch = f->epoch;
	return epoch;
}

void clearing_settle(struct clearing *c, const char *topology)
{
	PRE(!clearing_forgets(c, topology));
	for (struct forgetting *f = c->forgettings; f != NULL; f = f->next)
		if (str_equal(f->topology, topology)) {
			f->state = FORGETTING_WAITS;
			f->is_last = true;
		}
	begin_next(c);
}

void clearing_remove(struct clearing *c, char *directory)
{
	vector_push(&c->directories, directory);
	begin_next(c);
}
