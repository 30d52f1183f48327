/*
 * Records that earlier versions wrote (tests/compat/agent): the agent starts on them, and what a
 * zrms of an earlier version sent (tests/compat/wire) is understood.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/agent/agent.h"
#include "port/frame.h"
#include "proto/agent.pb-c.h"

#define RECORDS_MAX 16

static const char *const phase_names[] = {"absent",  "deploying", "deployed",	"starting",
					  "started", "stopping",  "undeploying"};

struct file {
	char *name;
	void *data;
	size_t size;
};

static void *read_whole(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *data = mem_calloc(1, 64 * 1024);
	*ret_size = fread(data, 1, 64 * 1024 - 1, f);
	assert_true(feof(f));
	fclose(f);
	return data;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* The records of the directory, by name without ".record". */
static size_t read_records(const char *directory, struct file *to)
{
	size_t count = 0;
	DIR *dir = opendir(directory);
	assert_non_null(dir);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (!str_has_suffix(e->d_name, ".record"))
			continue;
		assert_true(count < RECORDS_MAX);
		CLEANUP(freep) char *path = str_printf("%s/%s", directory, e->d_name);
		struct file *f = &to[count++];
		f->name = mem_strndup(e->d_name, strlen(e->d_name) - strlen(".record"));
		f->data = read_whole(path, &f->size);
	}
	closedir(dir);
	qsort(to, count, sizeof(*to), compare);
	return count;
}

static void files_done(struct file *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(files[i].name);
		free(files[i].data);
	}
}

static struct agent *new_agent(const char *boot)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	spec.name = (char *)"n1";
	return agent_new(&(struct agent_config){.identity = "id",
						.incarnation = 2,
						.boot = boot,
						.spec = &spec,
						.heartbeat_ms = 10000,
						.failure_timeout_ms = 30000});
}

static void take(struct agent *agent, const struct agent_input *input, struct agent_outbox *o)
{
	agent_outbox_clear(o);
	agent_handle(agent, (struct instant){1000, 2000}, input, o);
}

/* What HELLO says of each, as "PATH PHASE", in the order of the files. */
static void check_hello(struct agent *agent, struct agent_outbox *o, const char *expected)
{
	take(agent, &(struct agent_input){.type = AGENT_LINK_UP}, o);
	assert_int_equal(o->messages.count, 1);
	const Samoza__V1__Hello *h = (const Samoza__V1__Hello *)o->messages.items[0].message;
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 16);
	for (size_t i = 0; i < h->n_instances; i++)
		assert_int_equal(buffer_printf(&text, "%s %s\n", h->instances[i]->key->path,
					       phase_names[h->instances[i]->phase]),
				 0);
	assert_string_equal(text.data != NULL ? text.data : "", expected);
}

static struct agent *load(const char *directory, const char *alive, const char *boot)
{
	struct file files[RECORDS_MAX] = {0};
	size_t count = read_records(directory, files);
	struct agent *agent = new_agent(boot);
	for (size_t i = 0; i < count; i++) {
		CLEANUP(freep) char *word = str_printf(" %s ", files[i].name);
		assert_int_equal(agent_load(agent, files[i].data, files[i].size,
					    strstr(alive, word) != NULL, NULL),
				 0);
	}
	files_done(files, count);
	return agent;
}

static void check_taken_up(const char *directory, const char *boot)
{
	struct agent_outbox o;
	agent_outbox_init(&o);
	struct agent *agent = load(
		directory, " api dashboard store in-started in-starting in-stopping ", boot);
	take(agent, &(struct agent_input){.type = AGENT_TICK}, &o);
	check_hello(agent, &o,
		    "api started\n"
		    "bad deployed\n"
		    "dashboard started\n"
		    "in-deployed deployed\n"
		    "in-deploying absent\n" /* half there: it is deployed again */
		    "in-started started\n"
		    "in-starting stopping\n"	   /* nobody saw whether its start succeeded */
		    "in-stopping stopping\n"	   /* as it was asked */
		    "in-undeploying undeploying\n" /* as it was asked */
		    "store started\n");
	agent_free(agent);
	agent_outbox_done(&o);
}

