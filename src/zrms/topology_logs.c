#include "zrms/topology_logs.h"

#include "base/str.h"
#include "proto/view.pb-c.h"
#include "schema/json.h"
#include "schema/message.h"
#include "zrms/access_watch.h"
#include "zrms/api.h"
#include "zrms/api_reads.h"
#include "zrms/log_merge.h"

enum {
	STREAM_MAX = 32 * 1024 * 1024,
	EVENT_TEXT_MAX = 16 * 1024 * 1024,
	EVENT_LINES = 500,
	WAITING_BYTES =
		8 * 1024 * 1024, /* then lines are written, whatever may come before them */
	GATHER_MS = 3000,	 /* so long the last lines are waited for */
	HOLD_MS = 250,		 /* so long a line waits for earlier ones of others */
	LOOK_MS = 500,		 /* between two looks at what instances there are */
	MISSING_MS = 2000,	 /* a zhost may have another link at once, as after a renewal */
	LEVEL_AT = LOG_TIME_SIZE + 1,
	LEVEL_SIZE = 5,
	TEXT_AT = LEVEL_AT + LEVEL_SIZE + 1,
};

enum source_state {
	SOURCE_READ,  /* its query is open */
	SOURCE_APART, /* its zhost cannot be reached */
	SOURCE_ENDED, /* its zhost has no more lines of that copy */
};

/* An instance on a zhost. */
struct source {
	struct gather *of;
	char *path, *zhost;
	uint64_t link_id, epoch; /* as of the last look */
	enum source_state state;
	uint64_t read_epoch; /* of the copy that was read last */
	int64_t since_ms;    /* when it came into this state; monotonic */
	bool is_caught_up;   /* nothing more of what was there before is to come */
	bool is_told;	     /* that it is missing */
	bool is_wanted;	     /* the last look found it */
	bool is_of_begin;    /* so did the first one, and nothing was read of it yet */
	struct log_query *query;
	struct log_cursor cursor;
};

/* One request. */
struct gather {
	struct gather *next, **link;
	struct topology_logs *all;
	char *topology, *text;
	struct topology_logs_wish wish;
	struct http_request *request; /* until it is answered, without follow */
	struct http_stream *stream;   /* with follow */
	struct access_watch watch;
	struct loop_timer *timer;
	VECTOR(struct source *) sources;
	struct log_merge merge;
	bool is_gathering; /* the last lines come */
	int64_t began_ms, look_ms, due_ms;
	int64_t began_wall_ms;
};

struct topology_logs {
	struct zrms *zrms;
	struct gather *first;
	struct http_stream_handler handler;
};

static int64_t now_ms(const struct gather *g)
{
	return loop_now(&g->all->zrms->loop).mono_ms;
}

static void source_free(struct source *s)
{
	if (s->query != NULL)
		logs_close(s->query);
	free(s->path);
	free(s->zhost);
	free(s);
}

static void gather_free(struct gather *g)
{
	*g->link = g->next;
	if (g->next != NULL)
		g->next->link = g->link;
	loop_timer_free(g->timer);
	access_unwatch(&g->watch);
	vector_for_each (&g->sources, s)
		source_free(*s);
	vector_done(&g->sources);
	log_merge_done(&g->merge);
	free(g->topology);
	free(g->text);
	free(g);
}

/* No later than then. */
static void wake(struct gather *g, int64_t mono_ms)
{
	if (mono_ms >= g->due_ms)
		return;
	g->due_ms = mono_ms;
	loop_timer_at(g->timer, mono_ms);
}

/* ---- what is written ---- */

static Samoza__V1__LogEntryView *entry_view(const struct log_line *l)
{
	const struct source *s = l->origin;
	Samoza__V1__LogEntryView *v = (Samoza__V1__LogEntryView *)schema_message_new(
		&samoza__v1__log_entry_view__descriptor);
	bool has_head =
		strlen(l->text) >= TEXT_AT && strncmp(l->text, l->time, LOG_TIME_SIZE) == 0;

	v->time = mem_strdup(l->time);
	v->instance = mem_strdup(s->path);
	v->zhost = mem_strdup(s->zhost);
	v->level = has_head ? mem_strndup(l->text + LEVEL_AT, strcspn(l->text + LEVEL_AT, " "))
			    : mem_strdup("warn");
	v->text = mem_strdup(l->text + (has_head ? TEXT_AT : 0));
	return v;
}

