#include "zhost/edge/session.h"

#include <errno.h>
#include <stdio.h>

#include <sodium.h>

#include "adapter/uv/loop.h"
#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/text.h"
#include "base/vector.h"
#include "schema/json.h"

#define TOKEN_BYTES   16
#define ADDRESS_BYTES 8
#define EVENT_MAX     ((size_t)512 * 1024)

struct session {
	struct sessions *owner;
	char token[2 * TOKEN_BYTES + 1];
	char address[2 * ADDRESS_BYTES + 1];
	char *suffix;
	char *topology, *space;	      /* names */
	bool is_local;		      /* its page is on this machine */
	struct client_address client; /* otherwise: its network */
	struct http_stream *stream;   /* NULL: its page is away */
	unsigned streams;	      /* also earlier ones that are still ending */
	bool is_bound, is_over;	      /* to a secret; which is no longer good */
	uint8_t hash[TOKEN_HASH_SIZE];
	struct buffer kept;
	int64_t idle_since_ms; /* while it is away */
	UT_hash_handle hh, hh_address;
};

struct sessions {
	char *zhost;
	struct session *by_token, *by_address;
	bool is_ending;
};

struct sessions *sessions_new(const char *zhost)
{
	struct sessions *s = mem_new(struct sessions);

	s->zhost = mem_strdup(zhost);
	return s;
}

static void session_free(struct session *session)
{
	struct sessions *s = session->owner;

	HASH_DELETE(hh, s->by_token, session);
	HASH_DELETE(hh_address, s->by_address, session);
	buffer_done(&session->kept);
	free(session->suffix);
	free(session->topology);
	free(session->space);
	free(session);
}

/* The server, and with it every stream, is gone already. */
void sessions_free(struct sessions *s)
{
	if (s == NULL)
		return;
	for (struct session *i = s->by_token, *next; i != NULL; i = next) {
		next = i->hh.next;
		session_free(i);
	}
	free(s->zhost);
	free(s);
}

static void draw(char *text, size_t bytes)
{
	uint8_t raw[TOKEN_BYTES];

	randombytes_buf(raw, bytes);
	(void)sodium_bin2hex(text, 2 * bytes + 1, raw, bytes);
}

static bool is_of(const struct session *session, const char *topology, const char *space)
{
	return !session->is_over && strcmp(session->topology, topology) == 0 &&
	       strcmp(session->space, space) == 0;
}

struct session *session_find(struct sessions *s, const char *token, const char *topology,
			     const char *space)
{
	struct session *session;

	HASH_FIND(hh, s->by_token, token, strlen(token), session);
	return session != NULL && is_of(session, topology, space) ? session : NULL;
}

static unsigned count_of(const struct sessions *s, const struct client_address *client)
{
	const struct client_address network = client_address_network(client);
	unsigned count = 0;

	for (const struct session *i = s->by_token; i != NULL; i = i->hh.next)
		count += !i->is_local && memcmp(&i->client, &network, sizeof(network)) == 0;
	return count;
}

struct session *session_new(struct sessions *s, const char *topology, const char *space,
			    const struct client_address *client, int64_t now_ms)
{
	struct session *session;

	sessions_expire(s, now_ms);
	if (HASH_COUNT(s->by_token) >= SESSIONS_MAX ||
	    (client != NULL && count_of(s, client) >= SESSIONS_OF_CLIENT))
		return NULL;
	session = mem_new(struct session);
	session->owner = s;
	session->is_local = client == NULL;
	if (client != NULL)
		session->client = client_address_network(client);
	draw(session->token, TOKEN_BYTES);
	draw(session->address, ADDRESS_BYTES);
	session->suffix = str_printf("~%s@%s", session->address, s->zhost);
	session->topology = mem_strdup(topology);
	session->space = mem_strdup(space);
	session->kept = BUFFER_INIT(SESSION_KEPT);
	session->idle_since_ms = now_ms;
	HASH_ADD_KEYPTR(hh, s->by_token, session->token, strlen(session->token), session);
	HASH_ADD_KEYPTR(hh_address, s->by_address, session->address, strlen(session->address),
			session);
	return session;
}

void session_bind(struct session *session, const uint8_t hash[TOKEN_HASH_SIZE])
{
	session->is_bound = true;
	memcpy(session->hash, hash, TOKEN_HASH_SIZE);
}

void sessions_look(struct sessions *s,
		   bool (*holds)(void *user, const char *topology, const char *space,
				 const uint8_t *hash),
		   void *user)
{
	for (struct session *i = s->by_token; i != NULL; i = i->hh.next) {
		if (i->is_over ||
		    holds(user, i->topology, i->space, i->is_bound ? i->hash : NULL))
			continue;
		i->is_over = true;
		if (i->stream != NULL)
			http_stream_end(i->stream);
	}
}

const char *session_suffix(const struct session *session)
{
	return session->suffix;
}

void sessions_expire(struct sessions *s, int64_t now_ms)
{
	for (struct session *i = s->by_token, *next; i != NULL; i = next) {
		next = i->hh.next;
		if (i->streams == 0 && now_ms - i->idle_since_ms > SESSION_IDLE_MS)
			session_free(i);
	}
}

