#include "zhost/direct/contacts.h"

#include <stdio.h>

#include "adapter/cli/address.h"
#include "base/memory.h"

struct contacts {
	struct upstream *upstream;
	struct zhost_book *book;
	struct direct_transport *direct;
};

/* ---- asking ---- */

static void on_ask(void *user, const char *name)
{
	const struct contacts *c = user;
	Samoza__V1__MeshAsk ask = SAMOZA__V1__MESH_ASK__INIT;
	char *names[] = {(char *)(uintptr_t)name};
	if (!upstream_is_up(c->upstream))
		return; /* on the next connection */
	ask.zhosts = names;
	ask.n_zhosts = 1;
	upstream_send(c->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK, &ask.base);
}

static void add_name(void *user, const struct zhost_entry *entry)
{
	Samoza__V1__MeshAsk *ask = user;
	ask->zhosts[ask->n_zhosts++] = entry->name;
}

void contacts_connected(struct contacts *c)
{
	char *names[ZHOST_BOOK_MAX];
	Samoza__V1__MeshAsk ask = SAMOZA__V1__MESH_ASK__INIT;
	ask.zhosts = names;
	zhost_book_visit(c->book, add_name, &ask);
	if (ask.n_zhosts > 0)
		upstream_send(c->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK, &ask.base);
}

/* ---- what zrms says ---- */

static void key_text(const ProtobufCBinaryData *key, char to[static ZHOST_BOOK_KEY_HEX])
{
	to[0] = '\0';
	for (size_t i = 0; i < key->len && 2 * i + 2 < ZHOST_BOOK_KEY_HEX; i++)
		(void)snprintf(to + 2 * i, 3, "%02x", key->data[i]);
}

static void take(struct contacts *c, const Samoza__V1__MeshZhost *zhost)
{
	char texts[ZHOST_BOOK_KEYS][ZHOST_BOOK_KEY_HEX];
	const char *keys[ZHOST_BOOK_KEYS];
	size_t count = zhost->n_keys < ZHOST_BOOK_KEYS ? zhost->n_keys : ZHOST_BOOK_KEYS;
	struct cli_address address = {0};
	if (zhost->gone) {
		zhost_book_remove(c->book, zhost->name);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		key_text(&zhost->keys[i], texts[i]);
		keys[i] = texts[i];
	}
	/* An address that cannot be read is none. */
	bool has_address = zhost->address != NULL &&
			   cli_address_parse_any(zhost->address, &address, NULL) == 0;
	zhost_book_put(c->book, zhost->name, has_address ? address.host : NULL, address.port,
		       keys, count);
}

void contacts_take(struct contacts *c, const Samoza__V1__MeshZhosts *message)
{
	for (size_t i = 0; i < message->n_zhosts; i++)
		take(c, message->zhosts[i]);
	direct_transport_recheck(c->direct);
}

/* ---- life ---- */

struct contacts *contacts_new(struct upstream *upstream, struct zhost_book *book,
			      struct direct_transport *direct)
{
	struct contacts *c = mem_new(struct contacts);
	*c = (struct contacts){.upstream = upstream, .book = book, .direct = direct};
	zhost_book_on_ask(book, on_ask, c);
	return c;
}

void contacts_free(struct contacts *c)
{
	if (c == NULL)
		return;
	zhost_book_on_ask(c->book, NULL, NULL);
	free(c);
}
