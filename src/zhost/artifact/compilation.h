/*
 * A module that is compiled here (adapter/wasm2c). The loop only waits: what reads, checks and writes is
 * done by worker threads, since that takes a second for a large module; the compilers are child processes.
 *
 *     compilation_new() ──► waits ──► start ──► a program runs ◄──► continue ──► done
 *                                  (thread)  (child processes)      (thread)
 *
 * Two at a time, the smallest module first; a small one is begun beyond that where no small one runs, so that it
 * waits for no large one.
 */
#ifndef SAMOZA_ZHOST_ARTIFACT_COMPILATION_H
#define SAMOZA_ZHOST_ARTIFACT_COMPILATION_H

#include <stdint.h>

#include "adapter/uv/loop.h"
#include "base/error.h"

struct compiler;
struct compilation;

/* Its results are in that directory. Looks for the programs when it is first needed. */
struct compiler *compiler_new(struct loop *loop, const char *directory);
/* PRE: every compilation has ended, or was cancelled. What worker threads still do ends with loop_done().
 * NULL is fine. */
void compiler_free(struct compiler *c);

/* `path`: of the native code, borrowed for the call; or NULL and the error, which is taken over. The
 * compilation is gone then. */
typedef void compilation_done_fn(void *user, const char *path, struct error *take_error);

/* Of more bytes a module is a large one. */
#define COMPILATION_SMALL_BYTES (256 * 1024)

/* `memory_bytes`: of the space, which the module must fit into. `done` is not called from within. */
struct compilation *compilation_new(struct compiler *c, const char *module_path,
				    uint64_t memory_bytes, compilation_done_fn *done,
				    void *user);
/* `done` is not called any more. NULL is fine. */
void compilation_cancel(struct compilation *m);

#endif
