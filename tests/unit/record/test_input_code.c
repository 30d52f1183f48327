/* Inputs of the core as bytes (core/control/state/input_code.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/input_code.h"
#include "core/control/state/output_lines.h"
#include "schema/message.h"
#include "schema/yaml.h"

#define RECORDED (&samoza__v1__recorded_input__descriptor)

/* ---- messages in which everything is set ---- */

static uint64_t next_number;

static void fill(ProtobufCMessage *message);

static void fill_one(const ProtobufCFieldDescriptor *field, void *member)
{
	uint64_t number = ++next_number;
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		*(char **)member = str_printf("text-%llu", (unsigned long long)number);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		*(ProtobufCBinaryData *)member = (ProtobufCBinaryData){32, mem_calloc(32, 1)};
		((ProtobufCBinaryData *)member)->data[0] = (uint8_t)number;
		break;
	case PROTOBUF_C_TYPE_MESSAGE: {
		ProtobufCMessage *below = schema_message_new(field->descriptor);
		fill(below);
		*(ProtobufCMessage **)member = below;
		break;
	}
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)member = true;
		break;
	case PROTOBUF_C_TYPE_ENUM: {
		const ProtobufCEnumDescriptor *type = field->descriptor;
		*(int *)member = type->values[type->n_values - 1].value;
		break;
	}
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		*(uint64_t *)member = number;
		break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		*(uint32_t *)member = (uint32_t)number;
		break;
	}
}

static void fill_field(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	char *at = (char *)message + field->offset;
	char *quantifier = (char *)message + field->quantifier_offset;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		void *items = mem_calloc(2, sizeof(ProtobufCBinaryData));
		*(size_t *)quantifier = 1;
		*(void **)at = items;
		fill_one(field, items);
		return;
	}
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
		*(unsigned *)quantifier = field->id;
	else if (field->label == PROTOBUF_C_LABEL_OPTIONAL &&
		 field->type != PROTOBUF_C_TYPE_STRING &&
		 field->type != PROTOBUF_C_TYPE_MESSAGE)
		*(protobuf_c_boolean *)quantifier = true;
	fill_one(field, at);
}

