#include "zhost/exec/exec_session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "port/exec.h"

#define READ_SIZE	(16 * 1024)
#define READS_PER_EVENT 4    /* others have their turn */
#define END_OF_INPUT	"\4" /* for a terminal: Ctrl-D */

/* ---- ends ---- */

static void on_event(uv_poll_t *poll, int status, int events);

static void end_close(struct exec_end *e)
{
	if (e->fd < 0)
		return;
	e->poll->data = NULL;
	uv_close((uv_handle_t *)e->poll, loop_handle_free);
	e->poll = NULL;
	close(e->fd);
	e->fd = -1;
}

static void end_wait(struct exec_end *e, int events)
{
	if (e->fd < 0 || e->events == events)
		return;
	e->events = events;
	if (events == 0)
		(void)uv_poll_stop(e->poll);
	else
		(void)uv_poll_start(e->poll, events, on_event);
}

/* Waits for what there is to do next. */
static void wait_next(struct exec_session *s)
{
	int reads = s->credit > 0 ? UV_READABLE : 0;

	end_wait(&s->input, s->waiting.size > 0 ? UV_WRITABLE : 0);
	end_wait(&s->output, reads);
	end_wait(&s->errors, reads);
}

/* Takes `fd` over, also on an error. */
static int end_open(struct exec_session *s, struct exec_end *e, int fd, struct loop *loop,
		    struct error **err)
{
	uv_poll_t *poll;
	int r;

	if (fd < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
		r = error_errno(err, "no descriptor for the command");
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = loop_poll_new(loop, fd, &poll, err);
	if (r < 0) {
		close(fd);
		return r;
	}
	poll->data = e;
	*e = (struct exec_end){.session = s, .fd = fd, .poll = poll};
	return 0;
}

/* ---- output ---- */

static int send_part(struct exec_session *s, const struct exec_end *e, uint8_t *data,
		     size_t size)
{
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;
	ProtobufCBinaryData part = {.data = data, .len = size};

	if (e == &s->output) {
		reply.has_output = true;
		reply.output = part;
	} else {
		reply.has_errors = true;
		reply.errors = part;
	}
	s->credit -= size;
	return s->events->reply(s, &reply);
}

/* Reads what is there. The end of a pipe closes it; a terminal without a process gives EIO. */
static void read_end(struct exec_session *s, struct exec_end *e)
{
	uint8_t data[READ_SIZE];

	for (unsigned n = 0;
	     e->fd >= 0 && s->credit > 0 && (n < READS_PER_EVENT || s->has_ended); n++) {
		ssize_t size = read(e->fd, data, s->credit < READ_SIZE ? s->credit : READ_SIZE);

		if (size > 0) {
			if (send_part(s, e, data, (size_t)size) < 0)
				end_close(e);
			continue;
		}
		if (size < 0 && errno == EINTR)
			continue;
		/* Nothing more comes from a command that has ended, whatever else has its pipe. */
		if (size == 0 || errno != EAGAIN || s->has_ended)
			end_close(e);
		return;
	}
}

static void read_all(struct exec_session *s)
{
	read_end(s, &s->output);
	read_end(s, &s->errors);
	wait_next(s);
	if (s->has_ended && s->output.fd < 0 && s->errors.fd < 0)
		s->events->drained(s);
}

bool exec_session_credit(struct exec_session *s, size_t size)
{
	if (size > EXEC_WINDOW - s->credit)
		return false;
	s->credit += size;
	if (s->has_ended)
		read_all(s);
	else
		wait_next(s);
	return true;
}

void exec_session_ended(struct exec_session *s, int status)
{
	s->has_ended = true;
	s->status = status;
	end_close(&s->input);
	read_all(s);
}

/* ---- input ---- */

static void report_taken(struct exec_session *s, size_t size)
{
	Samoza__V1__ExecReply reply = SAMOZA__V1__EXEC_REPLY__INIT;

	s->taken += size;
	if (s->taken < EXEC_WINDOW / 4 && s->waiting.size > 0)
		return;
	reply.has_credit = true;
	reply.credit = (uint32_t)s->taken;
	s->taken = 0;
	(void)s->events->reply(s, &reply);
}

/* A command that reads no more gets no more: what comes is dropped, so that its client goes on. */
static void write_input(struct exec_session *s)
{
	struct exec_end *e = &s->input;

	while (s->waiting.size > 0) {
		ssize_t n = e->fd >= 0 ? write(e->fd, s->waiting.data, s->waiting.size) : -1;
		size_t done = n > 0 ? (size_t)n : s->waiting.size;

		if (n < 0 && e->fd >= 0 && errno == EINTR)
			continue;
		if (n < 0 && e->fd >= 0 && errno == EAGAIN)
			break;
		if (n < 0)
			end_close(e);
		buffer_consume(&s->waiting, done);
		report_taken(s, done);
	}
	if (s->input_ends && s->waiting.size == 0)
		end_close(e);
	wait_next(s);
}

bool exec_session_input(struct exec_session *s, const void *data, size_t size)
{
	if (size == 0 || s->input_ends)
		return size == 0;
	/* What was taken and not reported counts, too: it is not the other end's yet. */
	if (size > EXEC_WINDOW - s->waiting.size - s->taken ||
	    buffer_add(&s->waiting, data, size) < 0)
		return false;
	write_input(s);
	return true;
}

void exec_session_input_end(struct exec_session *s)
{
	if (s->input_ends)
		return;
	if (s->is_terminal)
		(void)buffer_add(&s->waiting, END_OF_INPUT, 1);
	s->input_ends = true;
	write_input(s);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct exec_end *e = poll->data;

	if (e == NULL)
		return;
	if (e == &e->session->input)
		write_input(e->session);
	else if (status < 0 || (events & (UV_READABLE | UV_DISCONNECT)) != 0) {
		read_end(e->session, e);
		wait_next(e->session);
	}
}

/* ---- opening ---- */

void exec_session_resize(struct exec_session *s, const Samoza__V1__TerminalSize *size)
{
	const struct winsize w = {.ws_row = (unsigned short)size->rows,
				  .ws_col = (unsigned short)size->columns};

	if (s->is_terminal && s->output.fd >= 0)
		(void)ioctl(s->output.fd, TIOCSWINSZ, &w);
}

/* Both descriptors of a new terminal; those that are -1 are not open. */
static int terminal_pair(int *ret_master, int *ret_slave, struct error **err)
{
	int unlock = 0;

	*ret_slave = -1;
	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*ret_master >= 0 && ioctl(*ret_master, TIOCSPTLCK, &unlock) == 0)
		*ret_slave = ioctl(*ret_master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*ret_slave >= 0)
		return 0;
	(void)error_errno(err, "cannot make a terminal (without one: leave -t out)");
	if (*ret_master >= 0)
		close(*ret_master);
	return ERR_IO;
}

