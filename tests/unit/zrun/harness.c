#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/sandbox/filter.h"
#include "adapter/wasm2c/translate.h"
#include "base/memory.h"
#include "base/str.h"

static char directory[] = "/tmp/samoza-zrun-XXXXXX";
static int directory_fd = -1;
static struct translator *translator;
static struct launcher *launchers[2];
static struct {
	const char *wasm;
	char *so;
} translated[8];

/* The storage that data.* sees: a handful of keys, sorted. */
static struct item {
	char key[64];
	size_t key_size;
	uint8_t value[256];
	size_t value_size;
} items[64];
static size_t item_count;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void no_error(int r, struct error *error)
{
	if (r < 0)
		fail_msg("%s", error != NULL ? error->message : "failed without a word");
}

static struct launcher *new_launcher(bool without_zygote)
{
	struct launcher_options options = {.zrun_path = ZRUN, .without_zygote = without_zygote};
	struct error *error = NULL;
	struct launcher *l;
	void *filter;

	no_error(sandbox_filter_new(&filter, &options.seccomp_size, &error), error);
	options.seccomp_program = filter;
	l = launcher_new(&options);
	no_error(launcher_start(l, &error), error);
	free(filter);
	return l;
}

int play_setup(void **state)
{
	struct translator_options options = {.cache_directory = directory};
	struct error *error = NULL;

	if (mkdtemp(directory) == NULL)
		return -1;
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	no_error(translator_new(&options, &translator, &error), error);
	return 0;
}

int play_teardown(void **state)
{
	DIR *dir;
	struct dirent *entry;

	for (int n = 0; n < 2; n++) {
		launcher_free(launchers[n]);
		launchers[n] = NULL;
	}
	for (size_t n = 0; n < ARRAY_SIZE(translated); n++)
		free(translated[n].so);
	translator_free(translator);
	dir = opendir(directory);
	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	close(directory_fd);
	return rmdir(directory);
}

struct launcher *play_launcher(bool without_zygote)
{
	if (launchers[without_zygote] == NULL)
		launchers[without_zygote] = new_launcher(without_zygote);
	return launchers[without_zygote];
}

int play_directory_fd(void)
{
	return directory_fd;
}

const char *play_translate(const char *wasm)
{
	size_t n = 0;
	struct error *error = NULL;
	char *data;
	size_t size;
	FILE *f;

	if (str_has_suffix(wasm, ".so"))
		return wasm;
	for (; n < ARRAY_SIZE(translated) && translated[n].wasm != NULL; n++)
		if (str_equal(translated[n].wasm, wasm))
			return translated[n].so;
	assert_true(n < ARRAY_SIZE(translated));
	f = fopen(wasm, "rb");
	assert_non_null(f);
	data = mem_calloc(4, 1024 * 1024);
	size = fread(data, 1, 4u << 20, f);
	fclose(f);
	no_error(translate_now(translator, (uint8_t *)data, size, 64ull << 20,
			       &translated[n].so, &error),
		 error);
	translated[n].wasm = wasm;
	free(data);
	return translated[n].so;
}

/* ---- launching -----------------------------------------------------------------------------
 */

static void launched(void *data, pid_t pid, int pidfd, const struct error *error)
{
	struct play *p = data;

	if (pid < 0)
		fail_msg("not launched: %s", error->message);
	p->pid = pid;
	p->pidfd = pidfd;
}

static uint32_t or_default(uint32_t value, uint32_t by_default)
{
	return value != 0 ? value : by_default;
}

