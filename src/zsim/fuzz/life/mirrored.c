

#include "zsim/fuzz/life/mirrored.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/machine_state.h"

struct submitted *fuzz_submitted(const struct fuzz *f, const char *id)
{
	vector_for_each (&f->submitted, s)
		if (strcmp(s->id, id) == 0)
			return s;
	return NULL;
}

const struct topology *fuzz_revision(const struct submitted *s, uint32_t number)
{
	PRE(number >= 1 && number <= s->revisions.count &&
	    s->revisions.items[number - 1] != NULL);
	return s->revisions.items[number - 1];
}

struct mirrored *mirrored_instance(struct fuzz *f, const char *id)
{
	CLEANUP(freep) char *slot = names_slot(id);
	struct mirrored *m = NULL;
	HASH_FIND_STR(f->instances, slot, m);
	if (m != NULL)
		return m;
	m = mem_new(struct mirrored);
	m->id = steal_ptr(&slot);
	HASH_ADD_KEYPTR(hh, f->instances, m->id, strlen(m->id), m);
	return m;
}

const struct mirrored *mirror_find(const struct fuzz *f, const char *topology, const char *path)
{
	CLEANUP(freep) char *id = names_instance(topology, path);
	struct mirrored *m = NULL;
	HASH_FIND_STR(f->instances, id, m);
	return m;
}

static struct mirrored_copy *find_copy(const struct fuzz *f, const char *id)
{
	struct mirrored_copy *m = NULL;
	HASH_FIND_STR(f->copies, id, m);
	return m;
}

struct mirrored_copy *mirrored_copy(struct fuzz *f, const char *id)
{
	CLEANUP(freep) char *slot = names_slot(id);
	struct mirrored_copy *m = find_copy(f, slot);
	if (m != NULL)
		return m;
	m = mem_new(struct mirrored_copy);
	m->id = steal_ptr(&slot);
	HASH_ADD_KEYPTR(hh, f->copies, m->id, strlen(m->id), m);
	return m;
}

const struct mirrored_copy *mirror_copy(const struct fuzz *f, const char *topology,
					const char *path, uint64_t epoch)
{
	CLEANUP(freep) char *id = names_copy(topology, path, epoch);
	return find_copy(f, id);
}

const Samoza__V1__CopyRecord *mirror_serving(const struct fuzz *f, const struct mirrored *m)
{
	if (m == NULL || m->record == NULL || !m->record->has_serving)
		return NULL;
	const struct mirrored_copy *copy =
		mirror_copy(f, m->record->application, m->record->path, m->record->serving);
	return copy != NULL ? copy->record : NULL;
}

struct mirrored_zhost *mirrored_zhost(struct fuzz *f, const char *name)
{
	struct mirrored_zhost *z = NULL;
	HASH_FIND_STR(f->zhosts, name, z);
	if (z != NULL)
		return z;
	z = mem_new(struct mirrored_zhost);
	z->name = mem_strdup(name);
	HASH_ADD_KEYPTR(hh, f->zhosts, z->name, strlen(z->name), z);
	return z;
}

struct sim_machine *mirror_machine(const struct fuzz *f, const char *name)
{
	struct mirrored_zhost *z = NULL;
	HASH_FIND_STR(f->zhosts, name, z);
	vector_for_each (&f->world.machines, n)
		if (z != NULL && z->record != NULL &&
		    str_equal((*n)->identity, z->record->identity) &&
		    (str_is_empty(z->record->machine) ||
		     str_equal((*n)->machine, z->record->machine)))
			return *n;
	return NULL;
}

void mirrored_done(struct fuzz *f)
{
	struct mirrored *m = NULL;
	struct mirrored *next = NULL;
	HASH_ITER (hh, f->instances, m, next) {
		HASH_DELETE(hh, f->instances, m);
		samoza__v1__slot_record__free_unpacked(m->record, NULL);
		free(m->id);
		free(m->state);
		free(m);
	}
	struct mirrored_copy *copy = NULL;
	struct mirrored_copy *next_copy = NULL;
	HASH_ITER (hh, f->copies, copy, next_copy) {
		HASH_DELETE(hh, f->copies, copy);
		samoza__v1__copy_record__free_unpacked(copy->record, NULL);
		free(copy->id);
		free(copy);
	}
	struct mirrored_zhost *z = NULL;
	struct mirrored_zhost *next_zhost = NULL;
	HASH_ITER (hh, f->zhosts, z, next_zhost) {
		HASH_DELETE(hh, f->zhosts, z);
		samoza__v1__zhost_record__free_unpacked(z->record, NULL);
		zhost_spec_done(&z->spec);
		free(z->joined);
		free(z->name);
		free(z->state);
		free(z);
	}
}

static bool declares_all_of(const struct topology *t, const struct topology *of)
{
	for (unsigned k = 0; k < of->instance_count; k++)
		if (names_find(t, of->instances[k].path) < 0)
			return false;
	return true;
}

bool fuzz_has_other_members(const struct fuzz *f, const struct submitted *s)
{
	const struct topology *target =
		s->rollout.target != 0 ? fuzz_revision(s, s->rollout.target) : s->topology;
	if (!declares_all_of(s->topology, target) || !declares_all_of(target, s->topology))
		return true;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next)
		if (m->record != NULL && str_equal(m->record->application, s->id) &&
		    names_find(s->topology, m->record->path) < 0)
			return true;
	return false;
}
