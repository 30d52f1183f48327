#include "schema/tool/change.h"

#include <stdlib.h>
#include <string.h>

#define ROOT	  ".samoza.v1.Topology"
#define MAX_DEPTH 32

/* One table: a message type as it is reached with one inherited change (0: none). */
struct table {
	const struct found_message *type;
	unsigned inherited;
};

struct walk {
	FILE *out;
	const struct descriptors *d;
	VECTOR(struct table) tables; /* in the order in which they are written */
};

static unsigned change_of(const Field *field)
{
	Samoza__V1__FieldRule *rule = field_rule(field);
	unsigned change = rule != NULL && rule->has_change ? (unsigned)rule->change : 0;
	if (rule != NULL)
		samoza__v1__field_rule__free_unpacked(rule, NULL);
	return change;
}

static size_t number_of(const struct walk *w, const struct found_message *type,
			unsigned inherited)
{
	size_t number = 0;
	while (number < w->tables.count && (w->tables.items[number].type != type ||
					    w->tables.items[number].inherited != inherited))
		number++;
	return number;
}

static const char *name_of(unsigned change)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(
		&samoza__v1__change__descriptor, (int)change);
	return value != NULL ? value->name : "CHANGE_NONE";
}

/* The type of a field that has a table of its own; NULL for scalars and maps. */
static const struct found_message *type_below(const struct walk *w, const Field *field)
{
	return field_is_map(w->d, field) ? NULL : find_message(w->d, field->type_name);
}

/* Writes the tables below first: C wants them in this order. */
static void write_table(struct walk *w, const struct found_message *type, unsigned inherited,
			unsigned depth)
{
	if (depth > MAX_DEPTH)
		fail("%s contains itself: change is for messages of finite depth",
		     type->full_name);
	if (number_of(w, type, inherited) < w->tables.count)
		return;
	const Message *m = type->message;
	size_t *order = fields_by_number(m);
	for (size_t i = 0; i < m->n_field; i++) {
		const Field *field = m->field[i];
		unsigned own = change_of(field);
		const struct found_message *below = type_below(w, field);
		if (below != NULL)
			write_table(w, below, own != 0 ? own : inherited, depth + 1);
		else if (own == 0 && inherited == 0)
			fail("%s.%s: what does a change of it mean? Give it the option "
			     "`change` "
			     "(proto/options.proto), or one of the fields above it",
			     type->full_name, field->name);
	}
	size_t number = w->tables.count;
	fprintf(w->out, "static const struct change_field fields_%zu[] = {\n", number);
	for (size_t i = 0; i < m->n_field; i++) {
		const Field *field = m->field[order[i]];
		unsigned own = change_of(field), change = own != 0 ? own : inherited;
		const struct found_message *below = type_below(w, field);
		fprintf(w->out, "\t{%s, ", name_of(change));
		if (below != NULL)
			fprintf(w->out, "&table_%zu", number_of(w, below, change));
		else
			fputs("NULL", w->out);
		fprintf(w->out, "}, /* %s */\n", field->name);
	}
	fprintf(w->out,
		"};\nstatic const struct change_table table_%zu = {\"%s\", %zu, fields_%zu};\n",
		number, type->full_name, m->n_field, number);
	vector_push(&w->tables, ((struct table){type, inherited}));
	free(order);
}

static bool is_reached(const struct walk *w, const struct found_message *type)
{
	vector_for_each (&w->tables, t) {
		if (t->type == type)
			return true;
	}
	return false;
}

static void check_unused(const struct walk *w)
{
	vector_for_each (&w->d->messages, m) {
		for (size_t i = 0; i < m->message->n_field && !is_reached(w, m); i++) {
			if (change_of(m->message->field[i]) != 0)
				fail("%s.%s: the option `change` is for what a topology "
				     "contains",
				     m->full_name, m->message->field[i]->name);
		}
	}
}

void change_write(FILE *out, const struct descriptors *d)
{
	struct walk w = {.out = out, .d = d};
	const struct found_message *root = find_message(d, ROOT);
	if (root == NULL)
		fail("there is no message %s", ROOT);
	fputs("/* Made by schema-tool from the .proto files. */\n"
	      "#include \"model/change_table.h\"\n\n",
	      out);
	write_table(&w, root, 0, 0);
	check_unused(&w);
	fprintf(out, "const struct change_table *const change_of_topology = &table_%zu;\n",
		number_of(&w, root, 0));
	vector_done(&w.tables);
}