void play_start(struct play *p, const struct part *part)
{
	struct launch_variable imports[] = {
		{"test.case", part->test_case != NULL ? part->test_case : ""},
		{"db.ip", "10.0.0.7"},
	};
	struct launch_variable environment[] = {{"SPACE", "probe"}, {"EMPTY", ""}};
	struct launch_request request = {
		.topology = "11111111-2222-3333-4444-555555555555",
		.instance = "api-2/cache",
		.epoch = 7,
		.module_path = play_translate(part->guest),
		.memory_bytes = part->memory_bytes != 0 ? part->memory_bytes : 32ull << 20,
		.capabilities = part->capabilities == NO_CAPABILITIES
					? 0
					: or_default(part->capabilities, ALL_CAPABILITIES),
		.cpu_millicores = part->cpu_millicores,
		.cpu_limit_millicores = part->cpu_limit_millicores,
		.watchdog_ms = part->watchdog_ms,
		.init_ms = part->init_ms,
		.orphan_ms = part->orphan_ms,
		.grace_ms = part->grace_ms,
		.stop_at_ms = part->stop_at_ms,
		.end_at_ms = part->end_at_ms,
		.environment = environment,
		.environment_count = ARRAY_SIZE(environment),
		.imports = imports,
		.imports_count = ARRAY_SIZE(imports),
		.log_fd = -1,
	};
	struct error *error = NULL;
	struct pollfd poll_fd = {.events = POLLIN};

	memset(p, 0, sizeof(*p));
	p->fd = p->pidfd = -1;
	p->status = -2;
	item_count = 0;
	p->launcher = play_launcher(part->without_zygote);
	no_error(launch_listen(directory_fd, "instance.sock", &request.listener_fd, &error),
		 error);
	p->status_fd =
		openat(directory_fd, "status", O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);
	request.status_fd = p->status_fd;
	if (!part->without_connection)
		play_connect(p);
	no_error(launcher_launch(p->launcher, &request, launched, p, &error), error);
	close(request.listener_fd);
	poll_fd.fd = launcher_fd(p->launcher);
	while (p->pid == 0) {
		if (poll(&poll_fd, 1, PLAY_DEADLINE_MS) <= 0)
			fail_msg("the zygote does not answer");
		launcher_process(p->launcher);
	}
}

void play_connect(struct play *p)
{
	struct error *error = NULL;

	no_error(launch_connect(directory_fd, "instance.sock", &p->fd, &error), error);
	p->in_size = 0;
}

void play_disconnect(struct play *p)
{
	close(p->fd);
	p->fd = -1;
}

/* ---- frames
 * ---------------------------------------------------------------------------------- */

static void send_all(struct play *p, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		struct pollfd poll_fd = {.fd = p->fd, .events = POLLOUT};
		ssize_t n = send(p->fd, at, size, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			(void)poll(&poll_fd, 1, 1000);
			continue;
		}
		if (n < 0)
			return; /* it has ended: seen by its pidfd */
		at += n;
		size -= (size_t)n;
	}
}

static void send_frame(struct play *p, enum zrun_frame_type type, uint32_t correlation,
		       const void *a, size_t a_size, const void *b, size_t b_size,
		       const void *c, size_t c_size)
{
	struct zrun_frame frame = {.size = (uint32_t)(a_size + b_size + c_size),
				   .type = (uint16_t)type,
				   .correlation = correlation};
	CLEANUP(freep) char *whole = mem_calloc(1, sizeof(frame) + frame.size + 1);

	memcpy(whole, &frame, sizeof(frame));
	memcpy(whole + sizeof(frame), a, a_size);
	if (b_size > 0)
		memcpy(whole + sizeof(frame) + a_size, b, b_size);
	if (c_size > 0)
		memcpy(whole + sizeof(frame) + a_size + b_size, c, c_size);
	send_all(p, whole, sizeof(frame) + frame.size);
}

void play_send(struct play *p, enum zrun_frame_type type, const void *a, size_t a_size,
	       const void *b, size_t b_size, const void *c, size_t c_size)
{
	send_frame(p, type, 0, a, a_size, b, b_size, c, c_size);
}

void play_message(struct play *p, const char *from, const void *payload, size_t size)
{
	struct zrun_message message = {.from_size = (uint16_t)strlen(from)};

	play_send(p, ZRUN_MESSAGE, &message, sizeof(message), from, strlen(from), payload,
		  size);
}

void play_stop(struct play *p, uint32_t grace_ms)
{
	struct zrun_stop stop = {grace_ms};

	play_send(p, ZRUN_STOP, &stop, sizeof(stop), NULL, 0, NULL, 0);
}

void play_update(struct play *p, const char *name, const char *value)
{
	struct {
		struct zrun_update update;
		struct zrun_import import;
	} __attribute__((packed))
	head = {{1}, {(uint16_t)strlen(name), (uint32_t)strlen(value)}};

	play_send(p, ZRUN_UPDATE, &head, sizeof(head), name, strlen(name), value,
		  strlen(value));
}

static struct item *item_find(const char *key, size_t size)
{
	for (size_t n = 0; n < item_count; n++)
		if (items[n].key_size == size && memcmp(items[n].key, key, size) == 0)
			return &items[n];
	return NULL;
}

static int item_compare(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->key, ((const struct item *)b)->key);
}

static void result(struct play *p, enum zrun_frame_type type, uint32_t correlation,
		   int32_t status, const void *content, size_t size)
{
	struct zrun_result r = {status};

	send_frame(p, type, correlation, &r, sizeof(r), content, size, NULL, 0);
}

