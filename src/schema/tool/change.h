/*
 * Writes the table of what a change of each field of topology.yaml means (model/change.h) as C.
 *
 * A field declares it with the option `change`; a field of a message type passes it to the fields
 * below, unless they have their own. Fails with the field's name where a field of a topology has
 * neither its own nor an inherited one, and where a field has one that nothing reads.
 */
#ifndef SAMOZA_SCHEMA_TOOL_CHANGE_H
#define SAMOZA_SCHEMA_TOOL_CHANGE_H

#include <stdio.h>

#include "schema/tool/descriptors.h"

void change_write(FILE *out, const struct descriptors *d);

#endif