static Samoza__V1__LogView *lines_view(const struct gather *g, size_t begin, size_t count)
{
	Samoza__V1__LogView *v =
		(Samoza__V1__LogView *)schema_message_new(&samoza__v1__log_view__descriptor);

	v->entries = mem_new_array(Samoza__V1__LogEntryView *, count + 1);
	for (size_t i = 0; i < count; i++)
		v->entries[v->n_entries++] = entry_view(&g->merge.lines.items[begin + i]);
	return v;
}

/* A reader that is too slow loses its stream, not this daemon its memory. */
static void write_view(struct gather *g, const Samoza__V1__LogView *view)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(EVENT_TEXT_MAX);

	if (buffer_add_string(&text, "data: ") < 0 ||
	    schema_add_json(&text, &view->base, SCHEMA_JSON_COMPACT) < 0 ||
	    buffer_add_string(&text, "\n\n") < 0 ||
	    http_stream_write(g->stream, text.data, text.size) < 0)
		http_stream_end(g->stream);
}

static void write_lines(struct gather *g, size_t count, bool cut)
{
	for (size_t at = 0; at < count; at += EVENT_LINES) {
		size_t part = count - at < EVENT_LINES ? count - at : EVENT_LINES;
		Samoza__V1__LogView *view = lines_view(g, at, part);

		view->has_cut = view->cut = cut && at == 0;
		write_view(g, view);
		samoza__v1__log_view__free_unpacked(view, NULL);
	}
	log_merge_drop(&g->merge, count);
}

/* All of the zhost of `first` of which the same is to be said. */
static void add_source_view(struct gather *g, Samoza__V1__LogView *view, size_t first,
			    bool is_missing)
{
	const struct source *of = g->sources.items[first];
	Samoza__V1__LogSourceView *v = (Samoza__V1__LogSourceView *)schema_message_new(
		&samoza__v1__log_source_view__descriptor);

	v->zhost = mem_strdup(of->zhost);
	v->state = mem_strdup(is_missing ? "missing" : "back");
	if (is_missing)
		v->why = mem_strdup("it cannot be reached");
	v->instances = mem_new_array(char *, g->sources.count);
	for (size_t i = first; i < g->sources.count; i++) {
		struct source *s = g->sources.items[i];

		if (!str_equal(s->zhost, of->zhost) || s->is_told == is_missing ||
		    (s->state == SOURCE_APART) != is_missing)
			continue;
		s->is_told = is_missing;
		v->instances[v->n_instances++] = mem_strdup(s->path);
	}
	view->sources = mem_resize(view->sources, view->n_sources + 1, sizeof(*view->sources));
	view->sources[view->n_sources++] = v;
}

/* What is missing for so long, or is back, and was not told yet. */
static void add_source_views(struct gather *g, Samoza__V1__LogView *view, int64_t for_ms)
{
	for (size_t i = 0; i < g->sources.count; i++) {
		const struct source *s = g->sources.items[i];
		bool is_missing = s->state == SOURCE_APART;

		if (is_missing
			    ? !s->is_told && s->is_wanted && now_ms(g) - s->since_ms >= for_ms
			    : s->is_told)
			add_source_view(g, view, i, is_missing);
	}
}

static void write_sources(struct gather *g, int64_t for_ms)
{
	Samoza__V1__LogView *view =
		(Samoza__V1__LogView *)schema_message_new(&samoza__v1__log_view__descriptor);

	add_source_views(g, view, for_ms);
	if (view->n_sources > 0)
		write_view(g, view);
	samoza__v1__log_view__free_unpacked(view, NULL);
}

/* ---- sources ---- */

static void set_state(struct source *s, enum source_state state)
{
	s->state = state;
	s->since_ms = now_ms(s->of);
}

static void on_lines(void *user, char **lines, size_t count)
{
	struct source *s = user;
	struct gather *g = s->of;

	for (size_t i = 0; i < count; i++)
		if (log_cursor_take(&s->cursor, lines[i]))
			log_merge_add(&g->merge, &s->cursor, s, lines[i], now_ms(g));
	if (g->is_gathering && g->merge.lines.count > (size_t)g->wish.lines * 2 + 1000)
		log_merge_keep(&g->merge, g->wish.lines);
	wake(g, now_ms(g) + (g->is_gathering ? GATHER_MS : HOLD_MS));
}