static void put(const char *key, size_t key_size, const void *value, size_t size)
{
	struct item *item = item_find(key, key_size);

	if (item == NULL) {
		item = &items[item_count++];
		memset(item, 0, sizeof(*item));
		memcpy(item->key, key, key_size);
		item->key_size = key_size;
	}
	memcpy(item->value, value, size);
	item->value_size = size;
	qsort(items, item_count, sizeof(items[0]), item_compare);
}

static void list(struct play *p, const struct zrun_frame *frame, struct zrun_cursor c)
{
	struct zrun_data_list request = {0};
	const char *prefix = "", *after = "";
	char page[4096];
	size_t size = 0;

	assert_true(zrun_take(&c, &request, sizeof(request)));
	assert_true(zrun_take_bytes(&c, &prefix, request.prefix_size));
	assert_true(zrun_take_bytes(&c, &after, request.after_size));
	for (size_t n = 0; n < item_count; n++) {
		uint16_t key_size = (uint16_t)items[n].key_size;

		if (key_size < request.prefix_size ||
		    memcmp(items[n].key, prefix, request.prefix_size) != 0)
			continue;
		if (request.after_size > 0 &&
		    strncmp(items[n].key, after, request.after_size) <= 0 &&
		    key_size <= request.after_size)
			continue;
		if (request.skip > 0) {
			request.skip--;
			continue;
		}
		if (size + 2 + key_size > request.max_bytes)
			break;
		memcpy(page + size, &key_size, 2);
		memcpy(page + size + 2, items[n].key, key_size);
		size += 2u + key_size;
	}
	result(p, ZRUN_DATA_RESULT, frame->correlation, 0, page, size);
}

static void data(struct play *p, const struct zrun_frame *frame, struct zrun_cursor c)
{
	struct zrun_data request = {0};
	const char *key = "";
	struct item *item;

	if (p->data_silent)
		return;
	if (frame->type == ZRUN_DATA_LIST) {
		list(p, frame, c);
		return;
	}
	assert_true(zrun_take(&c, &request, sizeof(request)));
	assert_true(zrun_take_bytes(&c, &key, request.key_size));
	item = item_find(key, request.key_size);
	if (frame->type == ZRUN_DATA_PUT) {
		put(key, request.key_size, c.at, c.left);
		result(p, ZRUN_DATA_RESULT, frame->correlation, 0, NULL, 0);
	} else if (item == NULL) {
		result(p, ZRUN_DATA_RESULT, frame->correlation, -ENOENT, NULL, 0);
	} else if (frame->type == ZRUN_DATA_GET) {
		result(p, ZRUN_DATA_RESULT, frame->correlation, 0, item->value,
		       item->value_size);
	} else {
		*item = items[--item_count];
		qsort(items, item_count, sizeof(items[0]), item_compare);
		result(p, ZRUN_DATA_RESULT, frame->correlation, 0, NULL, 0);
	}
}

static void emit(struct play *p, const struct zrun_frame *frame, struct zrun_cursor c)
{
	struct zrun_emit request = {0};
	const char *address = "";

	assert_true(zrun_take(&c, &request, sizeof(request)));
	assert_true(zrun_take_bytes(&c, &address, request.address_size));
	memcpy(p->emit_address, address, request.address_size);
	p->emit_address[request.address_size] = '\0';
	memcpy(p->emit_payload, c.at, c.left);
	p->emit_size = c.left;
	if (!p->emit_silent)
		result(p, ZRUN_EMIT_RESULT, frame->correlation, p->emit_status, NULL, 0);
}

static void take_log(struct play *p, struct zrun_cursor c)
{
	struct zrun_log log = {0};

	assert_true(zrun_take(&c, &log, sizeof(log)));
	if (log.source != ZRUN_LOG_GUEST) {
		p->last_note_level = log.level;
		(void)snprintf(p->last_note, sizeof(p->last_note), "%.*s", (int)c.left,
			       (const char *)c.at);
	}
	if (p->log_size + c.left + 4 < sizeof(p->log))
		p->log_size += (size_t)snprintf(p->log + p->log_size,
						sizeof(p->log) - p->log_size, "%d %.*s\n",
						log.level, (int)c.left, (const char *)c.at);
}

