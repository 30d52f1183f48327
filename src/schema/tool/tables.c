#include "schema/tool/tables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "schema/pattern.h"

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
	emit_member(out, "word", r->word);
	emit_member(out, "default_text", r->default_text);
	emit_member(out, "example", r->example);
	emit_member(out, "example_beside", r->example_beside);
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
	if (r->scenario)
		fputs(", .scenario = true", out);
	if (r->wire)
		fputs(", .wire = true", out);
	if (r->filled_in)
		fputs(", .filled_in = true", out);
	if (r->max_length > 0)
		fprintf(out, ", .max_length = %u", r->max_length);
	if (r->min_items > 0)
		fprintf(out, ", .min_items = %u", r->min_items);
	if (r->max_items > 0)
		fprintf(out, ", .max_items = %u", r->max_items);
}

static void emit_field(FILE *out, const struct descriptors *d, const struct found_message *m,
		       size_t index)
{
	const Field *f = m->message->field[index];
	char *full_name = str_printf("%s.%s", m->full_name, f->name);
	char *doc = doc_of(m->file, path_of_field(m->path, index));
	Samoza__V1__FieldRule *rule = field_rule(f);
	fputs("\t{.key = ", out);
	emit_string(out, rule != NULL && rule->key != NULL ? rule->key : f->name);
	emit_member(out, "doc", doc);
	if (field_is_map(d, f))
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

static void emit_fields(FILE *out, const struct descriptors *d, const struct found_message *m,
			size_t number)
{
	size_t count = m->message->n_field;
	if (count == 0)
		return;
	size_t *order = fields_by_number(m->message);
	fprintf(out, "static const struct schema_field fields_%zu[] = {\n", number);
	for (size_t i = 0; i < count; i++)
		emit_field(out, d, m, order[i]);
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
		char *doc = doc_of(e->file, path_of_value(e->path, i));
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

void tables_write(FILE *out, const struct descriptors *d)
{
	fputs("/* Made by schema-tool from the .proto files. */\n"
	      "#include \"schema/tables.h\"\n\n",
	      out);
	for (size_t i = 0; i < d->messages.count; i++)
		emit_fields(out, d, &d->messages.items[i], i);
	fputs("const struct schema_message schema_messages[] = {\n", out);
	for (size_t i = 0; i < d->messages.count; i++)
		emit_message(out, &d->messages.items[i], i);
	fprintf(out, "};\nconst unsigned schema_message_count = %zu;\n\n", d->messages.count);
	for (size_t i = 0; i < d->enums.count; i++)
		emit_values(out, &d->enums.items[i], i);
	fputs("const struct schema_enum schema_enums[] = {\n", out);
	for (size_t i = 0; i < d->enums.count; i++) {
		const struct found_enum *e = &d->enums.items[i];
		char *doc = doc_of(e->file, e->path);
		fputs("\t{.name = ", out);
		emit_string(out, e->full_name);
		emit_member(out, "doc", doc);
		fprintf(out, ", .value_count = %zu, .values = values_%zu},\n", e->type->n_value,
			i);
		free(doc);
	}
	fprintf(out, "};\nconst unsigned schema_enum_count = %zu;\n", d->enums.count);
}
