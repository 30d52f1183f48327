/* Of which events there is a notice, who gets it, and what it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/notice/notice_kind.h"

static Samoza__V1__EventRecord event(const char *kind, const char *subject, const char *from,
				     const char *to)
{
	Samoza__V1__EventRecord e = SAMOZA__V1__EVENT_RECORD__INIT;
	e.seq = 7;
	e.kind = (char *)(uintptr_t)kind;
	e.subject = (char *)(uintptr_t)subject;
	e.from = (char *)(uintptr_t)from;
	e.to = (char *)(uintptr_t)to;
	e.cause = (char *)(uintptr_t) "why";
	return e;
}

/* `name` NULL: there is no notice of it. */
static void check(const Samoza__V1__EventRecord *e, const char *name)
{
	const struct notice_kind *kind = notice_kind_of(e);
	if (name == NULL) {
		if (kind != NULL)
			fail_msg("%s %s -> %s: %s", e->kind, e->from, e->to, kind->name);
		return;
	}
	if (kind == NULL)
		fail_msg("%s %s -> %s: none, expected %s", e->kind, e->from, e->to, name);
	assert_string_equal(kind->name, name);
}

static void test_each_event_has_its_notice_or_none(void **state)
{
	(void)state;
	static const struct {
		const char *kind, *from, *to, *name;
	} cases[] = {
		{"topology", "running", "failed", "topology.failed"},
		{"topology", "pending", "failed", "topology.failed"},
		{"topology", "failed", "failed", NULL}, /* submitted again */
		{"topology", "running", "degraded", "topology.degraded"},
		{"topology", "degraded", "running", "topology.recovered"},
		{"topology", "failed", "running", "topology.recovered"},
		{"topology", "pending", "running", NULL},
		{"topology", "running", "stopped", NULL},
		{"topology", "failed", "", NULL}, /* removed */
		{"zhost", "deployed-started", "problem", "zhost.problem"},
		{"zhost", "problem", "problem", NULL},
		{"zhost", "problem", "deployed-started", "zhost.recovered"},
		{"zhost", "not-deployed", "deployed-started", NULL},
		{"rollout", "1.0.0", "2.0.0", NULL},
		{"rollout", "2.0.0", "paused", NULL}, /* somebody has asked for it */
		{"backup", "recent", "old", "backup.old"},
		{"backup", "old", "recent", "backup.recovered"},
		{"space", "starting", "failed", NULL},
	};
	for (size_t k = 0; k < sizeof(cases) / sizeof(*cases); k++) {
		const Samoza__V1__EventRecord e =
			event(cases[k].kind, "x", cases[k].from, cases[k].to);
		check(&e, cases[k].name);
	}
}

static void test_a_zhost_is_one_notice_though_it_has_an_event_for_each_topology(void **state)
{
	(void)state;
	Samoza__V1__EventRecord e = event("zhost", "edge-1", "deployed-started", "problem");
	e.topology = (char *)(uintptr_t) "0190-id";
	check(&e, NULL);
}

static void test_a_rollout_that_fails_is_one_whatever_it_does_then(void **state)
{
	(void)state;
	Samoza__V1__EventRecord e = event("rollout", "shop", "2.0.0", "returning");
	e.has_fails = true;
	e.fails = true;
	check(&e, "rollout.failed");
	e.to = (char *)(uintptr_t) "paused";
	check(&e, "rollout.failed");
}

static void test_a_rule_wants_what_it_names(void **state)
{
	(void)state;
	char *on[] = {(char *)(uintptr_t) "topology.failed",
		      (char *)(uintptr_t) "zhost.problem", (char *)(uintptr_t) "backup.old"};
	char *shops[] = {(char *)(uintptr_t) "shop-*"};
	char *edges[] = {(char *)(uintptr_t) "edge-*"};
	const struct notice_rule rule = {.on = on,
					 .on_count = 3,
					 .topologies = shops,
					 .topology_count = 1,
					 .zhosts = edges,
					 .zhost_count = 1};
	Samoza__V1__EventRecord e = event("topology", "shop-eu", "running", "failed");
	assert_non_null(notice_rule_wants(&rule, &e));
	e = event("topology", "bank", "running", "failed");
	assert_null(notice_rule_wants(&rule, &e));
	e = event("topology", "shop-eu", "running", "degraded");
	assert_null(notice_rule_wants(&rule, &e));
	e = event("zhost", "edge-1", "deployed-started", "problem");
	assert_non_null(notice_rule_wants(&rule, &e));
	e = event("zhost", "core-1", "deployed-started", "problem");
	assert_null(notice_rule_wants(&rule, &e));
	e = event("backup", "cluster", "recent", "old"); /* no filter is about it */
	assert_non_null(notice_rule_wants(&rule, &e));
}

static void test_sentences(void **state)
{
	(void)state;
	const Samoza__V1__EventRecord failed = event("topology", "50%s", "running", "failed");
	CLEANUP(freep) char *one = notice_sentence(notice_kind_of(&failed), &failed);
	assert_string_equal(one, "topology 50%s has failed: why");
	const Samoza__V1__EventRecord old = event("backup", "cluster", "recent", "old");
	CLEANUP(freep) char *other = notice_sentence(notice_kind_of(&old), &old);
	assert_string_equal(other, "the backup is old: why");
}

static void test_a_mistyped_name_finds_the_one_that_was_meant(void **state)
{
	(void)state;
	assert_string_equal(notice_kind_nearest("topologie.failed"), "topology.failed");
	assert_null(notice_kind_nearest("everything that there is"));
	assert_null(notice_kind_find(NOTICE_TEST));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_event_has_its_notice_or_none),
		cmocka_unit_test(
			test_a_zhost_is_one_notice_though_it_has_an_event_for_each_topology),
		cmocka_unit_test(test_a_rollout_that_fails_is_one_whatever_it_does_then),
		cmocka_unit_test(test_a_rule_wants_what_it_names),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_a_mistyped_name_finds_the_one_that_was_meant),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