static void frame_arrived(struct play *p, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_credit credit = {0};

	assert_true(frame->type < ARRAY_SIZE(p->count));
	p->count[frame->type]++;
	switch ((enum zrun_frame_type)frame->type) {
	case ZRUN_HELLO:
		assert_true(zrun_take(&c, &p->hello, sizeof(p->hello)));
		assert_int_equal(c.left, 36 + strlen("api-2/cache"));
		break;
	case ZRUN_LOG:
		take_log(p, c);
		break;
	case ZRUN_CREDIT:
		assert_true(zrun_take(&c, &credit, sizeof(credit)));
		p->credit_messages += credit.messages;
		p->credit_bytes += credit.bytes;
		break;
	case ZRUN_UPDATED:
		assert_true(zrun_take(&c, &p->updated, sizeof(p->updated)));
		break;
	case ZRUN_EMIT:
		emit(p, frame, c);
		break;
	case ZRUN_DATA_GET:
	case ZRUN_DATA_PUT:
	case ZRUN_DATA_DELETE:
	case ZRUN_DATA_LIST:
		data(p, frame, c);
		break;
	case ZRUN_STOPPED:
		assert_true(zrun_take(&c, &p->stopped, sizeof(p->stopped)));
		break;
	case ZRUN_FAILED:
		assert_true(zrun_take(&c, &p->failed, sizeof(p->failed)));
		(void)snprintf(p->failed_text, sizeof(p->failed_text), "%.*s", (int)c.left,
			       (const char *)c.at);
		break;
	case ZRUN_STARTED:
	case ZRUN_HEALTH:
		break;
	case ZRUN_STOP:
	case ZRUN_MESSAGE:
	case ZRUN_EMIT_RESULT:
	case ZRUN_DATA_RESULT:
	case ZRUN_UPDATE:
	case ZRUN_RENEW:
	case ZRUN_CANCEL:
	case ZRUN_EXEC:
	case ZRUN_EXEC_SIGNAL:
	case ZRUN_SECRET:
	case ZRUN_EXEC_STARTED:
	case ZRUN_EXEC_REFUSED:
	case ZRUN_EXEC_ENDED:
	case ZRUN_KEEPER:
	default:
		fail_msg("frame of type %d from zrun", frame->type);
	}
}

/* One read and its frames; false at the end of the connection. */
static bool take(struct play *p)
{
	ssize_t n = recv(p->fd, p->in + p->in_size, sizeof(p->in) - p->in_size, MSG_DONTWAIT);
	struct zrun_frame frame;
	const uint8_t *body;
	size_t need, at = 0;
	int r;

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0) {
		play_disconnect(p);
		return false;
	}
	p->in_size += (size_t)n;
	while ((r = zrun_frame_parse(p->in + at, p->in_size - at, &frame, &body, &need)) == 1) {
		frame_arrived(p, &frame, body);
		at += need;
	}
	assert_int_equal(r, 0);
	memmove(p->in, p->in + at, p->in_size - at);
	p->in_size -= at;
	return true;
}

static void reap(struct play *p)
{
	struct error *error = NULL;

	no_error(launch_reap(p->pidfd, &p->status, &error), error);
	close(p->pidfd);
	p->pidfd = -1;
}

void play_until(struct play *p, int type)
{
	unsigned before = p->count[type];
	uint64_t deadline = now_ms() + PLAY_DEADLINE_MS;

	while (type == 0 ? p->pidfd >= 0 : p->count[type] == before) {
		struct pollfd fds[2] = {{.fd = p->fd, .events = POLLIN},
					{.fd = p->pidfd, .events = POLLIN}};

		if (now_ms() > deadline || poll(fds, 2, PLAY_DEADLINE_MS) <= 0)
			fail_msg("waited in vain for frame %d; log:\n%s", type, p->log);
		/* What was sent before the end is read before the end is believed. */
		if (fds[0].revents != 0) {
			(void)take(p);
			continue;
		}
		if (fds[1].revents != 0)
			reap(p);
		if (p->pidfd < 0 && type != 0)
			fail_msg("ended (%s: %s) before frame %d; log:\n%s",
				 launch_status_text(p->status), p->failed_text, type, p->log);
	}
	while (type == 0 && p->fd >= 0 && take(p) && p->fd >= 0) {
		struct pollfd more = {.fd = p->fd, .events = POLLIN};

		if (poll(&more, 1, 1000) <= 0)
			break;
	}
}

void play_quiet(struct play *p, int ms)
{
	struct pollfd fd = {.fd = p->fd, .events = POLLIN};

	while (p->fd >= 0 && poll(&fd, 1, ms) > 0)
		(void)take(p);
}

void play_end(struct play *p)
{
	if (p->pidfd >= 0) {
		launch_kill(p->pidfd);
		play_until(p, 0);
	}
	if (p->fd >= 0)
		play_disconnect(p);
	close(p->status_fd);
}

bool play_logged(const struct play *p, const char *text)
{
	return strstr(p->log, text) != NULL;
}

int play_status_file(const struct play *p)
{
	struct zrun_frame frame;

	return pread(p->status_fd, &frame, sizeof(frame), 0) == sizeof(frame) ? frame.type : 0;
}
