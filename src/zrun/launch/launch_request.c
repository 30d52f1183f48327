#include "zrun/launch/launch_request.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"

static uint32_t or_default(uint32_t value, uint32_t by_default)
{
	return value != 0 ? value : by_default;
}

/* With its NUL. */
static int add_string(struct buffer *b, const char *s)
{
	return buffer_add(b, s, strlen(s) + 1);
}

static int add_variables(struct buffer *b, const struct launch_variable *variables,
			 size_t count)
{
	int failed = 0;

	for (size_t n = 0; n < count; n++) {
		failed |= buffer_add_string(b, variables[n].name);
		failed |= buffer_add_string(b, "=");
		failed |= add_string(b, variables[n].value);
	}
	return failed;
}

static int add_imports(struct buffer *b, const struct launch_request *r)
{
	int failed = 0;

	for (size_t n = 0; n < r->imports_count; n++) {
		failed |= add_string(b, r->imports[n].name);
		failed |= add_string(b, r->imports[n].value);
	}
	return failed;
}

static struct spawn_request header(const struct launch_request *r, uint32_t sequence)
{
	return (struct spawn_request){
		.magic = SPAWN_MAGIC,
		.sequence = sequence,
		.epoch = r->epoch,
		.memory_bytes = r->memory_bytes,
		.stop_at_ms = r->stop_at_ms,
		.end_at_ms = r->end_at_ms,
		.capabilities = r->capabilities,
		.cpu_millicores = r->cpu_millicores,
		.cpu_limit_millicores = r->cpu_limit_millicores,
		.watchdog_ms = or_default(r->watchdog_ms, 30000),
		.init_ms = or_default(r->init_ms, 5000),
		.orphan_ms = or_default(r->orphan_ms, 600000),
		.grace_ms = or_default(r->grace_ms, 10000),
		.topology_size = (uint32_t)strlen(r->topology) + 1,
		.instance_size = (uint32_t)strlen(r->instance) + 1,
		.module_size = (uint32_t)strlen(r->module_path) + 1,
		.environment_count = (uint32_t)r->environment_count,
		.imports_count = (uint32_t)r->imports_count,
		.settings_count = (uint32_t)r->settings_count,
	};
}

/* ---- secrets ---- */

/* Whole into the buffers of a stream: its other end may be read by a process that is not there yet. One of 32 KiB fits into those
 * that every socket has; of pipes the kernel may give a user who has many two pages. */
static int write_secret(int fd, const struct launch_secret *s)
{
	struct zrun_secret head = {.key_size = (uint16_t)strlen(s->key),
				   .value_size = (uint32_t)s->size};
	struct iovec parts[] = {{&head, sizeof(head)},
				{(void *)(uintptr_t)s->key, head.key_size},
				{(void *)(uintptr_t)s->value, s->size}};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
	ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

	return n == (ssize_t)(sizeof(head) + head.key_size + s->size) ? 0 : -1;
}

static int add_streams(struct launch_packet *packet, const struct launch_request *r,
		       struct error **err)
{
	if (r->secrets_count > ZRUN_SECRETS_MAX)
		return error_set(err, ERR_LIMIT, "%s has too many secrets", r->instance);
	for (size_t n = 0; n < r->secrets_count; n++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
			return error_errno(err, "cannot make a stream for its secrets");
		CLEANUP(closep) int to = ends[1];
		packet->fds[SPAWN_FDS_FIRST + n] = ends[0];
		if (write_secret(to, &r->secrets[n]) < 0)
			return error_errno(err, "cannot hand over its secrets");
	}
	return 0;
}

static int duplicate(struct launch_packet *packet, const struct launch_request *r,
		     struct error **err)
{
	const int from[] = {r->listener_fd, r->log_fd >= 0 ? r->log_fd : STDERR_FILENO,
			    r->status_fd};

	for (int n = 0; n < 3; n++) {
		if (from[n] < 0 && n == 2)
			continue;
		packet->fds[n] = fcntl(from[n], F_DUPFD_CLOEXEC, 0);
		if (packet->fds[n] < 0)
			return error_errno(err, "cannot duplicate descriptor %d", from[n]);
	}
	return 0;
}

int launch_packet_init(struct launch_packet *packet, const struct launch_request *r,
		       uint32_t sequence, const void *filter, size_t filter_size,
		       uid_t unprivileged_uid, bool without_namespaces, struct error **err)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(SPAWN_MAX);
	struct spawn_request head = header(r, sequence);
	size_t mark;
	int failed, result;

	*packet = (struct launch_packet){0};
	for (size_t n = 0; n < SPAWN_FDS; n++)
		packet->fds[n] = -1;
	if (r->module_path[0] != '/')
		return error_set(err, ERR_INVALID, "the module's path is not absolute: %s",
				 r->module_path);
	head.flags = (r->status_fd >= 0 ? (uint32_t)SPAWN_HAS_STATUS : 0) |
		     (without_namespaces ? (uint32_t)SPAWN_WITHOUT_NAMESPACES : 0);
	head.secrets_count = (uint32_t)r->secrets_count;
	head.unprivileged_uid = unprivileged_uid;
	if (r->seccomp_program != NULL) {
		filter = r->seccomp_program;
		filter_size = r->seccomp_size;
	}
	head.filter_size = (uint32_t)filter_size;
	failed = buffer_add(&b, &head, sizeof(head));
	failed |= add_string(&b, r->topology);
	failed |= add_string(&b, r->instance);
	failed |= add_string(&b, r->module_path);
	mark = b.size;
	failed |= add_variables(&b, r->environment, r->environment_count);
	head.environment_size = (uint32_t)(b.size - mark);
	mark = b.size;
	failed |= add_imports(&b, r);
	head.imports_size = (uint32_t)(b.size - mark);
	mark = b.size;
	failed |= add_variables(&b, r->settings, r->settings_count);
	head.settings_size = (uint32_t)(b.size - mark);
	if (filter_size > 0)
		failed |= buffer_add(&b, filter, filter_size);
	if (failed != 0)
		return error_set(err, ERR_LIMIT,
				 "imports and environment of %s are too large to start it: "
				 "at most %u KiB in all",
				 r->instance, SPAWN_MAX / 1024);
	head.size = (uint32_t)b.size;
	memcpy(b.data, &head, sizeof(head));
	result = duplicate(packet, r, err);
	if (result == 0)
		result = add_streams(packet, r, err);
	if (result < 0) {
		launch_packet_done(packet);
		return result;
	}
	packet->size = b.size;
	packet->data = buffer_steal(&b);
	return 0;
}

int launch_packet_send(const struct launch_packet *packet, int socket)
{
	int fds[SPAWN_FDS];
	unsigned count = 0;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(SPAWN_FDS * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec vector = {packet->data, packet->size};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	for (unsigned n = 0; n < SPAWN_FDS; n++)
		if (packet->fds[n] >= 0)
			fds[count++] = packet->fds[n];
	message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -1 : 0;
}

void launch_packet_done(struct launch_packet *packet)
{
	for (int n = 0; n < SPAWN_FDS; n++) {
		closep(&packet->fds[n]);
		packet->fds[n] = -1;
	}
	if (packet->data != NULL)
		explicit_bzero(packet->data, packet->size); /* there may be a token in it */
	free(packet->data);
	packet->data = NULL;
}
