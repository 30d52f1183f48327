/*
 * Samoza for spaces in C: what a WebAssembly space can call, and what it exports.
 *
 *   #include <samoza.h>
 *
 *   SAMOZA_ON_PROCESS(void)
 *   {
 *           char text[256], from[SAMOZA_FROM_MAX];
 *           int32_t size = samoza_recv_next(1000, text, sizeof(text), from, sizeof(from));
 *
 *           if (size > 0)
 *                   samoza_reply(from, text, size);
 *           return 0;
 *   }
 *
 * Calls return 0 or more on success and a negative error otherwise; the numbers are Linux's,
 * whatever <errno.h> of the guest's libc says, so compare with the SAMOZA_E... names. A call
 * whose capability the space does not declare returns -SAMOZA_EPERM. Build flags and the
 * command are in guest/flags; docs/guest-sdk.md describes everything. Works with wasi-libc
 * and without any libc.
 */
#ifndef SAMOZA_H
#define SAMOZA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what a space exports ------------------------------------------------------------- */

#define SAMOZA_EXPORT(name) __attribute__((export_name(name), visibility("default")))

/* Once, after load. 0: success; any other number: the start has failed. At most 5 s, together
 * with initialisation of the libc and static constructors. Optional. */
#define SAMOZA_ON_INIT SAMOZA_EXPORT("on_init") int on_init
/* Again and again. 0: continue; any other number: the space has finished and asks to be
 * stopped. */
#define SAMOZA_ON_PROCESS SAMOZA_EXPORT("on_process") int on_process
/* Once, on a graceful stop, within the grace period (default 10 s). Optional. */
#define SAMOZA_ON_CLOSE SAMOZA_EXPORT("on_close") int on_close
/* Between two calls of on_process when imports changed. Any number but 0 is recorded as
 * a failure; the space continues. Optional. */
#define SAMOZA_ON_UPDATE SAMOZA_EXPORT("on_update") int on_update

/* ---- errors and limits ------------------------------------------------------------------ */

enum samoza_error {
	SAMOZA_EPERM = 1,	   /* the capability is not declared */
	SAMOZA_ENOENT = 2,	   /* no such path, key, import */
	SAMOZA_EIO = 5,		   /* the stored value is damaged */
	SAMOZA_EAGAIN = 11,	   /* try again: a full queue, storage not reachable */
	SAMOZA_EFAULT = 14,	   /* a pointer outside the memory */
	SAMOZA_EINVAL = 22,	   /* an invalid argument */
	SAMOZA_ENOSPC = 28,	   /* the quota of data is used up, or the disk is full */
	SAMOZA_EMSGSIZE = 90,	   /* too large */
	SAMOZA_ESHUTDOWN = 108,	   /* a stop was requested */
	SAMOZA_EHOSTUNREACH = 113, /* no started instance is there */
	SAMOZA_ESTALE = 116,	   /* a newer instance has replaced this one */
};

#define SAMOZA_MESSAGE_MAX 65536 /* bytes of a message, and of a value of data */
#define SAMOZA_KEY_MAX	   1024	 /* bytes of a key */
#define SAMOZA_FROM_MAX	   513	 /* room for any "path#sender" with its NUL */

enum samoza_level {
	SAMOZA_DEBUG = 0,
	SAMOZA_INFO = 1,
	SAMOZA_WARN = 2,
	SAMOZA_ERROR = 3,
};

/* ---- calls ------------------------------------------------------------------------------ */

#define SAMOZA_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))

/* One line (several, where it holds line feeds) to the space's log. Capability sys.log. */
SAMOZA_IMPORT("sys", "log")
int32_t samoza_log_bytes(int32_t level, const char *text, uint32_t size);

/* Wall clock, milliseconds since 1970. */
SAMOZA_IMPORT("sys", "now") int64_t samoza_now(void);

/* Waits. Returns 1 when a stop was requested and it returns early, otherwise 0. */
SAMOZA_IMPORT("sys", "sleep") int32_t samoza_sleep(int32_t ms);

/* Lets the runtime work; returns 1 when a stop was requested. Call it in long computations: a
 * space that calls nothing for longer than its watchdog (30 s) is killed. */
SAMOZA_IMPORT("sys", "yield") int32_t samoza_yield(void);

/* Value of an import by "provider.variable". Copies what fits, without a NUL, and returns the
 * whole length; -ENOENT. See samoza_import() for C strings. */
SAMOZA_IMPORT("sys", "import_get")
int32_t samoza_import_get(const char *name, uint32_t name_size, char *to, uint32_t capacity);

/* A file of the space's `config`, by its name, as it is now: after on_update it may be another one. Copies what fits, without a
 * NUL, and returns the whole length; -ENOENT. See samoza_config() for C strings. */
SAMOZA_IMPORT("sys", "config_get")
int32_t samoza_config_get(const char *name, uint32_t name_size, char *to, uint32_t capacity);

/* Sends to the other end of a declared path ("rows"), or to exactly one sender
 * ("rows#store", from samoza_recv_next). 1 to SAMOZA_MESSAGE_MAX bytes. 0: on its way;
 * -EAGAIN: the queue is full; -ENOENT: no such path; -EHOSTUNREACH: no started instance is
 * there. Capability net.emit. */
