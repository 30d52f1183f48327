#include "zrms/migrate.h"

#include <inttypes.h>
#include <sodium.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "zrms/directory.h"
#include "zrms/migrate_copy.h"
#include "zrms/migrate_history.h"
#include "zrms/store_open.h"
#include "zrms/submission/uuid.h"

enum { PROGRESS_MS = 1000 };

struct migration {
	struct migrate_place *from, *to;
	const struct migrate_options *options;
	struct migrate_source source;	/* of `from` */
	struct migrate_content content; /* that is moved */
	struct migrate_part all_events; /* also those that only go into DIR/history.db */
	uint64_t from_history; /* of them: those that the source itself has no longer */
	char move[UUID_SIZE];
	int64_t said_ms;
};

static int told(const struct migration *m, enum migrate_step step, struct error **err)
{
	return m->options->step != NULL ? m->options->step(m->options->user, step, err) : 0;
}

static struct store_mark mark_of(const struct migrate_place *p)
{
	return p->store->ops->moving->mark(p->store);
}

static int mark(const struct migration *m, const struct migrate_place *p,
		enum store_place place, const char *other, struct error **err)
{
	const struct store_mark set = {.place = place,
				       .move = m->move,
				       .other = other,
				       .wall_ms = clock_now().wall_ms};
	int r = p->store->ops->moving->set_mark(p->store, &set, err);
	return r < 0 ? error_wrap(err, "cannot mark %s", p->url) : 0;
}

/* ---- words ---- */

static void say_content(FILE *out, const struct migrate_content *c)
{
	const struct migrate_part *parts = c->parts;
	(void)fprintf(out,
		      "%" PRIu64 " record%s, %" PRIu64 " event%s, %" PRIu64
		      " line%s of the audit, %" PRIu64 " value%s of spaces",
		      parts[STORE_RECORDS].count, str_plural(parts[STORE_RECORDS].count),
		      parts[STORE_EVENTS].count, str_plural(parts[STORE_EVENTS].count),
		      parts[STORE_AUDIT].count, str_plural(parts[STORE_AUDIT].count),
		      parts[STORE_VALUES].count, str_plural(parts[STORE_VALUES].count));
}

/* A file of the zrms of --dir keeps events for longer than the store. */
static bool has_own_history(const struct migrate_place *p)
{
	return etcd_urls_of(p->url) != NULL;
}

static uint64_t events_max(const struct migrate_place *p)
{
	uint64_t max = p->store != NULL ? p->store->ops->moving->events_max : 0;
	bool is_set = p->settings->store_events > 0 && has_own_history(p);
	return max > 0 && is_set ? p->settings->store_events : max;
}

static void say_plan(const struct migration *m)
{
	FILE *out = m->options->out;
	uint64_t older = m->all_events.count - m->content.parts[STORE_EVENTS].count;
	(void)fprintf(out, "from %s: ", m->from->url);
	say_content(out, &m->content);
	(void)fprintf(out, "\n");
	if (older > 0)
		(void)fprintf(out,
			      "the %" PRIu64 " oldest event%s go into %s/history.db only: %s "
			      "keeps the newest %" PRIu64 "\n",
			      older, str_plural(older), m->to->settings->dir, m->to->url,
			      events_max(m->to));
	if (m->from_history > 0)
		(void)fprintf(out, "%" PRIu64 " of these events are from %s/history.db\n",
			      m->from_history, m->from->settings->dir);
	(void)fflush(out);
}

static void say_done(const struct migration *m)
{
	FILE *out = m->options->out;
	(void)fprintf(out, "moved to %s and read back: ", m->to->url);
	say_content(out, &m->content);
	(void)fprintf(out,
		      "\n%s is marked as moved: no zrms starts on it\n"
		      "start zrms with --store %s (store: in its settings); artifacts stay in "
		      "its directory\n",
		      m->from->url, m->to->url);
}

static void on_progress(void *user, uint64_t count)
{
	struct migration *m = user;
	uint64_t all = migrate_items(&m->content);
	int64_t now_ms = clock_now().mono_ms;
	if (now_ms - m->said_ms < PROGRESS_MS)
		return;
	m->said_ms = now_ms;
	migrate_place_hold(m->from);
	migrate_place_hold(m->to);
	(void)fprintf(m->options->out, "copied %" PRIu64 " of %" PRIu64 " (%" PRIu64 " %%)\n",
		      count, all, all > 0 ? count * 100 / all : 100);
	(void)fflush(m->options->out);
}

