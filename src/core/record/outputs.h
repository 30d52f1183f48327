/*
 * What came out of a batch, item by item: a name that says which it is, and a digest of all of it. A recording has
 * this of what the core did; a replay makes the same of what its core does, and compares.
 *
 * Both leave out what a recording leaves out of what goes in (core/control/state/input_code.h): what programs have printed,
 * and the data that spaces write, of which the size counts.
 */
#ifndef SAMOZA_CORE_RECORD_OUTPUTS_H
#define SAMOZA_CORE_RECORD_OUTPUTS_H

#include "base/buffer.h"
#include "core/outbox.h"
#include "proto/recording.pb-c.h"

/* `with_text`: also all of each, as JSON. The caller frees it with schema_message_free(). */
Samoza__V1__RecordedFlush *outputs_of(const struct outbox *outbox, bool with_text);

/* That is used again: a batch is recorded as it is decided. */
struct outputs_memory {
	struct buffer name, message;
};
#define OUTPUTS_MEMORY_INIT                                     \
	((struct outputs_memory){.name = BUFFER_INIT(SIZE_MAX), \
				 .message = BUFFER_INIT(SIZE_MAX)})
void outputs_memory_done(struct outputs_memory *memory);
/* What is compared of a batch. All of it counts in `sum`, and `checks` find the item that differs: of each one byte of its name and one
 * of all of it (a message to many links is one item). */
struct output_checks {
	uint32_t sum; /* whatever their order is */
	struct buffer checks;
};
#define OUTPUT_CHECKS_INIT ((struct output_checks){.checks = BUFFER_INIT(SIZE_MAX)})
/* Replaces *ret. */
void outputs_check(const struct outbox *outbox, struct outputs_memory *memory,
		   struct output_checks *ret);
/* The item with that number of outputs_check(), from 0 on: its name, and all of it; NULL: there is none. The
 * caller frees. */
char *outputs_item_text(const struct outbox *outbox, size_t item);

/* A record of the store without what programs have printed. *ret_data is NULL: it has nothing of that. */
void record_without_lines(enum record_kind kind, const void *data, size_t size, void **ret_data,
			  size_t *ret_size);

#endif
