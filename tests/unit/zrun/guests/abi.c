/* One guest, many cases: the import "test.case" says which. A check that fails ends the space
 * with the number of its line as the result of on_process; OK is 1. */
#include <samoza.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK 1
#define CHECK(cond)                      \
	do {                             \
		if (!(cond))             \
			return __LINE__; \
	} while (0)

static char test_case[64];
static char large[70000];
static int rounds;

static bool is(const char *name)
{
	return strcmp(test_case, name) == 0;
}

SAMOZA_ON_INIT(void)
{
	volatile int go = 1;

	if (samoza_import("test.case", test_case, sizeof(test_case)) < 0)
		return 99;
	samoza_log(SAMOZA_INFO, "on_init");
	if (is("init-fails"))
		return 7;
	while (is("init-loops") && go != 0)
		continue;
	while (is("init-sleeps"))
		samoza_sleep(1000);
	if (is("init-traps"))
		__builtin_trap();
	return 0;
}

static int pointers(void)
{
	const char *high = (const char *)0xfffffff0u;
	char text[8];

	CHECK(samoza_log_bytes(1, high, 100) == -SAMOZA_EFAULT);
	CHECK(samoza_log_bytes(1, test_case, 0xffffffffu) == -SAMOZA_EFAULT);
	CHECK(samoza_log_bytes(9, test_case, 1) == -SAMOZA_EINVAL);
	CHECK(samoza_log_bytes(1, large, 65537) == -SAMOZA_EMSGSIZE);
	CHECK(samoza_sleep(-1) == -SAMOZA_EINVAL);
	CHECK(samoza_emit_bytes(high, 4, "x", 1) == -SAMOZA_EFAULT);
	CHECK(samoza_emit_bytes("p", 1, high, 100) == -SAMOZA_EFAULT);
	CHECK(samoza_emit("p", large, 65537) == -SAMOZA_EMSGSIZE);
	CHECK(samoza_emit("p", "x", 0) == -SAMOZA_EINVAL);
	CHECK(samoza_emit("", "x", 1) == -SAMOZA_ENOENT);
	CHECK(samoza_emit_bytes(large, 513, "x", 1) == -SAMOZA_ENOENT);
	CHECK(samoza_recv_next(0, (void *)high, 100, NULL, 0) == -SAMOZA_EFAULT);
	CHECK(samoza_recv_next(0, text, 8, (char *)high, 100) == -SAMOZA_EFAULT);
	CHECK(samoza_recv_next(0, text, 8, NULL, 0) == 0);
	CHECK(samoza_data_get_bytes(high, 100, text, 8) == -SAMOZA_EFAULT);
	CHECK(samoza_data_get_bytes("k", 1, (void *)high, 100) == -SAMOZA_EFAULT);
	CHECK(samoza_get("", text, 8) == -SAMOZA_EINVAL);
	CHECK(samoza_data_put_bytes(large, 1025, "x", 1) == -SAMOZA_EMSGSIZE);
	CHECK(samoza_put("k", large, 65537) == -SAMOZA_EMSGSIZE);
	CHECK(samoza_data_put_bytes("k", 1, high, 100) == -SAMOZA_EFAULT);
	CHECK(samoza_data_delete_bytes(high, 100) == -SAMOZA_EFAULT);
	CHECK(samoza_data_list_page(high, 100, text, 8, 0) == -SAMOZA_EFAULT);
	CHECK(samoza_data_list_page("", 0, (void *)high, 100, 0) == -SAMOZA_EFAULT);
	CHECK(samoza_data_list_page("", 0, text, 8, -1) == -SAMOZA_EINVAL);
	CHECK(samoza_import_get(high, 100, text, 8) == -SAMOZA_EFAULT);
	CHECK(samoza_import_get("db.ip", 5, (char *)high, 100) == -SAMOZA_EFAULT);
	return OK;
}

