/* zhost/reconcile/reconcile.h: data of spaces in the commits of the agent. */
#include "reconcile_stage.h"

#include <string.h>

#include "base/str.h"
#include "zrun/protocol/protocol.h"

static void on_stored(void *user, const struct data_answer *answer)
{
	assert_int_equal(answer->status, 0);
	(*(unsigned *)user)++;
}

static void put_local(struct stage *s, unsigned *answers)
{
	struct kv_change change = {.operation = KV_PUT,
				   .owner = mem_strdup("app/a"),
				   .key = mem_strdup("k"),
				   .key_size = 1,
				   .value = mem_strdup("v"),
				   .value_size = 1};
	reconcile_local_data.apply(s->reconcile, &change, on_stored, answers);
	run_turn(s);
}

static size_t values_of(const struct stage *s, const char *owner)
{
	size_t count = 0;
	vector_for_each (&s->disk.values, v)
		count += str_equal(v->owner, owner);
	return count;
}

static void local_data_is_answered_when_it_is_durable(void **state)
{
	struct stage *s = *state;
	unsigned answers = 0;
	put_local(s, &answers);
	assert_int_equal(sim_kv_waiting(s->kv), 1);
	assert_int_equal(answers, 0);
	answer(s);
	assert_int_equal(answers, 1);
	assert_int_equal(values_of(s, "app/a"), 1);
}

/* Deletion, its record and the answer to zrms are one batch. */
static void deleted_local_data_is_reported_when_that_is_durable(void **state)
{
	struct stage *s = *state;
	unsigned answers = 0;
	put_local(s, &answers);
	answer(s);
	reconcile_local_data.forget(s->reconcile, "app", 9);
	reconcile_local_data.forget(s->reconcile, NULL, 9);
	run_turn(s);
	assert_int_equal(sim_kv_waiting(s->kv), 1);
	assert_int_equal(s->upstream.sent, 0);
	answer(s);
	assert_int_equal(values_of(s, "app/a"), 0);
	assert_int_equal(values_of(s, DATA_FORGOTTEN), 1);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN);
	assert_int_equal(((const Samoza__V1__DataForgotten *)s->upstream.last)->epoch, 9);
	reconcile_local_data.drop_record(s->reconcile, "app");
	run_turn(s);
	answer(s);
	assert_int_equal(values_of(s, DATA_FORGOTTEN), 0);
}

static void without_a_link_zrms_asks_again_for_what_was_deleted(void **state)
{
	struct stage *s = *state;
	s->upstream.is_up = false;
	reconcile_local_data.forget(s->reconcile, "app", 9);
	reconcile_local_data.forget(s->reconcile, NULL, 9);
	run_turn(s);
	answer(s);
	assert_int_equal(s->upstream.sent, 0);
	assert_int_equal(values_of(s, DATA_FORGOTTEN), 1);
}

static void no_answer(struct data_client *client, uint32_t correlation, int32_t status,
		      const void *content, size_t size)
{
	(void)client;
	(void)correlation;
	(void)content;
	(void)size;
	fail_msg("answered with %d", status);
}

/* Not before: until then zrms does not know whose request it is. */
static void requests_for_data_that_wait_are_sent_once_zrms_has_accepted(void **state)
{
	struct stage *s = *state;
	const struct zrun_data head = {.key_size = 1};
	uint8_t body[sizeof(head) + 1];
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	struct data_client client = {.key = &key,
				     .topology_name = "app",
				     .capabilities = ZRUN_CAP_DATA_READ,
				     .answer = no_answer};
	key.topology = (char *)"t1";
	key.path = (char *)"a";
	memcpy(mempcpy(body, &head, sizeof(head)), "k", 1);
	data_client_add(s->data, &client);
	s->upstream.is_up = false;
	assert_true(data_client_request(&client, ZRUN_DATA_GET, 9, body, sizeof(body)));
	acknowledge(s, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED);
	assert_int_equal(s->upstream.sent, 0);
	s->upstream.is_up = true;
	acknowledge(s, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	assert_int_equal(s->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST);
	data_client_remove(&client);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, reconcile_stage_begin, reconcile_stage_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(local_data_is_answered_when_it_is_durable),
		TEST(deleted_local_data_is_reported_when_that_is_durable),
		TEST(without_a_link_zrms_asks_again_for_what_was_deleted),
		TEST(requests_for_data_that_wait_are_sent_once_zrms_has_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
