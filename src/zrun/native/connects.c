#include "zrun/native/connects.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define STACK_BYTES ((size_t)128 * 1024)
#define CUT_MAX	    16
#define FASTOPEN    0x20000000u
/* Linux 6.6: the program runs on at once where this thread was. */
#define SYNC_WAKE_UP _IOW('!', 4, uint64_t)
/* Linux 6.9: of a thread that is not the first of its process. */
#define PIDFD_THREAD_ O_EXCL

/* An IPv4 address as IPv6 has it. */
struct closed {
	struct in6_addr address;
	in_port_t port; /* as in a packet */
};

/* A connection that was begun for a call that a signal has interrupted: what the call would have said is said to the one
 * that takes its place. */
struct cut {
	uint64_t socket; /* SO_COOKIE; 0: none */
	int error;
};

static struct {
	struct closed closed[CONNECTS_LIST];
	unsigned closed_count;
	int listener;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t begun;
	bool has_listener, has_failed;
	unsigned threads, idle;
	struct cut cut[CUT_MAX];
	unsigned cut_next;
} all = {.listener = -1, .lock = PTHREAD_MUTEX_INITIALIZER, .begun = PTHREAD_COND_INITIALIZER};

/* ---- what is closed ---- */

static bool address_read(const char *text, struct in6_addr *to)
{
	struct in_addr four;

	if (inet_pton(AF_INET6, text, to) == 1)
		return true;
	if (inet_pton(AF_INET, text, &four) != 1)
		return false;
	*to = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(&to->s6_addr[12], &four, sizeof(four));
	return true;
}

static void closed_read(const char *at)
{
	char address[INET6_ADDRSTRLEN];
	unsigned port;
	int size;

	for (; all.closed_count < CONNECTS_LIST &&
	       sscanf(at, "%45s %u\n%n", address, &port, &size) == 2;
	     at += size) {
		struct closed *c = &all.closed[all.closed_count];

		c->port = htons((uint16_t)port);
		all.closed_count += address_read(address, &c->address);
	}
}

/* One of this machine can be bound to; the kernel alone knows all of them at any time. */
static bool is_local(const struct in6_addr *address, uint32_t scope)
{
	struct sockaddr_in6 six = {
		.sin6_family = AF_INET6, .sin6_addr = *address, .sin6_scope_id = scope};
	struct sockaddr_in four = {.sin_family = AF_INET};
	bool is_four = IN6_IS_ADDR_V4MAPPED(address);
	int fd = socket(is_four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return true;
	memcpy(&four.sin_addr, &address->s6_addr[12], sizeof(four.sin_addr));
	r = is_four ? bind(fd, (struct sockaddr *)&four, sizeof(four))
		    : bind(fd, (struct sockaddr *)&six, sizeof(six));
	/* EINVAL: of a link that is not named; another one does not listen there. */
	r = r < 0 && errno == EADDRNOTAVAIL ? -1 : 0;
	close(fd);
	return r == 0;
}

static bool is_closed(const struct in6_addr *address, in_port_t port, uint32_t scope)
{
	for (unsigned n = 0; n < all.closed_count; n++) {
		const struct closed *c = &all.closed[n];

		if (c->port == port && (memcmp(&c->address, address, sizeof(*address)) == 0 ||
					(is_local(&c->address, 0) && is_local(address, scope))))
			return true;
	}
	return false;
}

static bool is_refused(const struct sockaddr_storage *to, socklen_t size)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)to;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)to;
	struct in6_addr mapped = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

	if (to->ss_family == AF_INET && size >= sizeof(*four)) {
		memcpy(&mapped.s6_addr[12], &four->sin_addr, sizeof(four->sin_addr));
		return is_closed(&mapped, four->sin_port, 0);
	}
	return to->ss_family == AF_INET6 &&
	       size >= offsetof(struct sockaddr_in6, sin6_scope_id) &&
	       is_closed(&six->sin6_addr, six->sin6_port,
			 size >= sizeof(*six) ? six->sin6_scope_id : 0);
}

/* ---- of the program ---- */

static int process_open(pid_t thread)
{
	int fd = (int)syscall(SYS_pidfd_open, thread, 0);
	char path[40], line[80];
	int process = 0;
	FILE *status;

	if (fd < 0)
		fd = (int)syscall(SYS_pidfd_open, thread, PIDFD_THREAD_);
	if (fd >= 0)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	connects_fork_begin(); /* it takes memory */
	status = fopen(path, "re");
	while (status != NULL && process == 0 && fgets(line, sizeof(line), status) != NULL)
		(void)sscanf(line, "Tgid: %d", &process);
	if (status != NULL)
		(void)fclose(status);
	connects_fork_end();
	return process > 0 ? (int)syscall(SYS_pidfd_open, process, 0) : -1;
}

