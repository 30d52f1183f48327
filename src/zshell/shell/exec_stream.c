#include "zshell/shell/exec_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "adapter/client/interrupt.h"
#include "base/memory.h"
#include "base/text.h"
#include "port/exec.h"
#include "port/frame.h"

#define READ_SIZE   (16 * 1024)
#define OUT_MAX	    ((size_t)1024 * 1024)
#define INTERRUPTED 130

/* ---- the terminal of this program ---- */

static struct termios saved;
static volatile sig_atomic_t is_raw;
static int resized[2] = {-1, -1};

static void restore(void)
{
	if (is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved);
	is_raw = 0;
}

/* Ends as it would have ended, with the terminal as it was. */
static void on_end(int number)
{
	restore();
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void on_resize(int number)
{
	int before = errno;

	(void)number;
	(void)!write(resized[1], "", 1);
	errno = before;
}

static int make_raw(struct error **err)
{
	struct sigaction end = {.sa_handler = on_end}, resize = {.sa_handler = on_resize};
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved) < 0)
		return error_errno(err, "cannot use the terminal");
	if (resized[0] < 0 && pipe2(resized, O_CLOEXEC | O_NONBLOCK) < 0)
		return error_errno(err, "cannot watch the terminal");
	raw = saved;
	cfmakeraw(&raw);
	is_raw = 1;
	(void)sigaction(SIGTERM, &end, NULL);
	(void)sigaction(SIGHUP, &end, NULL);
	(void)sigaction(SIGWINCH, &resize, NULL);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return error_errno(err, "cannot use the terminal");
	return 0;
}

static void leave_raw(void)
{
	restore();
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
	(void)signal(SIGWINCH, SIG_DFL);
}

/* False: it has none, or does not say. */
static bool measure(Samoza__V1__TerminalSize *ret)
{
	struct winsize w;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0 || w.ws_row == 0 || w.ws_col == 0)
		return false;
	ret->rows = w.ws_row;
	ret->columns = w.ws_col;
	return true;
}

/* ---- the stream ---- */

struct exec_stream {
	const struct exec_stream_options *options;
	int fd;
	struct buffer in, out;
	bool reads_input; /* there may be more of it */
	bool is_deaf; /* the other end takes nothing more; the command's end may be on its way */
	size_t credit; /* of input that may be sent */
	size_t taken;  /* of output, not reported yet */
	bool drops; /* Ctrl-C came while this program's own output was blocked: it is not waited for */
	bool has_ended;
	int status;
	char *refusal;
	unsigned interrupts;
};

static int send_message(struct exec_stream *s, const Samoza__V1__Exec *message,
			struct error **err)
{
	return frame_encode(&s->out, SAMOZA__V1__FRAME_TYPE__FRAME_EXEC, &message->base, err);
}

static int lost(const struct exec_stream *s, struct error **err)
{
	return error_set(err, ERR_UNAVAILABLE,
			 "lost the connection to zrms at %s; the command was ended with it",
			 s->options->url);
}

/* Where it fails, what has come before is read: it may be the end, and what comes last says that the connection is lost. */
static void flush(struct exec_stream *s)
{
	while (s->out.size > 0 && !s->is_deaf) {
		ssize_t n = send(s->fd, s->out.data, s->out.size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		s->is_deaf = n < 0;
		buffer_consume(&s->out, n > 0 ? (size_t)n : 0);
	}
	if (s->is_deaf)
		buffer_clear(&s->out);
}

static int send_start(struct exec_stream *s, struct error **err)
{
	const struct exec_stream_options *o = s->options;
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	Samoza__V1__ExecStart start = SAMOZA__V1__EXEC_START__INIT;
	Samoza__V1__TerminalSize size = SAMOZA__V1__TERMINAL_SIZE__INIT;
	CLEANUP(freep)
	ProtobufCBinaryData *words = mem_new_array(ProtobufCBinaryData, o->word_count);

	for (size_t i = 0; i < o->word_count; i++)
		words[i] = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)o->words[i],
						 .len = strlen(o->words[i])};
	start.n_command = o->word_count;
	start.command = words;
	if (o->terminal) {
		start.has_terminal = start.terminal = true;
		start.term = getenv("TERM");
		start.size = measure(&size) ? &size : NULL;
	}
	message.start = &start;
	int r = send_message(s, &message, err);
	if (r < 0 || o->input)
		return r;
	Samoza__V1__Exec end = SAMOZA__V1__EXEC__INIT;
	/* A terminal without input stays open: its end would be a key that nobody pressed. */
	end.has_input_end = end.input_end = !o->terminal;
	return send_message(s, &end, err);
}

