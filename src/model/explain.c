#include "model/explain.h"

#include <float.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "model/change_table.h"
#include "proto/model.pb-c.h"
#include "schema/message.h"

#define TEXT_MAX (SIZE_MAX / 2)

/* The last step. PRE: there is one. */
static const struct schema_field *rule_of(const struct explain_path *path)
{
	PRE(path->depth > 0);
	return path->steps[path->depth - 1].rule;
}

static const ProtobufCFieldDescriptor *field_of(const struct explain_path *path)
{
	PRE(path->depth > 0);
	return path->steps[path->depth - 1].field;
}

static bool is_message(const ProtobufCFieldDescriptor *field, const struct schema_field *rule)
{
	return field->type == PROTOBUF_C_TYPE_MESSAGE && !rule->map;
}

const ProtobufCMessageDescriptor *explain_message(const struct explain_path *path)
{
	if (path->depth == 0)
		return path->root;
	return is_message(field_of(path), rule_of(path)) ? field_of(path)->descriptor : NULL;
}

struct explain_path explain_below(const struct explain_path *path, unsigned index)
{
	const ProtobufCMessageDescriptor *type = explain_message(path);
	PRE(type != NULL && index < type->n_fields && path->depth < EXPLAIN_DEPTH_MAX);
	struct explain_path below = *path;
	below.steps[below.depth].field = &type->fields[index];
	below.steps[below.depth++].rule = &schema_message_table(type)->fields[index];
	return below;
}

bool explain_is_hidden(const struct explain_path *path)
{
	return path->depth > 0 && (rule_of(path)->scenario || rule_of(path)->wire);
}

static bool must_be_there(const ProtobufCFieldDescriptor *field,
			  const struct schema_field *rule)
{
	return field->label == PROTOBUF_C_LABEL_REQUIRED || rule->required ||
	       rule->min_items > 0;
}

bool explain_is_required(const struct explain_path *path)
{
	return path->depth > 0 && must_be_there(field_of(path), rule_of(path));
}

/* ---- finding a field ---- */

/* What there is at this place, and the nearest of it. */
static int fail_unknown(const struct explain_path *path, const char *key, size_t size,
			struct error **err)
{
	const ProtobufCMessageDescriptor *type = explain_message(path);
	CLEANUP(freep) char *name = explain_name(path);
	CLEANUP(freep) char *word = str_printf("%.*s", (int)size, key);
	if (type == NULL)
		return error_set(err, ERR_NOT_FOUND, "there is nothing below %s", name);
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(TEXT_MAX);
	const char *nearest = NULL;
	unsigned least = 3; /* a distance beyond it is another word */
	for (unsigned i = 0; i < type->n_fields; i++) {
		struct explain_path below = explain_below(path, i);
		if (explain_is_hidden(&below))
			continue;
		const char *other = rule_of(&below)->key;
		unsigned distance = str_distance(word, other);
		if (distance < least) {
			least = distance;
			nearest = other;
		}
		(void)buffer_printf(&all, "%s%s", all.size > 0 ? ", " : "", other);
	}
	if (nearest != NULL)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no field '%s' in %s; did you mean '%s'?", word,
				 path->depth > 0 ? name : "this file", nearest);
	return error_set(err, ERR_NOT_FOUND, "there is no field '%s' in %s, but %s", word,
			 path->depth > 0 ? name : "this file", all.data);
}

int explain_find(const ProtobufCMessageDescriptor *root, const char *path,
		 struct explain_path *ret, struct error **err)
{
	struct explain_path found = {.root = root};
	for (const char *c = path; *c != '\0';) {
		size_t size = strcspn(c, ".[");
		const ProtobufCMessageDescriptor *type = explain_message(&found);
		bool is_known = false;
		for (unsigned i = 0; type != NULL && i < type->n_fields && !is_known &&
				     found.depth < EXPLAIN_DEPTH_MAX;
		     i++) {
			struct explain_path below = explain_below(&found, i);
			const char *key = rule_of(&below)->key;
			is_known = strlen(key) == size && strncmp(key, c, size) == 0 &&
				   !explain_is_hidden(&below);
			if (is_known)
				found = below;
		}
		if (!is_known)
			return fail_unknown(&found, c, size, err);
		c += size;
		if (*c == '[')
			c += strcspn(c, ".");
		if (*c == '.')
			c++;
	}
	*ret = found;
	return 0;
}