static bool is_body(const ProtobufCFieldDescriptor *field)
{
	return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

static bool is_of(const ProtobufCFieldDescriptor *field, const char *name)
{
	return str_equal(field->name, name);
}

static void fill(ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	bool is_data = type == &samoza__v1__data_request__descriptor;
	bool is_data_body = type == &samoza__v1__recorded_data__descriptor;
	for (unsigned k = 0; k < type->n_fields; k++) {
		const ProtobufCFieldDescriptor *field = &type->fields[k];
		/* Written by another test: a value is never in a recording. */
		if ((is_data && is_of(field, "value")) ||
		    (is_data_body && str_has_prefix(field->name, "value_")))
			continue;
		if (type != RECORDED || !is_body(field))
			fill_field(message, field);
	}
	/* The same: a fingerprint. */
	if (type == &samoza__v1__secret_version__descriptor)
		((Samoza__V1__SecretVersion *)message)->sealed.len = 8;
}

static const char package[] = "apiVersion: samoza/v1\n"
			      "kind: Topology\n"
			      "metadata: {name: shop}\n"
			      "spaces: [{name: web, type: NATIVE}]\n";

static Samoza__V1__Topology *topology_message(void)
{
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	ProtobufCMessage *message = NULL;
	assert_int_equal(schema_read_yaml(&samoza__v1__topology__descriptor, "t", package,
					  strlen(package), 0, &findings, &message, NULL, NULL),
			 0);
	return (Samoza__V1__Topology *)message;
}

static Samoza__V1__RecordedInput *recorded(const ProtobufCFieldDescriptor *body)
{
	Samoza__V1__RecordedInput *m =
		(Samoza__V1__RecordedInput *)schema_message_new(RECORDED);
	fill(&m->base);
	if (!is_of(body, "submit")) {
		fill_field(&m->base, body);
		return m;
	}
	m->body_case = SAMOZA__V1__RECORDED_INPUT__BODY_SUBMIT;
	m->submit = (Samoza__V1__RecordedSubmit *)schema_message_new(body->descriptor);
	m->submit->id = mem_strdup("id");
	m->submit->has_start = m->submit->start = true;
	m->submit->has_dry_run = m->submit->dry_run = true;
	m->submit->has_plan = m->submit->plan = true;
	m->submit->has_resets = m->submit->resets = true;
	m->submit->has_downgrades = m->submit->downgrades = true;
	m->submit->has_no_surge = m->submit->no_surge = true;
	m->submit->kept = mem_strdup("replicas 1 3\n");
	m->submit->record = (Samoza__V1__RevisionRecord *)schema_message_new(
		&samoza__v1__revision_record__descriptor);
	schema_set_string(&m->submit->record->application, NULL, "id");
	schema_set_string(&m->submit->record->package_digest, NULL, "digest");
	m->submit->record->topology = topology_message();
	return m;
}

/* ---- tests ---- */

static void every_input_is_the_same_after_it_was_written_and_read(void **state)
{
	unsigned bodies = 0;
	for (unsigned k = 0; k < RECORDED->n_fields; k++) {
		if (!is_body(&RECORDED->fields[k]))
			continue;
		Samoza__V1__RecordedInput *m = recorded(&RECORDED->fields[k]);
		CLEANUP(schema_message_freep) void *before = schema_message_copy(&m->base);
		struct decoded_input decoded;
		struct buffer bytes = BUFFER_INIT(SIZE_MAX);
		CLEANUP(error_freep) struct error *err = NULL;
		if (input_decode(m, &decoded, &err) < 0)
			fail_msg("%s: %s", RECORDED->fields[k].name, err->message);
		assert_int_equal(input_encode(&decoded.input, &bytes), 0);
		ProtobufCMessage *after = NULL;
		assert_int_equal(
			schema_message_unpack(RECORDED, bytes.data, bytes.size, &after, NULL),
			0);
		if (!schema_message_equal(before, after))
			fail_msg("%s is another input after it was read",
				 RECORDED->fields[k].name);
		schema_message_free(after);
		decoded_input_done(&decoded);
		buffer_done(&bytes);
		bodies++;
	}
	/* The types are numbered from 0 on, and time is the last of them (input.h). */
	assert_int_equal(bodies, CONTROL_TICK + 1);
}

static void decode(const struct buffer *bytes, struct decoded_input *ret)
{
	ProtobufCMessage *message = NULL;
	assert_int_equal(
		schema_message_unpack(RECORDED, bytes->data, bytes->size, &message, NULL), 0);
	assert_int_equal(input_decode((Samoza__V1__RecordedInput *)message, ret, NULL), 0);
}

static bool has(const struct buffer *bytes, const char *text)
{
	return memmem(bytes->data, bytes->size, text, strlen(text)) != NULL;
}

static void of_data_that_a_space_writes_the_length_remains(void **state)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__DataRequest request = SAMOZA__V1__DATA_REQUEST__INIT;
	char topology[] = "t", path[] = "p", value[] = "a card number", name[] = "cards/7";
	key.topology = topology;
	key.path = path;
	request.key = &key;
	request.operation = SAMOZA__V1__DATA_OPERATION__DATA_PUT;
	request.data_key = (ProtobufCBinaryData){strlen(name), (uint8_t *)name};
	request.has_value = true;
	request.value = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
	const struct control_input input = {.type = CONTROL_DATA,
					    .data = {.link_id = 3, .message = &request}};
	struct buffer bytes = BUFFER_INIT(SIZE_MAX);
	assert_int_equal(input_encode(&input, &bytes), 0);
	assert_false(has(&bytes, value));
	assert_true(has(&bytes, name));
	struct decoded_input decoded;
	decode(&bytes, &decoded);
	assert_int_equal(decoded.input.type, CONTROL_DATA);
	assert_int_equal(decoded.input.data.link_id, 3);
	assert_true(decoded.input.data.message->has_value);
	assert_int_equal(decoded.input.data.message->value.len, strlen(value));
	decoded_input_done(&decoded);
	buffer_done(&bytes);
}

static void of_a_secret_not_even_what_is_sealed_is_in_a_recording(void **state)
{
	char name[] = "tls", sealed[] = "sealed with a key", pattern[] = "shop-*", empty[] = "";
	Samoza__V1__SecretVersion version = SAMOZA__V1__SECRET_VERSION__INIT;
	Samoza__V1__SecretVersion *versions[] = {&version};
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	Samoza__V1__SecretRecord *records[] = {&record};
	record.name = name;
	record.versions = versions;
	record.n_versions = 1;
	version.number = 3;
	version.topologies = pattern;
	version.key = version.set_by = empty;
	version.sealed = (ProtobufCBinaryData){strlen(sealed), (uint8_t *)sealed};
	const struct control_input input = {
		.type = CONTROL_SECRET,
		.secret = {.action = SECRET_SET, .records = records, .count = 1}};
	struct buffer bytes = BUFFER_INIT(SIZE_MAX), again = BUFFER_INIT(SIZE_MAX);
	assert_int_equal(input_encode(&input, &bytes), 0);
	assert_false(has(&bytes, "sealed with"));
	assert_string_equal(sealed, "sealed with a key"); /* the core's own is as it was */
	struct decoded_input decoded;
	decode(&bytes, &decoded);
	assert_int_equal(decoded.input.secret.records[0]->versions[0]->number, 3);
	assert_int_equal(decoded.input.secret.records[0]->versions[0]->sealed.len, 8);
	/* A recording of a replay is the same. */
	assert_int_equal(input_encode(&decoded.input, &again), 0);
	assert_int_equal(again.size, bytes.size);
	assert_memory_equal(again.data, bytes.data, bytes.size);
	decoded_input_done(&decoded);
	buffer_done(&bytes);
	buffer_done(&again);
}

