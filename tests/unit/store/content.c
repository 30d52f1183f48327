#include "content.h"

#include <string.h>

#include "base/memory.h"

void put_record(struct outbox *o, enum record_kind kind, const char *id, const char *data)
{
	vector_push(&o->records,
		    ((struct record_change){.kind = kind,
					    .id = mem_strdup(id),
					    .data = data != NULL ? mem_strdup(data) : NULL,
					    .size = data != NULL ? strlen(data) : 0}));
}

void add_event(struct outbox *o, uint64_t seq, const char *topology)
{
	Samoza__V1__EventRecord *e = mem_new(Samoza__V1__EventRecord);
	samoza__v1__event_record__init(e);
	e->seq = seq;
	e->time_ms = 1000;
	e->kind = mem_strdup("space");
	e->subject = mem_strdup("shop/api");
	e->cause = mem_strdup("test");
	e->topology = mem_strdup(topology);
	vector_push(&o->events, e);
}

void add_data(struct outbox *o, Samoza__V1__DataOperation operation, const char *owner,
	      const char *key, const char *value)
{
	vector_push(&o->data,
		    ((struct data_change){.owner = mem_strdup(owner),
					  .operation = operation,
					  .key = mem_strdup(key),
					  .key_size = strlen(key),
					  .value = value != NULL ? mem_strdup(value) : NULL,
					  .value_size = value != NULL ? strlen(value) : 0}));
}
