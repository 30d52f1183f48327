/* Reads files; fills in the machine that a simulated zhost would have. */

#include "zsim/scenario/files.h"

#include <stdio.h>

#include "schema/message.h"
#include "schema/yaml.h"

int file_read(const char *file, char **ret_text, size_t *ret_size, struct error **err)
{
	FILE *in = fopen(file, "re");
	if (in == NULL)
		return error_errno(err, "cannot open %s", file);
	char *text = mem_calloc(1, SCHEMA_TEXT_MAX + 2);
	size_t size = fread(text, 1, SCHEMA_TEXT_MAX + 1, in);
	int r = 0;
	if (ferror(in) != 0)
		r = error_errno(err, "cannot read %s", file);
	(void)fclose(in);
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

void zhost_fill_machine(Samoza__V1__ZhostSpec *spec)
{
	if (spec->cpu == NULL)
		schema_set_string(&spec->cpu, NULL, "64");
	if (spec->memory == NULL)
		schema_set_string(&spec->memory, NULL, "256GiB");
}
