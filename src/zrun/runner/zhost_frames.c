#include "zrun/runner/zhost_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zrun/runner/message_queue.h"
#include "zrun/runner/runner.h"
#include "zrun/runner/secret_set.h"
#include "zrun/runner/stopping.h"
#include "zrun/runner/termination.h"

static uint8_t in[CONNECTION_IN_SIZE];
static uint8_t answer[ZRUN_BODY_MAX];
static bool hides_input; /* there is, or was, a part of a secret in `in` */

/* Descriptors that have come before their frames are whole, in order. */
static struct {
	int fds[ZRUN_EXEC_MAX][ZRUN_EXEC_FDS];
	unsigned count;
	uint32_t generation; /* of the connection that they came over */
} passed;

/* ---- descriptors ---------------------------------------------------------------------- */

static void close_all(const int *fds, size_t count)
{
	for (size_t f = 0; f < count; f++)
		close(fds[f]);
}

static void passed_clear(void)
{
	for (unsigned n = 0; n < passed.count; n++)
		close_all(passed.fds[n], ZRUN_EXEC_FDS);
	passed.count = 0;
}

static void passed_add(const int *fds, size_t count)
{
	/* One EXEC has three; of more of them than can run only the first are kept, and the frames of
	 * the others are refused. */
	if (count != ZRUN_EXEC_FDS || passed.count == ZRUN_EXEC_MAX) {
		close_all(fds, count);
		return;
	}
	memcpy(passed.fds[passed.count++], fds, sizeof(passed.fds[0]));
}

static bool passed_take(int ret_fds[ZRUN_EXEC_FDS])
{
	if (passed.count == 0)
		return false;
	memcpy(ret_fds, passed.fds[0], sizeof(passed.fds[0]));
	passed.count--;
	memmove(passed.fds[0], passed.fds[1], passed.count * sizeof(passed.fds[0]));
	return true;
}

/* recv() that takes descriptors, too. */
static ssize_t receive(const struct runner *i, void *to, size_t size)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec vector = {to, size};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = sizeof(control.bytes)};
	ssize_t n;

	/* A guest's filter knows no recvmsg(); descriptors that nobody asks for are closed. */
	if (i->kind->exec == NULL)
		return recv(i->connection.fd, to, size, MSG_DONTWAIT);
	if (passed.generation != i->connection.generation)
		passed_clear();
	passed.generation = i->connection.generation;
	n = recvmsg(i->connection.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	for (struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL; c != NULL;
	     c = CMSG_NXTHDR(&message, c)) {
		int fds[8];
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || count > 8)
			continue;
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		passed_add(fds, count);
	}
	return n;
}

/* ---- frames --------------------------------------------------------------------------- */

static void broken(struct runner *i, const char *why)
{
	connection_lost(i);
	connection_note(i, ZRUN_LEVEL_ERROR, "disconnected from zhost: %s", why);
}

static void take_message(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	const char *wrong = message_queue_add(i, frame, body);

	if (wrong != NULL)
		broken(i, wrong);
}

static void take_result(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zhost_connection *l = &i->connection;
	struct zrun_cursor c = {body, frame->size};
	struct zrun_result result;

	if (!zrun_take(&c, &result, sizeof(result))) {
		broken(i, "a damaged answer");
		return;
	}
	/* A late one is for a call that has returned already. */
	if (frame->correlation == 0 || frame->correlation != l->awaited || l->answered)
		return;
	memcpy(answer, c.at, c.left);
	l->answer = answer;
	l->answer_size = c.left;
	l->answer_status = result.status;
	l->answered = true;
}

/* Reads an UPDATE into one block; NULL when it is damaged. */
static char *update_read(struct zrun_cursor *c, uint32_t count, size_t *ret_size)
{
	char *block = malloc(c->left + 2 * (size_t)count + 1), *to = block;

	for (uint32_t n = 0; block != NULL && n < count; n++) {
		struct zrun_import import;
		const char *name, *value;

		if (!zrun_take(c, &import, sizeof(import)) ||
		    !zrun_take_bytes(c, &name, import.name_size) ||
		    !zrun_take_bytes(c, &value, import.value_size) ||
		    memchr(name, '\0', import.name_size) != NULL ||
		    memchr(value, '\0', import.value_size) != NULL) {
			free(block);
			return NULL;
		}
		memcpy(to, name, import.name_size);
		to += import.name_size;
		*to++ = '\0';
		memcpy(to, value, import.value_size);
		to += import.value_size;
		*to++ = '\0';
	}
	*ret_size = (size_t)(to - block);
	return block;
}