static void records_of_every_phase_are_taken_up(void **state)
{
	(void)state;
	check_taken_up(COMPAT_DIR "/agent/format1", "383327ec-e12d-40a7-aff9-b2f807c62ae3");
	check_taken_up(COMPAT_DIR "/agent/format2", "383327ec-e12d-40a7-aff9-b2f807c62ae3");
	check_taken_up(COMPAT_DIR "/agent/format3", "938443ef-10df-4bfb-a0bf-efb34cf467e9");
}

static bool follows(struct agent *agent, struct agent_outbox *o, const uint64_t *term)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.has_term = term != NULL;
	ack.term = term != NULL ? *term : 0;
	take(agent, &(struct agent_input){.type = AGENT_LINK_UP}, o);
	take(agent, &(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack}, o);
	return agent_link_fault(agent) == NULL;
}

/* The zhost had followed a zrms of term 1. */
static void the_record_of_the_link_is_taken_up(void **state)
{
	(void)state;
	const uint64_t none = 0, first = 1;
	struct agent_outbox o;
	agent_outbox_init(&o);
	size_t size = 0;
	CLEANUP(freep) void *data = read_whole(COMPAT_DIR "/agent/terms/zrms.link", &size);
	struct agent *agent = load(COMPAT_DIR "/agent/terms", "", "another");
	assert_int_equal(agent_load_link(agent, data, size, NULL), 0);
	assert_false(follows(agent, &o, &none));
	assert_true(follows(agent, &o, &first));
	assert_true(follows(agent, &o, NULL)); /* a zrms of before */
	agent_free(agent);
	agent_outbox_done(&o);
}

static void processes_that_died_are_found_missing(void **state)
{
	(void)state;
	struct agent_outbox o;
	agent_outbox_init(&o);
	struct agent *agent =
		load(COMPAT_DIR "/agent/format1", "", "383327ec-e12d-40a7-aff9-b2f807c62ae3");
	take(agent, &(struct agent_input){.type = AGENT_TICK}, &o);
	check_hello(agent, &o,
		    "api deployed\n"
		    "bad deployed\n"
		    "dashboard deployed\n"
		    "in-deployed deployed\n"
		    "in-deploying absent\n"
		    "in-started deployed\n"
		    "in-starting deployed\n"
		    "in-stopping deployed\n"
		    "in-undeploying undeploying\n"
		    "store deployed\n");
	const Samoza__V1__Hello *h = (const Samoza__V1__Hello *)o.messages.items[0].message;
	assert_string_equal(h->instances[0]->error, "process: ended while the zhost was away");
	assert_int_equal(h->instances[0]->failures, 1);
	agent_free(agent);
	agent_outbox_done(&o);
}

static void records_are_written_again_under_the_id_of_their_copy(void **state)
{
	(void)state;
	struct file files[RECORDS_MAX] = {0};
	size_t count = read_records(COMPAT_DIR "/agent/format1", files);
	struct agent_outbox o;
	agent_outbox_init(&o);
	struct agent *agent = new_agent("b");
	struct agent *next = new_agent("b");
	for (size_t i = 0; i < count; i++)
		assert_int_equal(agent_load(agent, files[i].data, files[i].size, true, NULL),
				 0);
	take(agent, &(struct agent_input){.type = AGENT_TICK}, &o);
	size_t removed = 0, written = 0;
	vector_for_each (&o.records, r) {
		bool is_new = strchr(r->id, '#') != NULL;
		assert_int_equal(is_new, r->data != NULL);
		removed += !is_new;
		written += is_new;
		/* The stop of in-starting has ended its process meanwhile. */
		bool is_alive = strstr(r->id, "/in-starting#") == NULL;
		if (is_new)
			assert_int_equal(agent_load(next, r->data, r->size, is_alive, NULL), 0);
	}
	assert_int_equal(removed, count);
	assert_int_equal(written, count - 1); /* all but the one that is not deployed yet */
	/* Written once: the next agent finds its own records. */
	take(next, &(struct agent_input){.type = AGENT_TICK}, &o);
	vector_for_each (&o.records, r)
		assert_non_null(strchr(r->id, '#'));
	check_hello(next, &o,
		    "store started\n"
		    "in-undeploying undeploying\n"
		    "in-stopping stopping\n"
		    "in-starting deployed\n"
		    "in-started started\n"
		    "in-deployed deployed\n"
		    "dashboard started\n"
		    "bad deployed\n"
		    "api started\n");
	agent_free(next);
	agent_free(agent);
	agent_outbox_done(&o);
	files_done(files, count);
}

