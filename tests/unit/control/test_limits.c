/* By what spaces are held to their resources, as the views show it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "fixture.h"
#include "schema/message.h"

#define SPACES                                                       \
	"- {name: db, type: NATIVE, resources: {cpu_limit: 500m}}\n" \
	"- {name: calm, type: NATIVE}\n"                             \
	"- {name: api, type: CALL, resources: {cpu_limit: 500m}}\n"  \
	"- {name: page, type: UI}\n"

static void assert_limits(Samoza__V1__LimitView **limits, size_t count, const char *expected)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(4096);
	for (size_t k = 0; k < count; k++) {
		(void)buffer_printf(&text, "%s%s: %s", k > 0 ? ", " : "", limits[k]->resource,
				    limits[k]->by != NULL ? limits[k]->by : "none");
		if (limits[k]->why != NULL)
			(void)buffer_printf(&text, " (%s)", limits[k]->why);
	}
	assert_string_equal(count > 0 ? (const char *)text.data : "", expected);
}

static void assert_of_space(const struct fixture *f, const char *path, const char *expected)
{
	Samoza__V1__SpaceView *v = NULL;
	assert_int_equal(control_view_space(f->control, "T", path, &v, NULL), 0);
	assert_limits(v->limits, v->n_limits, expected);
	schema_message_free(v);
}

static void assert_of_zhost(const struct fixture *f, const char *expected)
{
	Samoza__V1__ZhostView *v = NULL;
	assert_int_equal(control_view_zhost(f->control, "n1", &v, NULL), 0);
	assert_limits(v->limits, v->n_limits, expected);
	schema_message_free(v);
}

static void begin(struct fixture *f, const Samoza__V1__Limits *limits)
{
	fixture_init(f);
	fixture_start(f);
	f->limits = limits;
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_submit(f, "T", "shop", SPACES);
}

static void control_groups_hold_a_native_space_to_all_of_them(void **state)
{
	struct fixture f;
	Samoza__V1__Limits limits = SAMOZA__V1__LIMITS__INIT;
	(void)state;
	limits.memory = limits.cpu = limits.processes = (char *)"cgroup2";
	begin(&f, &limits);
	assert_of_space(&f, "db",
			"memory: control-group-2, cpu: control-group-2, "
			"cpu_limit: control-group-2, processes: control-group-2");
	assert_of_space(&f, "calm",
			"memory: control-group-2, cpu: control-group-2, "
			"processes: control-group-2");
	assert_of_zhost(&f, "memory: control-group-2, cpu: control-group-2, "
			    "cpu_limit: control-group-2, processes: control-group-2");
	fixture_done(&f);
}

static void what_no_group_holds_is_said_with_the_reason(void **state)
{
	struct fixture f;
	Samoza__V1__Limits limits = SAMOZA__V1__LIMITS__INIT;
	(void)state;
	limits.memory = (char *)"cgroup1";
	limits.why = (char *)"no control group for cpu";
	begin(&f, &limits);
	assert_of_space(&f, "db",
			"memory: control-group-1, cpu: nice (no control group for cpu), "
			"cpu_limit: none (no control group for cpu), "
			"processes: none (no control group for cpu)");
	/* Its next start finds others. */
	f.incarnation = 2;
	limits.cpu = limits.processes = (char *)"cgroup1";
	limits.why = NULL;
	fixture_hello(&f, "n1", 2, NULL, 0);
	assert_of_space(&f, "calm",
			"memory: control-group-1, cpu: control-group-1, "
			"processes: control-group-1");
	fixture_done(&f);
}

static void a_space_of_webassembly_is_held_by_its_runtime(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f, NULL);
	assert_of_space(&f, "api", "memory: module, cpu: nice, cpu_limit: pauses");
	assert_of_space(&f, "page", "");
	fixture_done(&f);
}

/* Of a version that does not say; and after a start of zrms, until its HELLO. */
static void what_is_not_known_is_not_shown(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f, NULL);
	assert_of_space(&f, "db", "");
	assert_of_zhost(&f, "");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(control_groups_hold_a_native_space_to_all_of_them),
		cmocka_unit_test(what_no_group_holds_is_said_with_the_reason),
		cmocka_unit_test(a_space_of_webassembly_is_held_by_its_runtime),
		cmocka_unit_test(what_is_not_known_is_not_shown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