/* Pairs of a set that are of the instance, not of an import; and the last one of an update that leaves them as they
 * are, or after which there are none (zhost/space/settings.h). */
#define SETTING "@ "
#define KEPT	"@ keep -\0"
#define NONE	"@ none -\0"

static bool ends_with(const char *block, size_t size, const char *pair, size_t pair_size)
{
	return size >= pair_size && memcmp(block + size - pair_size, pair, pair_size) == 0;
}

static bool is_setting(const char *name)
{
	return strncmp(name, SETTING, strlen(SETTING)) == 0;
}

static bool has_settings(const char *block, size_t size)
{
	for (const char *at = block, *end = block + size; at < end;) {
		if (is_setting(at))
			return true;
		at += strlen(at) + 1;
		at += strlen(at) + 1;
	}
	return false;
}

/* The set, with the settings of the one before. Takes `block`; NULL: there is no memory. */
static char *with_former(const struct import_set *former, char *block, size_t *size,
			 uint32_t *count)
{
	const char *at = former->data, *end = at + former->size;
	char *set = realloc(block, *size + former->size + 1);

	if (set == NULL) {
		free(block);
		return NULL;
	}
	while (at < end) {
		const char *value = at + strlen(at) + 1;
		const char *next = value + strlen(value) + 1;

		if (is_setting(at)) {
			memcpy(set + *size, at, (size_t)(next - at));
			*size += (size_t)(next - at);
			(*count)++;
		}
		at = next;
	}
	return set;
}

/* As the update says by its last pair, which goes. One of a zhost that knows no settings leaves them as they are. */
static char *take_settings(const struct import_set *former, char *block, size_t *size,
			   uint32_t *count)
{
	bool keeps = ends_with(block, *size, KEPT, sizeof(KEPT));
	bool drops = ends_with(block, *size, NONE, sizeof(NONE));

	if (keeps || drops) {
		*size -= sizeof(KEPT);
		(*count)--;
	} else {
		keeps = !has_settings(block, *size);
	}
	return keeps ? with_former(former, block, size, count) : block;
}

_Static_assert(sizeof(KEPT) == sizeof(NONE), "both are taken away alike");

static void take_update(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_update update;
	uint32_t count;
	size_t size = 0;
	char *block = NULL;
	bool is_same;

	if (zrun_take(&c, &update, sizeof(update)) &&
	    update.count <= c.left / sizeof(struct zrun_import))
		block = update_read(&c, update.count, &size);
	count = update.count;
	if (block != NULL)
		block = take_settings(&i->imports, block, &size, &count);
	if (block != NULL && !secrets_settle(&(struct import_set){block, size, count})) {
		free(block);
		block = NULL;
	}
	if (block == NULL) {
		broken(i, "a damaged update of imports");
		return;
	}
	is_same = size == i->imports.size && memcmp(block, i->imports.data, size) == 0;
	if (is_same) {
		free(block);
	} else {
		free(i->imports.data);
		i->imports = (struct import_set){block, size, count};
	}
	i->kind->update(i, is_same);
}

static void take_secret(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_secret secret;
	const char *key, *value;
	bool ok = zrun_take(&c, &secret, sizeof(secret)) &&
		  zrun_take_bytes(&c, &key, secret.key_size) &&
		  zrun_take_bytes(&c, &value, secret.value_size) && c.left == 0 &&
		  secrets_stage(key, secret.key_size, value, secret.value_size);

	explicit_bzero((void *)(uintptr_t)body, frame->size);
	if (!ok)
		broken(i, "a damaged secret");
}

