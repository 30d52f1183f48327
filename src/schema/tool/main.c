/*
 * Makes C tables at build time from what protoc knows of the .proto files.
 *
 *   schema-tool tables DESCRIPTORS OUTPUT.c      options and comments of every message (tables.h)
 *   schema-tool change DESCRIPTORS OUTPUT.c      what a change of a field means (change.h)
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "schema/tool/change.h"
#include "schema/tool/descriptors.h"
#include "schema/tool/tables.h"

int main(int argc, char **argv)
{
	bool change = argc == 4 && strcmp(argv[1], "change") == 0;
	if (argc != 4 || (!change && strcmp(argv[1], "tables") != 0))
		fail("usage: schema-tool tables|change DESCRIPTORS OUTPUT.c");
	struct descriptors d;
	descriptors_read(&d, argv[2]);
	FILE *out = fopen(argv[3], "w");
	if (out == NULL)
		fail("cannot write %s: %s", argv[3], strerror(errno));
	(change ? change_write : tables_write)(out, &d);
	if (fclose(out) != 0)
		fail("cannot write %s: %s", argv[3], strerror(errno));
	descriptors_done(&d);
	return 0;
}
