#include "zrun/launch/launch_request.h"

#include <errno.h>
#include <fcntl.h>
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

static int duplicate(struct launch_packet *packet, const struct launch_request *r,
		     struct error **err)
{
	const int from[SPAWN_FDS] = {r->listener_fd, r->log_fd >= 0 ? r->log_fd : STDERR_FILENO,
				     r->status_fd};

	for (int n = 0; n < SPAWN_FDS; n++) {
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

	*packet = (struct launch_packet){.fds = {-1, -1, -1}};
	if (r->module_path[0] != '/')
		return error_set(err, ERR_INVALID, "the module's path is not absolute: %s",
				 r->module_path);
	head.flags = (r->status_fd >= 0 ? (uint32_t)SPAWN_HAS_STATUS : 0) |
		     (without_namespaces ? (uint32_t)SPAWN_WITHOUT_NAMESPACES : 0);
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
	unsigned count = packet->fds[2] >= 0 ? 3 : 2;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(SPAWN_FDS * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec vector = {packet->data, packet->size};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), packet->fds, count * sizeof(int));
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
