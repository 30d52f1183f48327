/*
 * Writes src/schema's tables (schema/tables.h) as C.
 */
#ifndef SAMOZA_SCHEMA_TOOL_TABLES_H
#define SAMOZA_SCHEMA_TOOL_TABLES_H

#include <stdio.h>

#include "schema/tool/descriptors.h"

void tables_write(FILE *out, const struct descriptors *d);

#endif