/* Nothing is declared: every guarded call is denied, the others work. */
static int denied(void)
{
	char text[8];

	CHECK(samoza_log(SAMOZA_INFO, "x") == -SAMOZA_EPERM);
	CHECK(samoza_emit("p", "x", 1) == -SAMOZA_EPERM);
	CHECK(samoza_recv_next(0, text, 8, NULL, 0) == -SAMOZA_EPERM);
	CHECK(samoza_get("k", text, 8) == -SAMOZA_EPERM);
	CHECK(samoza_put("k", "x", 1) == -SAMOZA_EPERM);
	CHECK(samoza_delete("k") == -SAMOZA_EPERM);
	CHECK(samoza_data_list_page("", 0, text, 8, 0) == -SAMOZA_EPERM);
	CHECK(samoza_log_bytes(1, (const char *)0xfffffff0u, 100) == -SAMOZA_EPERM);
	CHECK(samoza_yield() == 0);
	CHECK(samoza_sleep(1) == 0);
	CHECK(samoza_now() > 1500000000000);
	CHECK(samoza_import("test.case", text, sizeof(text)) == 0);
	return OK;
}

static int data(void)
{
	struct samoza_list list = {.prefix = "entry/"};
	char text[16], key[32];
	int count = 0;

	CHECK(samoza_get("a", text, sizeof(text)) == -SAMOZA_ENOENT);
	CHECK(samoza_put("a", "hello", 5) == 0);
	CHECK(samoza_get("a", text, sizeof(text)) == 5 && memcmp(text, "hello", 5) == 0);
	text[2] = '?';
	CHECK(samoza_get("a", text, 2) == 5 && memcmp(text, "he?", 3) == 0);
	CHECK(samoza_put("a", "", 0) == 0 && samoza_get("a", text, sizeof(text)) == 0);
	CHECK(samoza_delete("a") == 0 && samoza_get("a", text, sizeof(text)) == -SAMOZA_ENOENT);
	CHECK(samoza_delete("a") == -SAMOZA_ENOENT);
	for (int n = 0; n < 30; n++) {
		snprintf(key, sizeof(key), "entry/%02d", n);
		CHECK(samoza_put(key, key, (uint32_t)strlen(key)) == 0);
	}
	CHECK(samoza_put("other", "x", 1) == 0);
	/* Pages of four keys; what was given is deleted meanwhile. */
	for (;;) {
		char page[40];
		int32_t size = samoza_data_list_page("entry/", 6, page, sizeof(page), count);

		CHECK(size >= 0 && size % 10 == 0);
		if (size == 0)
			break;
		for (int at = 0; at < size; at += 10, count++) {
			snprintf(key, sizeof(key), "entry/%02d", count);
			CHECK(page[at] == 8 && page[at + 1] == 0);
			CHECK(memcmp(page + at + 2, key, 8) == 0);
			CHECK(samoza_delete(key) == 0);
		}
	}
	CHECK(count == 30);
	CHECK(samoza_list_next(&list, key, sizeof(key)) == 0);
	list = (struct samoza_list){.prefix = ""};
	CHECK(samoza_list_next(&list, key, sizeof(key)) == 1 && strcmp(key, "other") == 0);
	CHECK(samoza_list_next(&list, key, sizeof(key)) == 0);
	return OK;
}

static int imports(void)
{
	char text[16];

	CHECK(samoza_import("db.ip", text, sizeof(text)) == 0 && strcmp(text, "10.0.0.7") == 0);
	CHECK(samoza_import_get("db.ip", 5, text, 2) == 8);
	CHECK(samoza_import("db.ip", text, 4) == -SAMOZA_EMSGSIZE && strcmp(text, "10.") == 0);
	CHECK(samoza_import("db.i", text, sizeof(text)) == -SAMOZA_ENOENT);
	CHECK(samoza_import("db.ipx", text, sizeof(text)) == -SAMOZA_ENOENT);
	return OK;
}

/* emit_to gives what zhost answered: the test sets that to the number in the case's name. */
static int emits(void)
{
	char text[32];
	int r = samoza_emit("rows#store-1", "payload", 7);

	snprintf(text, sizeof(text), "emit gave %d", r);
	samoza_log(SAMOZA_INFO, text);
	return OK;
}

static int echo(void)
{
	char from[SAMOZA_FROM_MAX];
	int32_t size = samoza_recv_next(10000, large, sizeof(large), from, sizeof(from));

	if (size == -SAMOZA_ESHUTDOWN)
		samoza_log(SAMOZA_INFO, "recv: shutdown");
	if (size > 0)
		samoza_reply(from, large, (uint32_t)size);
	return 0;
}

