/*
 * The foreground: prints the logs of the daemons that this run has started, each line after its
 * daemon's name, until Ctrl-C or until they have exited.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/client/interrupt.h"
#include "base/buffer.h"
#include "base/str.h"
#include "base/text.h"
#include "startz/cluster.h"
#include "startz/process.h"

#define LINE_MAX_BYTES 65536

struct watched {
	const struct member *member; /* borrowed */
	int pidfd;		     /* -1: it has exited */
	int log_fd;
	struct buffer line; /* an incomplete line */
};

struct watch {
	VECTOR(struct watched) list;
	int name_width;
	int signals;
	int changes; /* inotify of the log directory */
};

/* ---------------------------------------------------------------- logs */

static void print_line(const struct watch *w, const struct watched *d, const char *line,
		       size_t size)
{
	CLEANUP(buffer_done) struct buffer safe = BUFFER_INIT(LINE_MAX_BYTES * 10);

	text_escape_n(&safe, line, size);
	(void)printf("%-*s | %s\n", w->name_width, d->member->name,
		     safe.data != NULL ? safe.data : "");
}

/* Prints complete lines; with `all`, the rest, too. */
static void print_lines(const struct watch *w, struct watched *d, bool all)
{
	size_t done = 0;

	for (;;) {
		size_t left = d->line.size - done;
		char *begin = left > 0 ? d->line.data + done : NULL;
		char *end = left > 0 ? memchr(begin, '\n', left) : NULL;

		if (end == NULL)
			break;
		print_line(w, d, begin, (size_t)(end - begin));
		done += (size_t)(end - begin) + 1;
	}
	buffer_consume(&d->line, done);
	if (d->line.size > 0 && (all || d->line.size >= LINE_MAX_BYTES / 2)) {
		print_line(w, d, d->line.data, d->line.size);
		buffer_clear(&d->line);
	}
}

static void read_log(const struct watch *w, struct watched *d, bool all)
{
	char text[16384];
	ssize_t n = 1;

	while (d->log_fd >= 0 && n > 0) {
		n = read(d->log_fd, text, sizeof(text));
		if (n > 0 && buffer_add(&d->line, text, (size_t)n) == 0)
			print_lines(w, d, false);
	}
	if (all)
		print_lines(w, d, true);
}

static void read_logs(struct watch *w, bool all)
{
	vector_for_each (&w->list, d)
		read_log(w, d, all);
	(void)fflush(stdout);
}

static void drop(int fd)
{
	char text[4096];

	while (read(fd, text, sizeof(text)) > 0)
		;
}

/* ---------------------------------------------------------------- ends */

static void told_end(const struct watched *d)
{
	siginfo_t end = {0};

	(void)printf("%s has exited", d->member->name);
	/* The exit status is known for our own children only. */
	if (waitid(P_PIDFD, (id_t)d->pidfd, &end, WEXITED | WNOHANG) == 0 && end.si_pid != 0) {
		if (end.si_code == CLD_EXITED)
			(void)printf(": exit status %d", end.si_status);
		else
			(void)printf(": signal %d (%s)", end.si_status,
				     strsignal(end.si_status));
	}
	(void)printf(". It is not restarted; `startz up` starts it again.\n");
	(void)fflush(stdout);
}

/* Finds those that have exited. Returns how many are still running. */
static size_t look_for_ends(struct watch *w)
{
	size_t running = 0;

	vector_for_each (&w->list, d) {
		struct pollfd fd = {.fd = d->pidfd, .events = POLLIN};

		if (d->pidfd < 0)
			continue;
		if (poll(&fd, 1, 0) > 0) {
			read_log(w, d, true);
			told_end(d);
			(void)close(d->pidfd);
			d->pidfd = -1;
		} else {
			running++;
		}
	}
	return running;
}

/* ---------------------------------------------------------------- the whole */

static int watch_open(const struct state *s, struct watch *w)
{
	CLEANUP(freep) char *directory = state_path(s, "log");
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	w->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->signals < 0 || w->changes < 0 ||
	    inotify_add_watch(w->changes, directory, IN_MODIFY | IN_CREATE) < 0)
		return -1;
	vector_for_each (&s->members, m) {
		CLEANUP(freep) char *path = state_path(s, "log/%s.log", m->name);
		struct watched *d;

		if (!m->started)
			continue;
		d = vector_add(&w->list);
		*d = (struct watched){.member = m,
				      .pidfd = process_open(&m->process),
				      .log_fd = open(path, O_RDONLY | O_CLOEXEC),
				      .line = BUFFER_INIT(LINE_MAX_BYTES)};
		if (d->log_fd >= 0)
			(void)lseek(d->log_fd, 0, SEEK_END);
		if ((int)strlen(m->name) > w->name_width)
			w->name_width = (int)strlen(m->name);
	}
	return 0;
}

static void watch_close(struct watch *w)
{
	vector_for_each (&w->list, d) {
		if (d->pidfd >= 0)
			(void)close(d->pidfd);
		if (d->log_fd >= 0)
			(void)close(d->log_fd);
		buffer_done(&d->line);
	}
	vector_done(&w->list);
	(void)close(w->signals);
	(void)close(w->changes);
}

/* Runs until a signal (true) or until all have exited (false). */
static bool watch_loop(struct watch *w)
{
	struct signalfd_siginfo signal_info;
	struct pollfd *fds = mem_new_array(struct pollfd, w->list.count + 2);
	/* A Ctrl-C from before the signals were blocked. */
	bool asked = interrupt_pending();

	while (!asked && look_for_ends(w) > 0) {
		size_t n = 0;

		fds[n++] = (struct pollfd){.fd = w->signals, .events = POLLIN};
		fds[n++] = (struct pollfd){.fd = w->changes, .events = POLLIN};
		vector_for_each (&w->list, d) {
			if (d->pidfd >= 0)
				fds[n++] = (struct pollfd){.fd = d->pidfd, .events = POLLIN};
		}
		(void)poll(fds, n, -1);
		drop(w->changes);
		read_logs(w, false);
		asked = read(w->signals, &signal_info, sizeof(signal_info)) > 0;
	}
	free(fds);
	return asked;
}

static int end_ours(struct state *s)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int r = state_lock(s, &err);

	if (r == 0)
		r = cluster_leave(s, &err);
	if (r < 0) {
		(void)fprintf(stderr, "startz: %s\n", err->message);
		return 1;
	}
	return 0;
}

int cluster_watch(struct state *s)
{
	struct watch w = {.signals = -1, .changes = -1};
	bool asked;
	int status;

	if (watch_open(s, &w) < 0) {
		(void)fprintf(stderr, "startz: cannot watch the logs: %s\n", strerror(errno));
		watch_close(&w);
		(void)end_ours(s);
		return 1;
	}
	asked = watch_loop(&w);
	read_logs(&w, true);
	watch_close(&w);
	if (!asked)
		(void)printf("All daemons have exited.\n");
	status = end_ours(s);
	return asked ? status : 1;
}
