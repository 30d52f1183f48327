/* zrms/migrate.h: from SQLite to a real etcd and back, and killed after each step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../etcd/cluster.h"
#include "../sqlite/directory.h"
#include "../store/content.h"
#include "adapter/etcd/keys.h"
#include "adapter/sqlite/store.h"
#include "base/str.h"
#include "zrms/migrate.h"
#include "zrms/migrate_copy.h"
#include "zrms/store_place.h"

static struct etcd_cluster *cluster;

struct stage {
	struct loop loop;
	struct settings settings;
	char *directory, *sqlite, *other, *etcd; /* URLs, but for the directory */
	FILE *out;
	char *said; /* of the last migration */
	size_t said_size;
	/* A step that is the last one, and what happens instead of it. */
	enum migrate_step ends_at;
	bool ends;
	void (*at_copied)(struct stage *s);
};

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);
	cluster_clear(cluster);
	assert_int_equal(loop_init(&s->loop, NULL), 0);
	s->directory = directory_new();
	CLEANUP(freep) char *other = str_printf("%s/other", s->directory);
	assert_int_equal(mkdir(other, 0700), 0);
	s->sqlite = str_printf("sqlite:%s", s->directory);
	s->other = str_printf("sqlite:%s", other);
	s->etcd = str_printf("etcd:%s", cluster->urls);
	s->settings = (struct settings){.dir = s->directory,
					.store_authorities = cluster->authorities,
					.store_certificate = cluster->certificate};
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *other = str_printf("%s/other", s->directory);
	loop_done(&s->loop);
	directory_delete(other);
	directory_delete(s->directory);
	free(s->directory);
	free(s->sqlite);
	free(s->other);
	free(s->etcd);
	free(s->said);
	free(s);
	return 0;
}

/* ---- a store ---- */

static void place_open(struct stage *s, struct migrate_place *p, const char *url)
{
	assert_int_equal(migrate_place_init(p, &s->loop, &s->settings, url, false, NULL), 0);
	assert_int_equal(migrate_place_open(p, NULL), 0);
}

struct committed {
	struct loop *loop;
	bool is_done;
};

static void on_committed(void *user, enum commit_outcome outcome, const struct error *error,
			 struct data_answer *answers)
{
	struct committed *c = user;
	(void)answers;
	if (outcome != COMMIT_DURABLE)
		fail_msg("%s", error->message);
	c->is_done = true;
	loop_stop(c->loop);
}

static void commit(struct stage *s, struct store *store, const struct outbox *batch)
{
	struct committed c = {&s->loop, false};
	store->ops->commit(store, batch, on_committed, &c);
	while (!c.is_done)
		loop_run(&s->loop);
}

static void add_line(struct outbox *o, uint64_t seq)
{
	Samoza__V1__AuditRecord *line = mem_new(Samoza__V1__AuditRecord);
	samoza__v1__audit_record__init(line);
	line->seq = seq;
	line->time_ms = (int64_t)seq * 1000;
	line->user = str_printf("user-%u", randombytes_uniform(3));
	vector_push(&o->audit, line);
}

