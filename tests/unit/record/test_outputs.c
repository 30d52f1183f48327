/* core/record/outputs.h: what is compared of a batch. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/record/outputs.h"

enum { LONG = 300 };

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

static void add_message(struct outbox *o, uint64_t link, bool close)
{
	vector_push(&o->messages,
		    ((struct link_message){.link_id = link,
					   .type = SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK,
					   .close = close}));
}

static void check(const struct outbox *o, struct output_checks *ret)
{
	struct outputs_memory memory = OUTPUTS_MEMORY_INIT;
	outputs_check(o, &memory, ret);
	outputs_memory_done(&memory);
}

static void everything_counts(void **state)
{
	struct output_checks all = OUTPUT_CHECKS_INIT, other = OUTPUT_CHECKS_INIT;
	struct outbox o;
	(void)state;
	outbox_init(&o);
	fill(&o);
	check(&o, &all);
	assert_int_equal(all.checks.size, 2 * 12);
	check(&o, &other); /* in memory that was used */
	assert_int_equal(other.sum, all.sum);
	assert_int_equal(other.checks.size, all.checks.size);
	assert_memory_equal(other.checks.data, all.checks.data, all.checks.size);
	o.replies.items[0].code = -4;
	check(&o, &other);
	assert_int_not_equal(other.sum, all.sum);
	o.replies.items[0].code = -3;
	o.records.items[0].id[0] = 'm';
	check(&o, &other);
	assert_int_not_equal(other.sum, all.sum);
	o.records.items[0].id[0] = 'n';
	check(&o, &other);
	assert_int_equal(other.sum, all.sum);
	outbox_done(&o);
	buffer_done(&all.checks);
	buffer_done(&other.checks);
}

static void one_message_to_many_links_is_one_item(void **state)
{
	struct output_checks two = OUTPUT_CHECKS_INIT, other = OUTPUT_CHECKS_INIT;
	struct outbox o;
	(void)state;
	outbox_init(&o);
	add_message(&o, 1, false);
	add_message(&o, 2, false);
	check(&o, &two);
	assert_int_equal(two.checks.size, 2);
	o.messages.items[1].link_id = 3;
	check(&o, &other);
	assert_int_equal(other.checks.size, 2);
	assert_int_not_equal(other.sum, two.sum); /* the links count */
	o.messages.items[0].link_id = 2;
	o.messages.items[1].link_id = 1;
	check(&o, &other);
	assert_int_equal(other.sum, two.sum); /* in whatever order */
	o.messages.items[1].close = true;
	check(&o, &other);
	assert_int_equal(other.checks.size, 4);
	outbox_done(&o);
	buffer_done(&two.checks);
	buffer_done(&other.checks);
}

static void an_item_is_found_by_its_number(void **state)
{
	struct outbox o;
	(void)state;
	outbox_init(&o);
	fill(&o);
	add_message(&o, 8, true);
	static const struct {
		size_t item;
		const char *begins;
	} cases[] = {{0, "record 4 n1"},
		     {1, "no record 4 n2"},
		     {9, "message heartbeat"},
		     {10, "reply 99"},
		     {11, "call 5 of driver ssh"}};
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		CLEANUP(freep) char *text = outputs_item_text(&o, cases[k].item);
		assert_non_null(text);
		if (!str_has_prefix(text, cases[k].begins))
			fail_msg("item %zu is '%s'", cases[k].item, text);
	}
	assert_null(outputs_item_text(&o, 12));
	outbox_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_counts),
		cmocka_unit_test(one_message_to_many_links_is_one_item),
		cmocka_unit_test(an_item_is_found_by_its_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
