#include "adapter/wire/wire_link.h"

#include <string.h>

#include "base/check.h"

enum {
	OUTPUT_MAX_DEFAULT = 64 * 1024 * 1024,
	READS_PER_TURN = 8,	   /* a busy peer must not starve the others */
	KEEP_CAPACITY = 64 * 1024, /* a larger buffer is freed when it is empty */
	CLOSE_AFTER_MS = 5000,
	REST_MS = 10000, /* for the rest of a frame, or the next REST_BYTES of it */
	REST_BYTES = 1024 * 1024,
	URGENT_MAX = 64 * 1024,
};

struct wire_link {
	struct stream *stream;
	struct loop *loop;
	struct loop_task turn;			 /* there is something to write, or to end */
	const struct wire_link_handler *handler; /* borrowed */
	void *user;
	struct buffer input;  /* the beginning of a frame that is not complete yet */
	struct buffer output; /* [output_sent, size) waits to be written */
	size_t output_sent;
	size_t frame_left; /* bytes of the frame that output_sent is inside of; 0: at a border */
	struct buffer
		urgent; /* frames that pass those in `output`; [urgent_sent, size) waits */
	size_t urgent_sent;
	struct loop_timer *deadline; /* of wire_link_close_after(), wire_link_await_close() */
	struct loop_timer *rest;     /* while `input` waits for the rest of a frame */
	size_t rest_size;	     /* of `input` when it was set */
	struct error *why;
	size_t frame_max;  /* of those that come in */
	bool write_wanted; /* on_ready() writes when the stream takes more */
	bool closing;	   /* closed() follows */
	bool ignores;	   /* all that comes */
	bool takes_frames; /* of `input`, perhaps: that stays as it is meanwhile */
	bool is_paused;	   /* `input` may hold whole frames */
	bool resumes;	   /* they are taken in the next turn */
	bool close_at_end; /* of the output */
	bool hides_input,
		hides_output; /* there is a secret in what was read, or waits to be written */
};

/* What is in such a frame stays in no memory that is used for something else. */
static bool is_secret(unsigned type)
{
	return type == SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_ANSWER;
}

static void link_fail(struct wire_link *link, struct error *why)
{
	if (link->closing) {
		error_free(why);
		return;
	}
	link->closing = true;
	link->why = why;
	loop_defer(link->loop, &link->turn);
}

void wire_link_close(struct wire_link *link, const struct error *why)
{
	struct error *copy = NULL;
	if (why != NULL)
		(void)error_set(&copy, why->code, "%s", why->message);
	link_fail(link, copy);
}

static void on_deadline(void *user)
{
	struct wire_link *link = user;
	link_fail(link, NULL);
}

static void deadline_set(struct wire_link *link, int64_t ms)
{
	if (link->deadline == NULL)
		link->deadline = loop_timer_new(link->loop, on_deadline, link);
	loop_timer_at(link->deadline, loop_now(link->loop).mono_ms + ms);
}

void wire_link_close_after(struct wire_link *link)
{
	if (link->closing || link->close_at_end)
		return;
	link->close_at_end = true;
	loop_defer(link->loop, &link->turn);
	deadline_set(link, CLOSE_AFTER_MS);
}

void wire_link_await_close(struct wire_link *link, int64_t most_ms)
{
	if (link->closing || link->close_at_end)
		return;
	wire_link_ignore(link);
	wire_link_close_within(link, most_ms);
}

void wire_link_close_within(struct wire_link *link, int64_t most_ms)
{
	if (link->closing || link->close_at_end)
		return;
	wire_link_pause(link, false);
	deadline_set(link, most_ms);
}

/* ---- reading ---- */

/* Before the rest of it is kept. */
static int size_check(const struct wire_link *link, const uint8_t *data, size_t size,
		      struct error **err)
{
	size_t length = size >= 4 ? (size_t)data[0] | (size_t)data[1] << 8 |
					    (size_t)data[2] << 16 | (size_t)data[3] << 24
				  : 0;
	if (length > link->frame_max)
		return error_set(err, ERR_INVALID,
				 "a frame of %zu bytes (at most %zu are allowed)", length,
				 link->frame_max);
	return 0;
}