/* ---- sentences ---- */

char *explain_name(const struct explain_path *path)
{
	struct buffer name = BUFFER_INIT(TEXT_MAX);
	for (unsigned i = 0; i < path->depth; i++)
		(void)buffer_printf(&name, "%s%s", i > 0 ? "." : "", path->steps[i].rule->key);
	return buffer_steal(&name);
}

const char *explain_doc(const struct explain_path *path)
{
	return path->depth > 0 ? rule_of(path)->doc : schema_message_table(path->root)->doc;
}

static char *enum_text(const ProtobufCEnumDescriptor *type)
{
	const struct schema_enum *table = schema_enum_table(type);
	struct buffer text = BUFFER_INIT(TEXT_MAX);
	for (unsigned i = 0; i < table->value_count; i++)
		(void)buffer_printf(&text, "%s%s",
				    i == 0			 ? ""
				    : i + 1 < table->value_count ? ", "
								 : " or ",
				    table->values[i].spelling);
	return buffer_steal(&text);
}

static char *number_text(const char *what, const struct schema_field *rule)
{
	struct buffer text = BUFFER_INIT(TEXT_MAX);
	(void)buffer_add_string(&text, what);
	if (rule->has_min && rule->has_max)
		(void)buffer_printf(&text, " from %.*g to %.*g", DBL_DIG, rule->min, DBL_DIG,
				    rule->max);
	else if (rule->has_min)
		(void)buffer_printf(&text, ", %.*g or more", DBL_DIG, rule->min);
	else if (rule->has_max)
		(void)buffer_printf(&text, ", at most %.*g", DBL_DIG, rule->max);
	if (rule->unit != NULL)
		(void)buffer_printf(&text, ", in %s", rule->unit);
	if (rule->word != NULL)
		(void)buffer_printf(&text, ", or `%s`", rule->word);
	return buffer_steal(&text);
}

static char *string_text(const struct schema_field *rule)
{
	if (rule->constant != NULL)
		return str_printf("`%s`", rule->constant);
	if (rule->expects != NULL)
		return mem_strdup(rule->expects);
	return rule->max_length > 0 ? str_printf("text of up to %u bytes", rule->max_length)
				    : mem_strdup("text");
}

/* One element or value of the field. */
static char *value_text(const ProtobufCFieldDescriptor *field, const struct schema_field *rule)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_ENUM:
		return enum_text(field->descriptor);
	case PROTOBUF_C_TYPE_BOOL:
		return mem_strdup("true or false");
	case PROTOBUF_C_TYPE_STRING:
		return string_text(rule);
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return number_text("a number", rule);
	case PROTOBUF_C_TYPE_MESSAGE:
		return str_printf("the fields of a %s",
				  schema_message_table(field->descriptor)->title);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return number_text("a whole number", rule);
	case PROTOBUF_C_TYPE_BYTES:
		return mem_strdup("bytes in base64");
	}
	IMPOSSIBLE("all types of protobuf-c are listed");
}

char *explain_type(const struct explain_path *path)
{
	if (path->depth == 0)
		return str_printf("the fields of a %s",
				  schema_message_table(path->root)->title);
	const ProtobufCFieldDescriptor *field = field_of(path);
	const struct schema_field *rule = rule_of(path);
	if (rule->map) {
		const ProtobufCMessageDescriptor *entry = field->descriptor;
		CLEANUP(freep) char *value = value_text(&entry->fields[1], rule);
		return str_printf("a map of names to %s", value);
	}
	CLEANUP(freep) char *value = value_text(field, rule);
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return mem_strdup(value);
	CLEANUP(freep)
	char *most = rule->max_items > 0 ? str_printf(", at most %u", rule->max_items)
					 : mem_strdup("");
	return str_printf("a list%s%s; each: %s", rule->one_or_many ? ", or one alone" : "",
			  most, value);
}

