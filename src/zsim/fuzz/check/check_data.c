#include "zsim/fuzz/check/check_data.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "core/outbox.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

static struct stored *stored_of(struct fuzz *f, const char *owner, const char *key)
{
	struct stored *s = NULL;
	CLEANUP(freep) char *slot = names_slot(owner);
	CLEANUP(freep) char *id = str_printf("%s %s", slot, key);
	HASH_FIND_STR(f->stored, id, s);
	if (s != NULL)
		return s;
	s = mem_new(struct stored);
	s->id = steal_ptr(&id);
	s->owner = steal_ptr(&slot);
	HASH_ADD_KEYPTR(hh, f->stored, s->id, strlen(s->id), s);
	return s;
}

static struct data_access *access_of(struct fuzz *f, uint64_t number)
{
	PRE(number >= 1 && number <= f->accesses.count);
	return &f->accesses.items[number - 1];
}

uint64_t check_data_asked(struct fuzz *f, const struct sim_process *p, const char *key)
{
	struct stored *s = stored_of(f, p->name, key);
	*vector_add(&f->accesses) = (struct data_access){.slot = mem_strdup(p->slot),
							 .epoch = p->epoch,
							 .stored = s,
							 .least = s->known,
							 .of_removals = s->removals};
	return f->accesses.count;
}

static void forget(struct stored *s)
{
	s->removals++;
	s->known = 0;
}

void check_data_deletes(struct fuzz *f, uint64_t number)
{
	access_of(f, number)->deletes = true;
	forget(access_of(f, number)->stored);
}

void check_data_committed(struct fuzz *f, const struct data_change *change, int status)
{
	struct data_access *a = access_of(f, change->request);
	if (change->operation == SAMOZA__V1__DATA_OPERATION__DATA_DELETE)
		a->stored->bytes = 0;
	if (change->operation != SAMOZA__V1__DATA_OPERATION__DATA_PUT)
		return;
	a->is_refused = status != 0;
	if (a->is_refused)
		return;
	a->version = ++a->stored->version;
	a->stored->bytes = change->key_size + change->value_size;
}

void check_data_removed(struct fuzz *f, const char *topology_name)
{
	size_t length = strlen(topology_name);
	for (struct stored *s = f->stored; s != NULL; s = s->hh.next)
		if (strncmp(s->owner, topology_name, length) == 0 && s->owner[length] == '/') {
			forget(s);
			s->bytes = 0;
		}
}

static void check_read(struct fuzz *f, const struct data_access *a,
		       const Samoza__V1__DataReply *reply)
{
	uint64_t read = 0; /* nothing */
	if (reply->status != -ENOENT) {
		CLEANUP(freep)
		char *text = mem_strndup((const char *)reply->value.data, reply->value.len);
		text[strcspn(text, " ")] = '\0';
		uint64_t number = 0;
		if (str_to_u64(text, &number) < 0 || number < 1 || number > f->accesses.count ||
		    access_of(f, number)->stored != a->stored) {
			world_violate(&f->world, "%s reads '%s', which was never written there",
				      a->slot, text);
			return;
		}
		read = access_of(f, number)->version;
		if (read == 0)
			world_violate(&f->world,
				      "%s reads its write of the number %" PRIu64
				      ", which was refused",
				      a->slot, number);
	}
	if (read < a->least && a->of_removals == a->stored->removals)
		world_violate(&f->world,
			      "%s reads its write %" PRIu64 " under epoch %" PRIu64
			      ", and write %" PRIu64 " was acknowledged before",
			      a->slot, read, a->epoch, a->least);
}

void check_data_replied(struct fuzz *f, const Samoza__V1__DataReply *reply)
{
	const struct data_access *a = access_of(f, reply->request);
	if ((reply->status != 0 && reply->status != -ENOENT) || a->is_refused || a->deletes)
		return;
	if (a->version == 0) {
		draws_happened(f, DRAW_READS);
		check_read(f, a, reply);
	} else if (a->version > a->stored->known && a->of_removals == a->stored->removals) {
		a->stored->known = a->version;
	}
}

void check_data_done(struct fuzz *f)
{
	struct stored *s = NULL;
	struct stored *next = NULL;
	HASH_ITER (hh, f->stored, s, next) {
		HASH_DELETE(hh, f->stored, s);
		free(s->id);
		free(s->owner);
		free(s);
	}
	vector_for_each (&f->accesses, a)
		free(a->slot);
	vector_done(&f->accesses);
}
