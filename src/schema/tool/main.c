/*
 * Makes src/schema's tables (tables.h): reads what protoc knows of the .proto files, with
 * options and comments, and writes C.
 *
 *   schema-tool DESCRIPTORS OUTPUT.c
 *
 * protobuf-c knows nothing of custom options: they arrive as unknown fields of FieldOptions
 * and the like, and hold messages of proto/options.proto.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "base/vector.h"
#include "proto/google/protobuf/descriptor.pb-c.h"
#include "proto/options.pb-c.h"
#include "schema/pattern.h"

#define RULE_TAG	 50001
#define MESSAGE_TYPE_TAG 4 /* in FileDescriptorProto */
#define ENUM_TYPE_TAG	 5
#define NESTED_TYPE_TAG	 3 /* in DescriptorProto */
#define NESTED_ENUM_TAG	 4
#define FIELD_TAG	 2
#define VALUE_TAG	 2 /* in EnumDescriptorProto */
#define PATH_MAX_DEPTH	 16

typedef Google__Protobuf__FileDescriptorProto File;
typedef Google__Protobuf__DescriptorProto Message;
typedef Google__Protobuf__FieldDescriptorProto Field;
typedef Google__Protobuf__EnumDescriptorProto Enum;

/* Where something stands in a file: field numbers and indexes, as in SourceCodeInfo. */
struct path {
	int32_t step[PATH_MAX_DEPTH];
	size_t depth;
};

struct found_message {
	char *full_name;
	const File *file;
	const Message *message;
	struct path path;
};

struct found_enum {
	char *full_name;
	const File *file;
	const Enum *type;
	struct path path;
};

static VECTOR(struct found_message) messages;
static VECTOR(struct found_enum) enums;

