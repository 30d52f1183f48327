/*
 * The run-time that C code written by wasm2c 1.0.32 is compiled against: our own, smaller
 * than the one shipped with it, with the faults of that one mended (src/zrun/wasm_rt.c).
 * The types and names are wasm2c's. This file is compiled into every module: a change of it
 * changes the key of every translation.
 */
#ifndef SAMOZA_WASM_RT_H
#define SAMOZA_WASM_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNLIKELY(x)	    __builtin_expect(!!(x), 0)
#define LIKELY(x)	    __builtin_expect(!!(x), 1)
#define wasm_rt_memcpy	    __builtin_memcpy
#define wasm_rt_unreachable __builtin_unreachable
#define WASM_RT_NO_RETURN   __attribute__((noreturn))

/* gcc makes a call of libgcc's __popcountdi2 of these, and a module is linked with no library. */
static inline uint32_t wasm_rt_popcount(uint64_t value)
{
	value -= value >> 1 & 0x5555555555555555u;
	value = (value & 0x3333333333333333u) + (value >> 2 & 0x3333333333333333u);
	return (uint32_t)(((value + (value >> 4)) & 0x0f0f0f0f0f0f0f0fu) *
				  0x0101010101010101u >>
			  56);
}
#define __builtin_popcount(x)	wasm_rt_popcount(x)
#define __builtin_popcountll(x) wasm_rt_popcount(x)

/* Out of bounds is found by guard pages: 64-bit machines only. */
#define WASM_RT_MEMCHECK_SIGNAL_HANDLER 1
#define WASM_RT_USE_STACK_DEPTH_COUNT	0

typedef enum {
	WASM_RT_TRAP_NONE,
	WASM_RT_TRAP_OOB,
	WASM_RT_TRAP_INT_OVERFLOW,
	WASM_RT_TRAP_DIV_BY_ZERO,
	WASM_RT_TRAP_INVALID_CONVERSION,
	WASM_RT_TRAP_UNREACHABLE,
	WASM_RT_TRAP_CALL_INDIRECT,
	WASM_RT_TRAP_UNCAUGHT_EXCEPTION,
	WASM_RT_TRAP_EXHAUSTION,
} wasm_rt_trap_t;

typedef enum {
	WASM_RT_I32,
	WASM_RT_I64,
	WASM_RT_F32,
	WASM_RT_F64,
	WASM_RT_FUNCREF,
	WASM_RT_EXTERNREF,
} wasm_rt_type_t;

typedef void (*wasm_rt_function_ptr_t)(void);

typedef struct {
	uint32_t func_type; /* from wasm_rt_register_func_type, never 0 */
	wasm_rt_function_ptr_t func;
	void *module_instance;
} wasm_rt_funcref_t;

typedef void *wasm_rt_externref_t;

static const wasm_rt_funcref_t wasm_rt_funcref_null_value = {0, NULL, NULL};
static const wasm_rt_externref_t wasm_rt_externref_null_value = NULL;

typedef struct {
	uint8_t *data;
	uint32_t pages, max_pages;
	uint32_t size; /* bytes; pages is at most 65,535, so it fits */
} wasm_rt_memory_t;

typedef struct {
	wasm_rt_funcref_t *data;
	uint32_t max_size;
	uint32_t size;
} wasm_rt_funcref_table_t;

/* Reference types are refused; the generated preamble still names these. */
typedef struct {
	wasm_rt_externref_t *data;
	uint32_t max_size;
	uint32_t size;
} wasm_rt_externref_table_t;

bool wasm_rt_is_initialized(void);
WASM_RT_NO_RETURN void wasm_rt_trap(wasm_rt_trap_t trap);
uint32_t wasm_rt_register_func_type(uint32_t params, uint32_t results, ...);
void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint32_t initial_pages,
			     uint32_t max_pages);
uint32_t wasm_rt_grow_memory(wasm_rt_memory_t *memory, uint32_t delta);
void wasm_rt_free_memory(wasm_rt_memory_t *memory);
void wasm_rt_allocate_funcref_table(wasm_rt_funcref_table_t *table, uint32_t elements,
				    uint32_t max_elements);
void wasm_rt_free_funcref_table(wasm_rt_funcref_table_t *table);

#endif
