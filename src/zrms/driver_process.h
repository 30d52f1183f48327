/*
 * One process of a driver, or of a command that is notified: what it is told, what it writes, how it ends.
 */
#ifndef SAMOZA_ZRMS_DRIVER_PROCESS_H
#define SAMOZA_ZRMS_DRIVER_PROCESS_H

#include <stdbool.h>

#include "adapter/uv/loop.h"
#include "base/buffer.h"
#include "base/error.h"

/* How it ended; borrowed for the call. */
struct driver_end {
	int status;	 /* as of waitpid() */
	bool is_late;	 /* its time was over: it was killed */
	const char *out; /* what it wrote; ends with a NUL */
	const char *err;
	bool is_cut; /* `out` is the beginning: it wrote more than 1 MiB */
};

struct driver_process;
typedef void driver_end_fn(void *user, const struct driver_end *end);

struct driver_program {
	const char *path;
	const char *directory; /* in which it begins */
	/* From the name of the program on; none: the path alone. */
	char *const *arguments;
	size_t argument_count;
};

/* As driver_process_new(), with arguments. All of `program` is borrowed for the call. */
int driver_process_run(struct loop *loop, const struct driver_program *program,
		       const char *input, size_t size, int64_t timeout_ms, driver_end_fn *done,
		       void *user, struct driver_process **ret_process,
		       struct error **err) must_check;
/* `directory`: its own, in which it begins. `input`: its standard input, whole. `done` is called once, from the loop; then it is to be freed. */
int driver_process_new(struct loop *loop, const char *path, const char *directory,
		       const char *input, size_t size, int64_t timeout_ms, driver_end_fn *done,
		       void *user, struct driver_process **ret_process,
		       struct error **err) must_check;
/* Kills it and all that it has started, if it runs. NULL is fine; also from inside `done`. */
void driver_process_free(struct driver_process *process);

#endif
