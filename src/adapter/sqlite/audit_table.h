/*
 * The audit of a store: a table audit(seq, time, user, data, sum). The oldest lines go when they are too old, or
 * all together too large, a few with each that is added; the newest AUDIT_ALWAYS stay, whatever the clock
 * says. `sum` is a checksum of the row (checksum.h).
 */
#ifndef SAMOZA_ADAPTER_SQLITE_AUDIT_TABLE_H
#define SAMOZA_ADAPTER_SQLITE_AUDIT_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "adapter/sqlite/database.h"
#include "base/buffer.h"
#include "base/vector.h"
#include "port/store.h"

#define AUDIT_ALWAYS 1000

struct audit_table {
	struct database *db; /* borrowed */
	sqlite3_stmt *add, *size, *oldest, *trim, *list;
	int64_t bytes;		      /* of all lines; -1: to be counted */
	atomic_uint_fast64_t damaged; /* were read; also for the loop's thread */
};

typedef VECTOR(Samoza__V1__AuditRecord *) audit_lines; /* owned */

int audit_table_init(struct audit_table *t, struct database *db, struct error **err) must_check;
void audit_table_done(struct audit_table *t);

/* Inside a transaction of the caller's. `scratch`: room for one that is packed. */
int audit_table_add(struct audit_table *t, const Samoza__V1__AuditRecord *line,
		    struct buffer *scratch, struct error **err) must_check;
/* After `newest` was added. */
int audit_table_trim(struct audit_table *t, const Samoza__V1__AuditRecord *newest,
		     const struct audit_kept *kept, struct error **err) must_check;
/* The transaction that added something has failed. */
void audit_table_rolled_back(struct audit_table *t);

/* `ret_more`: there are further ones than the limit. One that is damaged is left out. */
int audit_table_list(struct audit_table *t, const struct audit_query *query,
		     audit_lines *ret_lines, bool *ret_more, struct error **err) must_check;
void audit_lines_clear(audit_lines *lines);

#endif