static void look_soon(struct gather *g)
{
	wake(g, now_ms(g));
}

static void on_caught_up(void *user)
{
	struct source *s = user;

	s->is_caught_up = true;
	s->is_of_begin = false;
	look_soon(s->of);
}

static void on_ended(void *user, int code)
{
	struct source *s = user;

	s->query = NULL;
	s->is_caught_up = true;
	s->is_of_begin = s->is_of_begin && code == ERR_UNAVAILABLE;
	set_state(s, code == ERR_UNAVAILABLE ? SOURCE_APART : SOURCE_ENDED);
	look_soon(s->of);
}

static const struct logs_listener listener = {
	.lines = on_lines, .caught_up = on_caught_up, .ended = on_ended};

static void source_open(struct source *s)
{
	struct gather *g = s->of;
	struct logs_wanted wanted = {.lines = g->wish.lines,
				     .since_ms = g->wish.since_ms,
				     .text = g->text,
				     .follow = g->wish.follow};

	/* What came later than the stream has printed nothing that was there before, but where it was in an earlier stay. What
	 * was there at its begin and could not be reached is read as it would have been then. */
	if (!g->is_gathering && (!s->is_of_begin || s->cursor.time[0] != '\0')) {
		log_cursor_again(&s->cursor, &wanted.since_ms);
		if (wanted.since_ms == 0)
			wanted.since_ms = g->began_wall_ms;
		wanted.lines = LOGS_LINES_MAX;
	}
	s->read_epoch = s->epoch;
	s->query = logs_open(g->all->zrms->logs, s->link_id, g->topology, s->path, &wanted,
			     &listener, s);
	set_state(s, s->query != NULL ? SOURCE_READ : SOURCE_APART);
}

static void on_place(void *user, const struct control_log_place *place)
{
	struct gather *g = user;
	struct source *s = NULL;

	vector_for_each (&g->sources, at)
		if (str_equal((*at)->path, place->path) &&
		    str_equal((*at)->zhost, place->zhost))
			s = *at;
	if (s == NULL) {
		s = mem_new(struct source);
		s->of = g;
		s->path = mem_strdup(place->path);
		s->zhost = mem_strdup(place->zhost);
		s->state = SOURCE_ENDED;
		s->read_epoch = UINT64_MAX;
		s->is_of_begin = g->is_gathering;
		vector_push(&g->sources, s);
	}
	s->is_wanted = true;
	s->epoch = place->epoch;
	s->link_id = place->link_id;
}

/* Whether there may be something to be read that was not. */
static bool is_due(const struct source *s)
{
	switch (s->state) {
	case SOURCE_READ:
		return false;
	case SOURCE_APART:
		return true;
	case SOURCE_ENDED: /* its zhost may not have heard of the copy yet */
		return s->read_epoch != s->epoch ||
		       (s->epoch > 0 && now_ms(s->of) - s->since_ms >= LOOK_MS);
	}
	IMPOSSIBLE("state");
}

/* False: the topology is gone. */
static bool look(struct gather *g)
{
	const struct control *c = api_control(g->all->zrms);

	g->look_ms = now_ms(g);
	vector_for_each (&g->sources, s)
		(*s)->is_wanted = false;
	if (!control_log_places(c, g->topology, on_place, g))
		return false;
	for (size_t i = 0; i < g->sources.count; i++) {
		struct source *s = g->sources.items[i];

		/* What was lost is read to its end, also where its instance is elsewhere now. */
		if (!s->is_wanted && s->state == SOURCE_APART)
			s->link_id = control_link_of(c, s->zhost);
		if ((s->is_wanted || s->state == SOURCE_APART) && is_due(s)) {
			if (s->link_id != 0)
				source_open(s);
			else if (s->state != SOURCE_APART)
				set_state(s, SOURCE_APART);
		}
	}
	return true;
}

/* ---- the request ---- */

static bool has_gathered(const struct gather *g)
{
	if (now_ms(g) - g->began_ms >= GATHER_MS)
		return true;
	vector_for_each (&g->sources, s)
		if ((*s)->state == SOURCE_READ && !(*s)->is_caught_up)
			return false;
	return true;
}

