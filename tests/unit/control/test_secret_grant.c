/* Which zhost gets which secret (core/control/request/secret_grant.h): what another one asks for is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "core/control/request/secret_grant.h"
#include "core/control/state/state.h"
#include "one_space.h"

#define SPACES "- {name: web, type: CALL, secrets: [{name: db, as: DB}]}\n"

struct stage {
	struct fixture f;
	uint64_t epoch;
};

static void set(struct stage *s, const char *name, const char *pattern)
{
	Samoza__V1__SecretVersion version = SAMOZA__V1__SECRET_VERSION__INIT;
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	Samoza__V1__SecretVersion *versions[] = {&version};
	Samoza__V1__SecretRecord *records[] = {&record};
	version.number = secrets_next(control_secrets(s->f.control), name);
	version.topologies = (char *)(uintptr_t)pattern;
	version.sealed = (ProtobufCBinaryData){6, (uint8_t *)(uintptr_t) "sealed"};
	version.key = (char *)(uintptr_t) "k1";
	record.name = (char *)(uintptr_t)name;
	record.versions = versions;
	record.n_versions = 1;
	struct control_input input = {
		.type = CONTROL_SECRET,
		.secret = {
			.action = SECRET_SET, .records = records, .count = 1, .force = true}};
	assert_int_equal(fixture_handle(&s->f, &input)->code, 0);
}

static struct secret_grant ask(struct stage *s, uint64_t link, uint64_t epoch, const char *name,
			       uint64_t version)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__SecretAsk message = SAMOZA__V1__SECRET_ASK__INIT;
	key.topology = (char *)(uintptr_t) "T1";
	key.path = (char *)(uintptr_t) "web";
	key.epoch = epoch;
	message.request = 1;
	message.key = &key;
	message.name = (char *)(uintptr_t)name;
	message.version = version;
	return control_secret_grant(s->f.control, link, &message);
}

static void check_refused(struct secret_grant grant, const char *why, bool is_foreign)
{
	assert_null(grant.version);
	assert_string_equal(grant.refused, why);
	assert_int_equal(grant.is_foreign, is_foreign);
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	fixture_init(&s->f);
	s->f.secrets = true;
	fixture_start(&s->f);
	fixture_hello(&s->f, "n1", 1, NULL, 0);
	set(s, "db", "*");
	set(s, "other", "*");
	s->epoch = start_one(&s->f, "T1", "shop", SPACES);
	fixture_hello(&s->f, "n2", 2, NULL, 0);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	fixture_done(&s->f);
	free(s);
	return 0;
}

static void its_zhost_gets_the_versions_that_are_kept(void **state)
{
	struct stage *s = *state;
	assert_int_equal(ask(s, 1, s->epoch, "db", 1).version->number, 1);
	check_refused(ask(s, 1, s->epoch, "db", 2),
		      "that version is not kept any more, or not for its topology", false);
	set(s, "db", "shop");
	assert_int_equal(ask(s, 1, s->epoch, "db", 1).version->number, 1);
	assert_int_equal(ask(s, 1, s->epoch, "db", 2).version->number, 2);
	set(s, "db", "shop");
	check_refused(ask(s, 1, s->epoch, "db", 1),
		      "that version is not kept any more, or not for its topology", false);
}

static void another_zhost_gets_nothing(void **state)
{
	struct stage *s = *state;
	check_refused(ask(s, 2, s->epoch, "db", 1), "no such copy is placed there", true);
	check_refused(ask(s, 3, s->epoch, "db", 1), "no such copy is placed there", true);
	check_refused(ask(s, 1, s->epoch + 1, "db", 1), "no such copy is placed there", true);
	check_refused(ask(s, 1, s->epoch - 1, "db", 1), "no such copy is placed there", true);
}

static void what_its_space_does_not_name_is_not_for_it(void **state)
{
	struct stage *s = *state;
	check_refused(ask(s, 1, s->epoch, "other", 2), "its space does not name it", true);
	check_refused(ask(s, 1, s->epoch, "none", 1), "its space does not name it", true);
}

/* The newest version says for whom: the one before was for more. */
static void what_is_not_for_its_topology_any_more_is_not_given(void **state)
{
	struct stage *s = *state;
	set(s, "db", "blog");
	check_refused(ask(s, 1, s->epoch, "db", 1), "it is not set for its topology", false);
	check_refused(ask(s, 1, s->epoch, "db", 3), "it is not set for its topology", false);
}

static void what_is_to_stop_gets_none(void **state)
{
	struct stage *s = *state;
	assert_int_equal(fixture_topology(&s->f, "T1", TOPOLOGY_STOP), 0);
	fixture_flush(&s->f);
	assert_non_null(ask(s, 1, s->epoch, "db", 1).version); /* it has a process still */
	report(&s->f, 1, "T1", "web", s->epoch, DEPLOYED);
	const struct secret_grant grant = ask(s, 1, s->epoch, "db", 1);
	assert_null(grant.version);
	assert_false(grant.is_foreign);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_zhost_gets_the_versions_that_are_kept,
						begin, end),
		cmocka_unit_test_setup_teardown(another_zhost_gets_nothing, begin, end),
		cmocka_unit_test_setup_teardown(what_its_space_does_not_name_is_not_for_it,
						begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_not_for_its_topology_any_more_is_not_given, begin, end),
		cmocka_unit_test_setup_teardown(what_is_to_stop_gets_none, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