/* Hands the whole frames at the front to the handler; returns how many bytes they took. */
static size_t frames_take(struct wire_link *link, const uint8_t *data, size_t size)
{
	size_t used = 0;
	link->takes_frames = true;
	while (!link->closing && !link->is_paused && !link->ignores) {
		struct frame frame;
		struct error *err = NULL;
		int r = size_check(link, data + used, size - used, &err);
		if (r == 0)
			r = frame_next(data + used, size - used, &frame, &err);
		if (r == 0)
			break;
		if (r > 0) {
			used += frame.whole_size;
			r = link->handler->frame(link->user, link, &frame, &err);
			if (is_secret(frame.type))
				explicit_bzero((void *)(uintptr_t)frame.body, frame.body_size);
			link->hides_input |= is_secret(frame.type);
		}
		if (r < 0)
			link_fail(link, err);
	}
	link->takes_frames = false;
	/* The beginning of one. */
	link->hides_input |= size - used > 4 && is_secret(data[used + 4]);
	return used;
}

static void on_rest(void *user)
{
	struct wire_link *link = user;
	struct error *err = NULL;
	(void)error_set(&err, ERR_TIMEOUT, "the rest of a frame did not come within %d s",
			REST_MS / 1000);
	link_fail(link, err);
}

/* Half a frame holds memory, which grows with what it says that it will be. `is_new`: it has begun
 * in this reading. */
static void rest_watch(struct wire_link *link, bool is_new)
{
	size_t size = link->is_paused ? 0 : link->input.size;
	if (size == 0 && link->rest == NULL)
		return;
	if (size > 0 && !is_new && size < link->rest_size + REST_BYTES)
		return;
	if (link->rest == NULL)
		link->rest = loop_timer_new(link->loop, on_rest, link);
	link->rest_size = size;
	loop_timer_at(link->rest, size > 0 ? loop_now(link->loop).mono_ms + REST_MS : NEVER_MS);
}

static void buffer_trim(struct buffer *b)
{
	if (b->size == 0 && b->capacity > KEEP_CAPACITY)
		buffer_done(b);
}

/* All of it, where the rest is no frames. */
static void input_drop(struct wire_link *link)
{
	if (link->hides_input && link->input.capacity > 0)
		explicit_bzero(link->input.data, link->input.capacity);
	buffer_done(&link->input);
	rest_watch(link, false);
}

/* The first `used` bytes of it were taken. `is_new`: as for rest_watch(). */
static void input_taken(struct wire_link *link, size_t used, bool is_new)
{
	if (link->ignores) {
		input_drop(link);
		return;
	}
	buffer_consume(&link->input, used);
	buffer_trim(&link->input);
	rest_watch(link, is_new);
}

static void take(struct wire_link *link, const uint8_t *data, size_t size)
{
	if (link->input.size == 0) {
		size_t used = frames_take(link, data, size);
		if (link->ignores)
			return;
		int r = buffer_add(&link->input, data + used, size - used);
		INVARIANT(r == 0); /* less than one frame and one read */
		rest_watch(link, true);
		return;
	}
	int r = buffer_add(&link->input, data, size);
	INVARIANT(r == 0);
	size_t used = frames_take(link, (const uint8_t *)link->input.data, link->input.size);
	input_taken(link, used, used > 0);
}

static void input_hide(struct wire_link *link, uint8_t *data, size_t size)
{
	struct buffer *input = &link->input;
	link->hides_input = false;
	explicit_bzero(data, size);
	if (input->capacity > input->size)
		explicit_bzero(input->data + input->size, input->capacity - input->size);
}

static void input_take(struct wire_link *link, uint8_t *data, size_t size)
{
	take(link, data, size);
	if (link->hides_input)
		input_hide(link, data, size);
}

/* What was read before it was paused. */
static void input_resume(struct wire_link *link)
{
	link->resumes = false;
	if (link->input.size == 0)
		return;
	size_t used = frames_take(link, (const uint8_t *)link->input.data, link->input.size);
	input_taken(link, used, true);
}

