/* sys.*, net.*, data.*: [guest-abi.imports]. */
#include "zrun/wasm/host_samoza.h"

#include <errno.h>
#include <string.h>

#include "zrun/runner/clocks.h"
#include "zrun/runner/message_queue.h"
#include "zrun/runner/secret_set.h"
#include "zrun/runner/zhost_wait.h"
#include "zrun/wasm/guest.h"

#define FOREVER		UINT64_MAX
#define CONFIG_NAME_MAX 63

static uint32_t error(int number)
{
	return (uint32_t)-number;
}

/* ---- sys ------------------------------------------------------------------------------- */

uint32_t host_sys_log(struct guest *g, uint32_t level, uint32_t at, uint32_t size)
{
	const char *text = guest_memory(g, at, size);

	if (text == NULL)
		return error(EFAULT);
	if (level > ZRUN_LEVEL_ERROR)
		return error(EINVAL);
	if (size > ZRUN_PAYLOAD_MAX)
		return error(EMSGSIZE);
	while (size > 0) {
		const char *feed = memchr(text, '\n', size);
		uint32_t line = feed != NULL ? (uint32_t)(feed - text) : size;

		log_budget_line(g->runner, (enum zrun_log_level)level, text, line);
		line += feed != NULL;
		text += line;
		size -= line;
	}
	return 0;
}

uint64_t host_sys_now(struct guest *g)
{
	return wall_ms();
}

uint32_t host_sys_sleep(struct guest *g, uint32_t ms)
{
	uint64_t until = mono_ms() + ms;

	if ((int32_t)ms < 0)
		return error(EINVAL);
	do
		connection_wait(g->runner, until);
	while (!runner_stopping(g->runner) && mono_ms() < until);
	return runner_stopping(g->runner);
}

uint32_t host_sys_yield(struct guest *g)
{
	connection_poll(g->runner);
	return runner_stopping(g->runner);
}

/* Copies what fits and gives the whole length. */
static uint32_t give(void *to, uint32_t capacity, const void *value, size_t size)
{
	memcpy(to, value, size < capacity ? size : capacity);
	return (uint32_t)size;
}

uint32_t host_sys_import_get(struct guest *g, uint32_t name, uint32_t name_size, uint32_t to,
			     uint32_t capacity)
{
	const char *wanted = guest_memory(g, name, name_size), *value;
	void *out = guest_memory(g, to, capacity);
	size_t size;

	if (wanted == NULL || out == NULL)
		return error(EFAULT);
	if (name_size > 0 && wanted[0] == '@') /* of the instance, not of an import */
		return error(ENOENT);
	value = import_value(&g->runner->imports, wanted, name_size, &size);
	return value != NULL ? give(out, capacity, value, size) : error(ENOENT);
}

#define CONFIG "@ config " /* zhost/space/settings.h */

uint32_t host_sys_config_get(struct guest *g, uint32_t name, uint32_t name_size, uint32_t to,
			     uint32_t capacity)
{
	const char *wanted = guest_memory(g, name, name_size), *value;
	void *out = guest_memory(g, to, capacity);
	char key[sizeof(SECRET_FILE) + CONFIG_NAME_MAX];
	size_t size;

	if (wanted == NULL || out == NULL)
		return error(EFAULT);
	if (name_size > CONFIG_NAME_MAX)
		return error(ENOENT);
	memcpy(key, CONFIG, sizeof(CONFIG) - 1);
	memcpy(key + sizeof(CONFIG) - 1, wanted, name_size);
	value = import_value(&g->runner->imports, key, sizeof(CONFIG) - 1 + name_size, &size);
	if (value == NULL) {
		memcpy(key, SECRET_FILE, sizeof(SECRET_FILE) - 1);
		memcpy(key + sizeof(SECRET_FILE) - 1, wanted, name_size);
		value = secrets_of(&g->runner->imports, key,
				   sizeof(SECRET_FILE) - 1 + name_size, &size);
	}
	return value != NULL ? give(out, capacity, value, size) : error(ENOENT);
}