/* ---- input ---- */

static int read_input(struct exec_stream *s, struct error **err)
{
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	uint8_t data[READ_SIZE];
	ssize_t n = read(STDIN_FILENO, data, s->credit < READ_SIZE ? s->credit : READ_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n > 0) {
		message.has_input = true;
		message.input = (ProtobufCBinaryData){.data = data, .len = (size_t)n};
		s->credit -= (size_t)n;
	} else {
		message.has_input_end = message.input_end = true;
		s->reads_input = false;
	}
	return send_message(s, &message, err);
}

/* The first one is the command's; who presses again wants to leave. */
static int interrupt(struct exec_stream *s, struct error **err)
{
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;

	interrupt_clear();
	s->drops = false;
	if (s->interrupts++ > 0) {
		s->has_ended = true;
		s->status = INTERRUPTED;
		return 0;
	}
	message.has_signal = true;
	message.signal = SIGINT;
	return send_message(s, &message, err);
}

static int resize(struct exec_stream *s, struct error **err)
{
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	Samoza__V1__TerminalSize size = SAMOZA__V1__TERMINAL_SIZE__INIT;
	char drop[64];

	while (read(resized[0], drop, sizeof(drop)) > 0)
		continue;
	if (!measure(&size))
		return 0;
	message.size = &size;
	return send_message(s, &message, err);
}

/* ---- output ---- */

/* Until it takes something, or Ctrl-C has come: both are waited for at once, as a Ctrl-C that comes right before a write that
 * blocks is not heard. False: it takes nothing. */
static bool wait_for_reader(int fd)
{
	struct pollfd polls[2] = {{.fd = fd, .events = POLLOUT},
				  {.fd = interrupt_fd(), .events = POLLIN}};
	int r;

	do
		r = poll(polls, 2, -1);
	while (r < 0 && errno == EINTR);
	return r < 0 || polls[0].revents != 0;
}

/* Waits as long as it takes: the command's output waits meanwhile, and nobody else's. Ctrl-C ends the
 * waiting; what was not written is lost. */