void wire_link_limit(struct wire_link *link, size_t frame_bytes)
{
	link->frame_max = frame_bytes;
}

void wire_link_ignore(struct wire_link *link)
{
	link->ignores = true;
	if (!link->takes_frames)
		input_drop(link);
}

void wire_link_pause(struct wire_link *link, bool is_paused)
{
	if (link->is_paused == is_paused)
		return;
	link->is_paused = is_paused;
	link->resumes = !is_paused;
	loop_defer(link->loop, &link->turn);
}

static void link_read(struct wire_link *link)
{
	for (unsigned i = 0; i < READS_PER_TURN && !link->closing && !link->is_paused; i++) {
		size_t n = 0;
		struct error *err = NULL;
		int r = stream_read(link->stream, link->loop->scratch, LOOP_SCRATCH_BYTES, &n,
				    &err);
		if (r < 0)
			(void)error_wrap(&err, "cannot read from the link");
		if (r <= 0) {
			link_fail(link, err);
			return;
		}
		if (n > 0 && !link->ignores)
			input_take(link, link->loop->scratch, n);
		if (n < LOOP_SCRATCH_BYTES)
			return;
	}
}

/* ---- writing ---- */

/* Waits for what there is to do next. */
static void want_set(struct wire_link *link)
{
	link->write_wanted = wire_link_waiting(link) > 0;
	stream_want(link->stream, (link->is_paused ? 0u : STREAM_READ) |
					  (link->write_wanted ? STREAM_WRITE : 0u));
}

static bool is_urgent_waiting(const struct wire_link *link)
{
	return link->urgent_sent < link->urgent.size;
}

/* n bytes of the output were written: where the frame ends that is being written now. */
static void output_wrote(struct wire_link *link, size_t n)
{
	while (n > 0) {
		if (link->frame_left == 0) {
			const uint8_t *head =
				(const uint8_t *)link->output.data + link->output_sent;
			link->frame_left = FRAME_HEADER_BYTES - 1 +
					   ((size_t)head[0] | (size_t)head[1] << 8 |
					    (size_t)head[2] << 16 | (size_t)head[3] << 24);
		}
		size_t part = n < link->frame_left ? n : link->frame_left;
		link->frame_left -= part;
		link->output_sent += part;
		n -= part;
	}
}

/* Writes a part of what is next. 1: something was written, 0: the stream takes no more. */
static int write_some(struct wire_link *link, struct error **err)
{
	bool is_urgent = is_urgent_waiting(link) && link->frame_left == 0;
	const char *from = is_urgent ? link->urgent.data + link->urgent_sent
				     : link->output.data + link->output_sent;
	size_t size = is_urgent			? link->urgent.size - link->urgent_sent
		      : is_urgent_waiting(link) ? link->frame_left
						: link->output.size - link->output_sent;
	size_t n = 0;
	int r = stream_write(link->stream, from, size, &n, err);
	if (r < 0)
		return r;
	if (is_urgent)
		link->urgent_sent += n;
	else
		output_wrote(link, n);
	return n > 0;
}

static void link_write(struct wire_link *link)
{
	int r = 1;
	while (r > 0 && wire_link_waiting(link) > 0) {
		struct error *err = NULL;
		r = write_some(link, &err);
		if (r < 0) {
			(void)error_wrap(&err, "cannot write to the link");
			link_fail(link, err);
			return;
		}
	}
	if (!is_urgent_waiting(link)) {
		link->urgent_sent = 0;
		buffer_clear(&link->urgent);
	}
	if (wire_link_waiting(link) == 0) {
		if (link->hides_output)
			explicit_bzero(link->output.data, link->output.capacity);
		link->hides_output = false;
		link->output_sent = 0;
		buffer_clear(&link->output);
		buffer_trim(&link->output);
		if (link->close_at_end)
			link_fail(link, NULL);
	}
	want_set(link);
}

