/*
 * The functions of [guest-abi.imports], after the capability check: i32 is uint32_t, i64
 * uint64_t, pointers are offsets into the guest's memory, results are negative errno as
 * uint32_t. WASI's give WASI's own error numbers.
 */
#ifndef SAMOZA_ZRUN_WASM_HOST_H
#define SAMOZA_ZRUN_WASM_HOST_H

#include <stdint.h>

struct runner;

/* host_samoza.c */
uint32_t host_sys_log(struct runner *i, uint32_t level, uint32_t at, uint32_t size);
uint64_t host_sys_now(struct runner *i);
uint32_t host_sys_sleep(struct runner *i, uint32_t ms);
uint32_t host_sys_yield(struct runner *i);
uint32_t host_sys_import_get(struct runner *i, uint32_t name, uint32_t name_size, uint32_t to,
			     uint32_t capacity);
uint32_t host_net_emit_to(struct runner *i, uint32_t address, uint32_t address_size,
			  uint32_t at, uint32_t size);
uint32_t host_net_recv_next(struct runner *i, uint32_t timeout_ms, uint32_t to,
			    uint32_t capacity, uint32_t from, uint32_t from_capacity);
uint32_t host_data_get(struct runner *i, uint32_t key, uint32_t key_size, uint32_t to,
		       uint32_t capacity);
uint32_t host_data_put(struct runner *i, uint32_t key, uint32_t key_size, uint32_t at,
		       uint32_t size);
uint32_t host_data_delete(struct runner *i, uint32_t key, uint32_t key_size);
uint32_t host_data_list(struct runner *i, uint32_t prefix, uint32_t prefix_size, uint32_t to,
			uint32_t capacity, uint32_t cursor);

/* host_wasi.c */
#define WASI_HOST(name, ...) \
	uint32_t host_wasi_snapshot_preview1_##name(struct runner *i, __VA_ARGS__)
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
void host_wasi_snapshot_preview1_proc_exit(struct runner *i, uint32_t code);
uint32_t host_wasi_snapshot_preview1_sched_yield(struct runner *i);
WASI_HOST(poll_oneoff, uint32_t in, uint32_t out, uint32_t count, uint32_t ready);

#endif
