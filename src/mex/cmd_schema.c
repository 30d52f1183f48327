#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "mex/command.h"
#include "model.pb-c.h"
#include "schema/jsonschema.h"
#include "schema/yaml.h"

static const struct {
	const char *name;
	const ProtobufCMessageDescriptor *type;
	unsigned flags;
} kinds[] = {
	{"topology", &samoza__v1__topology__descriptor, 0},
	{"space", &samoza__v1__space__descriptor, SCHEMA_PARTIAL},
	{"manifest", &samoza__v1__manifest__descriptor, 0},
	{"zhosts", &samoza__v1__zhost_list__descriptor, 0},
};

static int run(const struct arguments *arguments)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, arguments->operands[0]) != 0)
			continue;
		CLEANUP(freep) char *id = str_printf("urn:samoza:v1:%s", kinds[i].name);
		CLEANUP(freep)
		char *text = schema_write_jsonschema(kinds[i].type, id, kinds[i].flags);
		fputs(text, stdout);
		return EXIT_DONE;
	}
	return usage_error(&command_schema, "there is no schema '%s'", arguments->operands[0]);
}

const struct command command_schema = {
	.name = "schema",
	.operands = "topology|space|manifest|zhosts",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "print the JSON Schema of a kind of file, for editors",
	.run = run,
};