size_t wire_link_waiting(const struct wire_link *link)
{
	return link->output.size - link->output_sent + link->urgent.size - link->urgent_sent;
}

/* What was written is dropped from the front once it is the larger part. */
static void output_compact(struct wire_link *link)
{
	if (link->output_sent > link->output.size / 2) {
		buffer_consume(&link->output, link->output_sent);
		link->output_sent = 0;
	}
}

static int sending_allowed(const struct wire_link *link, struct error **err)
{
	if (link->closing || link->close_at_end)
		return error_set(err, ERR_UNAVAILABLE, "the link is closing");
	return 0;
}

/* A heartbeat does not wait for the data that is queued before it. */
static bool is_urgent(Samoza__V1__FrameType type)
{
	return type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT ||
	       type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK;
}

int wire_link_send(struct wire_link *link, Samoza__V1__FrameType type,
		   const ProtobufCMessage *message, struct error **err)
{
	int r = sending_allowed(link, err);
	if (r < 0)
		return r;
	output_compact(link);
	loop_defer(link->loop, &link->turn);
	link->hides_output |= is_secret(type);
	return frame_encode(is_urgent(type) ? &link->urgent : &link->output, type, message,
			    err);
}

int wire_link_forward(struct wire_link *link, const struct frame *frame, size_t room,
		      struct error **err)
{
	int r = sending_allowed(link, err);
	if (r < 0)
		return r;
	output_compact(link);
	if (wire_link_waiting(link) > room ||
	    buffer_add(&link->output, frame->whole, frame->whole_size) < 0)
		return error_set(err, ERR_LIMIT, "%zu bytes are still waiting to be written",
				 wire_link_waiting(link));
	loop_defer(link->loop, &link->turn);
	return 0;
}

/* ---- life ---- */

static void on_ready(void *user, struct stream *stream, unsigned events)
{
	(void)stream;
	struct wire_link *link = user;
	if ((events & STREAM_READ) != 0)
		link_read(link);
	if ((events & STREAM_WRITE) != 0 && !link->closing)
		link_write(link);
}

static const struct stream_handler stream_handler = {.ready = on_ready};

static void link_end(struct wire_link *link)
{
	loop_defer_cancel(link->loop, &link->turn);
	loop_timer_free(link->deadline);
	loop_timer_free(link->rest);
	link->handler->closed(link->user, link, link->why);
	stream_close(link->stream);
	error_free(link->why);
	if (link->hides_output)
		explicit_bzero(link->output.data, link->output.capacity);
	buffer_done(&link->input);
	buffer_done(&link->output);
	buffer_done(&link->urgent);
	free(link);
}

/* Before the loop waits: writes what was appended, ends what is closing. */
static void on_turn(void *user)
{
	struct wire_link *link = user;
	if (!link->closing && link->resumes)
		input_resume(link);
	if (!link->closing && !link->write_wanted)
		link_write(link);
	else if (!link->closing)
		want_set(link);
	if (link->closing)
		link_end(link);
}

struct wire_link *wire_link_new(struct stream *stream, size_t output_max,
				const struct wire_link_handler *handler, void *user)
{
	struct wire_link *link = mem_new(struct wire_link);
	link->stream = stream;
	link->loop = stream->loop;
	link->turn = (struct loop_task){.fn = on_turn, .user = link};
	link->handler = handler;
	link->frame_max = FRAME_MAX_BYTES;
	link->user = user;
	link->input = BUFFER_INIT(FRAME_MAX_BYTES + FRAME_HEADER_BYTES + LOOP_SCRATCH_BYTES);
	link->output = BUFFER_INIT(output_max > 0 ? output_max : OUTPUT_MAX_DEFAULT);
	link->urgent = BUFFER_INIT(URGENT_MAX);
	stream_set_handler(stream, &stream_handler, link);
	stream_want(stream, STREAM_READ);
	return link;
}

void wire_link_set_patience(struct wire_link *link, int64_t ms)
{
	stream_set_patience(link->stream, ms);
}

const struct stream_peer *wire_link_peer(const struct wire_link *link)
{
	return stream_peer(link->stream);
}
