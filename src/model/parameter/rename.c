#include "model/parameter/rename.h"

#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "schema/message.h"
#include "schema/pattern.h"
#include "schema/tables.h"

/* The rule of metadata.name. */
static const struct schema_field *rule_of_names(void)
{
	const ProtobufCMessageDescriptor *type = &samoza__v1__topology_metadata__descriptor;
	for (unsigned i = 0; i < type->n_fields; i++)
		if (strcmp(type->fields[i].name, "name") == 0)
			return &schema_message_table(type)->fields[i];
	IMPOSSIBLE("a topology has a name");
}

void topology_rename(Samoza__V1__Topology *t, const char *name, struct diagnostics *findings)
{
	const struct schema_field *rule = rule_of_names();
	if (pattern_matches(rule->pattern, name, strlen(name))) {
		schema_set_string(&t->metadata->name, NULL, name);
		return;
	}
	struct buffer shown = BUFFER_INIT(1024);
	text_escape_n(&shown, name, strnlen(name, 64));
	diagnostics_add(findings, NULL, 0, 0, "--name '%.*s' is no name: expected %s",
			(int)shown.size, (const char *)shown.data, rule->expects);
	buffer_done(&shown);
}
