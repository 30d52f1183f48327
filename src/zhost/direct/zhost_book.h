/*
 * What zrms says of other zhosts: where each takes direct links, and with which keys it proves its name. It is asked
 * for those that this zhost sends something to, or that connect to it.
 */
#ifndef SAMOZA_ZHOST_DIRECT_ZHOST_BOOK_H
#define SAMOZA_ZHOST_DIRECT_ZHOST_BOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"
#include "port/stream.h"

enum { ZHOST_BOOK_KEYS = 2, ZHOST_BOOK_KEY_HEX = 65, ZHOST_BOOK_MAX = 1024 };

struct zhost_book;

struct zhost_entry {
	char *name;
	char *host;    /* NULL: it takes no direct links */
	uint16_t port; /* 0: the same */
	char keys[ZHOST_BOOK_KEYS]
		 [ZHOST_BOOK_KEY_HEX]; /* the current and the previous one; or "" */
	/* With which it proved itself when it got the current one, and which is void since it has used that; or "". */
	char former[ZHOST_BOOK_KEY_HEX];
	UT_hash_handle hh;
};

struct zhost_book *zhost_book_new(void);
/* NULL is fine. */
void zhost_book_free(struct zhost_book *book);

/* Asks zrms, where nothing is known of that zhost and nothing was asked. At most ZHOST_BOOK_MAX are known. */
void zhost_book_ask(struct zhost_book *book, const char *name);
/* Who passes it on; NULL: nobody. */
void zhost_book_on_ask(struct zhost_book *book, void (*ask)(void *user, const char *name),
		       void *user);
/* Of everybody that is known, or was asked for. */
typedef void zhost_book_visit_fn(void *user, const struct zhost_entry *entry);
void zhost_book_visit(const struct zhost_book *book, zhost_book_visit_fn *visit, void *user);
/* Takes the place of what was known of it. All copied; `host` may be NULL, `keys`: SHA-256, hexadecimal, of which
 * ZHOST_BOOK_KEYS count. */
void zhost_book_put(struct zhost_book *book, const char *name, const char *host, uint16_t port,
		    const char *const *keys, size_t key_count);
void zhost_book_remove(struct zhost_book *book, const char *name);
/* Borrowed; NULL: nothing is said of it. */
const struct zhost_entry *zhost_book_find(const struct zhost_book *book, const char *name);
/* Whether it shows the newest key that its zhost has; also where nothing is said of it. */
bool zhost_book_is_newest(const struct zhost_book *book, const struct stream_peer *peer);
/* Whether a link that stands may be left in order: its other end shows a key of the book, or its machine has replaced that
 * key itself. No new link is let in with such a key. */
bool zhost_book_bears(const struct zhost_book *book, const struct stream_peer *peer);
/* Whether the other end of a stream is a zhost of the book: tls_options.admit, with the book as its user. */
int zhost_book_admit(void *of_book, const struct stream_peer *peer,
		     struct error **err) must_check;

#endif