__attribute__((format(printf, 1, 2), noreturn)) static void fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("schema-tool: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* ------------------------------------------------------------------------ input */

static void *must_read(const char *name, size_t *ret_size)
{
	FILE *f = fopen(name, "rb");
	if (f == NULL)
		fail("cannot open %s: %s", name, strerror(errno));
	struct buffer content = BUFFER_INIT(64 * 1024 * 1024);
	char part[65536];
	size_t n;
	while ((n = fread(part, 1, sizeof(part), f)) > 0) {
		if (buffer_add(&content, part, n) < 0)
			fail("%s is too large", name);
	}
	if (ferror(f))
		fail("cannot read %s: %s", name, strerror(errno));
	(void)fclose(f);
	*ret_size = content.size;
	return buffer_steal(&content);
}

/* The message that an option holds, or NULL. protoc writes a part of it per `(rule).x = y`:
 * put behind each other they are the whole. Unknown fields keep their length in front. */
static ProtobufCMessage *option_message(const ProtobufCMessage *options,
					const ProtobufCMessageDescriptor *type)
{
	if (options == NULL)
		return NULL;
	struct buffer bytes = BUFFER_INIT(1024 * 1024);
	bool any = false;
	for (unsigned i = 0; i < options->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *u = &options->unknown_fields[i];
		if (u->tag != RULE_TAG)
			continue;
		size_t skip = 0;
		while (skip < u->len && (u->data[skip] & 0x80) != 0)
			skip++;
		skip++;
		if (buffer_add(&bytes, u->data + skip, u->len - skip) < 0)
			fail("options too large");
		any = true;
	}
	if (!any)
		return NULL;
	ProtobufCMessage *m =
		protobuf_c_message_unpack(type, NULL, bytes.size, (const uint8_t *)bytes.data);
	if (m == NULL)
		fail("cannot read an option of type %s", type->name);
	if (m->n_unknown_fields > 0)
		fail("unknown part %u of an option of type %s", m->unknown_fields[0].tag,
		     type->name);
	buffer_done(&bytes);
	return m;
}

static struct path path_add(struct path path, int32_t tag, size_t index)
{
	if (path.depth + 2 > PATH_MAX_DEPTH)
		fail("nested too deep");
	path.step[path.depth++] = tag;
	path.step[path.depth++] = (int32_t)index;
	return path;
}

static void collect_enum(const File *file, const Enum *type, const char *scope,
			 struct path path)
{
	struct found_enum *e = vector_add(&enums);
	*e = (struct found_enum){str_printf("%s.%s", scope, type->name), file, type, path};
}

static void collect_message(const File *file, const Message *message, const char *scope,
			    struct path path)
{
	char *name = str_printf("%s.%s", scope, message->name);
	*vector_add(&messages) = (struct found_message){name, file, message, path};
	for (size_t i = 0; i < message->n_nested_type; i++)
		collect_message(file, message->nested_type[i], name,
				path_add(path, NESTED_TYPE_TAG, i));
	for (size_t i = 0; i < message->n_enum_type; i++)
		collect_enum(file, message->enum_type[i], name,
			     path_add(path, NESTED_ENUM_TAG, i));
}

static void collect(const Google__Protobuf__FileDescriptorSet *set)
{
	for (size_t i = 0; i < set->n_file; i++) {
		const File *file = set->file[i];
		if (!str_equal(file->package, "samoza.v1"))
			continue;
		for (size_t k = 0; k < file->n_message_type; k++)
			collect_message(file, file->message_type[k], file->package,
					path_add((struct path){0}, MESSAGE_TYPE_TAG, k));
		for (size_t k = 0; k < file->n_enum_type; k++)
			collect_enum(file, file->enum_type[k], file->package,
				     path_add((struct path){0}, ENUM_TYPE_TAG, k));
	}
}

static int compare_messages(const void *a, const void *b)
{
	return strcmp(((const struct found_message *)a)->full_name,
		      ((const struct found_message *)b)->full_name);
}

static int compare_enums(const void *a, const void *b)
{
	return strcmp(((const struct found_enum *)a)->full_name,
		      ((const struct found_enum *)b)->full_name);
}

static const struct found_message *find_message(const char *type_name)
{
	vector_for_each (&messages, m) {
		if (type_name != NULL && strcmp(type_name + 1, m->full_name) == 0)
			return m;
	}
	return NULL;
}

/* --------------------------------------------------------------------- comments */

/* Lines become paragraphs of one line; a paragraph ends at an empty line. */
static void add_comment(struct buffer *out, const char *comment)
{
	bool paragraph = out->size > 0;
	while (comment != NULL && *comment != '\0') {
		size_t length = strcspn(comment, "\n");
		const char *line = comment;
		comment += length + (comment[length] == '\n');
		while (length > 0 && isspace((unsigned char)*line))
			line++, length--;
		while (length > 0 && isspace((unsigned char)line[length - 1]))
			length--;
		if (length == 0) {
			paragraph = out->size > 0;
			continue;
		}
		if (out->size > 0 && buffer_add_string(out, paragraph ? "\n" : " ") < 0)
			fail("comment too long");
		paragraph = false;
		if (buffer_add(out, line, length) < 0)
			fail("comment too long");
	}
}

/* The caller frees; NULL when there is none. */
static char *doc_of(const File *file, struct path path)
{
	if (file->source_code_info == NULL)
		return NULL;
	struct buffer text = BUFFER_INIT(1024 * 1024);
	for (size_t i = 0; i < file->source_code_info->n_location; i++) {
		const Google__Protobuf__SourceCodeInfo__Location *l =
			file->source_code_info->location[i];
		if (l->n_path != path.depth ||
		    memcmp(l->path, path.step, path.depth * sizeof(int32_t)) != 0)
			continue;
		add_comment(&text, l->leading_comments);
		add_comment(&text, l->trailing_comments);
	}
	return text.size > 0 ? buffer_steal(&text) : NULL;
}

/* ----------------------------------------------------------------------- output */

static void emit_string(FILE *out, const char *s)
{
	if (s == NULL) {
		fputs("NULL", out);
		return;
	}
	fputc('"', out);
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s == '?' || (unsigned char)*s < 0x20 || (unsigned char)*s >= 0x7f)
			fprintf(out, "\\%03o", (unsigned char)*s);
		else
			fputc(*s, out);
	}
	fputc('"', out);
}

static void emit_member(FILE *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	fprintf(out, ", .%s = ", name);
	emit_string(out, value);
}

static void check_pattern(const char *full_name, const char *pattern)
{
	if (pattern != NULL && !pattern_is_valid(pattern))
		fail("%s: pattern '%s' is outside of what schema/pattern.h takes", full_name,
		     pattern);
}

static void emit_rule(FILE *out, const char *full_name, const Samoza__V1__FieldRule *r)
{
	check_pattern(full_name, r->pattern);
	check_pattern(full_name, r->key_pattern);
	emit_member(out, "pattern", r->pattern);
	emit_member(out, "key_pattern", r->key_pattern);
	emit_member(out, "expects", r->expects);
	emit_member(out, "constant", r->constant);
	emit_member(out, "unit", r->unit);
	emit_member(out, "default_text", r->default_text);
	if (r->has_min)
		fprintf(out, ", .has_min = true, .min = %.17g", r->min);
	if (r->has_max)
		fprintf(out, ", .has_max = true, .max = %.17g", r->max);
	if (r->one_or_many)
		fputs(", .one_or_many = true", out);
	if (r->required)
		fputs(", .required = true", out);
	if (r->partial)
		fputs(", .partial = true", out);
	if (r->max_length > 0)
		fprintf(out, ", .max_length = %u", r->max_length);
	if (r->min_items > 0)
		fprintf(out, ", .min_items = %u", r->min_items);
	if (r->max_items > 0)
		fprintf(out, ", .max_items = %u", r->max_items);
}