/* ---- net ------------------------------------------------------------------------------- */

uint32_t host_net_emit_to(struct guest *g, uint32_t address, uint32_t address_size, uint32_t at,
			  uint32_t size)
{
	struct zrun_emit emit = {.address_size = (uint16_t)address_size};
	const void *to = guest_memory(g, address, address_size);
	const void *payload = guest_memory(g, at, size);

	if (to == NULL || payload == NULL)
		return error(EFAULT);
	if (size > ZRUN_PAYLOAD_MAX)
		return error(EMSGSIZE);
	/* The receiver could not distinguish 0 bytes from "none in time". */
	if (size == 0)
		return error(EINVAL);
	if (address_size == 0 || address_size > ZRUN_ADDRESS_MAX)
		return error(ENOENT);
	return (uint32_t)connection_call(g->runner, ZRUN_EMIT, false,
					 mono_ms() + ZRUN_DATA_WAIT_MS, &emit, sizeof(emit), to,
					 address_size, payload, size);
}

/* Puts the oldest message into the guest's memory. */
static uint32_t deliver(struct guest *g, char *to, uint32_t capacity, char *from,
			uint32_t from_capacity)
{
	const char *sender;
	const uint8_t *payload;
	size_t sender_size, size;

	(void)connection_message(g->runner, &sender, &sender_size, &payload, &size);
	if (size > capacity || (from_capacity > 0 && sender_size >= from_capacity))
		return error(EMSGSIZE);
	memcpy(to, payload, size);
	if (from_capacity > 0) {
		memcpy(from, sender, sender_size);
		from[sender_size] = '\0';
	}
	connection_message_taken(g->runner);
	return (uint32_t)size;
}

/* A wait ends early for an update only where on_update can follow: between on_process. */
static bool update_waits(const struct runner *i)
{
	return i->imports_changed && i->phase == ZRUN_PHASE_STARTED;
}

uint32_t host_net_recv_next(struct guest *g, uint32_t timeout_ms, uint32_t to,
			    uint32_t capacity, uint32_t from, uint32_t from_capacity)
{
	char *out = guest_memory(g, to, capacity);
	char *sender = guest_memory(g, from, from_capacity);
	uint64_t until = (int32_t)timeout_ms < 0 ? FOREVER : mono_ms() + timeout_ms;

	if (out == NULL || sender == NULL)
		return error(EFAULT);
	if (timeout_ms == 0 && g->runner->connection.queue_messages == 0)
		connection_poll(g->runner);
	for (;;) {
		if (runner_stopping(g->runner))
			return error(ESHUTDOWN);
		if (g->runner->connection.queue_messages > 0)
			return deliver(g, out, capacity, sender, from_capacity);
		if (timeout_ms == 0 || update_waits(g->runner) || mono_ms() >= until)
			return 0;
		connection_wait(g->runner, until);
	}
}

/* ---- data ------------------------------------------------------------------------------ */

/* 0, or the error. */
static uint32_t check_key(const void *key, uint32_t size)
{
	if (key == NULL)
		return error(EFAULT);
	if (size == 0)
		return error(EINVAL);
	return size > ZRUN_KEY_MAX ? error(EMSGSIZE) : 0;
}

static int32_t data_call(struct guest *g, enum zrun_frame_type type, const void *key,
			 uint32_t key_size, const void *value, uint32_t size)
{
	struct zrun_data data = {.key_size = (uint16_t)key_size};

	return connection_call(g->runner, type, true, mono_ms() + ZRUN_DATA_WAIT_MS, &data,
			       sizeof(data), key, key_size, value, size);
}

uint32_t host_data_get(struct guest *g, uint32_t key, uint32_t key_size, uint32_t to,
		       uint32_t capacity)
{
	const void *name = guest_memory(g, key, key_size);
	void *out = guest_memory(g, to, capacity);
	uint32_t bad = check_key(name, key_size);
	int32_t status;

	if (out == NULL)
		return error(EFAULT);
	if (bad != 0)
		return bad;
	status = data_call(g, ZRUN_DATA_GET, name, key_size, NULL, 0);
	if (status < 0)
		return (uint32_t)status;
	return give(out, capacity, g->runner->connection.answer,
		    g->runner->connection.answer_size);
}