/* "2026-11-28T03:54:32Z" */
static void time_text(int64_t wall_ms, char to[static 32])
{
	struct tm utc;
	time_t seconds = (time_t)(wall_ms / 1000);
	(void)strftime(to, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
}

/* ---- what may be moved, and where to ---- */

/* What the source keeps no longer, and its zrms does. */
static int older_look(struct migration *m, struct error **err)
{
	const struct migrate_part *events = &m->content.parts[STORE_EVENTS];
	int r = migrate_history_open(m->from->settings, events, &m->source.older, err);
	if (r < 0 || m->source.older == NULL)
		return r;
	uint64_t count = events->count;
	m->source.older_until = events->first_seq - 1;
	r = migrate_look(&m->source, &m->content, err);
	m->from_history = events->count - count;
	return r;
}

/* Events that the target would not keep go into DIR/history.db only. */
static int content_look(struct migration *m, struct error **err)
{
	uint64_t max = events_max(m->to);
	m->source = (struct migrate_source){.store = m->from->store};
	int r = migrate_look(&m->source, &m->content, err);
	if (r == 0 && has_own_history(m->from) && !has_own_history(m->to))
		r = older_look(m, err);
	const struct migrate_part events = m->all_events = m->content.parts[STORE_EVENTS];
	if (r == 0 && max > 0 && events.last_seq > max &&
	    events.first_seq <= events.last_seq - max) {
		m->source.events_from = events.last_seq - max + 1;
		r = migrate_look(&m->source, &m->content, err);
	}
	return r < 0 ? error_wrap(err, "%s", m->from->url) : 0;
}

static int too_large(const struct migration *m, const char *what, size_t size, size_t max,
		     struct error **err)
{
	return error_set(err, ERR_LIMIT, "%s has %zu bytes in %s, and %s takes %zu at most",
			 what, size, m->from->url, m->to->url, max);
}

static int content_check(const struct migration *m, struct error **err)
{
	const struct store_moving *to = m->to->store != NULL ? m->to->store->ops->moving : NULL;
	if (m->content.parts[STORE_RECORDS].count == 0)
		return error_set(err, ERR_INVALID, "%s holds nothing", m->from->url);
	if (to != NULL && to->record_max > 0 && m->content.largest_record > to->record_max)
		return too_large(m, "a record", m->content.largest_record, to->record_max, err);
	if (to != NULL && to->value_max > 0 && m->content.largest_value > to->value_max)
		return too_large(m, "a value of a space", m->content.largest_value,
				 to->value_max, err);
	return 0;
}

static int source_check(const struct migration *m, struct error **err)
{
	struct store_mark source = mark_of(m->from);
	char when[32];
	time_text(source.wall_ms, when);
	if (m->from->store->restored != NULL)
		return error_set(
			err, ERR_CONFLICT,
			"%s was restored (%s): start zrms on it once, so that it skips "
			"what may have been used",
			m->from->url, m->from->store->restored);
	if (source.place == STORE_FILLING)
		return error_set(err, ERR_CONFLICT,
				 "%s is itself being filled from %s: give 'zrms store migrate "
				 "--from %s --to %s' first",
				 m->from->url, source.other, source.other, m->from->url);
	if (source.place == STORE_MOVED)
		return error_set(err, ERR_CONFLICT, "%s was moved to %s at %s, not to %s",
				 m->from->url, source.other, when, m->to->url);
	return 0;
}

static int target_is_empty(const struct migration *m, struct error **err)
{
	struct migrate_content content;
	int r = migrate_look(&(struct migrate_source){.store = m->to->store}, &content, err);
	if (r == 0 && migrate_items(&content) > 0)
		r = error_set(err, ERR_CONFLICT,
			      "%s is not empty: it holds %" PRIu64
			      " records of a cluster; nothing was changed",
			      m->to->url, content.parts[STORE_RECORDS].count);
	return r;
}

static int target_check(const struct migration *m, struct error **err)
{
	if (m->to->store == NULL)
		return 0;
	struct store_mark target = mark_of(m->to);
	char when[32];
	time_text(target.wall_ms, when);
	switch (target.place) {
	case STORE_HERE:
		return target_is_empty(m, err);
	case STORE_FILLING:
		if (str_equal(target.other, m->from->url))
			return 0;
		return error_set(err, ERR_CONFLICT,
				 "%s is being filled from %s, not from %s: give that migration "
				 "again, or empty it",
				 m->to->url, target.other, m->from->url);
	case STORE_MOVED:
		break;
	}
	if (!m->options->may_replace)
		return error_set(err, ERR_CONFLICT,
				 "%s holds what was moved to %s at %s: give --replace to write "
				 "over it",
				 m->to->url, target.other, when);
	return 0;
}

/* ---- the steps ---- */

static int fill(struct migration *m, struct error **err)
{
	uuid_draw(m->move);
	int r = mark(m, m->to, STORE_FILLING, m->from->url, err);
	if (r == 0)
		r = told(m, MIGRATE_FILLING, err);
	if (r == 0)
		r = m->to->store->ops->moving->clear(m->to->store, err);
	if (r == 0)
		r = migrate_place_open(m->to, err);
	if (r == 0)
		r = told(m, MIGRATE_CLEARED, err);
	if (r == 0)
		r = migrate_copy(m->from->loop, &m->source, m->to->store, on_progress, m, err);
	if (r == 0 && has_own_history(m->to) && !has_own_history(m->from))
		r = migrate_history_fill(m->to->settings, m->from->store, &m->all_events, err);
	if (r == 0)
		r = told(m, MIGRATE_COPIED, err);
	return r < 0 ? error_wrap(err, "cannot fill %s", m->to->url) : 0;
}

/* Nothing of it comes from memory. */
static int read_back(const struct migration *m, struct error **err)
{
	static const char *const names[STORE_PARTS] = {
		"records", "events", "lines of the audit", "values of spaces"};
	struct migrate_content found;
	migrate_place_hold(m->from);
	migrate_place_hold(m->to);
	int r = migrate_place_open(m->to, err);
	if (r == 0)
		r = migrate_look(&(struct migrate_source){.store = m->to->store}, &found, err);
	if (r < 0)
		return error_wrap(err, "cannot read back %s", m->to->url);
	int part = migrate_differ(&m->content, &found);
	if (part >= 0)
		return error_set(err, ERR_IO,
				 "%s does not hold what was written: of %" PRIu64
				 " %s it has %" PRIu64 ", or others; %s stays the truth",
				 m->to->url, m->content.parts[part].count, names[part],
				 found.parts[part].count, m->from->url);
	return 0;
}

static int finish(struct migration *m, struct error **err)
{
	int r = mark(m, m->to, STORE_HERE, m->from->url, err);
	if (r == 0)
		r = told(m, MIGRATE_DONE, err);
	if (r == 0)
		say_done(m);
	return r;
}

static int move(struct migration *m, struct error **err)
{
	int r = source_check(m, err);
	if (r == 0)
		r = target_check(m, err);
	if (r == 0)
		r = content_look(m, err);
	if (r == 0)
		r = content_check(m, err);
	if (r < 0)
		return r;
	say_plan(m);
	if (m->options->only_plans) {
		(void)fprintf(m->options->out, "to %s: nothing was changed\n", m->to->url);
		return 0;
	}
	r = fill(m, err);
	if (r == 0)
		r = read_back(m, err);
	if (r == 0)
		r = mark(m, m->from, STORE_MOVED, m->to->url, err);
	if (r == 0)
		r = told(m, MIGRATE_MOVED, err);
	return r == 0 ? finish(m, err) : r;
}

/* The source is marked: a migration before this one has come so far. */
static int move_on(struct migration *m, struct error **err)
{
	if (mark_of(m->to).place == STORE_HERE) {
		(void)fprintf(m->options->out,
			      "%s was moved to %s before: nothing is left to do\n",
			      m->from->url, m->to->url);
		return 0;
	}
	if (m->options->only_plans) {
		(void)fprintf(m->options->out,
			      "%s is moved to %s; what is left is to let zrms start on that\n",
			      m->from->url, m->to->url);
		return 0;
	}
	int r = content_look(m, err);
	if (r == 0)
		r = read_back(m, err);
	return r == 0 ? finish(m, err) : r;
}

static bool is_one_move(const struct migration *m)
{
	if (m->to->store == NULL)
		return false;
	struct store_mark source = mark_of(m->from), target = mark_of(m->to);
	return source.place == STORE_MOVED && target.place != STORE_MOVED &&
	       str_equal(source.move, target.move);
}

int migrate_run(struct migrate_place *from, struct migrate_place *to,
		const struct migrate_options *options, struct error **err)
{
	struct migration m = {.from = from, .to = to, .options = options};
	if (str_equal(from->url, to->url))
		return error_set(err, ERR_INVALID, "source and target are both %s", from->url);
	int r = migrate_place_claim(from, options->only_plans, err);
	if (r == 0)
		r = migrate_place_claim(to, options->only_plans, err);
	if (r == 0)
		r = migrate_place_open(from, err);
	if (r == 0 && !(options->only_plans && migrate_place_is_new(to)))
		r = migrate_place_open(to, err);
	if (r < 0)
		return r;
	m.said_ms = clock_now().mono_ms;
	if (is_one_move(&m)) {
		(void)snprintf(m.move, sizeof(m.move), "%s", mark_of(from).move);
		r = move_on(&m, err);
	} else {
		r = move(&m, err);
	}
	migrate_history_close(m.source.older);
	return r;
}

/* ---- the command ---- */

struct command_options {
	char *from, *to;
	bool plan, replace;
};

static const struct cli_option options[] = {
	{.name = "from",
	 .type = CLI_STRING,
	 .offset = offsetof(struct command_options, from),
	 .required = true,
	 .value = "URL",
	 .help = "store that is moved: sqlite:DIR, or etcd:https://HOST:PORT,..."},
	{.name = "to",
	 .type = CLI_STRING,
	 .offset = offsetof(struct command_options, to),
	 .required = true,
	 .value = "URL",
	 .help = "store that is filled, which must be empty"},
	{.name = "plan",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct command_options, plan),
	 .help = "say what would be moved, or what is in the way, and change nothing"},
	{.name = "replace",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct command_options, replace),
	 .help = "also into a store whose content was moved elsewhere before, which is written "
		 "over"},
	{0},
};

