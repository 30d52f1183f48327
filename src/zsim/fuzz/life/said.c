#include "zsim/fuzz/life/said.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/mesh_sum.h"
#include "proto/wire.pb-c.h"
#include "zsim/world/machine_state.h"

static char *key_of(const struct sim_machine *n, const char *application, const char *path)
{
	return str_printf("%u %" PRIu64 " %s/%s", n->index, n->life, application, path);
}

static struct said *find(struct said *const *all, const struct sim_machine *n,
			 const char *application, const char *path)
{
	CLEANUP(freep) char *key = key_of(n, application, path);
	struct said *said = NULL;
	HASH_FIND_STR(*all, key, said);
	return said;
}

const struct said *said_find(struct said *const *all, const struct sim_machine *n,
			     const char *application, const char *path)
{
	return find(all, n, application, path);
}

static struct said *get(struct said **all, const struct sim_machine *n, const char *application,
			const char *path)
{
	struct said *said = find(all, n, application, path);
	if (said != NULL)
		return said;
	said = mem_new(struct said);
	said->key = key_of(n, application, path);
	said->application = mem_strdup(application);
	HASH_ADD_KEYPTR(hh, *all, said->key, strlen(said->key), said);
	return said;
}

static void forget(struct said **all, struct said *said)
{
	HASH_DEL(*all, said);
	free(said->key);
	free(said->application);
	free(said);
}

void said_done(struct said **all)
{
	struct said *said = NULL, *next = NULL;
	HASH_ITER (hh, *all, said, next)
		forget(all, said);
}

static bool is_of(const struct said *said, const struct sim_machine *n)
{
	CLEANUP(freep) char *start = str_printf("%u %" PRIu64 " ", n->index, n->life);
	return str_has_prefix(said->key, start);
}

/* A path is named once for each of its copies: one of them serves at most (life.c). */
static void hear(struct said **all, const struct sim_machine *n,
		 const Samoza__V1__MeshTable *table)
{
	for (size_t k = 0; k < table->n_peers; k++) {
		struct said *said = get(all, n, table->topology, table->peers[k]->path);
		said->serves = said->shares = said->apart = 0;
	}
	for (size_t k = 0; k < table->n_peers; k++) {
		const Samoza__V1__MeshPeer *peer = table->peers[k];
		struct said *said = get(all, n, table->topology, peer->path);
		if (peer->zhost != NULL && peer->serving) {
			said->serves = peer->epoch;
			said->is_here = str_equal(peer->zhost, n->name);
		} else if (peer->zhost != NULL && peer->sharing) {
			said->shares = peer->epoch;
		} else if (peer->zhost != NULL && peer->apart) {
			said->apart = peer->epoch;
			said->apart_here = str_equal(peer->zhost, n->name);
		}
	}
}

static void take_table(struct said **all, const struct sim_machine *n,
		       const Samoza__V1__MeshTable *table)
{
	struct said *said = NULL, *next = NULL;
	HASH_ITER (hh, *all, said, next)
		if ((table->full || table->gone) && is_of(said, n) &&
		    str_equal(said->application, table->topology))
			forget(all, said);
	if (!table->gone)
		hear(all, n, table);
	HASH_ITER (hh, *all, said, next)
		if (is_of(said, n) && str_equal(said->application, table->topology))
			said->is_confirmed = true;
}

static void begin_link(struct said **all, const struct sim_machine *n)
{
	for (struct said *said = *all; said != NULL; said = said->hh.next)
		if (is_of(said, n))
			said->is_confirmed = false;
}

static void sync_kept(struct said **all, const struct sim_machine *n, uint64_t kept)
{
	struct said *said = NULL, *next = NULL;
	HASH_ITER (hh, *all, said, next)
		if (is_of(said, n) && !said->is_confirmed &&
		    (kept >> mesh_part(said->application) & 1) == 0)
			forget(all, said);
}

void said_take(struct said **all, const struct sim_machine *n, Samoza__V1__FrameType type,
	       const ProtobufCMessage *message)
{
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK)
		begin_link(all, n);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE)
		take_table(all, n, (const Samoza__V1__MeshTable *)message);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC)
		sync_kept(all, n, ((const Samoza__V1__MeshSync *)message)->kept);
}