static int compare_spaces(const void *a, const void *b)
{
	const struct session *x = *(struct session *const *)a;
	const struct session *y = *(struct session *const *)b;
	int r = strcmp(x->topology, y->topology);

	return r != 0 ? r : strcmp(x->space, y->space);
}

void sessions_visit_spaces(const struct sessions *s,
			   void (*visit)(void *data, const char *topology, const char *space),
			   void *data)
{
	VECTOR(struct session *) all = {0};

	for (struct session *i = s->by_token; i != NULL; i = i->hh.next)
		vector_push(&all, i);
	if (all.count > 1)
		qsort(all.items, all.count, sizeof(*all.items), compare_spaces);
	for (size_t i = 0; i < all.count; i++)
		if (i == 0 || compare_spaces(&all.items[i - 1], &all.items[i]) != 0)
			visit(data, all.items[i]->topology, all.items[i]->space);
	vector_done(&all);
}

size_t sessions_count(const struct sessions *s)
{
	return HASH_COUNT(s->by_token);
}

/* ---- events ---- */

static void on_stream_closed(void *user, struct http_stream *stream)
{
	struct session *session = user;

	session->streams--;
	if (session->stream != stream)
		return; /* a later one has taken its place */
	session->stream = NULL;
	session->idle_since_ms = clock_now().mono_ms;
}

static const struct http_stream_handler stream_handler = {.closed = on_stream_closed};

void session_attach(struct session *session, struct http_request *request)
{
	struct http_stream *earlier = session->stream;
	CLEANUP(freep)
	char *hello =
		str_printf("event: session\ndata: {\"session\":\"%s\"}\n\n", session->token);

	session->stream = NULL;
	if (earlier != NULL)
		http_stream_end(earlier);
	session->stream = http_reply_stream(request, "text/event-stream", true,
					    SESSION_STREAM_MAX, &stream_handler, session);
	if (session->stream == NULL)
		return;
	session->streams++;
	(void)!http_stream_write(session->stream, hello, strlen(hello));
	if (session->kept.size > 0)
		(void)!http_stream_write(session->stream, session->kept.data,
					 session->kept.size);
	buffer_done(&session->kept);
	session->kept = BUFFER_INIT(SESSION_KEPT);
}

static bool is_text(const char *data, size_t size)
{
	while (size > 0) {
		uint32_t code;
		bool valid;
		size_t n = text_next(data, size, &code, &valid);

		if (!valid || code == 0)
			return false;
		data += n;
		size -= n;
	}
	return true;
}

/* data: {"path":"queries","from":"api-1","text":"..."}, or "base64" for what is no text. */
static void event_write(struct buffer *event, const char *path_name, const char *from,
			const void *payload, size_t size)
{
	CLEANUP(freep) char *text = NULL;
	bool is_plain = is_text(payload, size);

	if (is_plain) {
		text = mem_strndup(payload, size);
	} else {
		size_t room = sodium_base64_encoded_len(size, sodium_base64_VARIANT_ORIGINAL);

		text = mem_calloc(1, room);
		(void)sodium_bin2base64(text, room, payload, size,
					sodium_base64_VARIANT_ORIGINAL);
	}
	(void)buffer_add_string(event, "data: {\"path\":");
	(void)!schema_add_json_string(event, path_name);
	(void)buffer_add_string(event, ",\"from\":");
	(void)!schema_add_json_string(event, from);
	(void)buffer_add_string(event, is_plain ? ",\"text\":" : ",\"base64\":");
	(void)!schema_add_json_string(event, text);
	(void)buffer_add_string(event, "}\n\n");
}

static int session_deliver(struct session *session, const struct buffer *event)
{
	if (session->stream != NULL)
		return http_stream_write(session->stream, event->data, event->size) == 0
			       ? 0
			       : -EAGAIN;
	return buffer_add(&session->kept, event->data, event->size) == 0 ? 0 : -EAGAIN;
}

static struct session *find_address(struct sessions *s, const char *suffix, size_t size)
{
	const char *at = memchr(suffix, '@', size);
	struct session *session = NULL;

	if (size > 1 && suffix[0] == '~' && at != NULL)
		HASH_FIND(hh_address, s->by_address, suffix + 1, (size_t)(at - suffix) - 1,
			  session);
	return session;
}

int sessions_deliver(struct sessions *s, const char *topology, const char *space,
		     const char *suffix, size_t suffix_size, const char *path_name,
		     const char *from, const void *payload, size_t size)
{
	CLEANUP(buffer_done) struct buffer event = BUFFER_INIT(EVENT_MAX);
	int result = -EHOSTUNREACH;

	event_write(&event, path_name, from, payload, size);
	if (suffix_size > 0) {
		struct session *session = find_address(s, suffix, suffix_size);

		return session != NULL && is_of(session, topology, space)
			       ? session_deliver(session, &event)
			       : -EHOSTUNREACH;
	}
	for (struct session *i = s->by_token; i != NULL; i = i->hh.next) {
		int r;

		if (!is_of(i, topology, space))
			continue;
		r = session_deliver(i, &event);
		if (r == 0 || result == -EHOSTUNREACH)
			result = r;
	}
	return result;
}
