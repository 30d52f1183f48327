#include "zsim/fuzz/draw/draw_data.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"
#include "zsim/fuzz/check/check_data.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/link.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

#define VALUE_MAX 1500 /* bytes that follow the number */

struct use {
	Samoza__V1__DataOperation operation;
	const char *key;
	uint32_t more_bytes; /* of a value, after the number of the request */
};

static char *value_new(uint64_t number, uint32_t more_bytes)
{
	CLEANUP(freep) char *more = mem_calloc(1, (size_t)more_bytes + 1);
	memset(more, '.', more_bytes);
	return str_printf("%" PRIu64 "%s%s", number, more_bytes > 0 ? " " : "", more);
}

static struct sim_process *some_process(struct sim_machine *n, struct random *r)
{
	unsigned which = random_below(r, HASH_COUNT(n->processes));
	struct sim_process *p = n->processes;
	while (which-- > 0)
		p = p->hh.next;
	return p;
}

static void use(struct fuzz *f, struct random *r, const struct use *u)
{
	static const char *const names[] = {
		[SAMOZA__V1__DATA_OPERATION__DATA_GET] = "reads",
		[SAMOZA__V1__DATA_OPERATION__DATA_PUT] = "writes",
		[SAMOZA__V1__DATA_OPERATION__DATA_DELETE] = "deletes",
	};
	bool writes = u->operation == SAMOZA__V1__DATA_OPERATION__DATA_PUT;
	struct sim_machine *n =
		f->world.machines.items[random_below(r, (uint32_t)f->world.machines.count)];
	if (HASH_COUNT(n->processes) == 0 || n->link_id == 0 || n->suspended)
		return;
	const struct sim_process *p = some_process(n, r);
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = p->topology;
	key.path = p->path;
	key.epoch = p->epoch;
	Samoza__V1__DataRequest request = SAMOZA__V1__DATA_REQUEST__INIT;
	request.request = check_data_asked(f, p, u->key);
	request.key = &key;
	request.operation = u->operation;
	request.data_key = (ProtobufCBinaryData){strlen(u->key), (uint8_t *)(uintptr_t)u->key};
	CLEANUP(freep) char *value = value_new(request.request, u->more_bytes);
	request.has_value = writes;
	request.value = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
	world_log(&f->world, "STEP %s %s %s under epoch %" PRIu64, p->name, names[u->operation],
		  u->key, p->epoch);
	if (writes)
		draws_happened(f, DRAW_WRITES);
	if (u->operation == SAMOZA__V1__DATA_OPERATION__DATA_DELETE)
		check_data_deletes(f, request.request);
	sim_link_send(&f->world, n->link_id, false, SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST,
		      &request.base);
}

/* Some process writes or reads, under the epoch that it has, wanted or not. */
static void read_or_write(struct fuzz *f, struct random *r, bool writes)
{
	use(f, r,
	    &(struct use){.key = "k",
			  .operation = writes ? SAMOZA__V1__DATA_OPERATION__DATA_PUT
					      : SAMOZA__V1__DATA_OPERATION__DATA_GET});
}

static void fill(struct fuzz *f)
{
	static const char *const keys[] = {"k", "key-2", "key-3"};
	struct random *r = draws_random(f, DRAW_QUOTAS);
	struct use u = {.key = keys[random_below(r, ARRAY_SIZE(keys))],
			.operation = SAMOZA__V1__DATA_OPERATION__DATA_PUT};
	if (random_percent(r, 10))
		u.operation = SAMOZA__V1__DATA_OPERATION__DATA_DELETE;
	else if (random_percent(r, 20))
		u.operation = SAMOZA__V1__DATA_OPERATION__DATA_GET;
	else
		u.more_bytes = random_below(r, VALUE_MAX + 1);
	use(f, r, &u);
}

void draw_data(struct fuzz *f)
{
	struct random *r = draws_random(f, DRAW_CONTENTS); /* shared: these lives are old */
	if (draws_have(f, DRAW_WRITES) && random_percent(r, 20))
		read_or_write(f, r, true);
	r = draws_random(f, DRAW_READS);
	if (draws_percent(f, DRAW_READS, 30))
		read_or_write(f, r, random_percent(r, 50));
	if (draws_percent(f, DRAW_QUOTAS, 60))
		fill(f);
}
