#include "zshell/shell/history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapter/client/view.h"
#include "base/hash.h"
#include "base/str.h"

#define PAGE_EVENTS 10000
/* A later one than this after the last is no repeat. */
#define REPEAT_GAP_MS 600000

/* Of the further lines of an event that a terminal is too narrow for. */
#define HANGING 4

typedef Samoza__V1__EventView event_view;

int64_t history_time_ms(const char *text)
{
	struct tm tm = {0};
	const char *rest = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	int64_t ms = 0, unit = 100;

	if (rest == NULL)
		return 0;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ms += (*rest - '0') * unit;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

static int64_t wall_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

char *history_ago(const char *time)
{
	int64_t seconds = (wall_now_ms() - history_time_ms(time)) / 1000;
	int64_t count = seconds < 0 ? 0 : seconds;
	const char *unit = "second";

	if (count >= 2 * 86400) {
		count /= 86400;
		unit = "day";
	} else if (count >= 2 * 3600) {
		count /= 3600;
		unit = "hour";
	} else if (count >= 2 * 60) {
		count /= 60;
		unit = "minute";
	}
	return str_printf("%lld %s%s ago", (long long)count, unit, count == 1 ? "" : "s");
}

static const char *or_dash(const char *s)
{
	return str_is_empty(s) ? "-" : s;
}

char *history_line(const event_view *e)
{
	return str_printf("%s %-9s %s %s -> %s %s", e->time, e->kind, e->subject,
			  or_dash(e->from), or_dash(e->to), e->cause);
}

/* ---------------------------------------------------------------- fetching */

bool history_takes(const struct history_query *query, const event_view *e)
{
	CLEANUP(freep) char *line = NULL;

	/* An event of a zhost is repeated for each topology that it concerns. */
	if (query->topology == NULL && str_equal(e->kind, "zhost") &&
	    !str_is_empty(e->topology))
		return false;
	if (query->subject != NULL && !str_equal(e->subject, query->subject))
		return false;
	if (query->since_ms > 0 && history_time_ms(e->time) < wall_now_ms() - query->since_ms)
		return false;
	if (query->grep == NULL)
		return true;
	line = history_line(e);
	return strstr(line, query->grep) != NULL;
}

const event_view *history_arrival(const struct history *history, const char *kind,
				  const char *state)
{
	const event_view *found = NULL;

	vector_for_each (&history->events, e) {
		/* A cordon leaves the state as it is. */
		if (!str_equal((*e)->kind, kind) || str_equal((*e)->from, (*e)->to))
			continue;
		found = str_equal((*e)->to, state) ? *e : NULL;
	}
	return found;
}

void history_keep_only(struct history *h, const char *subject)
{
	size_t kept = 0;

	vector_for_each (&h->events, e) {
		if (str_equal((*e)->subject, subject))
			h->events.items[kept++] = *e;
		else
			view_free(*e);
	}
	h->events.count = kept;
}

void history_keep_newest(struct history *h, size_t count)
{
	size_t drop = h->events.count > count ? h->events.count - count : 0;

	for (size_t i = 0; i < drop; i++)
		view_free(h->events.items[i]);
	if (drop > 0)
		memmove(h->events.items, h->events.items + drop,
			(h->events.count - drop) * sizeof(*h->events.items));
	h->events.count -= drop;
}

static int fetch_page(struct shell *shell, const struct history_query *query, struct history *h,
		      size_t *ret_count, struct error **err)
{
	CLEANUP(view_freep) Samoza__V1__EventListView *page = NULL;
	CLEANUP(freep) char *after = str_printf("%" PRIu64, h->last);
	CLEANUP(freep)
	char *newest = query->newest > 0 ? str_printf("&newest=%" PRIu64, query->newest) : NULL;
	CLEANUP(freep)
	char *path = api_path("/v1/events?stream=0&after=", after,
			      query->topology != NULL ? "&topology=" : "",
			      query->topology != NULL ? query->topology : "", NULL);
	CLEANUP(freep) char *whole = str_printf("%s%s", path, newest != NULL ? newest : "");
	int r = api_get(shell->api, whole, &samoza__v1__event_list_view__descriptor,
			(void **)&page, err);

	for (size_t i = 0; r == 0 && i < page->n_events; i++) {
		event_view *e = page->events[i];

		h->last = e->seq > h->last ? e->seq : h->last;
		if (history_takes(query, e))
			vector_push(&h->events, e);
		else
			view_free(e);
	}
	if (r < 0)
		return r;
	*ret_count = page->n_events;
	page->n_events = 0; /* they were taken */
	return 0;
}

int history_fetch(struct shell *shell, const struct history_query *query,
		  struct history *ret_history, struct error **err)
{
	struct history h = {0};
	size_t count = PAGE_EVENTS;
	int r = 0;

	while (r == 0 && count >= PAGE_EVENTS) {
		r = fetch_page(shell, query, &h, &count, err);
		if (query->tail > 0)
			history_keep_newest(&h, query->tail);
	}
	if (r < 0) {
		history_done(&h);
		return r;
	}
	*ret_history = h;
	return 0;
}

void history_done(struct history *history)
{
	vector_for_each (&history->events, e)
		view_free(*e);
	vector_done(&history->events);
}

/* ---------------------------------------------------------------- repeats */

/* Events that differ in nothing but their time. */
struct repeated {
	const event_view *last;
	char *key;
	size_t count;
	int64_t first_ms, last_ms;
	UT_hash_handle hh;
};

struct repeats {
	VECTOR(struct repeated *) list;
	struct repeated *by_key; /* the newest of each key */
};

static void repeats_done(struct repeats *r)
{
	HASH_CLEAR(hh, r->by_key);
	vector_for_each (&r->list, one) {
		free((*one)->key);
		free(*one);
	}
	vector_done(&r->list);
}

static void take(struct repeats *r, const event_view *e)
{
	CLEANUP(freep)
	char *key = str_printf("%s\n%s\n%s\n%s\n%s", e->kind, e->subject, or_dash(e->from),
			       or_dash(e->to), e->cause);
	int64_t now_ms = history_time_ms(e->time);
	struct repeated *one = NULL;

	HASH_FIND_STR(r->by_key, key, one);
	if (one != NULL && now_ms - one->last_ms > REPEAT_GAP_MS) {
		HASH_DEL(r->by_key, one);
		one = NULL;
	}
	if (one == NULL) {
		one = mem_new(struct repeated);
		one->key = steal_ptr(&key);
		one->first_ms = now_ms;
		HASH_ADD_KEYPTR(hh, r->by_key, one->key, strlen(one->key), one);
		vector_push(&r->list, one);
	}
	one->last = e;
	one->last_ms = now_ms;
	one->count++;
}

static int compare_last(const void *a, const void *b)
{
	const struct repeated *x = *(struct repeated *const *)a,
			      *y = *(struct repeated *const *)b;

	return x->last->seq < y->last->seq ? -1 : x->last->seq > y->last->seq;
}

/* "3 min", "45 s", "2 h". The caller frees. */
static char *span_text(int64_t ms)
{
	if (ms < 120000)
		return str_printf("%" PRId64 " s", (ms + 999) / 1000);
	if (ms < 7200000)
		return str_printf("%" PRId64 " min", (ms + 30000) / 60000);
	return str_printf("%" PRId64 " h", (ms + 1800000) / 3600000);
}

/* Of `count` lines, where the last `lines` begin; 0: all are wanted. */
static size_t first_of(size_t count, size_t lines)
{
	return lines > 0 && count > lines ? count - lines : 0;
}

static void print_collapsed(const struct output *o, const struct history *history, size_t lines,
			    const char *indent)
{
	struct repeats all = {0};
	unsigned hanging = (unsigned)strlen(indent) + HANGING;

	vector_for_each (&history->events, e)
		take(&all, *e);
	if (all.list.count > 1)
		qsort(all.list.items, all.list.count, sizeof(*all.list.items), compare_last);
	for (size_t i = first_of(all.list.count, lines); i < all.list.count; i++) {
		const struct repeated *one = all.list.items[i];
		CLEANUP(freep) char *line = history_line(one->last);
		CLEANUP(freep) char *span = span_text(one->last_ms - one->first_ms);

		if (one->count == 1)
			output_text(o, hanging, "%s%s", indent, line);
		else
			output_text(o, hanging, "%s%s (\xc3\x97%zu in %s)", indent, line,
				    one->count, span);
	}
	repeats_done(&all);
}

void history_print(const struct output *o, const struct history *history, bool collapse,
		   size_t lines, const char *indent)
{
	if (collapse) {
		print_collapsed(o, history, lines, indent);
		return;
	}
	size_t count = history->events.count;
	for (size_t i = first_of(count, lines); i < count; i++) {
		CLEANUP(freep) char *line = history_line(history->events.items[i]);

		output_text(o, (unsigned)strlen(indent) + HANGING, "%s%s", indent, line);
	}
}

void history_print_section(const struct output *o, const struct history *history, size_t lines)
{
	if (history->events.count == 0)
		return;
	output_line(o, "%s", "");
	output_line(o, "Events:");
	history_print(o, history, true, lines, "  ");
}
