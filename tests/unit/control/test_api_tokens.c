/*
 * Tokens of instances: each batch looks at those whose copy has changed, and at no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/state.h"
#include "one_space.h"

enum { TOPOLOGIES = 50 };

#define SPACES "- {name: web, type: NATIVE, capabilities: [cluster.api], api: {role: viewer}}\n"

struct stage {
	struct fixture f;
	char *ids[TOPOLOGIES];
	uint64_t epochs[TOPOLOGIES];
};

static void hash_of(uint64_t epoch, uint8_t hash[CREDENTIAL_HASH_SIZE])
{
	memset(hash, 7, CREDENTIAL_HASH_SIZE);
	memcpy(hash, &epoch, sizeof(epoch));
}

/* Its zhost says which token it shows. */
static void show(struct stage *s, unsigned k)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	Samoza__V1__ApiToken token = SAMOZA__V1__API_TOKEN__INIT;
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	hash_of(s->epochs[k], hash);
	key.topology = s->ids[k];
	key.path = (char *)(uintptr_t) "web";
	key.epoch = s->epochs[k];
	token.key = &key;
	token.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	(void)fixture_handle(&s->f, &(struct control_input){.type = CONTROL_API_TOKEN,
							    .api_token = {1, &token}});
}

static bool is_good(const struct stage *s, unsigned k)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	hash_of(s->epochs[k], hash);
	return control_principal(s->f.control, hash, s->f.now.wall_ms) != NULL;
}

static uint64_t reviews(const struct stage *s)
{
	return s->f.control->credentials.reviews;
}

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	fixture_init(&s->f);
	s->f.api_token = true;
	fixture_start(&s->f);
	fixture_hello(&s->f, "n1", 1, NULL, 0);
	for (unsigned k = 0; k < TOPOLOGIES; k++) {
		s->ids[k] = str_printf("T%u", k);
		s->epochs[k] = start_one(&s->f, s->ids[k], s->ids[k], SPACES);
		show(s, k);
	}
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	fixture_done(&s->f);
	for (unsigned k = 0; k < TOPOLOGIES; k++)
		free(s->ids[k]);
	free(s);
	return 0;
}

static void a_batch_looks_at_what_has_changed(void **state)
{
	struct stage *s = *state;
	uint64_t before = reviews(s);
	assert_in_range(before, TOPOLOGIES, 2 * TOPOLOGIES);
	fixture_heartbeat(&s->f, "n1", 1);
	fixture_flush(&s->f);
	assert_int_equal(reviews(s), before);
	/* Another one of another topology, without a token. */
	(void)start_one(&s->f, "T", "other", "- {name: web, type: NATIVE}\n");
	assert_int_equal(reviews(s), before);
	report(&s->f, 1, s->ids[7], "web", s->epochs[7], STARTED);
	assert_in_range(reviews(s), before, before + 1);
}

static void the_token_of_what_has_ended_is_over_in_the_same_batch(void **state)
{
	struct stage *s = *state;
	uint64_t before = reviews(s);
	/* It is asked to stop, and has. */
	assert_int_equal(fixture_goal(&s->f, "T7", "web", "deployed-stopped"), 0);
	assert_true(is_good(s, 7));
	report(&s->f, 1, s->ids[7], "web", s->epochs[7], DEPLOYED);
	assert_false(is_good(s, 7));
	/* Nothing of it is left. */
	assert_int_equal(fixture_goal(&s->f, "T8", "web", "not-deployed"), 0);
	assert_true(is_good(s, 8));
	report(&s->f, 1, s->ids[8], "web", s->epochs[8], ABSENT);
	assert_false(is_good(s, 8));
	assert_in_range(reviews(s), before + 2, before + 6);
	for (unsigned k = 0; k < TOPOLOGIES; k++)
		assert_int_equal(is_good(s, k), k != 7 && k != 8);
}

/* It may be started again by its zhost: the token is over with its process, also after a start of zrms, and not for good. */
static void the_token_of_a_process_that_has_failed_is_nobodys(void **state)
{
	struct stage *s = *state;
	report(&s->f, 1, s->ids[9], "web", s->epochs[9], DEPLOYED);
	assert_false(is_good(s, 9));
	assert_non_null(credentials_find_copy(&s->f.control->credentials, s->epochs[9]));
	fixture_restart(&s->f);
	fixture_flush(&s->f);
	assert_false(is_good(s, 9));
	assert_non_null(credentials_find_copy(&s->f.control->credentials, s->epochs[9]));
	fixture_hello(&s->f, "n1", 2, NULL, 0);
	assert_false(is_good(s, 9));
}

/* The report was on its way when the next start had begun: its zhost says the token again when it is started. */
static void a_token_that_is_said_again_is_good_again(void **state)
{
	struct stage *s = *state;
	report(&s->f, 1, s->ids[9], "web", s->epochs[9], DEPLOYED);
	assert_false(is_good(s, 9));
	show(s, 9);
	assert_true(is_good(s, 9));
	report(&s->f, 1, s->ids[9], "web", s->epochs[9], STARTED);
	assert_true(is_good(s, 9));
}

static void silence_ends_all_of_a_zhost(void **state)
{
	struct stage *s = *state;
	fixture_advance(&s->f, 120000);
	for (unsigned k = 0; k < TOPOLOGIES; k++)
		assert_false(is_good(s, k));
}

/* What ran when zrms ended, and has no copy any longer, has no token after its start. */
static void a_start_looks_at_all_once(void **state)
{
	struct stage *s = *state;
	fixture_restart(&s->f);
	fixture_flush(&s->f);
	assert_in_range(reviews(s), TOPOLOGIES, 2 * TOPOLOGIES);
	for (unsigned k = 0; k < TOPOLOGIES; k++)
		assert_true(is_good(s, k));
	uint64_t before = reviews(s);
	fixture_flush(&s->f);
	assert_int_equal(reviews(s), before);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_batch_looks_at_what_has_changed),
		TEST(the_token_of_what_has_ended_is_over_in_the_same_batch),
		TEST(the_token_of_a_process_that_has_failed_is_nobodys),
		TEST(a_token_that_is_said_again_is_good_again),
		TEST(silence_ends_all_of_a_zhost),
		TEST(a_start_looks_at_all_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
