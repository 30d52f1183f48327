/* A constraint of a placement, and amounts of cpu, memory, time and distance. */
#include "base/check.h"
#include "base/memory.h"
#include "model/constraint.h"
#include "model/quantity.h"
#include "target.h"

static void read_quantities(const char *text)
{
	uint32_t small;
	uint64_t large;
	(void)!cpu_parse(text, &small, NULL);
	(void)!memory_parse(text, &large, NULL);
	(void)!duration_parse(text, &large, NULL);
	(void)!distance_parse(text, &large, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(freep) char *text = mem_memdup(data, size);
	read_quantities(text);
	struct constraint constraint;
	struct error *err = NULL;
	if (constraint_parse(text, &constraint, &err) == 0) {
		(void)constraint_holds_value(&constraint, NULL);
		(void)constraint_holds_value(&constraint, "");
		(void)constraint_holds_value(&constraint, text);
		constraint_done(&constraint);
	} else {
		INVARIANT(err != NULL && err->message[0] != '\0');
		error_free(err);
	}
	return 0;
}
