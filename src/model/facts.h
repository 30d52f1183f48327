/*
 * A message as a flat list of facts: one for each value that differs from its default, with its
 * path in the file and with what a change of it does (change_table.h).
 *
 *     imports:                                imports[0]              (an element is there)
 *       - {from: db, optional: true}          imports[0].from         db
 *     stop: {grace: 10s}                      imports[0].optional     true
 *
 * An absent message and one that has only defaults give the same facts, and so do a value that is
 * written out and the same value by default; only a written `count` is always a fact, because it
 * changes the names of instances. So two declarations mean the same if their facts are equal.
 * Private to src/model.
 */
#ifndef SAMOZA_MODEL_FACTS_H
#define SAMOZA_MODEL_FACTS_H

#include <protobuf-c/protobuf-c.h>

#include "base/buffer.h"
#include "base/vector.h"
#include "model/change_table.h"

struct fact {
	char *path;
	struct buffer value;
	enum change change;
};

struct facts {
	VECTOR(struct fact) list; /* by path */
};

/* `skip`: numbers of fields of the message itself that are left out; ends with 0; NULL: none. */
void facts_read(struct facts *facts, const struct change_table *table,
		const ProtobufCMessage *message, const unsigned *skip);
/* Adds a fact that no field states; call facts_sort() after the last. */
void facts_add(struct facts *facts, const char *path, enum change change, const void *value,
	       size_t size);
void facts_sort(struct facts *facts);
void facts_done(struct facts *facts);

#endif
