/* data.* of instances: to zrms and back, local, repeated, refused. In virtual time. */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "base/memory.h"
#include "base/str.h"
#include "fake_upstream.h"
#include "zhost/data/data_service.h"
#include "zrun/protocol/protocol.h"

struct fixture {
	struct loop loop;
	struct fake_upstream upstream;
	struct data_service *service;
	Samoza__V1__InstanceKey key;
	struct data_client client;

	/* the last answer */
	unsigned answers;
	uint32_t correlation;
	int32_t status;
	char content[64];

	/* local operations that wait for their commit */
	unsigned applied, forgotten, dropped;
	local_data_fn *done;
	void *done_user;
	uint64_t acknowledged;
	bool is_disk_full;
};

static struct fixture *fixture; /* of the running test; the client has no user pointer */

static void on_answer(struct data_client *client, uint32_t correlation, int32_t status,
		      const void *content, size_t size)
{
	(void)client;
	assert_true(size < sizeof(fixture->content));
	fixture->answers++;
	fixture->correlation = correlation;
	fixture->status = status;
	if (size > 0)
		memcpy(fixture->content, content, size);
	fixture->content[size] = '\0';
}

static void apply(void *user, struct kv_change *change, local_data_fn *done, void *done_user)
{
	struct fixture *f = user;
	f->applied++;
	f->done = done;
	f->done_user = done_user;
	free(change->owner);
	free(change->key);
	free(change->value);
	free(change->cursor);
}

static void forget(void *user, const char *name, uint64_t epoch)
{
	struct fixture *f = user;
	if (name != NULL)
		f->forgotten++;
	else
		f->acknowledged = epoch;
}

static void drop_record(void *user, const char *name)
{
	struct fixture *f = user;
	(void)name;
	f->dropped++;
}

static bool disk_is_full(void *user)
{
	const struct fixture *f = user;
	return f->is_disk_full;
}

static const struct local_data local_data = {.apply = apply,
					     .forget = forget,
					     .drop_record = drop_record,
					     .disk_is_full = disk_is_full};

static int begin(void **state)
{
	struct fixture *f = fixture = calloc(1, sizeof(*f));
	*state = f;
	sim_loop_init(&f->loop);
	fake_upstream_init(&f->upstream);
	f->service = data_service_new(&f->loop, &f->upstream.upstream, &local_data, f);
	samoza__v1__instance_key__init(&f->key);
	f->key.topology = (char *)"t1";
	f->key.path = (char *)"a";
	f->key.epoch = 3;
	f->client =
		(struct data_client){.key = &f->key,
				     .topology_name = "app",
				     .capabilities = ZRUN_CAP_DATA_READ | ZRUN_CAP_DATA_WRITE,
				     .may_write = true,
				     .answer = on_answer};
	data_client_add(f->service, &f->client);
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	data_client_remove(&f->client);
	data_service_free(f->service);
	fake_upstream_done(&f->upstream);
	sim_loop_done(&f->loop);
	free(f);
	return 0;
}

static bool request(struct fixture *f, uint16_t type, uint32_t correlation, const char *key,
		    const char *value)
{
	uint8_t body[200];
	struct zrun_data head = {.key_size = (uint16_t)strlen(key)};
	memcpy(body, &head, sizeof(head));
	memcpy(body + sizeof(head), key, strlen(key));
	memcpy(body + sizeof(head) + strlen(key), value, strlen(value));
	return data_client_request(&f->client, type, correlation, body,
				   sizeof(head) + strlen(key) + strlen(value));
}

static uint64_t sent_request(const struct fixture *f)
{
	assert_int_equal(f->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST);
	return ((const Samoza__V1__DataRequest *)f->upstream.last)->request;
}

static void reply(struct fixture *f, uint64_t number, int32_t status, const char *value)
{
	Samoza__V1__DataReply m = SAMOZA__V1__DATA_REPLY__INIT;
	m.request = number;
	m.status = status;
	m.has_value = value != NULL;
	m.value.data = (uint8_t *)value;
	m.value.len = value != NULL ? strlen(value) : 0;
	data_take(f->service, &m);
}

