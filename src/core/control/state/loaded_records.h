/*
 * The records of a store, as they were loaded, until control_start() makes a living control of them.
 */
#ifndef SAMOZA_CORE_CONTROL_LOADED_RECORDS_H
#define SAMOZA_CORE_CONTROL_LOADED_RECORDS_H

#include <stdbool.h>

#include "base/vector.h"
#include "core/outbox.h"
#include "proto/record.pb-c.h"

struct loaded_records {
	VECTOR(Samoza__V1__ApplicationRecord *) applications;
	VECTOR(Samoza__V1__RevisionRecord *) revisions;
	VECTOR(Samoza__V1__SlotRecord *) slots;
	VECTOR(Samoza__V1__CopyRecord *) copies;
	VECTOR(Samoza__V1__ZhostRecord *) zhosts;
	/* of format 1 (format1.h) */
	VECTOR(Samoza__V1__TopologyRecord *) topologies;
	VECTOR(Samoza__V1__InstanceRecord *) instances;
};

/* PRE: of one of these kinds, and of the type that belongs to it. */
void loaded_records_add(struct loaded_records *loaded, enum record_kind kind,
			ProtobufCMessage *take_message);
/* Takes out revisions, slots and copies of applications that there are not: parts of a commit that a
 * crash cut short. `each` may delete them. */
void loaded_records_drop_orphans(struct loaded_records *loaded,
				 void (*each)(void *user, enum record_kind kind, char *take_id),
				 void *user);
/* Takes out the record of an application; false: there is none. What belongs to it are orphans then. */
bool loaded_records_drop_application(struct loaded_records *loaded, const char *id);
void loaded_records_done(struct loaded_records *loaded);

#endif
