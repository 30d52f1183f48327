/*
 * The checksum that every row of our databases carries: 64 bits over its other columns, in order,
 * each with its type and length. It shows damage (a flipped bit, a half-written page, a careless
 * editor), not malice.
 *
 *   struct checksum c;
 *   checksum_begin(&c); checksum_add_int(&c, kind); checksum_add_text(&c, id); ... checksum_end(&c)
 *
 * In SQL the same is checksum(kind, id, ...).
 */
#ifndef SAMOZA_ADAPTER_SQLITE_CHECKSUM_H
#define SAMOZA_ADAPTER_SQLITE_CHECKSUM_H

#include <sodium.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

struct checksum {
	crypto_generichash_state state;
};

void checksum_begin(struct checksum *c);
void checksum_add_int(struct checksum *c, int64_t value);
void checksum_add_text(struct checksum *c, const char *text); /* NULL: an SQL NULL */
void checksum_add_blob(struct checksum *c, const void *data, size_t size);
int64_t checksum_end(struct checksum *c);

/* Makes checksum(...) known on a connection: SQLITE_OK or SQLite's error. */
int checksum_register(sqlite3 *handle);

#endif
