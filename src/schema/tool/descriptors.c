#include "schema/tool/descriptors.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"

#define RULE_TAG	 50001
#define MESSAGE_TYPE_TAG 4 /* in FileDescriptorProto */
#define ENUM_TYPE_TAG	 5
#define NESTED_TYPE_TAG	 3 /* in DescriptorProto */
#define NESTED_ENUM_TAG	 4
#define FIELD_TAG	 2
#define VALUE_TAG	 2 /* in EnumDescriptorProto */

void fail(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fputs("schema-tool: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

/* ---- input ---- */

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

/* protoc writes one part for each `(rule).x = y`; concatenated they are the message. Each unknown
 * field begins with its length. */
ProtobufCMessage *option_message(const ProtobufCMessage *options,
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

Samoza__V1__FieldRule *field_rule(const Field *field)
{
	return (Samoza__V1__FieldRule *)option_message((const ProtobufCMessage *)field->options,
						       &samoza__v1__field_rule__descriptor);
}

/* ---- messages and enums ---- */

static struct path path_add(struct path path, int32_t tag, size_t index)
{
	if (path.depth + 2 > PATH_MAX_DEPTH)
		fail("nested too deep");
	path.step[path.depth++] = tag;
	path.step[path.depth++] = (int32_t)index;
	return path;
}

static void collect_enum(struct descriptors *d, const File *file, const Enum *type,
			 const char *scope, struct path path)
{
	struct found_enum *e = vector_add(&d->enums);
	*e = (struct found_enum){str_printf("%s.%s", scope, type->name), file, type, path};
}

static void collect_message(struct descriptors *d, const File *file, const Message *message,
			    const char *scope, struct path path)
{
	char *name = str_printf("%s.%s", scope, message->name);
	*vector_add(&d->messages) = (struct found_message){name, file, message, path};
	for (size_t i = 0; i < message->n_nested_type; i++)
		collect_message(d, file, message->nested_type[i], name,
				path_add(path, NESTED_TYPE_TAG, i));
	for (size_t i = 0; i < message->n_enum_type; i++)
		collect_enum(d, file, message->enum_type[i], name,
			     path_add(path, NESTED_ENUM_TAG, i));
}

static void collect(struct descriptors *d)
{
	for (size_t i = 0; i < d->set->n_file; i++) {
		const File *file = d->set->file[i];
		if (!str_equal(file->package, "samoza.v1"))
			continue;
		for (size_t k = 0; k < file->n_message_type; k++)
			collect_message(d, file, file->message_type[k], file->package,
					path_add((struct path){0}, MESSAGE_TYPE_TAG, k));
		for (size_t k = 0; k < file->n_enum_type; k++)
			collect_enum(d, file, file->enum_type[k], file->package,
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

const struct found_message *find_message(const struct descriptors *d, const char *type_name)
{
	vector_for_each (&d->messages, m) {
		if (type_name != NULL && strcmp(type_name + 1, m->full_name) == 0)
			return m;
	}
	return NULL;
}

bool field_is_map(const struct descriptors *d, const Field *field)
{
	const struct found_message *type = find_message(d, field->type_name);
	return type != NULL && type->message->options != NULL &&
	       type->message->options->map_entry;
}

static int compare_numbers(const void *a, const void *b, void *context)
{
	const Message *m = context;
	int32_t x = m->field[*(const size_t *)a]->number;
	int32_t y = m->field[*(const size_t *)b]->number;
	return (x > y) - (x < y);
}

size_t *fields_by_number(const Message *message)
{
	size_t *order = mem_new_array(size_t, message->n_field + 1);
	for (size_t i = 0; i < message->n_field; i++)
		order[i] = i;
	qsort_r(order, message->n_field, sizeof(*order), compare_numbers, (void *)message);
	return order;
}

void descriptors_read(struct descriptors *d, const char *file)
{
	size_t size;
	void *bytes = must_read(file, &size);
	*d = (struct descriptors){
		.set = google__protobuf__file_descriptor_set__unpack(NULL, size, bytes)};
	free(bytes);
	if (d->set == NULL)
		fail("%s does not contain descriptors", file);
	collect(d);
	qsort(d->messages.items, d->messages.count, sizeof(*d->messages.items),
	      compare_messages);
	qsort(d->enums.items, d->enums.count, sizeof(*d->enums.items), compare_enums);
}

void descriptors_done(struct descriptors *d)
{
	vector_for_each (&d->messages, m)
		free(m->full_name);
	vector_for_each (&d->enums, e)
		free(e->full_name);
	vector_done(&d->messages);
	vector_done(&d->enums);
	google__protobuf__file_descriptor_set__free_unpacked(d->set, NULL);
}

/* ---- comments ---- */

struct path path_of_field(struct path path, size_t index)
{
	return path_add(path, FIELD_TAG, index);
}

struct path path_of_value(struct path path, size_t index)
{
	return path_add(path, VALUE_TAG, index);
}

/* The lines of a paragraph become one line; a paragraph ends at an empty line. */
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

char *doc_of(const File *file, struct path path)
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
