/*
 * The programs of the daemons: found, and started as members of the cluster.
 */
#ifndef SAMOZA_STARTZ_PROGRAMS_H
#define SAMOZA_STARTZ_PROGRAMS_H

#include "startz/process.h"
#include "startz/state.h"

/* The path of an executable program in `directory`, by default that of startz. The caller frees. */
int program_find(const char *directory, const char *name, char **ret_path,
		 struct error **err) must_check;
/* Starts `m`; its process is recorded before it begins (startz/process.h). */
int program_start(struct state *s, struct member *m, const struct process_plan *plan,
		  struct error **err) must_check;

#endif
