/* Records of machines that drivers make, as an earlier version has written them (tests/compat/record1): a
 * later one knows the machine by the same key, and loses nothing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/state/made_zhost.h"
#include "schema/message.h"

enum { RECORD_MAX = 4096 };

struct golden {
	uint8_t data[RECORD_MAX];
	size_t size;
	struct made_zhosts all;
	const struct made_zhost *made;
};

static void read_golden(struct golden *g, const char *name)
{
	CLEANUP(freep)
	char *path = str_printf("%s/record1/machine-%s.record", COMPAT_DIR, name);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	g->size = fread(g->data, 1, sizeof(g->data), file);
	assert_int_equal(fclose(file), 0);
	assert_in_range(g->size, 1, RECORD_MAX - 1);
	struct control *c = control_new(&CONTROL_CONFIG_DEFAULT, "test-cluster");
	assert_int_equal(control_load(c, RECORD_MACHINE, g->data, g->size, NULL), 0);
	control_free(c);
	ProtobufCMessage *message = NULL;
	assert_int_equal(schema_message_unpack(&samoza__v1__machine_record__descriptor, g->data,
					       g->size, &message, NULL),
			 0);
	assert_int_equal(
		made_zhosts_put(&g->all, (const Samoza__V1__MachineRecord *)message, NULL), 0);
	schema_message_free(message);
	g->made = g->all.by_name;
	assert_non_null(g->made);
}

/* What it is written as again is what it was. */
static void check_bytes(struct golden *g)
{
	uint8_t written[RECORD_MAX];
	assert_int_equal(protobuf_c_message_get_packed_size(&g->made->record->base), g->size);
	(void)protobuf_c_message_pack(&g->made->record->base, written);
	assert_memory_equal(written, g->data, g->size);
	made_zhosts_done(&g->all);
}

static void one_that_is_awaited_keeps_its_key_settings_labels_and_token(void **state)
{
	struct golden g = {0};
	(void)state;
	read_golden(&g, "awaited");
	const Samoza__V1__MachineRecord *r = g.made->record;
	assert_int_equal(g.made->state, MADE_AWAITED);
	assert_string_equal(r->name, "m1");
	assert_string_equal(r->driver, "command");
	assert_string_equal(r->key, "e75b10bf-1");
	assert_int_equal(r->n_settings, 9);
	assert_int_equal(r->n_labels, 9);
	assert_string_equal(r->settings[1]->name, "name");
	assert_string_equal(r->settings[1]->value, "x; id");
	assert_int_equal(r->n_tokens, 1);
	assert_null(r->error);
	check_bytes(&g);
}

static void one_that_failed_keeps_the_reason(void **state)
{
	struct golden g = {0};
	(void)state;
	read_golden(&g, "failed");
	assert_int_equal(g.made->state, MADE_FAILED);
	assert_string_equal(g.made->record->error, "create: killed by signal 9");
	check_bytes(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_awaited_keeps_its_key_settings_labels_and_token),
		cmocka_unit_test(one_that_failed_keeps_the_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