static int both_run(const struct settings *settings, const struct command_options *o,
		    struct loop *loop, struct error **err)
{
	const struct migrate_options how = {
		.only_plans = o->plan, .may_replace = o->replace, .out = stdout};
	struct migrate_place from = {0}, to = {0};
	int r = migrate_place_init(&from, loop, settings, o->from, true, err);
	if (r == 0)
		r = migrate_place_init(&to, loop, settings, o->to, false, err);
	if (r == 0)
		r = migrate_run(&from, &to, &how, err);
	migrate_place_done(&to);
	migrate_place_done(&from);
	return r;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const struct settings *settings = context;
	struct loop loop;
	CLEANUP(closep) int lock = -1;
	int r = sodium_init() < 0 ? error_set(err, ERR_IO, "no random numbers") : 0;
	if (r == 0)
		r = directory_lock(settings->dir, &lock, err);
	if (r == 0)
		r = loop_init(&loop, err);
	if (r < 0)
		return r;
	r = both_run(settings, line->options, &loop, err);
	loop_done(&loop);
	return r < 0 ? r : CLI_DONE;
}

const struct cli_command migrate_command = {
	.words = "store migrate",
	.summary = "move everything that zrms keeps to another store",
	.details = "No zrms may run on either of them, nor on --dir. Records, events, the "
		   "audit and data of "
		   "spaces are copied and read back; then the source is marked as moved, and "
		   "no zrms starts "
		   "on it. Artifacts stay in --dir; events that etcd "
		   "keeps no longer are in its history.db, and move along, too. Spaces go on, "
		   "and are adopted by the zrms "
		   "that is then "
		   "started on the target.\n"
		   "It can be interrupted at any moment, and given again: until the source is "
		   "marked, it "
		   "stays the truth.",
	.options = options,
	.options_size = sizeof(struct command_options),
	.run = run,
};
