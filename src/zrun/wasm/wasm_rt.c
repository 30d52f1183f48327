/*
 * What translated modules need at run time (adapter/wasm2c/runtime/wasm-rt.h). Unlike the
 * run-time that comes with wasm2c: the reservation covers the last access of all, memory and
 * tables are limited and never abort, a trap is reported and ends the process.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "zrun/runner/termination.h"
#include "zrun/wasm/guest.h"
#include "zrun/wasm/guest_image.h"

#define PAGE	      65536u
#define FUNC_TYPE_MAX 256 /* parameters and results; the checker allows fewer */

struct func_type {
	uint32_t params;
	uint32_t results;
	uint8_t *types;
};
static struct func_type *func_types;
static uint32_t func_type_count;
static uint32_t func_type_capacity;

bool wasm_rt_is_initialized(void)
{
	return true;
}

void wasm_rt_trap(wasm_rt_trap_t trap)
{
	die(ZRUN_FAILED_TRAP, (int32_t)trap, "trap: %s in %s", trap_text(trap),
	    the_guest.runner->running);
}

__attribute__((noreturn)) static void no_memory(const char *what)
{
	guest_no_memory(&the_guest, what);
}

uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...)
{
	uint8_t types[FUNC_TYPE_MAX];
	va_list args;

	if (params + results > FUNC_TYPE_MAX)
		no_memory("a function type");
	va_start(args, results);
	for (uint32_t n = 0; n < params + results; n++)
		types[n] = (uint8_t)va_arg(args, wasm_rt_type_t);
	va_end(args);
	for (uint32_t n = 0; n < func_type_count; n++)
		if (func_types[n].params == params && func_types[n].results == results &&
		    memcmp(func_types[n].types, types, params + results) == 0)
			return n + 1;
	if (func_type_count == func_type_capacity) {
		func_type_capacity = func_type_capacity == 0 ? 16 : 2 * func_type_capacity;
		func_types =
			reallocarray(func_types, func_type_capacity, sizeof(func_types[0]));
	}
	if (func_types == NULL ||
	    (func_types[func_type_count].types = malloc(params + results + 1)) == NULL)
		no_memory("the list of function types");
	func_types[func_type_count].params = params;
	func_types[func_type_count].results = results;
	memcpy(func_types[func_type_count].types, types, params + results);
	return ++func_type_count;
}

void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t initial_pages,
			     uint32_t max_pages)
{
	uint32_t cap = guest_pages_max(&the_guest);

	if (initial_pages > cap)
		no_memory("the initial memory");
	guest_reserve(&the_guest);
	if (initial_pages > 0 && mprotect(the_guest.memory_base, (size_t)initial_pages * PAGE,
					  PROT_READ | PROT_WRITE) < 0)
		no_memory("the initial memory");
	guest_image_copy(&the_guest);
	memory->data = the_guest.memory_base;
	memory->pages = initial_pages;
	memory->max_pages = max_pages < cap ? max_pages : cap;
	memory->size = initial_pages * PAGE;
}

uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t delta)
{
	uint32_t old = memory->pages;

	if (delta == 0)
		return old;
	if (delta > memory->max_pages || old > memory->max_pages - delta)
		return UINT32_MAX;
	if (mprotect(memory->data + (size_t)old * PAGE, (size_t)delta * PAGE,
		     PROT_READ | PROT_WRITE) < 0)
		return UINT32_MAX;
	memory->pages = old + delta;
	memory->size = memory->pages * PAGE;
	return old;
}

/* An instance ends with its process; these exist because the generated code names them. */
void wasm_rt_free_memory(wasm_rt_memory_t *memory)
{
	(void)munmap(memory->data, GUEST_RESERVE_SIZE);
	memory->data = NULL;
}

void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements,
				    uint32_t max_elements)
{
	table->data = calloc(elements == 0 ? 1 : elements, sizeof(table->data[0]));
	if (table->data == NULL)
		no_memory("the table");
	table->size = elements;
	table->max_size = max_elements;
}

void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table)
{
	free(table->data);
	table->data = NULL;
}