static void emit_field(FILE *out, const struct found_message *m, size_t index)
{
	const Field *f = m->message->field[index];
	char *full_name = str_printf("%s.%s", m->full_name, f->name);
	char *doc = doc_of(m->file, path_add(m->path, FIELD_TAG, index));
	Samoza__V1__FieldRule *rule = (Samoza__V1__FieldRule *)option_message(
		(ProtobufCMessage *)f->options, &samoza__v1__field_rule__descriptor);
	fputs("\t{.key = ", out);
	emit_string(out, rule != NULL && rule->key != NULL ? rule->key : f->name);
	emit_member(out, "doc", doc);
	const struct found_message *type = find_message(f->type_name);
	if (type != NULL && type->message->options != NULL && type->message->options->map_entry)
		fputs(", .map = true", out);
	if (f->has_oneof_index) {
		const Google__Protobuf__OneofDescriptorProto *oneof =
			m->message->oneof_decl[f->oneof_index];
		emit_member(out, "oneof", oneof->name);
		Samoza__V1__OneofRule *o = (Samoza__V1__OneofRule *)option_message(
			(ProtobufCMessage *)oneof->options,
			&samoza__v1__oneof_rule__descriptor);
		if (o != NULL && o->required)
			fputs(", .oneof_required = true", out);
		if (o != NULL)
			samoza__v1__oneof_rule__free_unpacked(o, NULL);
	}
	if (rule != NULL) {
		emit_rule(out, full_name, rule);
		samoza__v1__field_rule__free_unpacked(rule, NULL);
	}
	fputs("},\n", out);
	free(doc);
	free(full_name);
}

/* "DeviceNeed" -> "device need". The caller frees. */
static char *words_of(const char *camel, char separator, bool upper)
{
	struct buffer words = BUFFER_INIT(1024);
	for (const char *c = camel; *c != '\0'; c++) {
		bool capital = isupper((unsigned char)*c);
		if (capital && c > camel && buffer_add(&words, &separator, 1) < 0)
			fail("name too long");
		char letter =
			(char)(upper ? toupper((unsigned char)*c) : tolower((unsigned char)*c));
		if (buffer_add(&words, &letter, 1) < 0)
			fail("name too long");
	}
	return buffer_steal(&words);
}

static int compare_numbers(const void *a, const void *b, void *context)
{
	const Message *m = context;
	int32_t x = m->field[*(const size_t *)a]->number;
	int32_t y = m->field[*(const size_t *)b]->number;
	return (x > y) - (x < y);
}

static void emit_fields(FILE *out, const struct found_message *m, size_t number)
{
	size_t count = m->message->n_field;
	if (count == 0)
		return;
	size_t *order = mem_new_array(size_t, count);
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), compare_numbers, (void *)m->message);
	fprintf(out, "static const struct schema_field fields_%zu[] = {\n", number);
	for (size_t i = 0; i < count; i++)
		emit_field(out, m, order[i]);
	fputs("};\n", out);
	free(order);
}

static void check_shorthand(const struct found_message *m, const char *shorthand)
{
	for (size_t i = 0; shorthand != NULL && i < m->message->n_field; i++) {
		if (strcmp(m->message->field[i]->name, shorthand) == 0)
			return;
	}
	if (shorthand != NULL)
		fail("%s: no field '%s' for the shorthand", m->full_name, shorthand);
}

static void emit_message(FILE *out, const struct found_message *m, size_t number)
{
	Samoza__V1__MessageRule *rule = (Samoza__V1__MessageRule *)option_message(
		(ProtobufCMessage *)m->message->options, &samoza__v1__message_rule__descriptor);
	char *doc = doc_of(m->file, m->path);
	char *title = words_of(m->message->name, ' ', false);
	fputs("\t{.name = ", out);
	emit_string(out, m->full_name);
	emit_member(out, "title", rule != NULL && rule->title != NULL ? rule->title : title);
	emit_member(out, "doc", doc);
	if (rule != NULL) {
		check_shorthand(m, rule->shorthand);
		emit_member(out, "shorthand", rule->shorthand);
		samoza__v1__message_rule__free_unpacked(rule, NULL);
	}
	fprintf(out, ", .field_count = %zu", m->message->n_field);
	if (m->message->n_field > 0)
		fprintf(out, ", .fields = fields_%zu", number);
	fputs("},\n", out);
	free(doc);
	free(title);
}