static void a_request_goes_to_zrms_and_its_answer_comes_back(void **state)
{
	struct fixture *f = *state;
	assert_true(request(f, ZRUN_DATA_GET, 11, "k", ""));
	assert_int_equal(f->answers, 0);
	reply(f, sent_request(f), 0, "v");
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->correlation, 11);
	assert_string_equal(f->content, "v");
	reply(f, 1, 0, "again");
	assert_int_equal(f->answers, 1);
}

static void without_a_connection_a_request_waits_for_the_next(void **state)
{
	struct fixture *f = *state;
	f->upstream.is_up = false;
	assert_true(request(f, ZRUN_DATA_PUT, 11, "k", "v"));
	assert_int_equal(f->upstream.sent, 0);
	sim_loop_run(&f->loop, 200);
	f->upstream.is_up = true;
	data_connected(f->service);
	assert_int_equal(f->upstream.sent, 1);
	data_connected(f->service); /* the answer may be lost: it is sent again */
	assert_int_equal(f->upstream.sent, 2);
	reply(f, sent_request(f), 0, NULL);
	assert_int_equal(f->status, 0);
}

static void a_request_that_stays_unanswered_is_to_be_repeated(void **state)
{
	struct fixture *f = *state;
	assert_true(request(f, ZRUN_DATA_GET, 11, "k", ""));
	sim_loop_run(&f->loop, ZRUN_DATA_WAIT_MS - 1);
	assert_int_equal(f->answers, 0);
	sim_loop_run(&f->loop, 2);
	assert_int_equal(f->status, -EAGAIN);
}

static void what_the_instance_may_not_do_is_refused_here(void **state)
{
	struct fixture *f = *state;
	f->client.capabilities = ZRUN_CAP_DATA_READ;
	assert_true(request(f, ZRUN_DATA_PUT, 11, "k", "v"));
	assert_int_equal(f->status, -EPERM);
	assert_true(request(f, ZRUN_DATA_GET, 12, "", ""));
	assert_int_equal(f->status, -EINVAL);
	assert_false(request(f, ZRUN_DATA_GET, 0, "k", ""));
	assert_false(request(f, ZRUN_DATA_DELETE, 13, "k", "no value belongs here"));
	assert_int_equal(f->upstream.sent, 0);
}

static void local_data_is_answered_after_its_commit(void **state)
{
	struct fixture *f = *state;
	f->client.is_local = true;
	assert_true(request(f, ZRUN_DATA_PUT, 11, "k", "v"));
	assert_int_equal(f->applied, 1);
	assert_int_equal(f->answers, 0);
	f->done(f->done_user, &(struct data_answer){.status = 0});
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->upstream.sent, 0);
}

static size_t count_full(const struct fixture *f)
{
	Samoza__V1__Usage *usage = mem_new(Samoza__V1__Usage);
	samoza__v1__usage__init(usage);
	data_list_full(f->service, usage);
	size_t count = usage->n_data_full;
	if (count > 0)
		assert_string_equal(usage->data_full[0]->path, "a");
	samoza__v1__usage__free_unpacked(usage, NULL);
	return count;
}

static void local_data_above_its_quota_is_listed_until_something_is_deleted(void **state)
{
	struct fixture *f = *state;
	f->client.is_local = true;
	assert_int_equal(count_full(f), 0);
	assert_true(request(f, ZRUN_DATA_PUT, 11, "k", "v"));
	f->is_disk_full = true; /* it is not its quota */
	f->done(f->done_user, &(struct data_answer){.status = -ENOSPC});
	assert_int_equal(f->status, -ENOSPC);
	assert_int_equal(count_full(f), 0);
	f->is_disk_full = false;
	assert_true(request(f, ZRUN_DATA_PUT, 12, "k", "v"));
	f->done(f->done_user, &(struct data_answer){.status = -ENOSPC});
	assert_int_equal(count_full(f), 1);
	assert_true(request(f, ZRUN_DATA_DELETE, 13, "k", ""));
	f->done(f->done_user, &(struct data_answer){.status = 0});
	assert_int_equal(count_full(f), 0);
}

