#include "zrms/log_merge.h"

#include <stdlib.h>
#include <string.h>

void log_merge_done(struct log_merge *m)
{
	vector_for_each (&m->lines, l)
		free(l->text);
	vector_done(&m->lines);
	m->bytes = 0;
}

void log_merge_add(struct log_merge *m, const struct log_cursor *cursor, const void *origin,
		   const char *line, int64_t came_ms)
{
	struct log_line *l = vector_add(&m->lines);

	memcpy(l->time, log_time_is(line) ? line : cursor->time, LOG_TIME_SIZE);
	l->text = mem_strdup(line);
	l->origin = origin;
	l->order = m->next_order++;
	l->came_ms = came_ms;
	m->bytes += strlen(line);
}

static int compare(const void *a, const void *b)
{
	const struct log_line *x = a, *y = b;
	int order = strcmp(x->time, y->time);

	if (order != 0)
		return order;
	return x->order < y->order ? -1 : 1;
}

static void sort(struct log_merge *m)
{
	if (m->lines.count > 1)
		qsort(m->lines.items, m->lines.count, sizeof(*m->lines.items), compare);
}

void log_merge_drop(struct log_merge *m, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		m->bytes -= strlen(m->lines.items[i].text);
		free(m->lines.items[i].text);
	}
	if (count > 0)
		memmove(m->lines.items, m->lines.items + count,
			(m->lines.count - count) * sizeof(*m->lines.items));
	m->lines.count -= count;
}

void log_merge_keep(struct log_merge *m, size_t count)
{
	sort(m);
	if (m->lines.count > count) {
		m->has_dropped = true;
		log_merge_drop(m, m->lines.count - count);
	}
}

size_t log_merge_ready(struct log_merge *m, int64_t horizon_ms)
{
	size_t ready = 0;

	sort(m);
	for (size_t i = 0; i < m->lines.count; i++)
		if (m->lines.items[i].came_ms <= horizon_ms)
			ready = i + 1;
	return ready;
}

int64_t log_merge_oldest(const struct log_merge *m)
{
	int64_t oldest = INT64_MAX;

	vector_for_each (&m->lines, l)
		if (l->came_ms < oldest)
			oldest = l->came_ms;
	return oldest;
}
