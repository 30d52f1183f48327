/*
 * The table of functions that guests import, made from the one list in
 * adapter/wasm2c/imports.h: each entry counts the call (watchdog), refuses it without its
 * capability, and only then calls host_MODULE_FUNCTION().
 */
#include "zrun/wasm/host_table.h"

#include <errno.h>

#include "adapter/wasm2c/imports.h"
#include "zrun/runner/termination.h"
#include "zrun/wasm/guest.h"
#include "zrun/wasm/host_samoza.h"
#include "zrun/wasm/host_wasi.h"

#define WASI_EPERM 63

/* The space did not declare it: logged once per function, so that a loop cannot flood the log. */
static uint32_t deny(struct guest *g, enum import_index index)
{
	const struct import_function *f = import_table;

	while (f->index != (int)index)
		f++;
	if ((g->denied & (1ull << index)) == 0) {
		g->denied |= 1ull << index;
		connection_note(
			g->runner, ZRUN_LEVEL_WARN,
			"%s.%s denied: the space does not declare the capability it needs; "
			"further denied calls are not logged",
			f->module, f->function);
	}
	return f->module[0] == 'w' ? WASI_EPERM : (uint32_t)-EPERM;
}

static bool allowed(const struct guest *g, uint32_t capability)
{
	return (g->runner->request->capabilities & capability) == capability;
}

static void host_enter(struct guest *g)
{
	g->runner->in_host = true;
	g->runner->host_calls++;
}

static void host_leave(struct guest *g)
{
	termination_overdue(g->runner);
	g->runner->in_host = false;
}

/* Parameter lists by signature: typed, and as arguments. */
#define P_v
#define P_i	, uint32_t a
#define P_ii	P_i, uint32_t b
#define P_iii	P_ii, uint32_t c
#define P_iiii	P_iii, uint32_t d
#define P_iiiii P_iiii, uint32_t e
#define P_ili	P_i, uint64_t b, uint32_t c
#define P_ilii	P_ili, uint32_t d
#define A_v
#define A_i	, a
#define A_ii	A_i, b
#define A_iii	A_ii, c
#define A_iiii	A_iii, d
#define A_iiiii A_iiii, e
#define A_ili	A_iii
#define A_ilii	A_iiii

#define RESULT_i(call, refused)                             \
	{                                                   \
		uint32_t result;                            \
		host_enter(g);                              \
		result = refused ? deny(g, index) : (call); \
		host_leave(g);                              \
		return result;                              \
	}
#define RESULT_l(call, refused)  \
	{                        \
		uint64_t result; \
		(void)index;     \
		host_enter(g);   \
		result = (call); \
		host_leave(g);   \
		return result;   \
	}
#define RESULT_v(call, refused) \
	{                       \
		(void)index;    \
		host_enter(g);  \
		call;           \
		host_leave(g);  \
	}
#define TYPE_i uint32_t
#define TYPE_l uint64_t
#define TYPE_v void

#define ENTRY(m, f, p, r, capability)                                        \
	static TYPE_##r enter_##m##_##f(struct guest *g P_##p)               \
	{                                                                    \
		const enum import_index index = IMPORT_##m##_##f;            \
		RESULT_##r(host_##m##_##f(g A_##p), !allowed(g, capability)) \
	}
#define NO_ENTRY(m, f, p, r)
IMPORTS(ENTRY, NO_ENTRY)

#define POINTER(m, f, p, r, c) [IMPORT_##m##_##f] = (void (*)(void))enter_##m##_##f,
void (*const host_functions[])(void) = {IMPORTS(POINTER, NO_ENTRY)};

_Static_assert(IMPORT_HOST_COUNT <= 64, "guest.denied has 64 bits");
