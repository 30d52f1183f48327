#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "mex/command.h"
#include "proto/model.pb-c.h"
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

static int run(void *context, const struct cli_run *line, struct error **err)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kinds[i].name, cli_argument(line, 0)) != 0)
			continue;
		CLEANUP(freep) char *id = str_printf("urn:samoza:v1:%s", kinds[i].name);
		CLEANUP(freep)
		char *text = schema_write_jsonschema(kinds[i].type, id, kinds[i].flags);
		fputs(text, stdout);
		return CLI_DONE;
	}
	return cli_usage_error(
		line, "unknown schema '%s': expected topology, space, manifest or zhosts",
		cli_argument(line, 0));
}

static const struct cli_argument operands[] = {
	{.name = "topology|space|manifest|zhosts", .kind = CLI_ARGUMENT_WORD},
	{0},
};

const struct cli_command command_schema = {
	.words = "schema",
	.arguments = operands,
	.summary = "print the JSON Schema of a kind of file, for editors",
	.run = run,
};
