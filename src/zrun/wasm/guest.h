/*
 * A WebAssembly guest: its module, memory and stack. There is one per process.
 *
 *   guest_life.c   loading, on_init ... on_close: the kind
 *   host_table.c   the functions that a guest imports, after the capability check
 *   host_samoza.c  sys, net, data       host_wasi.c  WASI
 *   wasm_rt.c      what translated code needs: memory, tables, traps
 *   guest_image.c  address space and start image of the memory
 *   guest.c        the state
 *
 * Each uses those below it.
 */
#ifndef SAMOZA_ZRUN_WASM_GUEST_H
#define SAMOZA_ZRUN_WASM_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "adapter/wasm2c/runtime/guest_module.h"
#include "zrun/runner/runner.h"

#define GUEST_STACK_SIZE (1024 * 1024)
/* Address space only. More than the largest frame that the code of a module can have: what is
 * compiled without stack probes, as by clang 14 on arm64, does not step over it either. */
#define GUEST_STACK_GUARD (256ul * 1024 * 1024)
/* An i64 at the highest offset of the highest address ends 7 bytes beyond 8 GiB. */
#define GUEST_RESERVE_SIZE ((8ull << 30) + 65536)

struct guest {
	struct guest_host host; /* first: the guest's imports get a pointer to this */
	struct runner *runner;

	const struct guest_module *module;
	void *instance;	      /* wasm2c's */
	uint8_t *memory_base; /* reservation */
	uint8_t *stack_base;  /* guard first, then the stack */
	uint64_t denied;      /* bit per import: the denial was logged */

	/* What environ_get() gives: strings with their NULs, as environ_sizes_get() found them last; NULL: it did not. */
	struct {
		char *data;
		uint32_t size, count;
	} environment;

	/* data.list continues where it ended: see host_samoza.c */
	struct {
		char after[ZRUN_KEY_MAX];
		size_t after_size;
		uint32_t position;
		uint64_t prefix_hash;
	} list;
};

/* Of this process; for wasm2c's run-time, which gets no argument. */
extern struct guest the_guest;

/* The guest's memory from `at` on, `size` bytes; NULL when that is outside. */
void *guest_memory(const struct guest *g, uint32_t at, uint32_t size);
const char *trap_text(wasm_rt_trap_t trap);
/* The guest has exited with success (proc_exit(0)): STOPPED. */
__attribute__((noreturn)) void guest_finish(struct guest *g);
/* Takes what zhost still sends, then STOPPED. */
__attribute__((noreturn)) void guest_end(struct guest *g);

#endif