char *explain_default(const struct explain_path *path)
{
	if (path->depth == 0)
		return NULL;
	const ProtobufCFieldDescriptor *field = field_of(path);
	const void *value = field->default_value;
	if (rule_of(path)->default_text != NULL)
		return mem_strdup(rule_of(path)->default_text);
	if (value == NULL)
		return NULL;
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return mem_strdup(value);
	case PROTOBUF_C_TYPE_BOOL:
		return mem_strdup(*(const protobuf_c_boolean *)value != 0 ? "true" : "false");
	case PROTOBUF_C_TYPE_ENUM:
		return mem_strdup(schema_enum_spelling(field->descriptor, *(const int *)value));
	case PROTOBUF_C_TYPE_UINT32:
		return str_printf("%u", *(const uint32_t *)value);
	case PROTOBUF_C_TYPE_DOUBLE:
		return str_printf("%.*g", DBL_DIG, *(const double *)value);
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		break;
	}
	IMPOSSIBLE("no field of a file has such a default");
}

char *explain_change(const struct explain_path *path)
{
	if (path->root != &samoza__v1__topology__descriptor)
		return NULL;
	const struct change_table *table = change_of_topology;
	enum change change = CHANGE_NONE;
	for (unsigned i = 0; i < path->depth && table != NULL; i++) {
		const ProtobufCMessageDescriptor *type =
			i > 0 ? path->steps[i - 1].field->descriptor : path->root;
		const struct change_field *field =
			&table->fields[path->steps[i].field - type->fields];
		if (field->change != CHANGE_NONE)
			change = field->change;
		table = field->below;
	}
	switch (change) {
	case CHANGE_NONE:
		return NULL;
	case CHANGE_REPLACE:
		return mem_strdup("the instances are replaced by others with the new value");
	case CHANGE_ADJUST:
		return mem_strdup("takes effect in place");
	case CHANGE_PLACE:
		return mem_strdup("takes effect in place; instances whose zhost does not "
				  "satisfy it move");
	case CHANGE_RELOAD:
		return mem_strdup("as the space's `reload` says: the instances are replaced by "
				  "others with the new value, or take it while they run");
	case CHANGE_COUNT:
		return mem_strdup("instances are added or removed");
	case CHANGE_KEY:
		return mem_strdup("it identifies what it belongs to: with another value it is "
				  "another one");
	}
	IMPOSSIBLE("all changes are listed");
}

/* ---- examples ---- */

struct example {
	const struct explain_path *path;
	struct buffer text;
	bool is_item; /* the next line begins an element of a list */
};

static void add_line(struct example *e, unsigned indent, const char *key, const char *value)
{
	unsigned margin = e->is_item ? indent - 2 : indent;
	(void)buffer_printf(&e->text, "%*s%s%s:%s%s\n", (int)margin, "", e->is_item ? "- " : "",
			    key, value[0] != '\0' ? " " : "", value);
	e->is_item = false;
}

/* What `beside` ("type: NATIVE; count: 3") says of a field; NULL: nothing. The caller frees. */
static char *said_of(const char *beside, const char *key)
{
	size_t size = strlen(key);
	while (beside != NULL) {
		const char *end = strstr(beside, "; ");
		size_t length = end != NULL ? (size_t)(end - beside) : strlen(beside);
		if (length > size + 2 && strncmp(beside, key, size) == 0 && beside[size] == ':')
			return mem_strndup(beside + size + 2, length - size - 2);
		beside = end != NULL ? end + 2 : NULL;
	}
	return NULL;
}