uint32_t host_data_put(struct guest *g, uint32_t key, uint32_t key_size, uint32_t at,
		       uint32_t size)
{
	const void *name = guest_memory(g, key, key_size);
	const void *value = guest_memory(g, at, size);
	uint32_t bad = check_key(name, key_size);
	int32_t status;

	if (value == NULL)
		return error(EFAULT);
	if (bad != 0)
		return bad;
	if (size > ZRUN_PAYLOAD_MAX)
		return error(EMSGSIZE);
	status = data_call(g, ZRUN_DATA_PUT, name, key_size, value, size);
	return status < 0 ? (uint32_t)status : 0;
}

uint32_t host_data_delete(struct guest *g, uint32_t key, uint32_t key_size)
{
	const void *name = guest_memory(g, key, key_size);
	uint32_t bad = check_key(name, key_size);
	int32_t status;

	if (bad != 0)
		return bad;
	status = data_call(g, ZRUN_DATA_DELETE, name, key_size, NULL, 0);
	return status < 0 ? (uint32_t)status : 0;
}

static uint64_t hash(const char *data, size_t size)
{
	uint64_t h = 14695981039346656037u;

	while (size-- > 0)
		h = (h ^ (unsigned char)*data++) * 1099511628211u;
	return h;
}

/* Keys in a page of { u16 size, key }; the last one is remembered. -1: damaged. */
static int32_t page_keys(struct guest *g, const uint8_t *page, size_t size)
{
	int32_t count = 0;
	size_t at = 0;

	while (at < size) {
		uint16_t key;

		if (size - at < sizeof(key))
			return -1;
		memcpy(&key, page + at, sizeof(key));
		at += sizeof(key);
		if (key > size - at || key > ZRUN_KEY_MAX)
			return -1;
		memcpy(g->list.after, page + at, key);
		g->list.after_size = key;
		at += key;
		count++;
	}
	return count;
}

uint32_t host_data_list(struct guest *g, uint32_t prefix, uint32_t prefix_size, uint32_t to,
			uint32_t capacity, uint32_t cursor)
{
	const char *name = guest_memory(g, prefix, prefix_size);
	void *out = guest_memory(g, to, capacity);
	struct zrun_data_list list = {
		.prefix_size = (uint16_t)prefix_size,
		.skip = cursor,
		.max_bytes = capacity < ZRUN_PAYLOAD_MAX ? capacity : ZRUN_PAYLOAD_MAX,
	};
	uint64_t prefix_hash;
	int32_t status, keys;

	if (name == NULL || out == NULL)
		return error(EFAULT);
	if ((int32_t)cursor < 0)
		return error(EINVAL);
	if (prefix_size > ZRUN_KEY_MAX)
		return error(EMSGSIZE);
	/* The next page continues after the last key given, whatever was deleted meanwhile; any
	 * other cursor counts from the beginning. */
	prefix_hash = hash(name, prefix_size);
	if (cursor > 0 && cursor == g->list.position && prefix_hash == g->list.prefix_hash) {
		list.after_size = (uint16_t)g->list.after_size;
		list.skip = 0;
	}
	status = connection_call(g->runner, ZRUN_DATA_LIST, true, mono_ms() + ZRUN_DATA_WAIT_MS,
				 &list, sizeof(list), name, prefix_size, g->list.after,
				 list.after_size);
	if (status < 0)
		return (uint32_t)status;
	if (g->runner->connection.answer_size > capacity)
		return error(EMSGSIZE);
	keys = page_keys(g, g->runner->connection.answer, g->runner->connection.answer_size);
	if (keys < 0)
		return error(EAGAIN);
	g->list.position = cursor + (uint32_t)keys;
	g->list.prefix_hash = prefix_hash;
	return give(out, capacity, g->runner->connection.answer,
		    g->runner->connection.answer_size);
}