static char *text(void)
{
	static const char letters[] = "abc/#-.\x7f\xc3\xa9";
	size_t size = randombytes_uniform(40);
	char *to = mem_calloc(size + 1, 1);
	for (size_t i = 0; i < size; i++)
		to[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
	return to;
}

/* Of most events. */
static const char *topology = "5f3c";

/* Records, events and lines with holes between their numbers, values of owners that contain each other. */
static void batch_draw(struct outbox *o, uint64_t *seq)
{
	static const enum record_kind kinds[] = {RECORD_META, RECORD_ZHOST, RECORD_COPY,
						 RECORD_SIGNING_KEY};
	static const char *const owners[] = {"shop/a", "shop/a/b", "shop", "shops/a"};
	for (int i = 0; i < 30; i++) {
		CLEANUP(freep) char *id = text();
		CLEANUP(freep) char *data = text();
		put_record(o, kinds[randombytes_uniform(ARRAY_SIZE(kinds))], id, data);
		add_data(o, SAMOZA__V1__DATA_OPERATION__DATA_PUT,
			 owners[randombytes_uniform(ARRAY_SIZE(owners))], id, data);
		*seq += 1 + randombytes_uniform(3);
		add_event(o, *seq, i % 3 == 0 && *topology == '5' ? NULL : topology);
		add_line(o, *seq);
	}
}

static void fill(struct stage *s, const char *url)
{
	struct migrate_place p;
	struct outbox batch;
	uint64_t seq = randombytes_uniform(1000);
	place_open(s, &p, url);
	outbox_init(&batch);
	for (int i = 0; i < 40; i++) {
		batch_draw(&batch, &seq);
		commit(s, p.store, &batch);
		outbox_clear(&batch);
	}
	outbox_done(&batch);
	migrate_place_done(&p);
}

static struct migrate_content content_of(struct stage *s, const char *url)
{
	struct migrate_place p;
	struct migrate_content content;
	place_open(s, &p, url);
	assert_int_equal(
		migrate_look(&(struct migrate_source){.store = p.store}, &content, NULL), 0);
	migrate_place_done(&p);
	return content;
}

static void assert_same(struct stage *s, const struct migrate_content *before, const char *url)
{
	struct migrate_content found = content_of(s, url);
	assert_int_equal(migrate_items(before), migrate_items(&found));
	assert_int_equal(migrate_differ(before, &found), -1);
}

/* A zrms would start on it. */
static bool is_here(struct stage *s, const char *url)
{
	struct migrate_place p;
	place_open(s, &p, url);
	int r = store_place_check(p.store, url, &s->settings, NULL);
	migrate_place_done(&p);
	return r == 0;
}

/* ---- a migration ---- */

static int on_step(void *user, enum migrate_step step, struct error **err)
{
	struct stage *s = user;
	if (step == MIGRATE_COPIED && s->at_copied != NULL)
		s->at_copied(s);
	return s->ends && step == s->ends_at ? error_set(err, ERR_IO, "killed") : 0;
}

static int migrate(struct stage *s, const char *from, const char *to, bool only_plans,
		   bool may_replace, struct error **err)
{
	struct migrate_place source, target = {0};
	free(s->said);
	s->said = NULL;
	s->out = open_memstream(&s->said, &s->said_size);
	const struct migrate_options options = {.only_plans = only_plans,
						.may_replace = may_replace,
						.step = on_step,
						.user = s,
						.out = s->out};
	int r = migrate_place_init(&source, &s->loop, &s->settings, from, true, err);
	if (r == 0)
		r = migrate_place_init(&target, &s->loop, &s->settings, to, false, err);
	if (r == 0)
		r = migrate_run(&source, &target, &options, err);
	migrate_place_done(&target);
	migrate_place_done(&source);
	(void)fclose(s->out);
	return r;
}

static void moves(struct stage *s, const char *from, const char *to)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (migrate(s, from, to, false, false, &err) < 0)
		fail_msg("%s", err->message);
}

static void refuses(struct stage *s, const char *from, const char *to, const char *words)
{
	CLEANUP(error_freep) struct error *err = NULL;
	assert_true(migrate(s, from, to, false, false, &err) < 0);
	if (strstr(err->message, words) == NULL)
		fail_msg("%s", err->message);
}

static void what_a_store_holds_is_the_same_after_both_ways(void **state)
{
	struct stage *s = *state;
	fill(s, s->sqlite);
	struct migrate_content before = content_of(s, s->sqlite);
	assert_true(before.parts[STORE_RECORDS].count > 500);
	assert_int_equal(before.parts[STORE_EVENTS].count, 1200);
	assert_int_equal(before.parts[STORE_AUDIT].count, 1200);
	moves(s, s->sqlite, s->etcd);
	assert_same(s, &before, s->etcd);
	assert_false(is_here(s, s->sqlite));
	assert_true(is_here(s, s->etcd));
	assert_non_null(strstr(s->said, "is marked as moved"));
	moves(s, s->etcd, s->other);
	assert_same(s, &before, s->other);
	assert_false(is_here(s, s->etcd));
	assert_true(is_here(s, s->other));
	/* Where it was before, nothing is written over without a word. */
	refuses(s, s->other, s->etcd, "give --replace to write over it");
	assert_int_equal(migrate(s, s->other, s->etcd, false, true, NULL), 0);
	assert_same(s, &before, s->etcd);
}

