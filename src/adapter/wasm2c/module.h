/*
 * The checker of WebAssembly modules: everything that is known to be wrong with a module is
 * said here, before any other program reads it. Specification: [guest-abi.limits].
 *
 * This is a matter of security, not of taste: wasm2c writes names of imports and exports into
 * C comments as they stand (a valid module could inject native code), and a few bytes can
 * make it or the C compiler run for minutes. So
 *
 *   module_check     whole structure, names, imports by allow-list with exact types,
 *                    exports, limits, every function body instruction by instruction
 *                    (not the types on the operand stack: wasm-validate does that)
 *   module_rewrite   what the translator gets: no custom section, of the exports only those
 *                    that zrun calls, indices that can only be 0 as one byte, and active data
 *                    segments empty, or left out where there are many: their content is the image
 *
 * No memory is taken in proportion to a number that the module merely claims.
 */
#ifndef SAMOZA_ADAPTER_WASM2C_MODULE_H
#define SAMOZA_ADAPTER_WASM2C_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapter/wasm2c/image.h"
#include "base/error.h"

#define MODULE_BYTES_MAX (32u * 1024 * 1024)
/* What is compiled: gcc 12 -O1 takes 30 to 45 s of processor time for 1 MiB, and 22 s for one
 * function of 256 KiB; with data of the same sizes 2 s. */
#define MODULE_CODE_MAX	    (1024u * 1024)
#define MODULE_FUNCTION_MAX (256u * 1024)
#define MODULE_PASSIVE_MAX \
	(1024u * 1024) /* all passive data segments: compiled with the code */
/* wasm2c writes a statement for each of these, and gcc 12 -O1 takes 6 s of processor time for 5,000 globals as for
 * 5,000 element segments of one element, 3.4 s for 5,000 data segments; more than in proportion for more. */
#define MODULE_GLOBALS_MAX    5000
#define MODULE_SEGMENTS_MAX   5000   /* of elements; of data up to the last that code names */
#define MODULE_LOCALS_MAX     2000   /* of one function, parameters included */
#define MODULE_NESTING_MAX    1000   /* blocks in blocks */
#define MODULE_TABLE_MAX      100000 /* elements of the table; of all element segments */
#define MODULE_TYPES_MAX      10000
#define MODULE_FUNCTIONS_MAX  100000
#define MODULE_PARAMETERS_MAX 128
#define MODULE_RESULTS_MAX    16
#define MODULE_NAME_MAX	      4096
#define MODULE_PAGE	      65536u
#define MODULE_PAGES_MAX      65535u /* 4 GiB - 64 KiB: byte counts stay 32 bits wide */

enum module_export {
	MODULE_EXPORT_MEMORY = 1 << 0,
	MODULE_EXPORT_ON_INIT = 1 << 1,
	MODULE_EXPORT_ON_PROCESS = 1 << 2,
	MODULE_EXPORT_ON_CLOSE = 1 << 3,
	MODULE_EXPORT_ON_UPDATE = 1 << 4,
	MODULE_EXPORT_START = 1 << 5,	   /* _start */
	MODULE_EXPORT_INITIALIZE = 1 << 6, /* _initialize */
};

struct module_info {
	uint32_t exports;	/* enum module_export bits */
	uint32_t capabilities;	/* enum import_capability bits that its imports ask for */
	uint32_t initial_pages; /* of its memory; 0 without one */
	uint32_t functions;	/* defined ones */
	uint32_t code_bytes;
	uint32_t passive_bytes; /* of data */
	uint32_t data_named;	/* data segments up to the last that code names */
	uint32_t elements;	/* in segments */
	/* Of import_table[i]: imported. */
	bool imports[128];
};

/* memory_bytes: resources.memory of the space; the initial memory must fit.
 * Errors: ERR_LIMIT (a limit above), ERR_UNSUPPORTED (SIMD, threads, reference types),
 * ERR_INVALID (all else); the text gives the offset, and for imports all names at once.
 * Undeclared capabilities are not an error: their calls answer -EPERM. */
int must_check module_check(const uint8_t *data, size_t size, uint64_t memory_bytes,
			    struct module_info *ret_info, struct error **err);

struct module_rewritten {
	uint8_t *data;
	size_t size;
	struct image image;
};

/* Of a module that module_check() accepts. The caller ends *ret with module_rewritten_done(). */
int must_check module_rewrite(const uint8_t *data, size_t size, struct module_rewritten *ret,
			      struct error **err);
void module_rewritten_done(struct module_rewritten *m);

#endif