static unsigned count_beside(const char *beside)
{
	unsigned count = beside != NULL;
	for (; beside != NULL && (beside = strstr(beside, "; ")) != NULL; beside += 2)
		count++;
	return count;
}

static void add_message(struct example *e, const ProtobufCMessageDescriptor *type,
			unsigned depth, unsigned indent);

/* `is_on_path`: it is the step at `depth`. */
static void add_field(struct example *e, const ProtobufCFieldDescriptor *field,
		      const struct schema_field *rule, bool is_on_path, unsigned depth,
		      unsigned indent)
{
	bool is_last = depth + 1 >= e->path->depth;
	if (!is_message(field, rule) || (rule->example != NULL && (!is_on_path || is_last))) {
		const char *value = rule->constant != NULL ? rule->constant : rule->example;
		INVARIANT(value != NULL); /* every scalar has one: test_explain.c */
		add_line(e, indent, rule->key, value);
		return;
	}
	add_line(e, indent, rule->key, "");
	bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
	e->is_item = is_list;
	add_message(e, field->descriptor, is_on_path ? depth + 1 : EXPLAIN_DEPTH_MAX,
		    indent + (is_list ? 4 : 2));
}

static bool is_oneof_first(const struct schema_message *table, unsigned index)
{
	const char *oneof = table->fields[index].oneof;
	for (unsigned i = 0; i < index && oneof != NULL; i++) {
		if (str_equal(table->fields[i].oneof, oneof))
			return false;
	}
	return oneof != NULL;
}

static bool needs_nothing(const ProtobufCMessageDescriptor *type)
{
	const struct schema_message *table = schema_message_table(type);
	bool is_needed = false;
	for (unsigned i = 0; i < table->field_count && !is_needed; i++)
		is_needed = must_be_there(&type->fields[i], &table->fields[i]) ||
			    table->fields[i].oneof_required;
	return !is_needed;
}

/* The fields of a message that `path` leads through at `depth`, or that is only there because it must be
 * (EXPLAIN_DEPTH_MAX). */
static void add_message(struct example *e, const ProtobufCMessageDescriptor *type,
			unsigned depth, unsigned indent)
{
	const struct schema_message *table = schema_message_table(type);
	const struct explain_path *path = e->path;
	bool is_on_path = depth < path->depth, is_end = depth == path->depth;
	const struct schema_field *next = is_on_path ? path->steps[depth].rule : NULL;
	const char *beside = next != NULL ? next->example_beside : NULL;
	unsigned to_write = count_beside(beside);
	bool is_free = is_end && needs_nothing(type);
	for (unsigned i = 0; i < table->field_count; i++) {
		const struct schema_field *rule = &table->fields[i];
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		CLEANUP(freep) char *said = said_of(beside, rule->key);
		if (said != NULL) {
			add_line(e, indent, rule->key, said);
			to_write--;
			continue;
		}
		bool is_chosen = rule->oneof_required && is_oneof_first(table, i) &&
				 (next == NULL || !str_equal(next->oneof, rule->oneof));
		/* What contains nothing that must be there is shown by all that it may contain. */
		bool is_shown = is_free && !is_message(field, rule) && rule->oneof == NULL &&
				rule->example_beside == NULL;
		if (rule == next || (!rule->scenario && !rule->wire &&
				     (must_be_there(field, rule) || is_chosen || is_shown)))
			add_field(e, field, rule, rule == next, depth, indent);
	}
	INVARIANT(to_write == 0);
}

char *explain_example(const struct explain_path *path)
{
	struct example e = {.path = path, .text = BUFFER_INIT(TEXT_MAX)};
	if (path->depth == 0) {
		add_message(&e, path->root, 0, 0);
		return buffer_steal(&e.text);
	}
	add_field(&e, path->steps[0].field, path->steps[0].rule, true, 0, 0);
	return buffer_steal(&e.text);
}
