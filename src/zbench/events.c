#include "zbench/events.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define TEXT_MAX      ((size_t)16 << 20)
#define NS_PER_SECOND UINT64_C(1000000000)

static int refused(int status, const char *path, struct error **err)
{
	return error_set(err, ERR_INVALID, "GET %s was answered with %d", path, status);
}

int events_open_query(struct events *e, uint16_t port, const char *query, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("/v1/events?%s", query);
	int status = 0;

	*e = (struct events){.client = {.port = port}, .text = BUFFER_INIT(TEXT_MAX)};
	int r = client_begin(&e->client, "GET", path, NULL, 0, now_ns() + 10 * NS_PER_SECOND,
			     &status, err);
	return r == 0 && status != 200 ? refused(status, path, err) : r;
}

int events_open(struct events *e, uint16_t port, struct error **err)
{
	return events_open_query(e, port, "after=0", err);
}

void events_done(struct events *e)
{
	client_done(&e->client);
	buffer_done(&e->text);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

/* One line of the stream. */
static int take_line(const char *line, size_t size, uint64_t arrived_ns, event_handler *handler,
		     void *data, struct error **err)
{
	if (size < 5 || memcmp(line, "data:", 5) != 0)
		return 0; /* a comment, an id, the end of an event */
	json_t *json = json_loadb(line + 5, size - 5, 0, NULL);
	if (json == NULL)
		return error_set(err, ERR_INVALID, "an event is not JSON: %.*s",
				 (int)(size < 200 ? size : 200), line);
	const struct event event = {
		.kind = text_of(json, "kind"),
		.subject = text_of(json, "subject"),
		.from = text_of(json, "from"),
		.to = text_of(json, "to"),
		.cause = text_of(json, "cause"),
		.arrived_ns = arrived_ns,
	};
	int r = handler(data, &event, err);
	json_decref(json);
	return r;
}

int events_until(struct events *e, event_handler *handler, void *data, unsigned seconds,
		 struct error **err)
{
	uint64_t deadline = now_ns() + seconds * NS_PER_SECOND;

	for (;;) {
		size_t done = 0;
		int r = 0;

		while (r == 0 && done < e->text.size) {
			char *begin = e->text.data + done;
			char *end = memchr(begin, '\n', e->text.size - done);

			if (end == NULL)
				break;
			done += (size_t)(end + 1 - begin);
			r = take_line(begin, (size_t)(end - begin), e->arrived_ns, handler,
				      data, err);
		}
		buffer_consume(&e->text, done);
		if (r != 0)
			return r < 0 ? r : 0;
		r = client_more(&e->client, deadline, &e->text, err);
		if (r == 0)
			return error_set(err, ERR_UNAVAILABLE,
					 "zrms ended the stream of events");
		if (r < 0)
			return r;
		e->arrived_ns = now_ns();
	}
}

struct wanted {
	const char *name;
	const char *state;
	uint64_t missing;
	uint64_t arrived_ns;
};

static int on_topology(void *data, const struct event *event, struct error **err)
{
	struct wanted *w = data;

	if (!str_equal(event->kind, "topology") || !str_equal(event->subject, w->name))
		return 0;
	w->arrived_ns = event->arrived_ns;
	if (str_equal(event->to, w->state))
		return 1;
	if (str_equal(event->to, "failed"))
		return error_set(err, ERR_CONFLICT, "topology %s failed: %s", w->name,
				 event->cause);
	return 0;
}

int events_topology(struct events *e, const char *name, const char *state, unsigned seconds,
		    uint64_t *ret_arrived_ns, struct error **err)
{
	struct wanted w = {.name = name, .state = state};
	int r = events_until(e, on_topology, &w, seconds, err);

	if (r < 0)
		return error_wrap(err, "waiting for topology %s to be %s", name, state);
	if (ret_arrived_ns != NULL)
		*ret_arrived_ns = w.arrived_ns;
	return 0;
}

static int on_space(void *data, const struct event *event, struct error **err)
{
	struct wanted *w = data;
	size_t n = strlen(w->name);

	if (!str_equal(event->kind, "space") || strncmp(event->subject, w->name, n) != 0 ||
	    event->subject[n] != '/' || !str_equal(event->to, w->state))
		return 0;
	w->missing--;
	return w->missing == 0;
}

int events_spaces(struct events *e, const char *name, const char *state, uint64_t count,
		  unsigned seconds, struct error **err)
{
	struct wanted w = {.name = name, .state = state, .missing = count};

	if (count == 0)
		return 0;
	int r = events_until(e, on_space, &w, seconds, err);
	return r < 0 ? error_wrap(err, "waiting for all spaces of %s to be %s (%llu are not)",
				  name, state, (unsigned long long)w.missing)
		     : 0;
}

static int on_zhost(void *data, const struct event *event, struct error **err)
{
	struct wanted *w = data;

	if (!str_equal(event->kind, "zhost") || !str_equal(event->to, w->state))
		return 0;
	w->arrived_ns = event->arrived_ns;
	w->missing--;
	return w->missing == 0;
}

int events_zhosts(struct events *e, const char *state, uint64_t count, unsigned seconds,
		  uint64_t *ret_arrived_ns, struct error **err)
{
	struct wanted w = {.state = state, .missing = count};
	int r = events_until(e, on_zhost, &w, seconds, err);

	if (r < 0)
		return error_wrap(err, "waiting for a zhost to be %s (%llu are not)", state,
				  (unsigned long long)w.missing);
	if (ret_arrived_ns != NULL)
		*ret_arrived_ns = w.arrived_ns;
	return 0;
}

/* ---------------------------------------------------------------- logs */

/* The next one, from the mark to the end of the line, which may be the end of a JSON string; the caller frees. NULL: it
 * has not come to its end. `*at`: where to look, and where to look then. */
static char *line_with(const struct buffer *text, const char *mark, size_t *at)
{
	char *found = text->size > *at
			      ? memmem(text->data + *at, text->size - *at, mark, strlen(mark))
			      : NULL;
	size_t n;

	if (found == NULL)
		return NULL;
	n = strcspn(found, "\"\n");
	if (found[n] == '\0')
		return NULL;
	*at = (size_t)(found - (char *)text->data) + n;
	return mem_strndup(found, n);
}

/* Each line that is there: as the handler says. */
static int take_lines(const struct buffer *text, const char *mark, size_t *at,
		      log_handler *handler, void *data, struct error **err)
{
	int r = 0;

	while (r == 0) {
		CLEANUP(freep) char *line = line_with(text, mark, at);
		if (line == NULL)
			break;
		r = handler(data, line, err);
	}
	return r;
}

int log_until(uint16_t port, const char *topology_id, const char *path, const char *mark,
	      log_handler *handler, void *data, unsigned seconds, struct error **err)
{
	CLEANUP(client_done) struct client client = {.port = port};
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(TEXT_MAX);
	CLEANUP(freep)
	char *url = str_printf("/v1/topologies/%s/logs?path=%s&lines=100&follow=1", topology_id,
			       path);
	uint64_t deadline = now_ns() + seconds * NS_PER_SECOND;
	int status = 0;
	size_t at = 0;
	int r = client_begin(&client, "GET", url, NULL, 0, deadline, &status, err);

	if (r == 0 && status != 200)
		r = refused(status, url, err);
	while (r == 0 && (r = take_lines(&text, mark, &at, handler, data, err)) == 0) {
		r = client_more(&client, deadline, &text, err);
		if (r == 0)
			r = error_set(err, ERR_UNAVAILABLE, "the log ended");
		else if (r > 0)
			r = 0;
	}
	if (r < 0)
		return error_wrap(err, "waiting for '%s' in the log of %s: %.*s", mark, path,
				  (int)(text.size < 2000 ? text.size : 2000),
				  text.size > 0 ? text.data : "");
	return 0;
}

static int keep_line(void *data, const char *line, struct error **err)
{
	char **ret_line = data;
	(void)err;
	*ret_line = mem_strdup(line);
	return 1;
}

int log_find(uint16_t port, const char *topology_id, const char *path, const char *mark,
	     unsigned seconds, char **ret_line, struct error **err)
{
	return log_until(port, topology_id, path, mark, keep_line, ret_line, seconds, err);
}
