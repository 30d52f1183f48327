#include "zsim/fuzz/check/check_quotas.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/outbox.h"
#include "model/compile.h"
#include "zsim/fuzz/check/check_data.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/world.h"

/* ---- how much there is ---- */

/* "t1/a-2": of that instance, or of all of "t1/". */
static bool is_of(const char *owner, const char *other, bool of_all)
{
	return of_all ? strncmp(owner, other, strcspn(other, "/") + 1) == 0
		      : names_same(owner, other);
}

static uint64_t use_of(const struct fuzz *f, const char *owner, bool of_all)
{
	uint64_t bytes = 0;
	for (const struct stored *s = f->stored; s != NULL; s = s->hh.next)
		if (is_of(s->owner, owner, of_all))
			bytes += s->bytes;
	return bytes;
}

static uint64_t use_of_store(const struct fuzz *f, const char *owner)
{
	uint64_t bytes = 0;
	vector_for_each (&f->world.disk.values, v)
		if (names_same(v->owner, owner))
			bytes += v->key_size + v->value_size;
	return bytes;
}

/* ---- how much there may be ---- */

/* Of all instances that there are: each zhost that fits adds those of `count: each`. */
static uint64_t quota_of_all(const struct fuzz *f, const char *application,
			     const struct topology *t)
{
	uint64_t bytes = 0;
	for (unsigned i = 0; i < t->instance_count; i++)
		if (!instance_path_is_each(t->instances[i].path))
			bytes += instance_space(t, i)->data_bytes;
	for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
		int index = m->record != NULL && instance_path_is_each(m->record->path) &&
					    str_equal(m->record->application, application)
				    ? names_find(t, m->record->path)
				    : -1;
		bytes += index >= 0 ? instance_space(t, (unsigned)index)->data_bytes : 0;
	}
	return bytes;
}

struct quotas check_quotas_of(struct fuzz *f, const struct data_change *change)
{
	const struct data_access *a = &f->accesses.items[change->request - 1];
	struct quotas none = {0};
	CLEANUP(freep) char *name = str_printf("%s#%" PRIu64, a->slot, a->epoch);
	CLEANUP(freep) char *id = names_slot(name);
	const struct mirrored_copy *m = NULL;
	HASH_FIND_STR(f->copies, id, m);
	if (m == NULL || m->record == NULL)
		return none;
	const struct submitted *s = fuzz_submitted(f, m->record->application);
	const struct topology *t = s != NULL ? fuzz_revision(s, m->record->revision) : NULL;
	int index = t != NULL ? names_find(t, m->record->path) : -1;
	if (index < 0)
		return none;
	return (struct quotas){instance_space(t, (unsigned)index)->data_bytes,
			       quota_of_all(f, m->record->application, t)};
}

static bool fits(uint64_t use, uint64_t growth, uint64_t quota)
{
	return use + growth <= quota;
}

/* ---- who is told ---- */

static struct quota_said *said_of(struct fuzz *f, const char *owner)
{
	struct quota_said *t = NULL;
	CLEANUP(freep) char *slot = names_slot(owner);
	HASH_FIND_STR(f->quotas_said, slot, t);
	if (t != NULL)
		return t;
	t = mem_new(struct quota_said);
	t->owner = steal_ptr(&slot);
	HASH_ADD_KEYPTR(hh, f->quotas_said, t->owner, strlen(t->owner), t);
	return t;
}

static void forget(struct quota_said *t)
{
	t->refused = t->told = 0;
	t->may_repeat = true;
}

static void take_event(struct fuzz *f, const char *owner)
{
	struct quota_said *t = said_of(f, owner);
	if (t->told == f->world.zrms_life && !t->may_repeat)
		world_violate(&f->world, "%s has no room for its data: that is said twice",
			      owner);
	t->told = f->world.zrms_life;
}

static void check_store(struct fuzz *f, const char *owner)
{
	uint64_t kept = use_of_store(f, owner);
	uint64_t due = use_of(f, owner, false);
	if (kept != due)
		world_violate(&f->world,
			      "the store holds %" PRIu64 " bytes of %s, and %" PRIu64
			      " were written and not deleted",
			      kept, owner, due);
}

/* ---- committed ---- */

