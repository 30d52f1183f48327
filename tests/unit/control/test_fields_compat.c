/*
 * Every field of what goes over links between versions, and of what is on disks (tests/compat/fields.txt): none changes its number or
 * its type, none goes away without its number being kept from use, and none comes without being written down there.
 *
 *     build/tests/unit/control/test-control-fields_compat --print > tests/compat/fields.txt
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/control/control.h"
#include "port/frame.h"
#include "proto/agent.pb-c.h"
#include "proto/recording.pb-c.h"

#define TYPES_MAX 256u
#define BYTES_MAX ((size_t)1024 * 1024)

struct fields {
	VECTOR(const ProtobufCMessageDescriptor *) messages;
	VECTOR(const ProtobufCEnumDescriptor *) enums;
	VECTOR(char *) lines;
};

/* As proto/ writes them. */
static const char *const types[] = {
	[PROTOBUF_C_TYPE_INT32] = "int32",	 [PROTOBUF_C_TYPE_SINT32] = "sint32",
	[PROTOBUF_C_TYPE_SFIXED32] = "sfixed32", [PROTOBUF_C_TYPE_INT64] = "int64",
	[PROTOBUF_C_TYPE_SINT64] = "sint64",	 [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
	[PROTOBUF_C_TYPE_UINT32] = "uint32",	 [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
	[PROTOBUF_C_TYPE_UINT64] = "uint64",	 [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
	[PROTOBUF_C_TYPE_FLOAT] = "float",	 [PROTOBUF_C_TYPE_DOUBLE] = "double",
	[PROTOBUF_C_TYPE_BOOL] = "bool",	 [PROTOBUF_C_TYPE_ENUM] = "enum",
	[PROTOBUF_C_TYPE_STRING] = "string",	 [PROTOBUF_C_TYPE_BYTES] = "bytes",
	[PROTOBUF_C_TYPE_MESSAGE] = "message",
};

static const char *label_of(const ProtobufCFieldDescriptor *field)
{
	switch (field->label) {
	case PROTOBUF_C_LABEL_REQUIRED:
		return "required";
	case PROTOBUF_C_LABEL_REPEATED:
		return field->flags & PROTOBUF_C_FIELD_FLAG_PACKED ? "packed" : "repeated";
	case PROTOBUF_C_LABEL_OPTIONAL:
	case PROTOBUF_C_LABEL_NONE:
		break;
	}
	return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ? "oneof" : "optional";
}

static void add_enum(struct fields *f, const ProtobufCEnumDescriptor *type)
{
	vector_for_each (&f->enums, known)
		if (*known == type)
			return;
	vector_push(&f->enums, type);
	for (unsigned k = 0; k < type->n_values; k++)
		vector_push(&f->lines, str_printf("%s %s = %d", type->short_name,
						  type->values[k].name, type->values[k].value));
}

static void add_message(struct fields *f, const ProtobufCMessageDescriptor *type)
{
	vector_for_each (&f->messages, known)
		if (*known == type)
			return;
	vector_push(&f->messages, type);
	for (unsigned k = 0; k < type->n_fields; k++) {
		const ProtobufCFieldDescriptor *field = &type->fields[k];
		const char *of = types[field->type];
		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			of = ((const ProtobufCMessageDescriptor *)field->descriptor)
				     ->short_name;
		if (field->type == PROTOBUF_C_TYPE_ENUM)
			of = ((const ProtobufCEnumDescriptor *)field->descriptor)->short_name;
		vector_push(&f->lines, str_printf("%s %s %s %s = %u", type->short_name,
						  label_of(field), of, field->name, field->id));
		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			add_message(f, field->descriptor);
		if (field->type == PROTOBUF_C_TYPE_ENUM)
			add_enum(f, field->descriptor);
	}
}

static int by_text(const void *pa, const void *pb)
{
	return strcmp(*(char *const *)pa, *(char *const *)pb);
}

static void collect(struct fields *f)
{
	for (unsigned type = 0; type < TYPES_MAX; type++) {
		const ProtobufCMessageDescriptor *frame = frame_descriptor(type);
		const ProtobufCMessageDescriptor *record =
			control_record_type((enum record_kind)type);
		if (frame != NULL)
			add_message(f, frame);
		if (record != NULL)
			add_message(f, record);
	}
	add_message(f, &samoza__v1__agent_record__descriptor);
	add_message(f, &samoza__v1__link_record__descriptor);
	add_message(f, &samoza__v1__event_record__descriptor);
	add_message(f, &samoza__v1__audit_record__descriptor);
	add_message(f, &samoza__v1__recording_header__descriptor);
	add_message(f, &samoza__v1__recording_entry__descriptor);
	qsort(f->lines.items, f->lines.count, sizeof(char *), by_text);
}

static void fields_done(struct fields *f)
{
	vector_for_each (&f->lines, line)
		free(*line);
	vector_done(&f->lines);
	vector_done(&f->messages);
	vector_done(&f->enums);
}

/* The lines of the file; `text` is cut into them. */
static void read_lines(char *text, struct fields *ret)
{
	const char *path = COMPAT_DIR "/fields.txt";
	FILE *file = fopen(path, "r");
	if (file == NULL)
		fail_msg("cannot open %s", path);
	size_t size = fread(text, 1, BYTES_MAX - 1, file);
	assert_true(feof(file));
	assert_int_equal(fclose(file), 0);
	text[size] = '\0';
	char *at = text;
	for (char *line; (line = strsep(&at, "\n")) != NULL;)
		if (line[0] != '\0')
			vector_push(&ret->lines, mem_strdup(line));
	qsort(ret->lines.items, ret->lines.count, sizeof(char *), by_text);
}

static bool has(const struct fields *f, char *line)
{
	return bsearch(&line, f->lines.items, f->lines.count, sizeof(char *), by_text) != NULL;
}

static void fields_are_those_that_were_written_down(void **state)
{
	struct fields is = {0}, was = {0};
	CLEANUP(freep) char *text = mem_calloc(1, BYTES_MAX);
	unsigned wrong = 0;
	(void)state;
	collect(&is);
	read_lines(text, &was);
	assert_true(is.lines.count > 500);
	vector_for_each (&was.lines, line)
		if (!has(&is, *line)) {
			print_error("gone or changed: %s; earlier versions have written it\n",
				    *line);
			wrong++;
		}
	vector_for_each (&is.lines, line)
		if (!has(&was, *line)) {
			print_error("new: %s; append it to tests/compat/fields.txt\n", *line);
			wrong++;
		}
	assert_int_equal(wrong, 0);
	fields_done(&is);
	fields_done(&was);
}

static int print_fields(void)
{
	struct fields f = {0};
	collect(&f);
	vector_for_each (&f.lines, line)
		puts(*line);
	fields_done(&f);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_those_that_were_written_down),
	};
	if (argc > 1 && strcmp(argv[1], "--print") == 0)
		return print_fields();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
