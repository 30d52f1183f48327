#include "zrun/wasm/guest.h"

#include "zrun/runner/termination.h"
#include "zrun/runner/zhost_wait.h"

struct guest the_guest;

void *guest_memory(const struct guest *g, uint32_t at, uint32_t size)
{
	const wasm_rt_memory_t *memory =
		g->module->memory != NULL ? g->module->memory(g->instance) : NULL;

	if (memory == NULL || memory->data == NULL || (uint64_t)at + size > memory->size)
		return NULL;
	return memory->data + at;
}

const char *trap_text(wasm_rt_trap_t trap)
{
	switch (trap) {
	case WASM_RT_TRAP_OOB:
		return "out of bounds memory or table access";
	case WASM_RT_TRAP_INT_OVERFLOW:
		return "integer overflow";
	case WASM_RT_TRAP_DIV_BY_ZERO:
		return "integer divide by zero";
	case WASM_RT_TRAP_INVALID_CONVERSION:
		return "invalid conversion to integer";
	case WASM_RT_TRAP_UNREACHABLE:
		return "unreachable executed";
	case WASM_RT_TRAP_CALL_INDIRECT:
		return "undefined element or wrong type in an indirect call";
	case WASM_RT_TRAP_EXHAUSTION:
		return "call stack exhausted";
	case WASM_RT_TRAP_UNCAUGHT_EXCEPTION:
		return "uncaught exception";
	case WASM_RT_TRAP_NONE:
		break;
	}
	return "unknown trap";
}

void guest_end(struct guest *g)
{
	connection_poll(g->runner);
	end_stopped(g->runner);
}

void guest_finish(struct guest *g)
{
	struct runner *i = g->runner;

	if (i->phase == ZRUN_PHASE_STARTING)
		die(ZRUN_FAILED_EXIT, 0, "exited in %s", i->running);
	if (!runner_stopping(i)) {
		i->stop_cause = ZRUN_STOPPED_FINISHED;
		i->finish_result = 0;
	}
	guest_end(g);
}