/* STATE_DEPLOYED_STARTED of InstanceState or of State -> deployed-started. */
static char *spelling_of(const Enum *type, const char *value)
{
	char *prefix = words_of(type->name, '_', true);
	size_t whole = strlen(prefix), first = strcspn(prefix, "_");
	if (strncmp(value, prefix, whole) == 0 && value[whole] == '_')
		value += whole + 1;
	else if (strncmp(value, prefix, first) == 0 && value[first] == '_')
		value += first + 1;
	char *spelling = mem_strdup(value);
	for (char *c = spelling; *c != '\0'; c++)
		*c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
	free(prefix);
	return spelling;
}

static void emit_values(FILE *out, const struct found_enum *e, size_t number)
{
	fprintf(out, "static const struct schema_enum_value values_%zu[] = {\n", number);
	for (size_t i = 0; i < e->type->n_value; i++) {
		const Google__Protobuf__EnumValueDescriptorProto *v = e->type->value[i];
		Samoza__V1__EnumValueRule *rule = (Samoza__V1__EnumValueRule *)option_message(
			(ProtobufCMessage *)v->options,
			&samoza__v1__enum_value_rule__descriptor);
		char *spelling = spelling_of(e->type, v->name);
		char *doc = doc_of(e->file, path_add(e->path, VALUE_TAG, i));
		fprintf(out, "\t{.value = %d", v->number);
		emit_member(out, "spelling",
			    rule != NULL && rule->spelling != NULL ? rule->spelling : spelling);
		emit_member(out, "doc", doc);
		fputs("},\n", out);
		free(spelling);
		free(doc);
		if (rule != NULL)
			samoza__v1__enum_value_rule__free_unpacked(rule, NULL);
	}
	fputs("};\n", out);
}

static void emit_all(FILE *out)
{
	fputs("/* Made by schema-tool from the .proto files. */\n"
	      "#include \"schema/tables.h\"\n\n",
	      out);
	for (size_t i = 0; i < messages.count; i++)
		emit_fields(out, &messages.items[i], i);
	fputs("const struct schema_message schema_messages[] = {\n", out);
	for (size_t i = 0; i < messages.count; i++)
		emit_message(out, &messages.items[i], i);
	fprintf(out, "};\nconst unsigned schema_message_count = %zu;\n\n", messages.count);
	for (size_t i = 0; i < enums.count; i++)
		emit_values(out, &enums.items[i], i);
	fputs("const struct schema_enum schema_enums[] = {\n", out);
	for (size_t i = 0; i < enums.count; i++) {
		const struct found_enum *e = &enums.items[i];
		char *doc = doc_of(e->file, e->path);
		fputs("\t{.name = ", out);
		emit_string(out, e->full_name);
		emit_member(out, "doc", doc);
		fprintf(out, ", .value_count = %zu, .values = values_%zu},\n", e->type->n_value,
			i);
		free(doc);
	}
	fprintf(out, "};\nconst unsigned schema_enum_count = %zu;\n", enums.count);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		fail("usage: schema-tool DESCRIPTORS OUTPUT.c");
	size_t size;
	void *bytes = must_read(argv[1], &size);
	Google__Protobuf__FileDescriptorSet *set =
		google__protobuf__file_descriptor_set__unpack(NULL, size, bytes);
	free(bytes);
	if (set == NULL)
		fail("%s does not hold descriptors", argv[1]);
	collect(set);
	qsort(messages.items, messages.count, sizeof(*messages.items), compare_messages);
	qsort(enums.items, enums.count, sizeof(*enums.items), compare_enums);
	FILE *out = fopen(argv[2], "w");
	if (out == NULL)
		fail("cannot write %s: %s", argv[2], strerror(errno));
	emit_all(out);
	if (fclose(out) != 0)
		fail("cannot write %s: %s", argv[2], strerror(errno));
	vector_for_each (&messages, m)
		free(m->full_name);
	vector_for_each (&enums, e)
		free(e->full_name);
	vector_done(&messages);
	vector_done(&enums);
	google__protobuf__file_descriptor_set__free_unpacked(set, NULL);
	return 0;
}
