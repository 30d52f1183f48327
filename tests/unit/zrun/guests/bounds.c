/* Every pointer that the host takes: where it is refused, and where not. Ends with 1, or with 1000 times the
 * number of the pointer in the list below and the line of the check that failed. */
#include <samoza.h>

#define OK	  1
#define PAGE	  65536u
#define PAGES_MAX 65535u

#define WASI(name, ...) \
	SAMOZA_IMPORT("wasi_snapshot_preview1", #name) int32_t wasi_##name(__VA_ARGS__)
WASI(args_get, uint32_t pointers, uint32_t strings);
WASI(args_sizes_get, uint32_t count, uint32_t size);
WASI(environ_get, uint32_t pointers, uint32_t strings);
WASI(environ_sizes_get, uint32_t count, uint32_t size);
WASI(clock_res_get, uint32_t clock, uint32_t to);
WASI(clock_time_get, uint32_t clock, uint64_t precision, uint32_t to);
WASI(random_get, uint32_t to, uint32_t size);
WASI(fd_write, uint32_t fd, uint32_t vectors, uint32_t count, uint32_t written);
WASI(fd_fdstat_get, uint32_t fd, uint32_t to);
WASI(poll_oneoff, uint32_t in, uint32_t out, uint32_t count, uint32_t ready);

static char room[PAGE];

static uint32_t at(const void *p)
{
	return (uint32_t)(uintptr_t)p;
}

static const char *text(uint32_t p)
{
	return (const char *)(uintptr_t)p;
}

static char *to(uint32_t p)
{
	return (char *)(uintptr_t)p;
}

static uint32_t sizes[2]; /* how many strings, and their bytes */

static int32_t write_vector(uint32_t p, uint32_t n)
{
	const uint32_t vector[] = {p, n};

	return wasi_fd_write(1, at(vector), 1, at(room));
}

/* Each pointer `p`; the others of its call are good.
 *
 *   X(name, error numbers, size of what is there, call)     size 0: `n` of the call */
enum { ARGUMENTS = 1000, ARGUMENT_BYTES, ENVIRONMENT, ENVIRONMENT_BYTES }; /* asked for */
/* clang-format off */
#define POINTERS(X) \
	X(log_text, ERRNO, 0, samoza_log_bytes(1, text(p), n)) \
	X(import_name, ERRNO, 0, samoza_import_get(text(p), n, room, 8)) \
	X(import_to, ERRNO, 0, samoza_import_get("db.ip", 5, to(p), n)) \
	X(config_name, ERRNO, 0, samoza_config_get(text(p), n, room, 8)) \
	X(config_to, ERRNO, 0, samoza_config_get("app.conf", 8, to(p), n)) \
	X(emit_address, ERRNO, 0, samoza_emit_bytes(text(p), n, "x", 1)) \
	X(emit_payload, ERRNO, 0, samoza_emit_bytes("p", 1, text(p), n)) \
	X(recv_to, ERRNO, 0, samoza_recv_next(0, to(p), n, NULL, 0)) \
	X(recv_from, ERRNO, 0, samoza_recv_next(0, room, 8, to(p), n)) \
	X(get_key, ERRNO, 0, samoza_data_get_bytes(text(p), n, room, 8)) \
	X(get_to, ERRNO, 0, samoza_data_get_bytes("k", 1, to(p), n)) \
	X(put_key, ERRNO, 0, samoza_data_put_bytes(text(p), n, "x", 1)) \
	X(put_value, ERRNO, 0, samoza_data_put_bytes("k", 1, text(p), n)) \
	X(delete_key, ERRNO, 0, samoza_data_delete_bytes(text(p), n)) \
	X(list_prefix, ERRNO, 0, samoza_data_list_page(text(p), n, room, 8, 0)) \
	X(list_to, ERRNO, 0, samoza_data_list_page("", 0, to(p), n, 0)) \
	X(random_to, WASI, 0, wasi_random_get(p, n)) \
	X(vector_text, WASI, 0, write_vector(p, n)) \
	X(args_count, WASI, 4, wasi_args_sizes_get(p, at(room))) \
	X(args_size, WASI, 4, wasi_args_sizes_get(at(room), p)) \
	X(args_pointers, WASI, ARGUMENTS, wasi_args_get(p, at(room))) \
	X(args_strings, WASI, ARGUMENT_BYTES, wasi_args_get(at(room), p)) \
	X(environ_count, WASI, 4, wasi_environ_sizes_get(p, at(room))) \
	X(environ_size, WASI, 4, wasi_environ_sizes_get(at(room), p)) \
	X(environ_pointers, WASI, ENVIRONMENT, wasi_environ_get(p, at(room))) \
	X(environ_strings, WASI, ENVIRONMENT_BYTES, wasi_environ_get(at(room), p)) \
	X(resolution, WASI, 8, wasi_clock_res_get(1, p)) \
	X(clock_time, WASI, 8, wasi_clock_time_get(1, 0, p)) \
	X(vectors, WASI, 16, wasi_fd_write(1, p, n / 8, at(room))) \
	X(written, WASI, 4, wasi_fd_write(2, at(room), 0, p)) \
	X(fdstat, WASI, 24, wasi_fd_fdstat_get(1, p)) \
	X(poll_in, WASI, 3 * 48, wasi_poll_oneoff(p, at(room), n / 48, at(room))) \
	X(poll_out, WASI, 3 * 32, wasi_poll_oneoff(at(room), p, n / 32, at(room))) \
	X(poll_ready, WASI, 4, wasi_poll_oneoff(at(room), at(room), 1, p))
/* clang-format on */

#define ERRNO_FAULT -SAMOZA_EFAULT
#define WASI_FAULT  21
#define FUNCTION(name, numbers, size, call)         \
	static int32_t name(uint32_t p, uint32_t n) \
	{                                           \
		(void)n;                            \
		return call;                        \
	}
POINTERS(FUNCTION)

struct pointer {
	int32_t (*call)(uint32_t p, uint32_t n);
	int32_t fault;
	uint32_t size;
};
#define ENTRY(name, numbers, size, call) {name, numbers##_FAULT, size},
static const struct pointer pointers[] = {POINTERS(ENTRY)};
#define COUNT (sizeof(pointers) / sizeof(pointers[0]))

static uint32_t memory_end(void)
{
	return (uint32_t)__builtin_wasm_memory_size(0) * PAGE;
}

static uint32_t size_of(uint32_t size)
{
	if (size == ARGUMENTS || size == ARGUMENT_BYTES)
		(void)wasi_args_sizes_get(at(&sizes[0]), at(&sizes[1]));
	if (size == ENVIRONMENT || size == ENVIRONMENT_BYTES)
		(void)wasi_environ_sizes_get(at(&sizes[0]), at(&sizes[1]));
	if (size == ARGUMENTS || size == ENVIRONMENT)
		return 4 * sizes[0];
	return size == ARGUMENT_BYTES || size == ENVIRONMENT_BYTES ? sizes[1] : size;
}

/* A call for the pointer `p` is refused, or is not. */
#define FAULTS(p, size)                               \
	do {                                          \
		if (x->call((p), (size)) != x->fault) \
			return __LINE__;              \
	} while (0)
#define WORKS(p, size)                                \
	do {                                          \
		if (x->call((p), (size)) == x->fault) \
			return __LINE__;              \
	} while (0)

/* What is read there is nothing in particular: no text, no time to wait. */
static void clear(uint32_t end)
{
	__builtin_memset(room, 0, sizeof(room));
	__builtin_memset(to(end - 4096), 0, 4096);
}

static int check_sized(const struct pointer *x, uint32_t end)
{
	uint32_t size = size_of(x->size);

	if (size == 0 || size > 4096)
		return __LINE__;
	clear(end);
	WORKS(end - size, size);
	FAULTS(end - size + 1, size);
	FAULTS(end - 1, size);
	FAULTS(end, size);
	FAULTS(0u - size, size);
	FAULTS(0xffffffffu, size);
	return 0;
}

static int check(const struct pointer *x)
{
	uint32_t end = memory_end();

	if (x->size != 0)
		return check_sized(x, end);
	clear(end);
	WORKS(end - 8, 8);
	FAULTS(end - 7, 8);
	FAULTS(end - 1, 2);
	FAULTS(end, 1);
	FAULTS(0xffffffffu, 1);
	FAULTS(0xffffffffu, 2); /* the sum begins again at 0 */
	FAULTS(0xfffffff0u, 100);
	FAULTS(1, 0xffffffffu);
	FAULTS(end, 0u - end);
	FAULTS(0xffffffffu, 0xffffffffu);
	/* Nothing is at the end of the memory, and not beyond it. */
	WORKS(end, 0);
	FAULTS(end + 1, 0);
	FAULTS(0xffffffffu, 0);
	return 0;
}

static int check_all(void)
{
	for (unsigned n = 0; n < COUNT; n++) {
		int line = check(&pointers[n]);

		if (line != 0)
			return (int)(1000 * (n + 1)) + line;
	}
	return 0;
}

/* What two pointers of a call share. */
static int overlap(void)
{
	char both[8] = "db.ip";

	if (samoza_import_get(both, 5, both, sizeof(both)) != 8 || both[0] != '1')
		return __LINE__;
	clear(memory_end());
	if (wasi_poll_oneoff(at(room), at(room) + 1, 1024, at(room) + 2) != 0)
		return __LINE__;
	if (samoza_recv_next(0, both, sizeof(both), both, sizeof(both)) != 0)
		return __LINE__;
	return 0;
}

/* One page more; and as many as there can be. */
static int grow(uint32_t pages)
{
	if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1)
		return __LINE__;
	return check_all();
}

SAMOZA_ON_PROCESS(void)
{
	int line = grow(1);

	if (line == 0)
		line = grow(1);
	if (line == 0)
		line = grow(PAGES_MAX - (uint32_t)__builtin_wasm_memory_size(0));
	if (line == 0 && __builtin_wasm_memory_grow(0, 1) != (size_t)-1)
		line = __LINE__;
	if (line == 0)
		line = overlap();
	return line == 0 ? OK : line;
}