static void take_renew(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_renew renew;

	if (!zrun_take(&c, &renew, sizeof(renew))) {
		broken(i, "a damaged renewal");
		return;
	}
	/* Too late once it stops because no renewal came: the end that it was given stands. */
	if (i->stop_cause == ZRUN_STOPPED_NOT_RENEWED)
		return;
	i->stop_at_boot_ms = renew.stop_at_ms;
	i->end_at_boot_ms = renew.end_at_ms;
	termination_arm(i);
}

static void take_exec(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_exec exec;
	const char *words, *term;
	char terminated[ZRUN_TERM_MAX + 1] = "";
	int fds[ZRUN_EXEC_FDS];

	if (i->kind->exec == NULL ||
	    !zrun_exec_parse(body, frame->size, &exec, &words, &term)) {
		broken(i, "a damaged command");
		return;
	}
	if (!passed_take(fds)) {
		struct zrun_exec_report report = {.session = exec.session};
		static const char why[] = "its descriptors did not come";

		(void)connection_send(i, ZRUN_EXEC_REFUSED, 0, &report, sizeof(report), why,
				      sizeof(why) - 1);
		return;
	}
	memcpy(terminated, term, exec.term_size);
	i->kind->exec(i, &exec, words, terminated, fds);
}

static void take_exec_signal(struct runner *i, const struct zrun_frame *frame,
			     const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_exec_signal order;

	if (i->kind->exec_signal == NULL || !zrun_take(&c, &order, sizeof(order)))
		broken(i, "a damaged signal");
	else
		i->kind->exec_signal(i, order.session, order.signal);
}

static void take_frame(struct runner *i, const struct zrun_frame *frame, const uint8_t *body)
{
	struct zrun_cursor c = {body, frame->size};
	struct zrun_stop stop;

	switch (frame->type) {
	case ZRUN_STOP:
		if (zrun_take(&c, &stop, sizeof(stop)))
			runner_stop(i, ZRUN_STOPPED_ASKED, stop.grace_ms);
		break;
	case ZRUN_MESSAGE:
		take_message(i, frame, body);
		break;
	case ZRUN_EMIT_RESULT:
	case ZRUN_DATA_RESULT:
		take_result(i, frame, body);
		break;
	case ZRUN_UPDATE:
		take_update(i, frame, body);
		break;
	case ZRUN_RENEW:
		take_renew(i, frame, body);
		break;
	case ZRUN_CANCEL:
		if (i->kind->cancel != NULL)
			i->kind->cancel(i);
		break;
	case ZRUN_EXEC:
		take_exec(i, frame, body);
		break;
	case ZRUN_EXEC_SIGNAL:
		take_exec_signal(i, frame, body);
		break;
	case ZRUN_SECRET:
		take_secret(i, frame, body);
		hides_input = true;
		break;
	default:
		broken(i, "a frame of an unknown type");
	}
}

static void take_all(struct runner *i)
{
	struct zhost_connection *l = &i->connection;
	uint32_t generation = l->generation;
	size_t at = 0;

	for (;;) {
		struct zrun_frame frame;
		const uint8_t *body;
		size_t need;
		int r = zrun_frame_parse(in + at, l->in_size - at, &frame, &body, &need);

		if (r < 0)
			broken(i, "a frame over the limit");
		if (r <= 0)
			break;
		take_frame(i, &frame, body);
		if (l->generation != generation)
			return; /* in_size is 0 now */
		at += need;
	}
	if (l->generation != generation)
		return;
	memmove(in, in + at, l->in_size - at);
	l->in_size -= at;
	if (hides_input)
		explicit_bzero(in + l->in_size, sizeof(in) - l->in_size);
	hides_input = l->in_size > 5 && (in[4] | in[5] << 8) == ZRUN_SECRET;
}

bool zhost_frames_read(struct runner *i)
{
	struct zhost_connection *l = &i->connection;
	size_t space = sizeof(in) - l->in_size;
	ssize_t n = receive(i, in + l->in_size, space);

	if (n < 0 && errno == EINTR)
		return true;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		connection_lost(i);
		connection_accept(i);
		return true;
	}
	l->in_size += (size_t)n;
	take_all(i);
	/* What follows descriptors is read apart. */
	return (size_t)n >= space || i->kind->exec != NULL;
}
