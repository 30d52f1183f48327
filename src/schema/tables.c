#include "schema/tables.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "schema/message.h"

static int compare_message(const void *name, const void *table)
{
	return strcmp(name, ((const struct schema_message *)table)->name);
}

static int compare_enum(const void *name, const void *table)
{
	return strcmp(name, ((const struct schema_enum *)table)->name);
}

const struct schema_message *schema_message_table(const ProtobufCMessageDescriptor *type)
{
	const struct schema_message *table =
		bsearch(type->name, schema_messages, schema_message_count,
			sizeof(schema_messages[0]), compare_message);
	PRE(table != NULL && table->field_count == type->n_fields);
	return table;
}

const struct schema_enum *schema_enum_table(const ProtobufCEnumDescriptor *type)
{
	const struct schema_enum *table = bsearch(type->name, schema_enums, schema_enum_count,
						  sizeof(schema_enums[0]), compare_enum);
	PRE(table != NULL);
	return table;
}

const char *schema_enum_spelling(const ProtobufCEnumDescriptor *type, int value)
{
	const struct schema_enum *table = schema_enum_table(type);
	for (unsigned i = 0; i < table->value_count; i++) {
		if (table->values[i].value == value)
			return table->values[i].spelling;
	}
	return NULL;
}

int schema_enum_value(const ProtobufCEnumDescriptor *type, const char *spelling, int *ret_value)
{
	const struct schema_enum *table = schema_enum_table(type);
	for (unsigned i = 0; i < table->value_count; i++) {
		if (strcmp(table->values[i].spelling, spelling) == 0) {
			*ret_value = table->values[i].value;
			return 0;
		}
	}
	return -1;
}
