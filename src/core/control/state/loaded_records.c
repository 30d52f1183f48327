#include "core/control/state/loaded_records.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/state/record_id.h"
#include "schema/message.h"

void loaded_records_add(struct loaded_records *loaded, enum record_kind kind,
			ProtobufCMessage *take_message)
{
	switch (kind) {
	case RECORD_APPLICATION:
		vector_push(&loaded->applications,
			    (Samoza__V1__ApplicationRecord *)take_message);
		return;
	case RECORD_REVISION:
		vector_push(&loaded->revisions, (Samoza__V1__RevisionRecord *)take_message);
		return;
	case RECORD_SLOT:
		vector_push(&loaded->slots, (Samoza__V1__SlotRecord *)take_message);
		return;
	case RECORD_COPY:
		vector_push(&loaded->copies, (Samoza__V1__CopyRecord *)take_message);
		return;
	case RECORD_ZHOST:
		vector_push(&loaded->zhosts, (Samoza__V1__ZhostRecord *)take_message);
		return;
	case RECORD_TOPOLOGY:
		vector_push(&loaded->topologies, (Samoza__V1__TopologyRecord *)take_message);
		return;
	case RECORD_INSTANCE:
		vector_push(&loaded->instances, (Samoza__V1__InstanceRecord *)take_message);
		return;
	case RECORD_META:
	case RECORD_FORGOTTEN:
	case RECORD_REBALANCE:
	case RECORD_CREDENTIAL:
	case RECORD_JOIN_TOKEN:
	case RECORD_IDENTITY:
	case RECORD_SIGN_IN:
	case RECORD_MACHINE:
	case RECORD_AUTHORITIES:
	case RECORD_SIGNING_KEY:
	case RECORD_IDEMPOTENCY:
	case RECORD_NOTICE_TARGET:
	case RECORD_BACKUP_AGE:
	case RECORD_SECRET:
		break;
	}
	IMPOSSIBLE("a record that is not kept here");
}

struct known_id {
	const char *id;
	UT_hash_handle hh;
};

static bool is_known(struct known_id *ids, const char *id)
{
	struct known_id *found = NULL;
	HASH_FIND_STR(ids, id, found);
	return found != NULL;
}

#define DROP_ORPHANS(list, kind, id_text)                          \
	do {                                                       \
		size_t kept_ = 0;                                  \
		vector_for_each (list, item) {                     \
			if (is_known(ids, (*item)->application)) { \
				(list)->items[kept_++] = *item;    \
				continue;                          \
			}                                          \
			each(user, kind, id_text);                 \
			schema_message_free(&(*item)->base);       \
		}                                                  \
		(list)->count = kept_;                             \
	} while (0)

void loaded_records_drop_orphans(struct loaded_records *loaded,
				 void (*each)(void *user, enum record_kind kind, char *take_id),
				 void *user)
{
	struct known_id *ids = NULL;
	CLEANUP(freep)
	struct known_id *all = mem_new_array(struct known_id, loaded->applications.count);
	for (size_t k = 0; k < loaded->applications.count; k++) {
		all[k].id = loaded->applications.items[k]->id;
		HASH_ADD_KEYPTR(hh, ids, all[k].id, strlen(all[k].id), &all[k]);
	}
	DROP_ORPHANS(&loaded->revisions, RECORD_REVISION,
		     record_id_revision((*item)->application, (*item)->number));
	DROP_ORPHANS(&loaded->slots, RECORD_SLOT,
		     record_id_slot((*item)->application, (*item)->path));
	DROP_ORPHANS(&loaded->copies, RECORD_COPY,
		     record_id_copy((*item)->application, (*item)->path, (*item)->epoch));
	HASH_CLEAR(hh, ids);
}

bool loaded_records_drop_application(struct loaded_records *loaded, const char *id)
{
	for (size_t k = 0; k < loaded->applications.count; k++) {
		if (!str_equal(loaded->applications.items[k]->id, id))
			continue;
		schema_message_free(&loaded->applications.items[k]->base);
		vector_remove_at(&loaded->applications, k);
		return true;
	}
	return false;
}

/* What was taken out is NULL. */
#define FREE_ALL(list)                                                 \
	do {                                                           \
		vector_for_each (list, record)                         \
			if (*record != NULL)                           \
				schema_message_free(&(*record)->base); \
		vector_done(list);                                     \
	} while (0)

void loaded_records_done(struct loaded_records *loaded)
{
	FREE_ALL(&loaded->applications);
	FREE_ALL(&loaded->revisions);
	FREE_ALL(&loaded->slots);
	FREE_ALL(&loaded->copies);
	FREE_ALL(&loaded->zhosts);
	FREE_ALL(&loaded->topologies);
	FREE_ALL(&loaded->instances);
}
