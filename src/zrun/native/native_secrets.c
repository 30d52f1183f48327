#include "zrun/native/native_secrets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "zrun/native/native_secret_uses.h"
#include "zrun/native/native_settings.h"
#include "zrun/native/native_state.h"
#include "zrun/native/native_turn.h"
#include "zrun/runner/clocks.h"
#include "zrun/runner/secret_set.h"

#define WRITE_MS 10000
#define WAIT_MS	 20

/* What the keeper says to an order: 0, or errno. An update may come in each turn, and take the value with it: then ESTALE. */
static int ask(struct native *n, enum keeper_order_type type, const char *text,
	       size_t text_size, const char *key)
{
	struct keeper_order order = {.type = (uint32_t)type, .signal = ++n->secrets.asked};
	uint64_t until = mono_ms() + WRITE_MS;

	n->secrets.is_answered = false;
	for (;;) {
		size_t size = 0;
		const char *value = key != NULL ? secrets_value(key, &size) : NULL;
		struct iovec parts[] = {{&order, sizeof(order)},
					{(void *)(uintptr_t)text, text_size},
					{(void *)(uintptr_t)value, size}};
		struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};

		if (key != NULL && value == NULL)
			return ESTALE;
		if (n->socket < 0 ||
		    sendmsg(n->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			break;
		if (errno != EAGAIN || mono_ms() >= until)
			return errno;
		native_turn(n, mono_ms() + WAIT_MS);
	}
	while (!n->secrets.is_answered && n->socket >= 0 && mono_ms() < until)
		native_turn(n, until);
	return n->secrets.is_answered ? n->secrets.status : n->socket < 0 ? EPIPE : ETIMEDOUT;
}

/* `set`: a copy, since an update may come meanwhile. */
static int write_all(struct native *n, const char *set, size_t size, struct strings *names)
{
	const char *at = set;
	struct native_secret_use use;
	int r = 0;

	while (r == 0 && native_secret_use_next(SECRET_FILE, &at, set + size, &use)) {
		r = ask(n, KEEPER_SECRET, use.name, strlen(use.name) + 1, use.key);
		strings_add_text(names, use.name, strlen(use.name));
	}
	return r != 0 ? r : ask(n, KEEPER_SECRETS, names->data, names->size, NULL);
}

bool native_secrets_write(struct native *n, char *text, size_t size)
{
	const struct import_set *set = &n->instance->imports;
	struct strings copy = {0}, names = {0};
	bool has_files = native_secret_files_any(n);
	int r;

	if (!has_files && !n->secrets.has_files)
		return true;
	strings_add_text(&copy, set->data, set->size);
	r = write_all(n, copy.data, copy.size - 1, &names);
	strings_done(&copy);
	strings_done(&names);
	n->secrets.is_due = r != 0;
	if (r == 0)
		n->secrets.has_files = has_files;
	else if (r == ENOTSUP)
		native_text(
			text, size,
			"this machine lets it have no files that are in memory alone: give it "
			"its secrets as variables (`as`), or place it elsewhere");
	else
		native_text(text, size, "its secrets cannot be written: %s", strerror(r));
	return r == 0;
}
