/*
 * The functions that a module may import: one table, used by the checker of modules
 * (exact types), by the glue compiled into each module (order), and by zrun's host
 * functions (order and capability). Specification: [guest-abi.imports].
 *
 *   H(module, function, parameters, result, capability)   answered by zrun
 *   N(module, function, parameters, result)                answered ENOSYS by the glue
 *
 * Parameters and results: i is i32, l is i64, v is none. The order of the H entries is the
 * order of struct guest_host's functions; changing any entry changes imports_fingerprint(),
 * so that modules compiled before are compiled again.
 */
#ifndef SAMOZA_ADAPTER_WASM2C_IMPORTS_H
#define SAMOZA_ADAPTER_WASM2C_IMPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Capabilities as bits; the same values as in zrun/protocol.h, which zrun checks. */
enum import_capability {
	IMPORT_CAP_NONE = 0,
	IMPORT_CAP_SYS_LOG = 1 << 0,
	IMPORT_CAP_NET_EMIT = 1 << 1,
	IMPORT_CAP_NET_RECV = 1 << 2,
	IMPORT_CAP_DATA_READ = 1 << 3,
	IMPORT_CAP_DATA_WRITE = 1 << 4,
};

/* clang-format off */
#define IMPORTS_SAMOZA(H)                                     \
	H(sys, log, iii, i, IMPORT_CAP_SYS_LOG)               \
	H(sys, now, v, l, IMPORT_CAP_NONE)                    \
	H(sys, sleep, i, i, IMPORT_CAP_NONE)                  \
	H(sys, yield, v, i, IMPORT_CAP_NONE)                  \
	H(sys, import_get, iiii, i, IMPORT_CAP_NONE)          \
	H(sys, config_get, iiii, i, IMPORT_CAP_NONE)          \
	H(net, emit_to, iiii, i, IMPORT_CAP_NET_EMIT)         \
	H(net, recv_next, iiiii, i, IMPORT_CAP_NET_RECV)      \
	H(data, get, iiii, i, IMPORT_CAP_DATA_READ)           \
	H(data, put, iiii, i, IMPORT_CAP_DATA_WRITE)          \
	H(data, delete, ii, i, IMPORT_CAP_DATA_WRITE)         \
	H(data, list, iiiii, i, IMPORT_CAP_DATA_READ)

#define IMPORTS_WASI(H, N, W)                                 \
	H(W, args_get, ii, i, IMPORT_CAP_NONE)                \
	H(W, args_sizes_get, ii, i, IMPORT_CAP_NONE)          \
	H(W, environ_get, ii, i, IMPORT_CAP_NONE)             \
	H(W, environ_sizes_get, ii, i, IMPORT_CAP_NONE)       \
	H(W, clock_res_get, ii, i, IMPORT_CAP_NONE)           \
	H(W, clock_time_get, ili, i, IMPORT_CAP_NONE)         \
	H(W, random_get, ii, i, IMPORT_CAP_NONE)              \
	H(W, fd_write, iiii, i, IMPORT_CAP_SYS_LOG)           \
	H(W, fd_close, i, i, IMPORT_CAP_NONE)                 \
	H(W, fd_seek, ilii, i, IMPORT_CAP_NONE)               \
	H(W, fd_fdstat_get, ii, i, IMPORT_CAP_NONE)           \
	H(W, fd_prestat_get, ii, i, IMPORT_CAP_NONE)          \
	H(W, fd_prestat_dir_name, iii, i, IMPORT_CAP_NONE)    \
	H(W, proc_exit, i, v, IMPORT_CAP_NONE)                \
	H(W, sched_yield, v, i, IMPORT_CAP_NONE)              \
	H(W, poll_oneoff, iiii, i, IMPORT_CAP_NONE)           \
	N(W, fd_advise, illi, i)                              \
	N(W, fd_allocate, ill, i)                             \
	N(W, fd_datasync, i, i)                               \
	N(W, fd_fdstat_set_flags, ii, i)                      \
	N(W, fd_fdstat_set_rights, ill, i)                    \
	N(W, fd_filestat_get, ii, i)                          \
	N(W, fd_filestat_set_size, il, i)                     \
	N(W, fd_filestat_set_times, illi, i)                  \
	N(W, fd_pread, iiili, i)                              \
	N(W, fd_pwrite, iiili, i)                             \
	N(W, fd_read, iiii, i)                                \
	N(W, fd_readdir, iiili, i)                            \
	N(W, fd_renumber, ii, i)                              \
	N(W, fd_sync, i, i)                                   \
	N(W, fd_tell, ii, i)                                  \
	N(W, path_create_directory, iii, i)                   \
	N(W, path_filestat_get, iiiii, i)                     \
	N(W, path_filestat_set_times, iiiilli, i)             \
	N(W, path_link, iiiiiii, i)                           \
	N(W, path_open, iiiiillii, i)                         \
	N(W, path_readlink, iiiiii, i)                        \
	N(W, path_remove_directory, iii, i)                   \
	N(W, path_rename, iiiiii, i)                          \
	N(W, path_symlink, iiiii, i)                          \
	N(W, path_unlink_file, iii, i)                        \
	N(W, proc_raise, i, i)                                \
	N(W, sock_accept, iii, i)                             \
	N(W, sock_recv, iiiiii, i)                            \
	N(W, sock_send, iiiii, i)                             \
	N(W, sock_shutdown, ii, i)
/* clang-format on */

#define IMPORTS(H, N) IMPORTS_SAMOZA(H) IMPORTS_WASI(H, N, wasi_snapshot_preview1)

/* host_sys_log, host_data_get, ..., host_wasi_snapshot_preview1_fd_write: indices. */
#define IMPORT_INDEX_(m, f, p, r, c) IMPORT_##m##_##f,
#define IMPORT_NO_INDEX_(m, f, p, r)
enum import_index { IMPORTS(IMPORT_INDEX_, IMPORT_NO_INDEX_) IMPORT_HOST_COUNT };

struct import_function {
	const char *module;
	const char *function;
	const char *parameters; /* "iil", "" for none */
	char result;		/* 'i', 'l', 'v' */
	int index;		/* enum import_index, or -1: ENOSYS */
	uint32_t capability;	/* enum import_capability */
};

extern const struct import_function import_table[];
extern const size_t import_count;

/* Names need not be terminated. NULL where there is no such function. */
const struct import_function *import_find(const char *module, size_t module_size,
					  const char *function, size_t function_size);
bool import_module_known(const char *module, size_t module_size);
/* 64-bit hash over the whole table. */
uint64_t imports_fingerprint(void);

#endif
