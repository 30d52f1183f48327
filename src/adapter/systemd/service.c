#include "adapter/systemd/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

/* Of the time after which systemd acts: late timers and a busy machine have the rest. */
#define FEEDS_PER_TIMEOUT 3
#define WATCHDOG_MAX_US	  (UINT64_C(24) * 60 * 60 * 1000 * 1000)

struct service {
	struct loop *loop;
	struct sockaddr_un to;
	socklen_t to_size; /* 0: nobody listens */
	int fd;
	int64_t feed_ms; /* 0: no watchdog */
	struct loop_timer *feeding;
	char *taken[3]; /* of the environment, as `variables` */
};

static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};

static void say(struct service *s, const char *what)
{
	if (s->to_size == 0)
		return;
	/* Never waits: a service manager that does not read must not stop the loop. */
	(void)sendto(s->fd, what, strlen(what), MSG_DONTWAIT | MSG_NOSIGNAL,
		     (const struct sockaddr *)&s->to, s->to_size);
}

static void feed(void *user)
{
	struct service *s = user;
	say(s, "WATCHDOG=1");
	loop_timer_at(s->feeding, loop_now(s->loop).mono_ms + s->feed_ms);
}

/* "/run/systemd/notify", or "@name" in the abstract name space. */
static void address(struct service *s, const char *path)
{
	size_t size = path != NULL ? strlen(path) : 0;
	if (size < 2 || size >= sizeof(s->to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	s->to.sun_family = AF_UNIX;
	memcpy(s->to.sun_path, path, size);
	if (path[0] == '@')
		s->to.sun_path[0] = '\0';
	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->fd >= 0)
		s->to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

/* A number in the environment; 0: none. */
static uint64_t number(const char *name)
{
	const char *text = getenv(name);
	char *end = NULL;
	if (str_is_empty(text))
		return 0;
	errno = 0;
	uintmax_t value = strtoumax(text, &end, 10);
	return errno == 0 && *end == '\0' ? (uint64_t)value : 0;
}

static int64_t feed_interval(void)
{
	uint64_t timeout_us = number("WATCHDOG_USEC"), pid = number("WATCHDOG_PID");
	if (timeout_us == 0 || timeout_us > WATCHDOG_MAX_US ||
	    (pid != 0 && pid != (uint64_t)getpid()))
		return 0;
	int64_t ms = (int64_t)(timeout_us / 1000) / FEEDS_PER_TIMEOUT;
	return ms > 0 ? ms : 1;
}

struct service *service_new(struct loop *loop)
{
	struct service *s = mem_new(struct service);
	s->loop = loop;
	s->fd = -1;
	address(s, getenv("NOTIFY_SOCKET"));
	if (s->to_size > 0)
		s->feed_ms = feed_interval();
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		s->taken[i] = mem_strdup(getenv(variables[i]));
		(void)unsetenv(variables[i]);
	}
	return s;
}

void service_free(struct service *service)
{
	if (service == NULL)
		return;
	loop_timer_free(service->feeding);
	closep(&service->fd);
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		free(service->taken[i]);
	free(service);
}

void service_ready(struct service *service)
{
	say(service, "READY=1");
	if (service->feed_ms == 0 || service->feeding != NULL)
		return;
	service->feeding = loop_timer_new(service->loop, feed, service);
	feed(service);
}

void service_ending(struct service *service)
{
	say(service, "STOPPING=1");
}

void service_hand_on(const struct service *service)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		if (service->taken[i] != NULL)
			(void)setenv(variables[i], service->taken[i], 1);
}
