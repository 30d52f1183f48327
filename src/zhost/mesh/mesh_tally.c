#include "zhost/mesh/mesh_tally.h"

#include "base/memory.h"
#include "base/str.h"

struct mesh_tally *mesh_tally_of(struct mesh_tallies *tallies, const char *name)
{
	struct mesh_tally *tally;
	if (tallies == NULL)
		return NULL;
	HASH_FIND_STR(tallies->all, name, tally);
	if (tally != NULL || HASH_COUNT(tallies->all) >= MESH_TALLIES_MAX)
		return tally;
	tally = mem_new(struct mesh_tally);
	tally->name = mem_strdup(name);
	HASH_ADD_KEYPTR(hh, tallies->all, tally->name, strlen(tally->name), tally);
	return tally;
}

void mesh_tallies_done(struct mesh_tallies *tallies)
{
	struct mesh_tally *tally, *next;
	HASH_ITER (hh, tallies->all, tally, next) {
		HASH_DEL(tallies->all, tally);
		free(tally->name);
		free(tally->zhost);
		free(tally);
	}
}

static void set_zhost(struct mesh_tally *tally, const char *zhost)
{
	if (zhost == NULL || str_equal(tally->zhost, zhost))
		return;
	free(tally->zhost);
	tally->zhost = mem_strdup(zhost);
}

void mesh_tally_sent(struct mesh_tally *tally, const char *zhost, enum mesh_by by, int r)
{
	if (tally == NULL)
		return;
	set_zhost(tally, zhost);
	if (r < 0) {
		tally->refused++;
		return;
	}
	tally->is_here = false;
	tally->by = by;
	if (by == MESH_BY_HUB)
		tally->hub++;
	else
		tally->direct++; /* also what is kept until the way has changed */
}

void mesh_tally_sent_here(struct mesh_tally *tally, const char *zhost, int r)
{
	if (tally == NULL)
		return;
	set_zhost(tally, zhost);
	if (r < 0) {
		tally->refused++;
		return;
	}
	tally->is_here = true;
	tally->here++;
}

void mesh_tally_asks(struct mesh_tally *tally, int64_t now_us)
{
	if (tally != NULL &&
	    (tally->asked_us == 0 || now_us - tally->asked_us > MESH_ANSWER_MAX_US))
		tally->asked_us = now_us;
}

void mesh_tally_answered(struct mesh_tally *tally, int64_t now_us, struct histogram *to)
{
	if (tally->asked_us != 0 && now_us - tally->asked_us <= MESH_ANSWER_MAX_US)
		histogram_add(to, now_us - tally->asked_us);
	tally->asked_us = 0;
}

void mesh_tally_received(struct mesh_tally *tally, const char *zhost, int r)
{
	if (tally == NULL)
		return;
	set_zhost(tally, zhost);
	tally->received++;
	tally->dropped += r < 0;
}
