/*
 * Recipes and commands that the keeper runs.
 */
#ifndef SAMOZA_ZRUN_NATIVE_NATIVE_PROGRAMS_H
#define SAMOZA_ZRUN_NATIVE_NATIVE_PROGRAMS_H

#include "zrun/native/native_state.h"

/* SAMOZA_DATA, the directory that outlives an undeploy. NULL: there is none. */
const char *native_kept(const struct native *n);
/* Takes what the program has printed, within reason; or all that is there, and closes it. */
void native_read_outputs(struct native *n, enum job job);
void native_close_outputs(struct native *n, enum job job);
/* Whether the package has this recipe. */
bool native_has_recipe(const struct native *n, const char *name);
/* Runs recipes/NAME as that job; false when it cannot even be asked for (text). */
bool native_start_recipe(struct native *n, enum job job, const char *name);
/* Asks the keeper who listens on the port; the answer comes as n->owner. */
void native_find_port(struct native *n, enum job job, uint16_t port);
/* A program that the keeper is to run as `order` says. */
struct native_program {
	const char *path;
	const struct strings *arguments;
	const char *recipe; /* SAMOZA_RECIPE */
	const char *term;   /* TERM; NULL: not set */
};
/* `files`: standard output, errors and, where `count` is 3, input; borrowed. False with errno. */
bool native_send_program(struct native *n, const struct keeper_order *order,
			 const struct native_program *program, const int *files, size_t count);
/* Runs a line for the shell. What it leaves ends with it. */
bool native_start_command(struct native *n, enum job job, const char *command);
void native_signal(struct native *n, uint32_t id, int number, bool only_first);
/* "exit status 3: last line", or why it could not be run; "" for a successful exit. */
void native_job_error(struct native *n, enum job job, char *text, size_t size);

#endif