static void it_goes_on_wherever_it_was_killed(void **state)
{
	struct stage *s = *state;
	fill(s, s->sqlite);
	struct migrate_content before = content_of(s, s->sqlite);
	s->settings.store_events = 200; /* etcd has not all of them */
	for (int step = MIGRATE_FILLING; step <= MIGRATE_DONE; step++) {
		s->ends = true;
		s->ends_at = (enum migrate_step)step;
		refuses(s, s->sqlite, s->etcd, "killed");
		s->ends = false;
		/* Until the source is marked it is the truth, then the target: never both, ... */
		assert_int_equal(is_here(s, s->sqlite), step < MIGRATE_MOVED);
		assert_int_equal(is_here(s, s->etcd), step == MIGRATE_DONE);
		assert_same(s, &before, s->sqlite);
		/* ... and it can be finished. */
		moves(s, s->sqlite, s->etcd);
		assert_false(is_here(s, s->sqlite));
		assert_true(is_here(s, s->etcd));
		assert_int_equal(migrate(s, s->etcd, s->sqlite, false, true, NULL), 0);
		assert_same(s, &before, s->sqlite);
		cluster_clear(cluster);
	}
}

/* etcd keeps the newest; the rest is in a file of the zrms, and comes back with them. */
static void events_that_etcd_keeps_no_longer_move_along(void **state)
{
	struct stage *s = *state;
	s->settings.store_events = 200;
	fill(s, s->sqlite);
	struct migrate_content before = content_of(s, s->sqlite);
	moves(s, s->sqlite, s->etcd);
	assert_non_null(strstr(s->said, "/history.db only"));
	struct migrate_content found = content_of(s, s->etcd);
	assert_true(found.parts[STORE_EVENTS].count <= 200);
	assert_true(found.parts[STORE_EVENTS].count > 50);
	moves(s, s->etcd, s->other);
	assert_non_null(strstr(s->said, "/history.db"));
	assert_same(s, &before, s->other);
	/* And once more, over what is in that file. */
	assert_int_equal(migrate(s, s->other, s->etcd, false, true, NULL), 0);
	assert_int_equal(migrate(s, s->etcd, s->other, false, true, NULL), 0);
	assert_same(s, &before, s->other);
}

static void a_history_of_another_store_does_not_move_along(void **state)
{
	struct stage *s = *state;
	s->settings.store_events = 200;
	fill(s, s->sqlite);
	moves(s, s->sqlite, s->etcd);
	cluster_clear(cluster);
	topology = "another";
	fill(s, s->etcd);
	topology = "5f3c";
	struct migrate_content before = content_of(s, s->etcd);
	assert_true(before.parts[STORE_EVENTS].count < 1200);
	moves(s, s->etcd, s->other);
	assert_same(s, &before, s->other);
}

static void a_target_that_holds_something_is_refused(void **state)
{
	struct stage *s = *state;
	fill(s, s->sqlite);
	fill(s, s->etcd);
	struct migrate_content before = content_of(s, s->etcd);
	refuses(s, s->sqlite, s->etcd, "is not empty");
	assert_int_equal(migrate(s, s->sqlite, s->etcd, false, true, NULL), ERR_CONFLICT);
	assert_same(s, &before, s->etcd);
	assert_true(is_here(s, s->sqlite));
	assert_true(is_here(s, s->etcd));
}

