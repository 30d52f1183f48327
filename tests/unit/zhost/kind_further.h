/* What the runtime of kind_further.c was asked for last. */
#ifndef SAMOZA_TESTS_UNIT_ZHOST_KIND_FURTHER_H
#define SAMOZA_TESTS_UNIT_ZHOST_KIND_FURTHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zhost/process/zrun_process.h"

/* A type that the schema does not have. */
#define FURTHER_TYPE ((Samoza__V1__SpaceType)63)

struct resident;

struct further {
	const char *asked; /* "deploy", "start", ... */
	struct resident *resident;
	size_t imports;
	int64_t grace_ms;
	bool is_running;	   /* the answer to probe() */
	struct exit_report report; /* of a process that an earlier zhost left; error borrowed */
};
extern struct further further;

#endif
