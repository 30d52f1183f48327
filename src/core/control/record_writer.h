/*
 * Writes what changed since the last flush as records, each once, with its final value.
 */
#ifndef SAMOZA_CORE_CONTROL_RECORD_WRITER_H
#define SAMOZA_CORE_CONTROL_RECORD_WRITER_H

#include "core/control/deployment.h"

struct control;

/* Ends a flush: writes what is marked, and clears the marks. */
void records_write(struct control *c);
/* The deployment is about to be freed: deletes its records. */
void records_delete(struct control *c, const struct deployment *d);
/* A name whose local data zhosts have yet to delete; `epoch` 0: they all have. */
void records_write_forgotten(struct control *c, const char *name, uint64_t epoch);

#endif