static void a_target_that_another_migration_fills_is_refused(void **state)
{
	struct stage *s = *state;
	fill(s, s->sqlite);
	fill(s, s->other);
	s->ends = true;
	s->ends_at = MIGRATE_COPIED;
	refuses(s, s->sqlite, s->etcd, "killed");
	s->ends = false;
	refuses(s, s->other, s->etcd, "is being filled from");
	refuses(s, s->etcd, s->other, "is itself being filled from");
	moves(s, s->sqlite, s->etcd);
	refuses(s, s->sqlite, s->other, "was moved to etcd:");
}

static void who_leads_on_etcd_or_stands_by_is_not_disturbed(void **state)
{
	struct stage *s = *state;
	static const char *const keys[] = {KEY_LEADER, KEY_MEMBER "zrms-2"};
	fill(s, s->sqlite);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		(void)cluster_put(cluster, keys[i], "\x0a\x06zrms-2");
		refuses(s, s->sqlite, s->etcd, "zrms zrms-2");
		(void)cluster_put(cluster, keys[i], NULL);
	}
	assert_true(is_here(s, s->sqlite));
	struct migrate_place open;
	place_open(s, &open, s->sqlite);
	refuses(s, s->sqlite, s->etcd, "stop zrms first");
	migrate_place_done(&open);
}

static void a_plan_changes_nothing(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *file = str_printf("%s/other/zrms.db", s->directory);
	fill(s, s->sqlite);
	assert_int_equal(migrate(s, s->sqlite, s->other, true, false, NULL), 0);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(migrate(s, s->sqlite, s->etcd, true, false, NULL), 0);
	assert_non_null(strstr(s->said, "1200 events, 1200 lines of the audit"));
	assert_non_null(strstr(s->said, "nothing was changed"));
	assert_true(is_here(s, s->sqlite));
	assert_true(is_here(s, s->etcd));
	struct migrate_content nothing = content_of(s, s->etcd);
	assert_int_equal(migrate_items(&nothing), 0);
}

static void lose_an_event(struct stage *s)
{
	(void)s;
	struct migrate_content content = content_of(s, s->etcd);
	(void)cluster_put_at(cluster, key_seq(KEY_EVENT, content.parts[STORE_EVENTS].last_seq),
			     NULL);
}

static void what_does_not_read_back_is_not_moved(void **state)
{
	struct stage *s = *state;
	fill(s, s->sqlite);
	s->at_copied = lose_an_event;
	refuses(s, s->sqlite, s->etcd, "of 1200 events it has 1199");
	assert_true(is_here(s, s->sqlite));
	assert_false(is_here(s, s->etcd));
	s->at_copied = NULL;
	moves(s, s->sqlite, s->etcd);
}

static void by_force_it_is_a_restored_backup(void **state)
{
	struct stage *s = *state;
	CLEANUP(freep) char *mark = str_printf("%s/restored", s->directory);
	fill(s, s->sqlite);
	moves(s, s->sqlite, s->etcd);
	assert_int_equal(access(mark, F_OK), -1);
	s->settings.force = true;
	assert_true(is_here(s, s->sqlite));
	assert_int_equal(access(mark, F_OK), 0);
	s->settings.force = false;
	assert_true(is_here(s, s->sqlite));
	(void)unlink(mark);
}

static int cluster_begin(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	cluster = cluster_new(1);
	return 0;
}

static int cluster_end(void **state)
{
	(void)state;
	cluster_free(cluster);
	return 0;
}

int main(void)
{
#define MIGRATION(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		MIGRATION(what_a_store_holds_is_the_same_after_both_ways),
		MIGRATION(it_goes_on_wherever_it_was_killed),
		MIGRATION(events_that_etcd_keeps_no_longer_move_along),
		MIGRATION(a_history_of_another_store_does_not_move_along),
		MIGRATION(a_target_that_holds_something_is_refused),
		MIGRATION(a_target_that_another_migration_fills_is_refused),
		MIGRATION(who_leads_on_etcd_or_stands_by_is_not_disturbed),
		MIGRATION(a_plan_changes_nothing),
		MIGRATION(what_does_not_read_back_is_not_moved),
		MIGRATION(by_force_it_is_a_restored_backup),
	};
	return cmocka_run_group_tests(tests, cluster_begin, cluster_end);
}