static void a_record_without_a_phase_is_refused(void **state)
{
	(void)state;
	struct file files[RECORDS_MAX] = {0};
	size_t count = read_records(COMPAT_DIR "/agent/format1", files);
	Samoza__V1__AgentRecord *record =
		samoza__v1__agent_record__unpack(NULL, files[0].size, files[0].data);
	record->has_phase_of_format_1 = false;
	size_t size = samoza__v1__agent_record__get_packed_size(record);
	CLEANUP(freep) uint8_t *data = mem_calloc(1, size + 1);
	samoza__v1__agent_record__pack(record, data);
	samoza__v1__agent_record__free_unpacked(record, NULL);
	struct agent *agent = new_agent("b");
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(agent_load(agent, data, size, false, &err), ERR_INVALID);
	error_free(steal_ptr(&err));
	assert_int_equal(agent_load(agent, files[0].data, files[0].size, false, NULL), 0);
	assert_int_equal(agent_load(agent, files[0].data, files[0].size, false, &err),
			 ERR_INVALID);
	assert_non_null(strstr(err->message, "two records of"));
	agent_free(agent);
	files_done(files, count);
}

static void join(struct agent *agent, struct agent_outbox *o)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	take(agent, &(struct agent_input){.type = AGENT_LINK_UP}, o);
	take(agent, &(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack}, o);
}

/* Sets that zrms sent to one zhost. Some are missing between them, and with them the lists that
 * others change: then the zhost connects again. The last one is full. */
static void check_sets(const char *path)
{
	struct agent_outbox o;
	agent_outbox_init(&o);
	struct agent *agent = new_agent("b");
	join(agent, &o);
	size_t size = 0, at = 0, deploys = 0;
	CLEANUP(freep)
	char *data = read_whole(path, &size);
	struct frame frame;
	while (frame_next(data + at, size - at, &frame, NULL) > 0) {
		ProtobufCMessage *message = NULL;
		assert_int_equal(frame_decode(&frame, &message, NULL), 0);
		take(agent,
		     &(struct agent_input){.type = AGENT_DESIRED,
					   .desired = (const Samoza__V1__Desired *)message},
		     &o);
		deploys = 0;
		vector_for_each (&o.orders, order)
			deploys += order->type == ORDER_ACTION && order->kind == ACTION_DEPLOY;
		if (agent_link_fault(agent) != NULL)
			join(agent, &o);
		protobuf_c_message_free_unpacked(message, NULL);
		at += frame.whole_size;
	}
	assert_int_equal(at, size);
	assert_true(deploys > 0); /* the last is a full set */
	agent_free(agent);
	agent_outbox_done(&o);
}

static void sets_of_every_zrms_are_followed(void **state)
{
	(void)state;
	check_sets(COMPAT_DIR "/wire/protocol1/desired.frames");
	check_sets(COMPAT_DIR "/wire/protocol2/desired.frames");
	check_sets(COMPAT_DIR "/wire/protocol3/desired.frames");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_every_phase_are_taken_up),
		cmocka_unit_test(the_record_of_the_link_is_taken_up),
		cmocka_unit_test(processes_that_died_are_found_missing),
		cmocka_unit_test(records_are_written_again_under_the_id_of_their_copy),
		cmocka_unit_test(a_record_without_a_phase_is_refused),
		cmocka_unit_test(sets_of_every_zrms_are_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