static void a_request_about_no_secret_is_none(void **state)
{
	Samoza__V1__RecordedInput *m =
		(Samoza__V1__RecordedInput *)schema_message_new(RECORDED);
	struct decoded_input decoded;
	m->body_case = SAMOZA__V1__RECORDED_INPUT__BODY_SECRET;
	m->secret = (Samoza__V1__RecordedSecret *)schema_message_new(
		&samoza__v1__recorded_secret__descriptor);
	m->secret->action = SECRET_SET;
	assert_int_equal(input_decode(m, &decoded, NULL), ERR_INVALID);
	decoded_input_done(&decoded);
}

/* Of a rotation of the key where there is no secret. */
static void none_may_be_sealed_with_another_key(void **state)
{
	const struct control_input input = {.type = CONTROL_SECRET,
					    .secret = {.action = SECRET_RESEAL}};
	struct buffer bytes = BUFFER_INIT(SIZE_MAX);
	struct decoded_input decoded;
	assert_int_equal(input_encode(&input, &bytes), 0);
	decode(&bytes, &decoded);
	assert_int_equal(decoded.input.secret.action, SECRET_RESEAL);
	assert_int_equal(decoded.input.secret.count, 0);
	decoded_input_done(&decoded);
	buffer_done(&bytes);
}

static char *error_of_report(const char *said)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__InstanceReport report = SAMOZA__V1__INSTANCE_REPORT__INIT;
	Samoza__V1__InstanceReport *reports[] = {&report};
	Samoza__V1__Report message = SAMOZA__V1__REPORT__INIT;
	char empty[] = "";
	key.topology = key.path = empty;
	report.key = &key;
	CLEANUP(freep) char *error = mem_strdup(said);
	report.error = error;
	message.n_instances = 1;
	message.instances = reports;
	const struct control_input input = {.type = CONTROL_REPORT,
					    .report = {.link_id = 3, .message = &message}};
	struct buffer bytes = BUFFER_INIT(SIZE_MAX);
	assert_int_equal(input_encode(&input, &bytes), 0);
	struct decoded_input decoded;
	decode(&bytes, &decoded);
	char *recorded_error = mem_strdup(decoded.input.report.message->instances[0]->error);
	decoded_input_done(&decoded);
	buffer_done(&bytes);
	return recorded_error;
}

static void what_a_program_has_printed_is_not_in_a_report(void **state)
{
	CLEANUP(freep) char *one = error_of_report("start: exit status 3: no such file /etc/x");
	CLEANUP(freep)
	char *same = error_of_report("start: exit status 3: no such file /etc/x");
	CLEANUP(freep)
	char *other = error_of_report("start: exit status 3: no such file /etc/y");
	CLEANUP(freep) char *plain = error_of_report("deploy: no artifact: it is gone");
	assert_true(str_has_prefix(one, "start: exit status 3: (output "));
	assert_string_equal(one, same);
	assert_string_not_equal(one, other);
	assert_string_equal(plain, "deploy: no artifact: it is gone");
}

static void sentences_of_what_was_told_and_recorded_are_compared_as_the_same(void **state)
{
	static const char *const errors[] = {
		"start: exit status 3: boom: and more",
		"process: killed by signal 9 (core dumped): boom",
		"start: timed out after 60 s: still waiting",
		"process: ended with exit status 0; a service is expected to run on: bye",
		"process: out of memory: 2 processes killed",
		"start: exit status 3",
	};
	for (size_t k = 0; k < ARRAY_SIZE(errors); k++) {
		CLEANUP(freep) char *told = str_printf("failed (%s); again in 5 s", errors[k]);
		CLEANUP(freep)
		char *recorded_error = output_lines_masked(errors[k], OUTPUT_LINES_DIGEST);
		CLEANUP(freep)
		char *replayed = str_printf("failed (%s); again in 5 s", recorded_error);
		CLEANUP(freep) char *a = output_lines_masked(told, OUTPUT_LINES_CUT);
		CLEANUP(freep) char *b = output_lines_masked(replayed, OUTPUT_LINES_CUT);
		assert_string_equal(a, b);
		CLEANUP(freep)
		char *twice = output_lines_masked(recorded_error, OUTPUT_LINES_DIGEST);
		assert_string_equal(twice, recorded_error);
		assert_true(output_lines_may_be_in(errors[k], strlen(errors[k])));
	}
	assert_false(output_lines_may_be_in("exit statu", 10));
}

static void an_input_of_a_later_version_is_refused(void **state)
{
	Samoza__V1__RecordedInput *m =
		(Samoza__V1__RecordedInput *)schema_message_new(RECORDED);
	struct decoded_input decoded;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(input_decode(m, &decoded, &err), ERR_INVALID);
	decoded_input_done(&decoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_input_is_the_same_after_it_was_written_and_read),
		cmocka_unit_test(of_data_that_a_space_writes_the_length_remains),
		cmocka_unit_test(of_a_secret_not_even_what_is_sealed_is_in_a_recording),
		cmocka_unit_test(a_request_about_no_secret_is_none),
		cmocka_unit_test(none_may_be_sealed_with_another_key),
		cmocka_unit_test(what_a_program_has_printed_is_not_in_a_report),
		cmocka_unit_test(
			sentences_of_what_was_told_and_recorded_are_compared_as_the_same),
		cmocka_unit_test(an_input_of_a_later_version_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