void check_quotas_put(struct fuzz *f, const struct data_change *change, int status,
		      struct quotas before)
{
	struct quotas now = check_quotas_of(f, change);
	const struct stored *s = f->accesses.items[change->request - 1].stored;
	uint64_t size = change->key_size + change->value_size;
	if (change->operation != SAMOZA__V1__DATA_OPERATION__DATA_PUT)
		return;
	if (status == -ENOSPC) {
		draws_happened(f, DRAW_QUOTAS);
		said_of(f, s->owner)->refused = f->world.zrms_life;
	}
	if (before.own == 0)
		before = now;
	if (before.own == 0 ||
	    (now.own != 0 && (now.own != before.own || now.all != before.all)))
		return; /* it changed in this commit: nobody can tell which of them counted */
	uint64_t own = use_of(f, s->owner, false);
	uint64_t all = use_of(f, s->owner, true);
	uint64_t growth = size > s->bytes ? size - s->bytes : 0;
	bool has_room =
		growth == 0 || (fits(own, growth, before.own) && fits(all, growth, before.all));
	if (has_room != (status == 0))
		world_violate(&f->world,
			      "a write of %s is %s: it has %" PRIu64 " of %" PRIu64
			      " bytes, its topology %" PRIu64 " of %" PRIu64
			      ", and it would grow by %" PRIu64,
			      s->owner, status == 0 ? "taken" : "refused", own, before.own, all,
			      before.all, growth);
}

/* The search removes an application with its data. */
static void check_removed(struct fuzz *f, const char *id)
{
	const struct submitted *s = fuzz_submitted(f, id);
	if (s == NULL)
		return;
	CLEANUP(freep) char *all = str_printf("%s/", s->name);
	vector_for_each (&f->world.disk.values, v)
		if (is_of(v->owner, all, true))
			world_violate(&f->world,
				      "the store holds data of %s, and %s is removed", v->owner,
				      s->name);
}

/* An instance of that name that comes later is another one: of a zhost that fits again. */
static void forget_slot(struct fuzz *f, const char *id)
{
	const char *path = strchr(id, '/');
	CLEANUP(freep) char *application = mem_strndup(id, (size_t)(path - id));
	const struct submitted *s = fuzz_submitted(f, application);
	if (s == NULL)
		return;
	CLEANUP(freep) char *owner = str_printf("%s%s", s->name, path);
	forget(said_of(f, owner));
}

void check_quotas_committed(struct fuzz *f, const struct outbox *o)
{
	if (!draws_have(f, DRAW_QUOTAS))
		return;
	for (struct quota_said *t = f->quotas_said; t != NULL; t = t->hh.next)
		t->may_repeat = false;
	vector_for_each (&o->data, change)
		if (change->operation == SAMOZA__V1__DATA_OPERATION__DATA_DELETE)
			forget(said_of(f, change->owner));
	vector_for_each (&o->data_forget, name)
		for (struct quota_said *t = f->quotas_said; t != NULL; t = t->hh.next)
			if (strncmp(t->owner, *name, strlen(*name)) == 0 &&
			    t->owner[strlen(*name)] == '/')
				forget(t);
	vector_for_each (&o->records, r)
		if (r->kind == RECORD_SLOT && r->data == NULL)
			forget_slot(f, r->id);
	vector_for_each (&o->events, e)
		if (str_equal((*e)->kind, "data"))
			take_event(f, (*e)->subject);
	vector_for_each (&o->records, r)
		if (r->kind == RECORD_APPLICATION && r->data == NULL)
			check_removed(f, r->id);
	if (o->data.count > 0 || o->data_forget.count > 0)
		for (const struct stored *s = f->stored; s != NULL; s = s->hh.next)
			check_store(f, s->owner);
}

/* The instance of that name is declared; one that is not has nobody to tell. */
static bool is_declared(const struct fuzz *f, const char *owner)
{
	const char *slash = strchr(owner, '/');
	vector_for_each (&f->submitted, s)
		if (strncmp(s->name, owner, (size_t)(slash - owner)) == 0 &&
		    s->name[slash - owner] == '\0' &&
		    sim_disk_get(&f->world.disk, RECORD_APPLICATION, s->id) != NULL)
			return names_find(s->topology, slash + 1) >= 0;
	return false;
}

void check_quotas_idle(struct fuzz *f)
{
	for (const struct quota_said *t = f->quotas_said; t != NULL; t = t->hh.next)
		if (t->refused == f->world.zrms_life && t->told != t->refused &&
		    is_declared(f, t->owner))
			world_violate(&f->world,
				      "%s has no room for its data, and no event says so",
				      t->owner);
}

void check_quotas_done(struct fuzz *f)
{
	struct quota_said *t = NULL;
	struct quota_said *next = NULL;
	HASH_ITER (hh, f->quotas_said, t, next) {
		HASH_DELETE(hh, f->quotas_said, t);
		free(t->owner);
		free(t);
	}
}