static int write_all(struct exec_stream *s, int fd, const ProtobufCBinaryData *part,
		     struct error **err)
{
	for (size_t done = 0; done < part->len && !s->drops;) {
		size_t size = part->len - done < PIPE_BUF ? part->len - done : PIPE_BUF;

		if (!wait_for_reader(fd)) {
			s->drops = true;
			break;
		}
		/* A pipe has room for so much. A terminal may block all the same. */
		ssize_t n = write(fd, part->data + done, size);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return error_errno(err, "cannot write what the command printed");
		s->drops = (n < 0 || (size_t)n < size) && interrupt_pending();
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void take_end(struct exec_stream *s, const Samoza__V1__ExecEnd *end)
{
	s->has_ended = true;
	s->status = end->has_signal	   ? 128 + (int)end->signal
		    : end->has_exit_status ? (int)end->exit_status
					   : 1;
	if (end->error != NULL)
		s->refusal = text_escaped(end->error);
}

static int take_reply(struct exec_stream *s, const Samoza__V1__ExecReply *reply,
		      struct error **err)
{
	int r = 0;

	if (reply->has_output)
		r = write_all(s, STDOUT_FILENO, &reply->output, err);
	if (r == 0 && reply->has_errors)
		r = write_all(s, STDERR_FILENO, &reply->errors, err);
	s->taken += (reply->has_output ? reply->output.len : 0) +
		    (reply->has_errors ? reply->errors.len : 0);
	if (reply->has_credit)
		s->credit += reply->credit;
	if (reply->end != NULL)
		take_end(s, reply->end);
	return r;
}

static int take_frames(struct exec_stream *s, struct error **err)
{
	Samoza__V1__Exec message = SAMOZA__V1__EXEC__INIT;
	size_t used = 0;
	int r = 0;

	while (!s->has_ended) {
		ProtobufCMessage *reply = NULL;
		struct frame frame;

		r = frame_next((const uint8_t *)s->in.data + used, s->in.size - used, &frame,
			       err);
		if (r <= 0)
			break;
		used += frame.whole_size;
		r = frame.type == SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY
			    ? frame_decode(&frame, &reply, err)
			    : error_set(err, ERR_INVALID, "zrms sent something unexpected");
		if (r == 0)
			r = take_reply(s, (const Samoza__V1__ExecReply *)reply, err);
		if (reply != NULL)
			protobuf_c_message_free_unpacked(reply, NULL);
		if (r < 0)
			break;
	}
	buffer_consume(&s->in, used);
	if (r < 0 || s->taken == 0)
		return r < 0 ? r : 0;
	message.has_credit = true;
	message.credit = (uint32_t)s->taken;
	s->taken = 0;
	return send_message(s, &message, err);
}

static int read_stream(struct exec_stream *s, struct error **err)
{
	char data[65536];
	ssize_t n = recv(s->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return lost(s, err);
	if (buffer_add(&s->in, data, (size_t)n) < 0)
		return error_set(err, ERR_LIMIT, "zrms sent too much");
	return take_frames(s, err);
}

/* ---- the loop ---- */

static int turn(struct exec_stream *s, struct error **err)
{
	bool reads =
		s->reads_input && !s->is_deaf && s->credit > 0 && s->out.size < OUT_MAX / 2;
	struct pollfd polls[4] = {
		{.fd = s->fd, .events = (short)(POLLIN | (s->out.size > 0 ? POLLOUT : 0))},
		{.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
		{.fd = interrupt_fd(), .events = POLLIN},
		{.fd = s->options->terminal ? resized[0] : -1, .events = POLLIN}};
	int r = 0;

	if (poll(polls, 4, -1) < 0 && errno != EINTR)
		return error_errno(err, "cannot wait");
	if (interrupt_pending())
		r = interrupt(s, err);
	/* Before what follows may block in this program's own output. */
	if (r == 0 && !s->has_ended)
		flush(s);
	if (r == 0 && polls[3].revents != 0)
		r = resize(s, err);
	if (r == 0 && polls[1].revents != 0)
		r = read_input(s, err);
	if (r == 0 && (polls[0].revents & ~POLLOUT) != 0)
		r = read_stream(s, err);
	if (r == 0 && !s->has_ended)
		flush(s);
	return r;
}

int exec_stream_run(const struct exec_stream_options *options, int fd, struct buffer *rest,
		    char **ret_refusal, struct error **err)
{
	struct exec_stream s = {.options = options,
				.fd = fd,
				.in = BUFFER_INIT(FRAME_MAX_BYTES + 65536),
				.out = BUFFER_INIT(OUT_MAX),
				.reads_input = options->input,
				.credit = EXEC_WINDOW};
	int r = options->terminal ? make_raw(err) : 0;

	interrupt_clear();
	interrupt_catch();
	if (r == 0)
		r = send_start(&s, err);
	if (r == 0 && buffer_add(&s.in, rest->data, rest->size) < 0)
		r = error_set(err, ERR_LIMIT, "zrms sent too much");
	if (r == 0)
		r = take_frames(&s, err);
	if (r == 0)
		flush(&s);
	while (r == 0 && !s.has_ended)
		r = turn(&s, err);
	if (options->terminal)
		leave_raw();
	interrupt_clear();
	close(fd);
	buffer_done(&s.in);
	buffer_done(&s.out);
	if (r < 0) {
		free(s.refusal);
		return r;
	}
	*ret_refusal = s.refusal;
	return s.status;
}
