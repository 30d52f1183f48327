/*
 * Quantities of topology.yaml: parse and format. Exact (no floating point), overflow-safe; the
 * whole text must be the quantity, without spaces or sign.
 *
 *   cpu        100m  2  0.5            millicores; at most three decimals
 *   memory     32MiB 8GiB 500MB 4096   bytes; KiB MiB GiB TiB (or Ki ...), kB MB GB TB (1000),
 * B duration   100ms 10s 5m 2h 1d      milliseconds distance   500m 50km 1.5km         metres
 *
 * A number may have decimals where the result is whole: 1.5GiB, 0.5s.
 */
#ifndef SAMOZA_MODEL_QUANTITY_H
#define SAMOZA_MODEL_QUANTITY_H

#include <stdint.h>

#include "base/error.h"

#define CPU_MAX_MILLICORES (1000000u * 1000u)		  /* a million cores */
#define MEMORY_MAX_BYTES   (UINT64_C(1) << 50)		  /* 1 PiB */
#define DURATION_MAX_MS	   (UINT64_C(365) * 86400 * 1000) /* a year */
#define DISTANCE_MAX_M	   UINT64_C(40075000)		  /* once around */

/* All: 0, or ERR_INVALID with a message such as
 * "'2x' is not an amount of cpu: expected millicores (100m) or cores (2, 0.5)". */
int cpu_parse(const char *text, uint32_t *ret_millicores, struct error **err) must_check;
int memory_parse(const char *text, uint64_t *ret_bytes, struct error **err) must_check;
int duration_parse(const char *text, uint64_t *ret_ms, struct error **err) must_check;
int distance_parse(const char *text, uint64_t *ret_m, struct error **err) must_check;

/* The shortest exact text that parses back to the same amount ("100m", "2", "32MiB", "1500ms",
 * "10m"); the caller frees. */
char *cpu_format(uint64_t millicores);
char *memory_format(uint64_t bytes);
char *duration_format(uint64_t ms);
char *distance_format(uint64_t m);

#endif