static int small_buffer(void)
{
	char text[4], from[8];

	CHECK(samoza_recv_next(10000, text, 4, NULL, 0) == -SAMOZA_EMSGSIZE);
	CHECK(samoza_recv_next(10000, large, sizeof(large), from, 2) == -SAMOZA_EMSGSIZE);
	CHECK(samoza_recv_next(10000, large, sizeof(large), from, 4) == 5);
	CHECK(strcmp(from, "p#s") == 0 && memcmp(large, "12345", 5) == 0);
	CHECK(samoza_recv_next(0, large, sizeof(large), NULL, 0) == 0);
	return OK;
}

/* Takes what it gets without ever answering. */
static int sink(void)
{
	int32_t size = samoza_recv_next(10000, large, sizeof(large), NULL, 0);

	if (size > 0 && ++rounds % 100 == 0)
		samoza_log(SAMOZA_INFO, "100 more");
	return 0;
}

static int eat(void)
{
	char text[64];
	unsigned before = (unsigned)__builtin_wasm_memory_size(0);
	unsigned after;

	while (__builtin_wasm_memory_grow(0, 1) != (size_t)-1) {
		after = (unsigned)__builtin_wasm_memory_size(0);
		/* Touched: the pages are there. */
		memset((void *)((after - 1) * 65536), 1, 65536);
	}
	after = (unsigned)__builtin_wasm_memory_size(0);
	if (__builtin_wasm_memory_grow(0, 0xffff) != (size_t)-1)
		return __LINE__;
	snprintf(text, sizeof(text), "grew from %u to %u pages", before, after);
	samoza_log(SAMOZA_INFO, text);
	return OK;
}

static int recursion(int n)
{
	volatile char frame[100];

	frame[n % 100] = (char)n;
	if (n < 0)
		return 0;
	return recursion(n + 1) + frame[(n + 1) % 100];
}

SAMOZA_ON_PROCESS(void)
{
	volatile int go = 1;

	if (is("pointers"))
		return pointers();
	if (is("denied"))
		return denied();
	if (is("data"))
		return data();
	if (is("imports"))
		return imports();
	if (is("emits"))
		return emits();
	if (is("small-buffer"))
		return small_buffer();
	if (is("sink"))
		return sink();
	if (is("busy"))
		return samoza_sleep(100000);
	if (is("eat"))
		return eat();
	if (is("flood")) {
		char line[101] = "";

		memset(line, 'x', 100);
		for (int i = 0; i < 20000; i++)
			samoza_log(SAMOZA_INFO, line);
		return OK;
	}
	if (is("finish"))
		return 42;
	if (is("trap"))
		__builtin_trap();
	if (is("recursion"))
		return recursion(1);
	if (is("loop"))
		samoza_log(SAMOZA_INFO, "looping");
	while (is("loop") && go != 0)
		continue;
	/* Longer than the watchdog of the test in all, but it calls the host now and then. */
	if (is("long")) {
		int64_t start = samoza_now();

		while (samoza_now() - start < 1500)
			samoza_yield();
		return OK;
	}
	if (is("spin-until-stop")) {
		samoza_log(SAMOZA_INFO, "spinning");
		while (samoza_yield() == 0)
			continue;
		samoza_log(SAMOZA_INFO, "yield said stop");
		return 0;
	}
	if (is("data-away")) {
		int64_t start = samoza_now();
		int r = samoza_put("k", "v", 1);
		char text[64];

		snprintf(text, sizeof(text), "put gave %d after %s", r,
			 samoza_now() - start >= 4900 ? "5 s" : "less");
		samoza_log(SAMOZA_INFO, text);
		return OK;
	}
	return echo();
}

SAMOZA_ON_UPDATE(void)
{
	char text[64] = "db.ip is now ";

	samoza_import("db.ip", text + 13, sizeof(text) - 13);
	samoza_log(SAMOZA_INFO, text);
	char config[64] = "app.conf is ";
	if (samoza_config("app.conf", config + 12, sizeof(config) - 12) < 0)
		strcpy(config, "there is no app.conf");
	samoza_log(SAMOZA_INFO, config);
	return is("update-fails") ? 5 : 0;
}

SAMOZA_ON_CLOSE(void)
{
	volatile int go = 1;

	samoza_log(SAMOZA_INFO, "on_close");
	if (is("close-puts"))
		return samoza_put("last", "words", 5);
	while (is("close-loops") && go != 0)
		continue;
	return 0;
}
