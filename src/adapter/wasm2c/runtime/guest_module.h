/*
 * What a translated module exports: one constant, `samoza_guest_module`, found by one
 * dlsym(). Written by the glue that is compiled with every module, read by zrun. This file
 * is compiled into every module: a change of it changes the key of every translation.
 */
#ifndef SAMOZA_GUEST_MODULE_H
#define SAMOZA_GUEST_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "wasm-rt.h"

#define GUEST_MODULE_MAGIC 0x4e5a4d53u /* "SMZN" */
/* Made by version 0.1.0: ends before `image`, writes its data by itself. */
#define GUEST_MODULE_MAGIC_1 0x4d5a4d53u /* "SMZM" */

/* Bytes that are in the guest's memory from the start: adapter/wasm2c/image.h. */
struct guest_image_run {
	uint32_t at, size;  /* in the guest's memory */
	uint32_t from;	    /* offset in the image */
	uint32_t is_mapped; /* whole pages of the file that this code was loaded from */
};

/* What the host's functions get first: zrun's state begins with this, and there is one per
 * process. The functions stand in the order of enum import_index, each cast to its exact type. */
struct guest_host {
	void (*const *functions)(void);
};

struct guest_module {
	uint32_t magic;
	uint32_t instance_size;
	uint64_t imports; /* imports_fingerprint() of the translator */
	void (*init)(void);
	/* Data segments, tables, start function: may trap. */
	void (*instantiate)(void *instance, struct guest_host *host);
	/* NULL where the module does not export it. */
	wasm_rt_memory_t *(*memory)(void *instance);
	uint32_t (*on_init)(void *instance);
	uint32_t (*on_process)(void *instance);
	uint32_t (*on_close)(void *instance);
	uint32_t (*on_update)(void *instance);
	void (*start)(void *instance);
	void (*initialize)(void *instance);
	/* NULL without runs. */
	const uint8_t *image;
	const struct guest_image_run *runs;
	uint32_t run_count;
};

#endif
