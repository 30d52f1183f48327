/*
 * Ids of records in the store (core/outbox.h). The caller frees them.
 */
#ifndef SAMOZA_CORE_CONTROL_RECORD_ID_H
#define SAMOZA_CORE_CONTROL_RECORD_ID_H

#include <stdint.h>

#include "base/str.h"

/* Padded, so that they sort by number. */
static inline char *record_id_revision(const char *application, uint32_t number)
{
	return str_printf("%s/%010u", application, number);
}
static inline char *record_id_slot(const char *application, const char *path)
{
	return str_printf("%s/%s", application, path);
}
static inline char *record_id_copy(const char *application, const char *path, uint64_t epoch)
{
	return str_printf("%s/%s#%llu", application, path, (unsigned long long)epoch);
}

#endif
