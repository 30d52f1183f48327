/*
 * What an answer shows is durable: that of a change shows nothing that was decided after it, and a refusal waits for what it
 * was refused for.
 */
#include "api_stage.h"

#include <string.h>

#include "base/memory.h"
#include "zrms/api_reads.h"

#define JSON "Content-Type: application/json\r\n"
#define KEY                                                                                \
	"{\"name\":\"release\",\"key\":\"ed25519 LCrvbO1Qp0xwDGtlWCbdbVE4vKdFQ5MZ0OwwOlbX" \
	"6kI=\"}"

static size_t awaited;
static bool are_asked(struct stage *s)
{
	return sim_store_waiting(s->zrms.store) == awaited;
}

static bool is_idle(struct stage *s)
{
	return commit_driver_is_idle(s->zrms.commits);
}

static bool is_answered_or_waits(struct stage *s)
{
	return s->is_complete || s->zrms.answers_held > 0 || s->zrms.reads != NULL;
}

static void hold_from_now_on(struct stage *s)
{
	s->holds = true;
	awaited = 0;
}

/* An input whose batch waits in the store. */
static void begin_input(struct stage *s, const struct control_input *input)
{
	awaited++;
	commit_driver_input(s->zrms.commits, input);
	run_until(s, s->holds ? are_asked : is_idle);
}

static void begin_zhost(struct stage *s, enum zhost_action action)
{
	const struct control_input input = {.type = CONTROL_ZHOST,
					    .zhost = {.name = "n1", .action = action}};
	begin_input(s, &input);
}

static void begin_topology(struct stage *s, enum topology_action action)
{
	const char *id = NULL;
	assert_int_equal(control_resolve(s->zrms.control, NULL, "shop", &id, NULL), 0);
	const struct control_input input = {.type = CONTROL_TOPOLOGY,
					    .topology = {.id = id, .action = action}};
	begin_input(s, &input);
}

static void begin_removal_of(struct stage *s, const char *user)
{
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)(uintptr_t)user;
	record.role = ACCESS_VIEWER;
	const struct control_input input = {
		.type = CONTROL_CREDENTIAL,
		.credential = {.action = CREDENTIAL_REMOVE, .record = &record}};
	begin_input(s, &input);
}

static void begin_trust_removal(struct stage *s)
{
	Samoza__V1__SigningKeyRecord record = SAMOZA__V1__SIGNING_KEY_RECORD__INIT;
	record.name = (char[]){"release"};
	const struct control_input input = {
		.type = CONTROL_SIGNING_KEY,
		.signing_key = {.action = SIGNING_KEY_REMOVE, .record = &record}};
	begin_input(s, &input);
}

static void uncordon(struct stage *s)
{
	begin_zhost(s, ZHOST_UNCORDON);
}

static void cordon_n1(struct stage *s)
{
	begin_zhost(s, ZHOST_CORDON);
}

static void stop_shop(struct stage *s)
{
	begin_topology(s, TOPOLOGY_STOP);
}

static void start_shop(struct stage *s)
{
	begin_topology(s, TOPOLOGY_START);
}

static void remove_shop(struct stage *s)
{
	begin_topology(s, TOPOLOGY_REMOVE);
}

static void remove_ada(struct stage *s)
{
	begin_removal_of(s, "ada");
}

/* A change, what is decided after it, and what its answer shows nevertheless. */
static const struct {
	const char *line, *fields, *body;
	void (*later)(struct stage *s);
	int status;
	const char *shows;
} answers[] = {
	{"POST /v1/topologies/shop/stop", "", NULL, start_shop, 200,
	 "\"goal\":\"not-deployed\""},
	{"POST /v1/topologies/shop/stop", "", NULL, remove_shop, 200, "\"name\":\"shop\""},
	{"POST /v1/users", JSON, "{\"name\":\"ada\",\"role\":\"viewer\"}", remove_ada, 201,
	 "\"name\":\"ada\""},
	{"POST /v1/trust", JSON, KEY, begin_trust_removal, 201, "\"state\":\"trusted\""},
	{"POST /v1/zhosts/n1/cordon", "", NULL, uncordon, 200, "\"cordoned\":true"},
};

static void the_answer_to_a_change_shows_nothing_that_was_decided_later(void **state)
{
	struct stage *s = *state;
	for (size_t k = 0; k < ARRAY_SIZE(answers); k++) {
		if (answers[k].later == uncordon)
			stage_join(s, "n1");
		hold_from_now_on(s);
		awaited = 1;
		ask(s, answers[k].line, answers[k].fields, answers[k].body);
		run_until(s, are_asked);
		answers[k].later(s);
		assert_false(s->is_complete);
		sim_store_answer(s->zrms.store, COMMIT_DURABLE, true);
		run_until(s, is_complete); /* at once, and not with what came later */
		print_message("%s: %s\n", answers[k].line, body(s));
		assert_int_equal(status(s), answers[k].status);
		assert_non_null(strstr(body(s), answers[k].shows));
		assert_int_equal(sim_store_waiting(s->zrms.store), 1);
		s->holds = false;
		answer_all(s);
		if (answers[k].later == remove_shop)
			stage_submit(s, "shop", "- {name: web, type: CALL}\n");
	}
}

/* What cannot be answered but with what is not durable yet. */
static const struct {
	const char *line, *fields, *body;
	void (*before)(struct stage *s);
	int status;
} waits[] = {
	{"GET /v1/topologies/shop", "", NULL, remove_shop, 404},
	{"GET /v1/topologies/shop/explain", "", NULL, remove_shop, 404},
	{"GET /v1/spaces?topology=shop", "", NULL, remove_shop, 404},
	{"POST /v1/topologies/shop/stop", "", NULL, remove_shop, 404},
	{"GET /v1/mesh/peers", "", NULL, cordon_n1, 200},
};

static void what_shows_something_that_is_not_durable_waits(void **state)
{
	struct stage *s = *state;
	for (size_t k = 0; k < ARRAY_SIZE(waits); k++) {
		if (waits[k].before == remove_shop)
			stop_shop(s);
		else
			stage_join(s, "n1");
		hold_from_now_on(s);
		waits[k].before(s);
		ask(s, waits[k].line, waits[k].fields, waits[k].body);
		run_until(s, is_answered_or_waits);
		print_message("%s\n", waits[k].line);
		assert_false(s->is_complete);
		s->holds = false;
		answer_all(s);
		run_until(s, is_complete);
		assert_int_equal(status(s), waits[k].status);
		if (waits[k].before == remove_shop)
			stage_submit(s, "shop", "- {name: web, type: CALL}\n");
	}
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_answer_to_a_change_shows_nothing_that_was_decided_later),
		TEST(what_shows_something_that_is_not_durable_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