static int socket_take(pid_t thread, int number)
{
	int process = process_open(thread), fd, saved;

	if (process < 0)
		return -1;
	fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);
	saved = errno == EPERM ? EACCES : errno;
	close(process);
	errno = saved;
	return fd;
}

static int address_take(pid_t thread, uint64_t from, struct sockaddr_storage *to, size_t size)
{
	struct iovec here = {to, size}, there = {(void *)(uintptr_t)from, size};
	ssize_t n = size > 0 ? process_vm_readv(thread, &here, 1, &there, 1, 0) : 0;

	if (n < 0)
		errno = errno == EPERM ? EACCES : errno;
	else if ((size_t)n < size)
		errno = EFAULT;
	return n >= 0 && (size_t)n == size ? 0 : -1;
}

/* A path begins at the program's directory, not at this one's. -1 (errno), else a descriptor to close, or -2. */
static int path_begin(pid_t thread, struct sockaddr_storage *to, socklen_t *size)
{
	struct sockaddr_un *un = (struct sockaddr_un *)to, whole = {.sun_family = AF_UNIX};
	size_t begin = offsetof(struct sockaddr_un, sun_path);
	char path[40];
	int fd, length;

	if (to->ss_family != AF_UNIX || *size <= begin || un->sun_path[0] == '\0' ||
	    un->sun_path[0] == '/')
		return -2;
	(void)snprintf(path, sizeof(path), "/proc/%d/cwd", (int)thread);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	length = snprintf(whole.sun_path, sizeof(whole.sun_path), "/proc/self/fd/%d/%.*s", fd,
			  (int)(*size - begin), un->sun_path);
	if (length >= (int)sizeof(whole.sun_path)) {
		close(fd);
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(un, &whole, sizeof(whole));
	*size = (socklen_t)(begin + (size_t)length + 1);
	return fd;
}

/* ---- calls that a signal has interrupted ---- */

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

static void cut_keep(uint64_t cookie, int error)
{
	pthread_mutex_lock(&all.lock);
	all.cut[all.cut_next++ % CUT_MAX] = (struct cut){cookie, error};
	pthread_mutex_unlock(&all.lock);
}

/* Instead of "already". */
static int cut_take(uint64_t cookie, int error)
{
	if (error != EALREADY && error != EISCONN)
		return error;
	pthread_mutex_lock(&all.lock);
	for (unsigned n = 0; n < CUT_MAX; n++)
		if (cookie != 0 && all.cut[n].socket == cookie) {
			error = all.cut[n].error;
			all.cut[n].socket = 0;
		}
	pthread_mutex_unlock(&all.lock);
	return error;
}

/* ---- a call ---- */

/* Its errno; 0. */
static int call_make(const struct seccomp_notif *call, int fd)
{
	pid_t thread = (pid_t)call->pid;
	struct sockaddr_storage to = {0};
	socklen_t size = (socklen_t)call->data.args[2];
	int directory, error;

	if (size > sizeof(to))
		return EINVAL;
	if (address_take(thread, call->data.args[1], &to, size) < 0)
		return errno;
	if (size >= sizeof(to.ss_family) && is_refused(&to, size))
		return EACCES;
	directory = path_begin(thread, &to, &size);
	if (directory == -1)
		return errno;
	/* All of it was of this call: its thread has not gone, and its number is no other's. */
	if (ioctl(all.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0)
		error = ECONNABORTED;
	else
		error = connect(fd, (struct sockaddr *)&to, size) < 0 ? errno : 0;
	if (directory >= 0)
		close(directory);
	return error;
}

static void call_answer(const struct seccomp_notif *call)
{
	int fd = socket_take((pid_t)call->pid, (int)call->data.args[0]);
	int error = fd < 0 ? errno : call_make(call, fd);
	uint64_t cookie = fd >= 0 ? cookie_of(fd) : 0;
	struct seccomp_notif_resp answer = {.id = call->id};

	error = cut_take(cookie, error);
	answer.error = -error;
	if (ioctl(all.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0 && errno == ENOENT &&
	    cookie != 0 && (error == 0 || error == EINPROGRESS))
		cut_keep(cookie, error);
	if (fd >= 0)
		close(fd);
}

/* ---- threads ---- */

static void *thread_run(void *unused);

/* With the lock. */
static bool thread_begin(void)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	(void)pthread_attr_init(&attributes);
	(void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
	(void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attributes, thread_run, NULL);
	(void)pthread_attr_destroy(&attributes);
	errno = r;
	all.threads += r == 0;
	all.idle += r == 0;
	return r == 0;
}

static bool has_listener(void)
{
	bool has;

	pthread_mutex_lock(&all.lock);
	while (!all.has_listener && !all.has_failed)
		pthread_cond_wait(&all.begun, &all.lock);
	has = all.has_listener;
	pthread_mutex_unlock(&all.lock);
	return has;
}

/* One always waits for the next call, unless there are too many. */
static void call_begin(void)
{
	pthread_mutex_lock(&all.lock);
	all.idle--;
	if (all.idle == 0 && all.threads < CONNECTS_MAX)
		(void)thread_begin();
	pthread_mutex_unlock(&all.lock);
}

/* It stays: the end of a thread takes locks of libc, which a clone() meanwhile would copy. */
static void call_end(void)
{
	pthread_mutex_lock(&all.lock);
	all.idle++;
	pthread_mutex_unlock(&all.lock);
}

static void *thread_run(void *unused)
{
	(void)unused;
	if (!has_listener())
		return NULL;
	for (;;) {
		struct seccomp_notif call = {0};

		if (ioctl(all.listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			return NULL;
		}
		call_begin();
		call_answer(&call);
		call_end();
	}
}

void connects_fork_begin(void)
{
	pthread_mutex_lock(&all.lock);
}

void connects_fork_end(void)
{
	pthread_mutex_unlock(&all.lock);
}

/* ---- the filter ---- */

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LOW 4
#else
#define LOW 0
#endif
#define LOAD(offset)   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define ARGUMENT(n)    LOAD(offsetof(struct seccomp_data, args) + 8 * (n) + LOW)
#define IS(k, skip)    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), 0, (skip))
#define HAS(k, skip)   BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (k), 0, (skip))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define FAIL(error)    RETURN(SECCOMP_RET_ERRNO | (uint32_t)(error))
/* Of a call that sends: not with a connection. */
#define SEND(number, flags)                                                 \
	IS(number, 4), ARGUMENT(flags), HAS(FASTOPEN, 1), FAIL(EOPNOTSUPP), \
		RETURN(SECCOMP_RET_ALLOW)

/* System calls of another architecture end the process by the filter before this one. */
static long filter_install(bool with_connects)
{
	struct sock_filter filter[] = {
		LOAD(offsetof(struct seccomp_data, nr)),
		IS(SYS_connect, 1),
		RETURN(with_connects ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_ALLOW),
#ifdef SYS_socketcall
		IS(SYS_socketcall, 1),
		FAIL(ENOSYS),
#endif
		SEND(SYS_sendto, 3),
		SEND(SYS_sendmsg, 2),
		SEND(SYS_sendmmsg, 3),
		IS(SYS_pidfd_getfd, 1),
		FAIL(EPERM),
		IS(SYS_process_vm_readv, 1),
		FAIL(EPERM),
		RETURN(SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof(filter) / sizeof(filter[0]), filter};

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       with_connects ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &program);
}

/* ---- begin ---- */

/* Whether this process may do to the programs what it has to, as it may to itself. */
static bool is_possible(void)
{
	int process = (int)syscall(SYS_pidfd_open, getpid(), 0);
	int fd = process >= 0 ? (int)syscall(SYS_pidfd_getfd, process, STDERR_FILENO, 0) : -1;
	int saved = errno;

	if (process >= 0)
		close(process);
	if (fd >= 0)
		close(fd);
	errno = saved;
	return fd >= 0 || errno == EBADF;
}

bool connects_begin(const char *closed)
{
	long listener = -1;
	int saved;

	closed_read(closed);
	pthread_mutex_lock(&all.lock);
	if (is_possible() && thread_begin()) {
		listener = filter_install(true);
		if (listener >= 0) {
			const uint64_t on = 1;
			all.listener = (int)listener;
			(void)ioctl(all.listener, SYNC_WAKE_UP, on);
		}
	}
	saved = errno;
	all.has_listener = listener >= 0;
	all.has_failed = listener < 0;
	(void)pthread_cond_broadcast(&all.begun);
	pthread_mutex_unlock(&all.lock);
	if (listener < 0 && filter_install(false) < 0)
		_exit(1); /* they could look into each other */
	errno = saved;
	return listener >= 0;
}
