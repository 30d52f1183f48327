/* Content of batches, for tests of stores. Everything is copied. */
#ifndef SAMOZA_TESTS_STORE_CONTENT_H
#define SAMOZA_TESTS_STORE_CONTENT_H

#include "core/outbox.h"

/* `data` NULL: the record is deleted. */
void put_record(struct outbox *o, enum record_kind kind, const char *id, const char *data);
/* An event of `topology`, otherwise always the same. */
void add_event(struct outbox *o, uint64_t seq, const char *topology);
/* `value` NULL: the operation has none. */
void add_data(struct outbox *o, Samoza__V1__DataOperation operation, const char *owner,
	      const char *key, const char *value);

#endif
