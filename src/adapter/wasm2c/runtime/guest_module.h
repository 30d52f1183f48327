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

#define GUEST_MODULE_MAGIC 0x4d5a4d53u /* "SMZM" */

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
};

#endif
