#include "stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>

#include "base/str.h"

enum { WAIT_MS = 60000 };

/* ---- life ---- */

void stage_init(struct stage *s, struct etcd_cluster *cluster)
{
	*s = (struct stage){.cluster = cluster};
	cluster_clear(cluster);
	outbox_init(&s->outbox);
	assert_int_equal(loop_init(&s->loop, NULL), 0);
}

int stage_open(struct stage *s, struct error **err)
{
	struct etcd_store_options options = {.servers = cluster_servers(s->cluster),
					     .fence = s->fence,
					     .patience = s->patience,
					     .copy = s->copy};
	if (s->urls != NULL)
		options.servers.urls = s->urls;
	return etcd_store_open(&s->loop, &options, &s->store, err);
}

static void on_closed(void *user)
{
	*(bool *)user = true;
}

void stage_close(struct stage *s)
{
	bool is_closed = false;
	if (s->store == NULL)
		return;
	s->store->ops->close(s->store, on_closed, &is_closed);
	stage_until(s, &is_closed);
	s->store = NULL;
}

void stage_reopen(struct stage *s)
{
	stage_close(s);
	assert_int_equal(stage_open(s, NULL), 0);
}

void stage_done(struct stage *s)
{
	stage_close(s);
	outbox_done(&s->outbox);
	loop_done(&s->loop);
	free(s->urls);
}

static void too_late(void *user)
{
	(void)user;
	fail_msg("nothing happened within a minute");
}

void stage_until(struct stage *s, const bool *is_done)
{
	struct loop_timer *limit = loop_timer_new(&s->loop, too_late, NULL);
	loop_timer_at(limit, loop_now(&s->loop).mono_ms + WAIT_MS);
	while (!*is_done)
		(void)uv_run(loop_uv(&s->loop), UV_RUN_ONCE);
	loop_timer_free(limit);
}

/* ---- commits ---- */

static void on_committed(void *user, enum commit_outcome outcome, const struct error *error,
			 struct data_answer *answers)
{
	struct stage_commit *c = user;
	assert_false(c->is_done);
	c->outcome = outcome;
	c->why = error != NULL ? mem_strdup(error->message) : NULL;
	for (size_t i = 0; i < c->count && i < ARRAY_SIZE(c->statuses); i++)
		c->statuses[i] = answers[i].status;
	c->is_done = true;
}

void stage_commit_start(struct stage *s, const struct outbox *batch, struct stage_commit *ret)
{
	*ret = (struct stage_commit){.count = batch->data.count};
	s->store->ops->commit(s->store, batch, on_committed, ret);
}

struct stage_commit stage_commit(struct stage *s)
{
	struct stage_commit c;
	stage_commit_start(s, &s->outbox, &c);
	stage_until(s, &c.is_done);
	outbox_clear(&s->outbox);
	return c;
}

void stage_put(struct stage *s, const char *id, const char *value)
{
	put_record(&s->outbox, RECORD_ZHOST, id, value);
	struct stage_commit c = stage_commit(s);
	if (c.outcome != COMMIT_DURABLE)
		fail_msg("%s", c.why);
}

/* ---- what is there ---- */

static void append(char **text, char *take_more)
{
	char *whole = str_printf("%s%s", *text, take_more);
	free(*text);
	free(take_more);
	*text = whole;
}

static int on_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	(void)err;
	append(user, str_printf("%d/%s=%.*s ", (int)kind, id, (int)size, (const char *)data));
	return 0;
}

char *stage_records(struct stage *s)
{
	char *text = mem_strdup("");
	assert_int_equal(s->store->ops->load(s->store, on_record, &text, NULL), 0);
	return text;
}

struct listed {
	bool is_done;
	char *text;
};

static void on_events(void *user, int code, const struct error *error,
		      Samoza__V1__EventRecord **events, size_t count, bool more)
{
	struct listed *l = user;
	(void)error, (void)more;
	assert_int_equal(code, 0);
	for (size_t i = 0; i < count; i++)
		append(&l->text, str_printf("%" PRIu64 " ", events[i]->seq));
	l->is_done = true;
}

char *stage_events(struct stage *s, uint64_t after)
{
	struct listed l = {.text = mem_strdup("")};
	s->store->ops->events(s->store, after, NULL, 10000, on_events, &l);
	stage_until(s, &l.is_done);
	return l.text;
}

static void on_lines(void *user, int code, const struct error *error,
		     Samoza__V1__AuditRecord **lines, size_t count, bool more)
{
	struct listed *l = user;
	(void)error, (void)more;
	assert_int_equal(code, 0);
	for (size_t i = 0; i < count; i++)
		append(&l->text, str_printf("%" PRIu64 " ", lines[i]->seq));
	l->is_done = true;
}

char *stage_audit(struct stage *s)
{
	struct listed l = {.text = mem_strdup("")};
	s->store->ops->audit(s->store, &(struct audit_query){.limit = 10000}, on_lines, &l);
	stage_until(s, &l.is_done);
	return l.text;
}

static void on_finding(void *user, const struct store_finding *f)
{
	if (f->type == STORE_RECORD_DAMAGED)
		append(user, str_printf("record %s;", f->id));
	else if (f->type == STORE_RECORDS_LOST)
		append(user, str_printf("lost %" PRIu64 ";", f->count));
	else
		append(user, str_printf("other %d;", (int)f->type));
}

char *stage_findings(struct stage *s)
{
	char *text = mem_strdup("");
	assert_int_equal(s->store->ops->inspect(s->store, on_finding, &text, NULL), 0);
	return text;
}

uint64_t stage_metric(const struct stage *s, const char *name)
{
	struct metric_registry registry = {0};
	CLEANUP(buffer_done) struct buffer out = BUFFER_INIT(65536);
	CLEANUP(freep) char *line = str_printf("\n%s ", name);
	metric_registry_add(&registry, s->store->ops->metrics, s->store);
	metric_registry_print(&registry, METRIC_FORMAT_TEXT, &out);
	metric_registry_done(&registry);
	const char *at = strstr(out.data, line);
	assert_non_null(at);
	return strtoull(at + strlen(line), NULL, 10);
}