static int open_terminal(struct exec_session *s, struct loop *loop,
			 const Samoza__V1__TerminalSize *size, int *fds, struct error **err)
{
	int master, copy;
	int r = terminal_pair(&master, &fds[0], err);

	if (r < 0)
		return r;
	fds[1] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	fds[2] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
	copy = fcntl(master, F_DUPFD_CLOEXEC, 0); /* to wait for each by itself */
	r = end_open(s, &s->output, master, loop, err);
	if (r < 0) {
		if (copy >= 0)
			close(copy);
		return r;
	}
	r = end_open(s, &s->input, copy, loop, err);
	if (r == 0 && (fds[1] < 0 || fds[2] < 0))
		r = error_errno(err, "no descriptor for the command");
	if (r == 0 && size != NULL)
		exec_session_resize(s, size);
	return r;
}

/* A pipe of which one end is the command's. `mode`: it may open it again, as /dev/stdin. */
static int open_pipe(struct exec_session *s, struct exec_end *e, struct loop *loop, bool writes,
		     int *ret_fd, struct error **err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return error_errno(err, "no pipe for the command");
	*ret_fd = pair[writes ? 0 : 1];
	(void)fchmod(*ret_fd, writes ? 0644 : 0622);
	return end_open(s, e, pair[writes ? 1 : 0], loop, err);
}

int exec_session_open(struct exec_session *s, struct loop *loop,
		      const Samoza__V1__TerminalSize *size, int ret_fds[ZRUN_EXEC_FDS],
		      struct error **err)
{
	int fds[ZRUN_EXEC_FDS] = {-1, -1, -1};
	int r;

	s->input.fd = s->output.fd = s->errors.fd = -1;
	s->waiting = BUFFER_INIT(EXEC_WINDOW + 1);
	s->credit = EXEC_WINDOW;
	if (s->is_terminal) {
		r = open_terminal(s, loop, size, fds, err);
	} else {
		r = open_pipe(s, &s->input, loop, true, &fds[0], err);
		if (r == 0)
			r = open_pipe(s, &s->output, loop, false, &fds[1], err);
		if (r == 0)
			r = open_pipe(s, &s->errors, loop, false, &fds[2], err);
	}
	if (r == 0) {
		memcpy(ret_fds, fds, sizeof(fds));
		wait_next(s);
		return 0;
	}
	for (unsigned f = 0; f < ZRUN_EXEC_FDS; f++)
		if (fds[f] >= 0)
			close(fds[f]);
	exec_session_close(s);
	return r;
}

void exec_session_close(struct exec_session *s)
{
	end_close(&s->input);
	end_close(&s->output);
	end_close(&s->errors);
	buffer_done(&s->waiting);
}
