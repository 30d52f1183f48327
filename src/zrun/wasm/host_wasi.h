/*
 * WASI of [guest-abi.wasi], after the capability check. Its results are its own error numbers.
 */
#ifndef SAMOZA_ZRUN_WASM_HOST_WASI_H
#define SAMOZA_ZRUN_WASM_HOST_WASI_H

#include <stdint.h>

struct guest;

#define WASI_HOST(name, ...) \
	uint32_t host_wasi_snapshot_preview1_##name(struct guest *g, __VA_ARGS__)
WASI_HOST(args_get, uint32_t pointers, uint32_t strings);
WASI_HOST(args_sizes_get, uint32_t count, uint32_t bytes);
WASI_HOST(environ_get, uint32_t pointers, uint32_t strings);
WASI_HOST(environ_sizes_get, uint32_t count, uint32_t bytes);
WASI_HOST(clock_res_get, uint32_t clock, uint32_t to);
WASI_HOST(clock_time_get, uint32_t clock, uint64_t precision, uint32_t to);
WASI_HOST(random_get, uint32_t to, uint32_t size);
WASI_HOST(fd_write, uint32_t fd, uint32_t vectors, uint32_t count, uint32_t written);
WASI_HOST(fd_close, uint32_t fd);
WASI_HOST(fd_seek, uint32_t fd, uint64_t offset, uint32_t whence, uint32_t to);
WASI_HOST(fd_fdstat_get, uint32_t fd, uint32_t to);
WASI_HOST(fd_prestat_get, uint32_t fd, uint32_t to);
WASI_HOST(fd_prestat_dir_name, uint32_t fd, uint32_t to, uint32_t size);
void host_wasi_snapshot_preview1_proc_exit(struct guest *g, uint32_t code);
uint32_t host_wasi_snapshot_preview1_sched_yield(struct guest *g);
WASI_HOST(poll_oneoff, uint32_t in, uint32_t out, uint32_t count, uint32_t ready);

/* What was written without a line feed, as log lines. */
struct runner;
void wasi_flush(struct runner *i);

#endif
