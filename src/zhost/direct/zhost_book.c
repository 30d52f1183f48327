#include "zhost/direct/zhost_book.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"

struct zhost_book {
	struct zhost_entry *entries;
	void (*ask)(void *user, const char *name);
	void *ask_user;
};

struct zhost_book *zhost_book_new(void)
{
	return mem_new(struct zhost_book);
}

static void entry_free(struct zhost_book *book, struct zhost_entry *entry)
{
	HASH_DEL(book->entries, entry);
	free(entry->name);
	free(entry->host);
	free(entry);
}

void zhost_book_free(struct zhost_book *book)
{
	if (book == NULL)
		return;
	while (book->entries != NULL)
		entry_free(book, book->entries);
	free(book);
}

static struct zhost_entry *find(const struct zhost_book *book, const char *name)
{
	struct zhost_entry *entry;
	HASH_FIND_STR(book->entries, name, entry);
	return entry;
}

static struct zhost_entry *entry_new(struct zhost_book *book, const char *name)
{
	struct zhost_entry *entry = mem_new(struct zhost_entry);
	entry->name = mem_strdup(name);
	HASH_ADD_KEYPTR(hh, book->entries, entry->name, strlen(entry->name), entry);
	return entry;
}

void zhost_book_on_ask(struct zhost_book *book, void (*ask)(void *user, const char *name),
		       void *user)
{
	book->ask = ask;
	book->ask_user = user;
}

void zhost_book_ask(struct zhost_book *book, const char *name)
{
	if (book->ask == NULL || find(book, name) != NULL ||
	    HASH_COUNT(book->entries) >= ZHOST_BOOK_MAX)
		return;
	(void)entry_new(book, name);
	book->ask(book->ask_user, name);
}

void zhost_book_visit(const struct zhost_book *book, zhost_book_visit_fn *visit, void *user)
{
	for (const struct zhost_entry *e = book->entries; e != NULL; e = e->hh.next)
		visit(user, e);
}

/* A machine that renews has two keys until it uses the new one. Who takes its place by a token has one at once. */
static void former_find(const struct zhost_entry *before, const char *const *keys,
			size_t key_count, char to[static ZHOST_BOOK_KEY_HEX])
{
	if (before == NULL || key_count != 1 || !str_equal(before->keys[0], keys[0]))
		return;
	bool is_now = before->keys[1][0] != '\0';
	memcpy(to, is_now ? before->keys[1] : before->former, ZHOST_BOOK_KEY_HEX);
}

void zhost_book_put(struct zhost_book *book, const char *name, const char *host, uint16_t port,
		    const char *const *keys, size_t key_count)
{
	char former[ZHOST_BOOK_KEY_HEX] = "";
	former_find(find(book, name), keys, key_count, former);
	zhost_book_remove(book, name);
	struct zhost_entry *entry = entry_new(book, name);
	memcpy(entry->former, former, sizeof(former));
	entry->host = mem_strdup(host);
	entry->port = host != NULL ? port : 0;
	for (size_t i = 0; i < key_count && i < ZHOST_BOOK_KEYS; i++)
		(void)snprintf(entry->keys[i], ZHOST_BOOK_KEY_HEX, "%s", keys[i]);
}

void zhost_book_remove(struct zhost_book *book, const char *name)
{
	struct zhost_entry *entry = find(book, name);
	if (entry != NULL)
		entry_free(book, entry);
}

const struct zhost_entry *zhost_book_find(const struct zhost_book *book, const char *name)
{
	return find(book, name);
}

bool zhost_book_is_newest(const struct zhost_book *book, const struct stream_peer *peer)
{
	const struct zhost_entry *entry = peer->name != NULL ? find(book, peer->name) : NULL;
	return entry == NULL || entry->keys[0][0] == '\0' || peer->key_hash == NULL ||
	       str_equal(entry->keys[0], peer->key_hash);
}

static bool has_key(const struct zhost_entry *entry, const char *key_hash)
{
	for (size_t i = 0; i < ZHOST_BOOK_KEYS; i++)
		if (entry->keys[i][0] != '\0' && str_equal(entry->keys[i], key_hash))
			return true;
	return false;
}

bool zhost_book_bears(const struct zhost_book *book, const struct stream_peer *peer)
{
	const struct zhost_entry *entry = peer->name != NULL ? find(book, peer->name) : NULL;
	return entry != NULL && peer->key_hash != NULL &&
	       (has_key(entry, peer->key_hash) ||
		(entry->former[0] != '\0' && str_equal(entry->former, peer->key_hash)));
}

int zhost_book_admit(void *of_book, const struct stream_peer *peer, struct error **err)
{
	struct zhost_book *book = of_book;
	if (peer->role == NULL || peer->name == NULL || peer->key_hash == NULL ||
	    !str_equal(peer->role, "zhost"))
		return error_set(err, ERR_DENIED, "it does not prove that it is a zhost");
	const struct zhost_entry *entry = find(book, peer->name);
	if (entry != NULL && has_key(entry, peer->key_hash))
		return 0;
	zhost_book_ask(book, peer->name); /* it may try again */
	return error_set(err, ERR_DENIED, "zrms has not named zhost \"%s\" with this key",
			 peer->name);
}
