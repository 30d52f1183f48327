#include "zrms/migrate_history.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/sqlite/chronicle.h"
#include "adapter/sqlite/history.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"

enum { PAGE = 2000 /* events */ };

static char *path_of(const struct settings *settings)
{
	return str_printf("%s/history.db", settings->dir);
}

static int open_file(const struct settings *settings, struct chronicle **ret,
		     struct error **err)
{
	CLEANUP(freep) char *path = path_of(settings);
	bool damaged = false;
	int r = chronicle_open(path, ret, &damaged, err);
	if (r == 0 && damaged)
		log_warn("history", "damaged", LOG_S("file", path),
			 LOG_S("then", "it is put aside as FILE.damaged, and a new one begun"));
	return r;
}

/* ---- as a source ---- */

int migrate_history_open(const struct settings *settings, const struct migrate_part *events,
			 struct chronicle **ret_older, struct error **err)
{
	CLEANUP(freep) char *path = path_of(settings);
	struct chronicle *c = NULL;
	struct migrate_part first = {0};
	*ret_older = NULL;
	if (events->count == 0 || access(path, F_OK) < 0)
		return 0;
	int r = open_file(settings, &c, err);
	if (r == 0)
		r = migrate_look_older(c, events->first_seq - 1, events->first_seq, &first,
				       err);
	if (r == 0 && memcmp(first.digest, events->first_digest, sizeof(first.digest)) == 0)
		*ret_older = steal_ptr(&c);
	chronicle_close(c);
	return r;
}

void migrate_history_close(struct chronicle *older)
{
	chronicle_close(older);
}

/* ---- as a target ---- */

struct filling {
	struct chronicle *to;
	uint64_t next; /* the run goes on there; 0: none was begun */
	VECTOR(Samoza__V1__EventRecord *) events;
};

static void forget(struct filling *f)
{
	vector_for_each (&f->events, event)
		samoza__v1__event_record__free_unpacked(*event, NULL);
	vector_clear(&f->events);
}

static int put(struct filling *f, struct error **err)
{
	if (f->events.count == 0)
		return 0;
	uint64_t last = f->events.items[f->events.count - 1]->seq;
	uint64_t first = f->next != 0 ? f->next : f->events.items[0]->seq;
	int r = chronicle_put(f->to, first, last, f->events.items, f->events.count, err);
	f->next = last + 1;
	forget(f);
	return r;
}

static int on_item(void *user, const struct store_item *item, struct error **err)
{
	struct filling *f = user;
	if (item->part != STORE_EVENTS)
		return 0;
	Samoza__V1__EventRecord *event =
		samoza__v1__event_record__unpack(NULL, item->size, item->data);
	if (event == NULL)
		return error_set(err, ERR_INVALID, "event %" PRIu64 " cannot be read",
				 item->seq);
	vector_push(&f->events, event);
	return f->events.count == PAGE ? put(f, err) : 0;
}

/* The newest that it keeps in any case. */
static int check(struct chronicle *c, struct store *from, const struct migrate_part *events,
		 const char *path, struct error **err)
{
	uint64_t after = events->last_seq > HISTORY_KEPT ? events->last_seq - HISTORY_KEPT : 0;
	const struct migrate_source source = {.store = from, .events_from = after + 1};
	struct migrate_part found = {0};
	struct migrate_content wanted;
	int r = migrate_look_older(c, after, events->last_seq, &found, err);
	if (r == 0)
		r = migrate_look(&source, &wanted, err);
	if (r == 0 &&
	    memcmp(found.digest, wanted.parts[STORE_EVENTS].digest, sizeof(found.digest)) != 0)
		return error_set(err, ERR_IO,
				 "%s does not hold what was written: of %" PRIu64
				 " events it has %" PRIu64 ", or others",
				 path, wanted.parts[STORE_EVENTS].count, found.count);
	return r;
}

int migrate_history_fill(const struct settings *settings, struct store *from,
			 const struct migrate_part *events, struct error **err)
{
	CLEANUP(freep) char *path = path_of(settings);
	struct filling f = {0};
	int r = open_file(settings, &f.to, err);
	if (r == 0)
		r = chronicle_forget(f.to, 1, err);
	if (r == 0)
		r = from->ops->moving->visit(from, on_item, &f, err);
	if (r == 0)
		r = put(&f, err);
	if (r == 0)
		r = check(f.to, from, events, path, err);
	forget(&f);
	vector_done(&f.events);
	chronicle_close(f.to);
	return r;
}
