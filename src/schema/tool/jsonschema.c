/*
 * Writes the JSON Schema of a kind of file, for editors and for packaging.
 *
 *   schema-json topology|space|manifest|zhosts OUTPUT
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
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

int main(int argc, char **argv)
{
	size_t kind = ARRAY_SIZE(kinds);
	for (size_t i = 0; argc == 3 && i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(argv[1], kinds[i].name) == 0)
			kind = i;
	}
	if (kind == ARRAY_SIZE(kinds)) {
		fputs("usage: schema-json topology|space|manifest|zhosts OUTPUT\n", stderr);
		return 2;
	}
	CLEANUP(freep) char *id = str_printf("urn:samoza:v1:%s", argv[1]);
	CLEANUP(freep)
	char *text = schema_write_jsonschema(kinds[kind].type, id, kinds[kind].flags);
	FILE *out = fopen(argv[2], "w");
	if (out == NULL || fputs(text, out) == EOF || fclose(out) != 0) {
		fprintf(stderr, "schema-json: cannot write %s: %s\n", argv[2], strerror(errno));
		return 1;
	}
	return 0;
}
