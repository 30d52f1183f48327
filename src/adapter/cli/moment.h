/* Moments that people name: "2026-11-28T14:30:00Z", "2026-11-28T14:30:00.250Z". */
#ifndef SAMOZA_ADAPTER_CLI_MOMENT_H
#define SAMOZA_ADAPTER_CLI_MOMENT_H

#include <stdint.h>

#include "base/error.h"

#define CLI_TIME_SIZE 32

/* Wall clock. ERR_INVALID: it is none. */
int cli_time_parse(const char *text, int64_t *ret_wall_ms, struct error **err) must_check;
/* The same the other way. */
void cli_time_text(int64_t wall_ms, char text[CLI_TIME_SIZE]);

#endif
