/* core/record/outputs.h: what is packed by hand is what protobuf makes of the same outputs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/record/outputs.h"
#include "schema/message.h"

enum { LONG = 300 /* its length takes two bytes */ };

static void add_record(struct outbox *o, const char *id, const char *data)
{
	vector_push(&o->records,
		    ((struct record_change){.kind = RECORD_ZHOST,
					    .id = mem_strdup(id),
					    .data = mem_strdup(data),
					    .size = data != NULL ? strlen(data) : 0}));
}

static void add_event(struct outbox *o, uint64_t seq, const char *subject)
{
	Samoza__V1__EventRecord *e = mem_new(Samoza__V1__EventRecord);
	samoza__v1__event_record__init(e);
	e->seq = seq;
	e->kind = mem_strdup("space");
	e->subject = mem_strdup(subject);
	e->cause = mem_strdup("test");
	vector_push(&o->events, e);
}

static void add_line(struct outbox *o, uint64_t seq)
{
	Samoza__V1__AuditRecord *line = mem_new(Samoza__V1__AuditRecord);
	samoza__v1__audit_record__init(line);
	line->seq = seq;
	vector_push(&o->audit, line);
}

static void fill(struct outbox *o)
{
	CLEANUP(freep) char *text = mem_calloc(1, LONG + 1);
	memset(text, 'x', LONG);
	add_record(o, "n1", "\x0a\x02n1");
	add_record(o, "n2", NULL);
	add_record(o, text, "\x0a\x02n1");
	add_event(o, 1, "shop/api");
	add_event(o, UINT64_MAX, text);
	add_line(o, 0);
	add_line(o, 1234567890123);
	vector_push(&o->data, ((struct data_change){.owner = mem_strdup("5c/api"),
						    .key = mem_strdup("key"),
						    .key_size = 3,
						    .value_size = 77}));
	vector_push(&o->data_forget, mem_strdup("5c/web"));
	vector_push(&o->messages,
		    ((struct link_message){.link_id = 7,
					   .type = SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK,
					   .close = true}));
	vector_push(&o->replies,
		    ((struct reply){.request = 99, .code = -3, .message = mem_strdup("no")}));
	vector_push(&o->calls,
		    ((struct driver_call){
			    .id = 5, .operation = DRIVER_STATUS, .driver = mem_strdup("ssh")}));
}

static void assert_same(const struct outbox *o, struct outputs_memory *memory)
{
	Samoza__V1__RecordedFlush *flush = outputs_of(o, false);
	struct buffer wanted = BUFFER_INIT(SIZE_MAX), found = BUFFER_INIT(SIZE_MAX);
	assert_int_equal(schema_message_pack(&flush->base, &wanted, NULL), 0);
	outputs_pack(o, memory, &found);
	assert_int_equal(found.size, wanted.size);
	if (wanted.size > 0)
		assert_memory_equal(found.data, wanted.data, wanted.size);
	schema_message_free(flush);
	buffer_done(&wanted);
	buffer_done(&found);
}

static void outputs_are_packed_as_protobuf_does_it(void **state)
{
	struct outputs_memory memory = OUTPUTS_MEMORY_INIT;
	struct outbox o;
	(void)state;
	outbox_init(&o);
	assert_same(&o, &memory);
	fill(&o);
	assert_same(&o, &memory);
	assert_same(&o, &memory); /* in memory that was used */
	outbox_done(&o);
	outputs_memory_done(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs_are_packed_as_protobuf_does_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