static void a_copy_that_may_not_write_reads_local_data_only(void **state)
{
	struct fixture *f = *state;
	f->client.is_local = true;
	f->client.may_write = false;
	assert_true(request(f, ZRUN_DATA_PUT, 11, "k", "v"));
	assert_int_equal(f->status, -ESTALE);
	assert_int_equal(f->applied, 0);
	assert_true(request(f, ZRUN_DATA_GET, 12, "k", ""));
	assert_int_equal(f->applied, 1);
	f->done(f->done_user, &(struct data_answer){.status = 0});
	assert_int_equal(f->status, 0);
}

static void no_answer_reaches_the_process_after_the_one_that_asked(void **state)
{
	struct fixture *f = *state;
	assert_true(request(f, ZRUN_DATA_GET, 11, "k", ""));
	uint64_t number = sent_request(f);
	f->client.is_local = true;
	assert_true(request(f, ZRUN_DATA_PUT, 12, "k", "v"));
	data_client_drop(&f->client); /* its process ended */
	f->done(f->done_user, &(struct data_answer){.status = 0});
	reply(f, number, 0, "v");
	assert_int_equal(f->answers, 0);
}

static void forget_topology(struct fixture *f, const char *topology, uint64_t epoch)
{
	Samoza__V1__ForgottenData name = SAMOZA__V1__FORGOTTEN_DATA__INIT;
	Samoza__V1__ForgottenData *names[] = {&name};
	Samoza__V1__DataForget m = SAMOZA__V1__DATA_FORGET__INIT;
	name.topology_name = (char *)(uintptr_t)topology;
	name.epoch = epoch;
	m.n_topologies = 1;
	m.topologies = names;
	data_forget(f->service, &m);
}

static void forget_app(struct fixture *f, uint64_t epoch)
{
	forget_topology(f, "app", epoch);
}

static void deleted_local_data_is_not_written_again_by_older_instances(void **state)
{
	struct fixture *f = *state;
	f->client.is_local = true;
	forget_app(f, 4);
	assert_int_equal(f->forgotten, 1);
	assert_int_equal(f->acknowledged, 4);
	assert_true(request(f, ZRUN_DATA_PUT, 11, "k", "v"));
	assert_int_equal(f->status, -ESTALE);
	forget_app(f, 4); /* is only acknowledged again */
	assert_int_equal(f->forgotten, 1);
	f->key.epoch = 5;
	assert_true(request(f, ZRUN_DATA_PUT, 12, "k", "v"));
	assert_int_equal(f->applied, 1);
	f->done(f->done_user, &(struct data_answer){.status = 0});
	assert_int_equal(f->status, 0);
}

/* A topology of which no older instance is here cannot write: its name is not kept. The last one is, and
 * says how far the deleting has come. */
static void names_of_deleted_data_are_kept_while_somebody_could_write_it(void **state)
{
	struct fixture *f = *state;
	for (unsigned n = 0; n < 20; n++) {
		CLEANUP(freep) char *name = str_printf("gone-%u", n);
		forget_topology(f, name, 10 + n);
		assert_int_equal(f->dropped, n);
	}
	forget_app(f, 30); /* there is one of epoch 3 */
	forget_topology(f, "gone", 31);
	assert_int_equal(f->dropped, 20);
	data_client_remove(&f->client);
	f->key.epoch = 32;
	data_client_add(f->service, &f->client);
	forget_topology(f, "gone", 33);
	assert_int_equal(f->dropped, 21); /* "app"; "gone" is the last one still */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_goes_to_zrms_and_its_answer_comes_back),
		TEST(without_a_connection_a_request_waits_for_the_next),
		TEST(a_request_that_stays_unanswered_is_to_be_repeated),
		TEST(what_the_instance_may_not_do_is_refused_here),
		TEST(local_data_is_answered_after_its_commit),
		TEST(local_data_above_its_quota_is_listed_until_something_is_deleted),
		TEST(a_copy_that_may_not_write_reads_local_data_only),
		TEST(no_answer_reaches_the_process_after_the_one_that_asked),
		TEST(deleted_local_data_is_not_written_again_by_older_instances),
		TEST(names_of_deleted_data_are_kept_while_somebody_could_write_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
