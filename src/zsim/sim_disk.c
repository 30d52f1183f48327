/* Records by kind and id, and events, in memory. */
#include "zsim/sim_disk.h"

#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

static void record_free(struct sim_record *r)
{
	free(r->key);
	free(r->data);
	free(r);
}

void sim_disk_done(struct sim_disk *disk)
{
	struct sim_record *r = NULL;
	struct sim_record *next = NULL;
	HASH_ITER (hh, disk->records, r, next) {
		HASH_DELETE(hh, disk->records, r);
		record_free(r);
	}
	vector_for_each (&disk->events, e)
		samoza__v1__event_record__free_unpacked(*e, NULL);
	vector_done(&disk->events);
}

const struct sim_record *sim_disk_get(const struct sim_disk *disk, int kind, const char *id)
{
	CLEANUP(freep) char *key = str_printf("%d %s", kind, id);
	struct sim_record *r = NULL;
	HASH_FIND_STR(disk->records, key, r);
	return r;
}

void sim_disk_put(struct sim_disk *disk, int kind, const char *id, const void *data,
		  size_t size)
{
	struct sim_record *r = (struct sim_record *)sim_disk_get(disk, kind, id);
	if (data == NULL) {
		if (r != NULL) {
			HASH_DELETE(hh, disk->records, r);
			record_free(r);
		}
		return;
	}
	if (r == NULL) {
		r = mem_new(struct sim_record);
		r->key = str_printf("%d %s", kind, id);
		r->kind = kind;
		r->id = strchr(r->key, ' ') + 1;
		HASH_ADD_KEYPTR(hh, disk->records, r->key, strlen(r->key), r);
	}
	free(r->data);
	r->data = mem_memdup(data, size);
	r->size = size;
}

void sim_disk_add_event(struct sim_disk *disk, const Samoza__V1__EventRecord *event)
{
	vector_push(&disk->events,
		    (Samoza__V1__EventRecord *)schema_message_copy(&event->base));
}