static void answer(struct gather *g)
{
	log_merge_keep(&g->merge, g->wish.lines);

	Samoza__V1__LogView *view = lines_view(g, 0, g->merge.lines.count);
	view->has_cut = view->cut = g->merge.has_dropped;
	/* One that has not answered in time is missing as well. */
	vector_for_each (&g->sources, s)
		if ((*s)->state == SOURCE_READ)
			set_state(*s, SOURCE_APART);
	add_source_views(g, view, 0);
	api_send_view_now(g->request, 200, &view->base);
	samoza__v1__log_view__free_unpacked(view, NULL);
	gather_free(g);
}

/* The last lines are there. False: `g` is gone. */
static bool gathered(struct gather *g)
{
	g->is_gathering = false;
	if (!g->wish.follow) {
		answer(g);
		return false;
	}
	log_merge_keep(&g->merge, g->wish.lines);
	write_lines(g, g->merge.lines.count, g->merge.has_dropped);
	write_sources(g, 0);
	return true;
}

static void follow(struct gather *g)
{
	int64_t now = now_ms(g), oldest;

	if (now - g->look_ms >= LOOK_MS && !look(g)) {
		write_lines(g, log_merge_ready(&g->merge, INT64_MAX), false);
		http_stream_end(g->stream);
		return;
	}
	write_sources(g, MISSING_MS);
	write_lines(g,
		    log_merge_ready(&g->merge,
				    g->merge.bytes > WAITING_BYTES ? INT64_MAX : now - HOLD_MS),
		    false);
	oldest = log_merge_oldest(&g->merge);
	wake(g, g->look_ms + LOOK_MS);
	if (oldest < INT64_MAX)
		wake(g, oldest + HOLD_MS);
}

static void on_timer(void *user)
{
	struct gather *g = user;

	g->due_ms = NEVER_MS;
	if (g->is_gathering && !has_gathered(g)) {
		wake(g, g->began_ms + GATHER_MS);
		return;
	}
	if (g->is_gathering && !gathered(g))
		return;
	follow(g);
}

static void stream_closed(void *user, struct http_stream *stream)
{
	(void)stream;
	gather_free(user);
}

static void on_credential_ended(void *user)
{
	struct gather *g = user;
	http_stream_end(g->stream);
}

void topology_logs_ask(struct topology_logs *all, const char *id,
		       const struct topology_logs_wish *wish, const uint8_t *hash,
		       struct http_request *request)
{
	struct gather *g = mem_new(struct gather);

	g->all = all;
	g->link = &all->first;
	g->next = all->first;
	if (g->next != NULL)
		g->next->link = &g->next;
	all->first = g;
	g->topology = mem_strdup(id);
	g->text = mem_strdup(wish->text);
	g->wish = *wish;
	g->is_gathering = true;
	g->began_ms = now_ms(g);
	g->due_ms = NEVER_MS;
	g->began_wall_ms = loop_now(&all->zrms->loop).wall_ms;
	g->timer = loop_timer_new(&all->zrms->loop, on_timer, g);
	g->request = request;
	if (wish->follow) {
		g->stream = http_reply_stream(request, "text/event-stream", true, STREAM_MAX,
					      &all->handler, g);
		access_watch(&all->zrms->access.open, &g->watch, hash, on_credential_ended, g);
		int r = http_stream_write(g->stream, ":\n\n", 3);
		INVARIANT(r == 0);
	}
	(void)look(g); /* it was found a moment ago */
	look_soon(g);
}

void topology_logs_end_all(struct topology_logs *all)
{
	for (struct gather *g = all->first, *next; g != NULL; g = next) {
		next = g->next;
		if (g->stream != NULL) {
			http_stream_end(g->stream);
		} else {
			http_reply_failure(g->request, 503, "unavailable",
					   "zrms is shutting down");
			gather_free(g);
		}
	}
}

struct topology_logs *topology_logs_new(struct zrms *zrms)
{
	struct topology_logs *all = mem_new(struct topology_logs);

	all->zrms = zrms;
	all->handler = (struct http_stream_handler){.closed = stream_closed};
	return all;
}

void topology_logs_free(struct topology_logs *all)
{
	if (all == NULL)
		return;
	PRE(all->first == NULL);
	free(all);
}