SAMOZA_IMPORT("net", "emit_to")
int32_t samoza_emit_bytes(const char *path, uint32_t path_size, const void *data,
			  uint32_t size);

/* The next message: its size; 0 when none arrived in time; -ESHUTDOWN once a stop was
 * requested;
 * -EMSGSIZE leaves the message in place because it (or its sender) does not fit. timeout_ms
 * -1 waits indefinitely. `from` gets "path#sender" with a NUL; pass NULL and 0 to ignore it.
 * Capability net.recv. */
SAMOZA_IMPORT("net", "recv_next")
int32_t samoza_recv_next(int32_t timeout_ms, void *to, uint32_t capacity, char *from,
			 uint32_t from_capacity);

/* The space's own durable storage. get: copies what fits and returns the whole length, or
 * -ENOENT. put: durable when it returns 0. Both wait up to 5 s for the storage, then return
 * -EAGAIN. Capabilities data.read and data.write. */
SAMOZA_IMPORT("data", "get")
int32_t samoza_data_get_bytes(const void *key, uint32_t key_size, void *to, uint32_t capacity);
SAMOZA_IMPORT("data", "put")
int32_t samoza_data_put_bytes(const void *key, uint32_t key_size, const void *value,
			      uint32_t size);
SAMOZA_IMPORT("data", "delete")
int32_t samoza_data_delete_bytes(const void *key, uint32_t key_size);

/* A page of the keys with a prefix, in byte order: each as a 16-bit size (low
 * byte first) and the key itself. Returns the bytes written, 0 at the end. `cursor` is the
 * number of keys that were returned before; see samoza_list_next(). -EMSGSIZE when not even one
 * key fits. Capability data.read. */
SAMOZA_IMPORT("data", "list")
int32_t samoza_data_list_page(const void *prefix, uint32_t prefix_size, void *to,
			      uint32_t capacity, int32_t cursor);

/* ---- the same for C strings --------------------------------------------------------- */

static inline uint32_t samoza_length(const char *s)
{
	uint32_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

static inline int32_t samoza_log(enum samoza_level level, const char *text)
{
	return samoza_log_bytes((int32_t)level, text, samoza_length(text));
}

static inline int32_t samoza_emit(const char *path, const void *data, uint32_t size)
{
	return samoza_emit_bytes(path, samoza_length(path), data, size);
}

/* Sends to the sender of a message: `from` is what samoza_recv_next returned. */
static inline int32_t samoza_reply(const char *from, const void *data, uint32_t size)
{
	return samoza_emit(from, data, size);
}

static inline int32_t samoza_get(const char *key, void *to, uint32_t capacity)
{
	return samoza_data_get_bytes(key, samoza_length(key), to, capacity);
}

static inline int32_t samoza_put(const char *key, const void *value, uint32_t size)
{
	return samoza_data_put_bytes(key, samoza_length(key), value, size);
}

static inline int32_t samoza_delete(const char *key)
{
	return samoza_data_delete_bytes(key, samoza_length(key));
}

/* What came into `to`, ended with a NUL: 0, or an error. */
static inline int32_t samoza_end_text(int32_t size, char *to, uint32_t capacity)
{
	if (size < 0)
		return size;
	if ((uint32_t)size >= capacity) {
		if (capacity > 0)
			to[capacity - 1] = '\0';
		return -SAMOZA_EMSGSIZE;
	}
	to[size] = '\0';
	return 0;
}

/* An import as a C string: 0, -ENOENT, or -EMSGSIZE (cut, still terminated). */
static inline int32_t samoza_import(const char *name, char *to, uint32_t capacity)
{
	return samoza_end_text(samoza_import_get(name, samoza_length(name), to, capacity), to,
			       capacity);
}

/* A file of `config` as a C string: 0, -ENOENT, or -EMSGSIZE (cut, still terminated). */
static inline int32_t samoza_config(const char *name, char *to, uint32_t capacity)
{
	return samoza_end_text(samoza_config_get(name, samoza_length(name), to, capacity), to,
			       capacity);
}

/*
 * All keys with a prefix:
 *
 *   struct samoza_list list = {.prefix = "entry/"};
 *   char key[SAMOZA_KEY_MAX + 1];
 *   while ((r = samoza_list_next(&list, key, sizeof(key))) == 1)
 *           ...
 */
struct samoza_list {
	const char *prefix;
	int32_t cursor;
	uint32_t at;
	uint32_t size;
	char page[4096];
};

/* 1: a key, with its NUL; 0: no more; or an error (-EMSGSIZE: key does not fit). */
static inline int32_t samoza_list_next(struct samoza_list *list, char *key, uint32_t capacity)
{
	uint32_t size;

	if (list->at >= list->size) {
		int32_t r = samoza_data_list_page(list->prefix, samoza_length(list->prefix),
						  list->page, sizeof(list->page), list->cursor);

		if (r <= 0)
			return r;
		list->at = 0;
		list->size = (uint32_t)r;
	}
	size = (uint8_t)list->page[list->at] | (uint32_t)(uint8_t)list->page[list->at + 1] << 8;
	if (size >= capacity)
		return -SAMOZA_EMSGSIZE;
	for (uint32_t n = 0; n < size; n++)
		key[n] = list->page[list->at + 2 + n];
	key[size] = '\0';
	list->at += 2 + size;
	list->cursor++;
	return 1;
}

#ifdef __cplusplus
}
#endif

#endif
