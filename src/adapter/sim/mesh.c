#include "adapter/sim/mesh.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/check.h"
#include "base/heap.h"
#include "base/random.h"
#include "base/str.h"

enum { CAPACITY_DEFAULT = 4 * 1024 * 1024 };

struct sim_zhost {
	struct mesh_transport transport;
	struct sim_mesh *mesh;
	char *name;
	struct sim_zhost *next;
};

/* A message under way. */
struct parcel {
	struct parcel *next, *prev;
	const struct sim_zhost *from;
	char *to;
	int64_t at_ms;
	size_t size;
	uint8_t *data;
};

struct cut {
	char *a, *b;
};

struct sim_mesh {
	struct loop *loop;
	struct random random;
	int64_t delay_min_ms, delay_max_ms;
	size_t capacity;
	struct sim_zhost *zhosts;
	struct parcel *parcels; /* by time, then in the order in which they were sent */
	struct loop_timer *timer;
	VECTOR(struct cut) cuts;
};

static struct sim_zhost *zhost_find(const struct sim_mesh *mesh, const char *name)
{
	struct sim_zhost *z;
	LL_FOREACH (mesh->zhosts, z)
		if (str_equal(z->name, name))
			return z;
	return NULL;
}

static size_t cut_index(const struct sim_mesh *mesh, const char *a, const char *b)
{
	for (size_t i = 0; i < mesh->cuts.count; i++) {
		const struct cut *c = &mesh->cuts.items[i];
		if ((str_equal(c->a, a) && str_equal(c->b, b)) ||
		    (str_equal(c->a, b) && str_equal(c->b, a)))
			return i;
	}
	return SIZE_MAX;
}

static bool is_reachable(const struct sim_mesh *mesh, const struct sim_zhost *from,
			 const char *to)
{
	return zhost_find(mesh, to) != NULL && cut_index(mesh, from->name, to) == SIZE_MAX;
}

static size_t under_way(const struct sim_zhost *from, const char *to)
{
	size_t sum = 0;
	const struct parcel *p;
	DL_FOREACH (from->mesh->parcels, p)
		if (p->from == from && str_equal(p->to, to))
			sum += p->size;
	return sum;
}

static void parcel_free(struct sim_mesh *mesh, struct parcel *p)
{
	DL_DELETE(mesh->parcels, p);
	free(p->to);
	free(p->data);
	free(p);
}

static void timer_set(struct sim_mesh *mesh)
{
	loop_timer_at(mesh->timer, mesh->parcels != NULL ? mesh->parcels->at_ms : NEVER_MS);
}

/* ---- the port ---- */

static size_t room(const struct mesh_transport *transport, const char *zhost)
{
	const struct sim_zhost *z = container_of(transport, struct sim_zhost, transport);
	size_t waiting = under_way(z, zhost);
	if (!is_reachable(z->mesh, z, zhost))
		return 0;
	return waiting < z->mesh->capacity ? z->mesh->capacity - waiting : 0;
}

/* Not before an earlier one to the same zhost. */
static int64_t arrival_ms(const struct sim_zhost *from, const char *to)
{
	struct sim_mesh *mesh = from->mesh;
	uint32_t range = (uint32_t)(mesh->delay_max_ms - mesh->delay_min_ms);
	int64_t at_ms = loop_now(mesh->loop).mono_ms + mesh->delay_min_ms +
			random_below(&mesh->random, range + 1);
	const struct parcel *p;
	DL_FOREACH (mesh->parcels, p)
		if (p->from == from && str_equal(p->to, to) && p->at_ms > at_ms)
			at_ms = p->at_ms;
	return at_ms;
}

static int send_message(struct mesh_transport *transport,
			const Samoza__V1__MeshMessage *message)
{
	const struct sim_zhost *z = container_of(transport, struct sim_zhost, transport);
	struct sim_mesh *mesh = z->mesh;
	size_t size = samoza__v1__mesh_message__get_packed_size(message);
	if (!is_reachable(mesh, z, message->to_zhost))
		return -EHOSTUNREACH;
	if (room(transport, message->to_zhost) < size)
		return -EAGAIN;
	struct parcel *p = mem_new(struct parcel), *before = mesh->parcels;
	p->from = z;
	p->to = mem_strdup(message->to_zhost);
	p->at_ms = arrival_ms(z, p->to);
	p->size = size;
	p->data = mem_calloc(1, size + 1);
	(void)samoza__v1__mesh_message__pack(message, p->data);
	while (before != NULL && before->at_ms <= p->at_ms)
		before = before->next;
	if (before != NULL)
		DL_PREPEND_ELEM(mesh->parcels, before, p);
	else
		DL_APPEND(mesh->parcels, p);
	timer_set(mesh);
	return 0;
}

static void parcels_drop_from(const struct sim_zhost *from, const char *to)
{
	struct parcel *p, *next;
	DL_FOREACH_SAFE (from->mesh->parcels, p, next)
		if (p->from == from && (to == NULL || str_equal(p->to, to)))
			parcel_free(from->mesh, p);
	timer_set(from->mesh);
}

static void zhost_free(struct mesh_transport *transport)
{
	struct sim_zhost *z = container_of(transport, struct sim_zhost, transport);
	parcels_drop_from(z, NULL);
	LL_DELETE(z->mesh->zhosts, z);
	free(z->name);
	free(z);
}

static const struct mesh_transport_ops ops = {
	.send = send_message, .room = room, .free = zhost_free};

static void deliver(struct sim_mesh *mesh, struct parcel *p)
{
	struct sim_zhost *to = zhost_find(mesh, p->to);
	Samoza__V1__MeshMessage *message =
		samoza__v1__mesh_message__unpack(NULL, p->size, p->data);
	INVARIANT(message != NULL);
	parcel_free(mesh, p);
	if (to != NULL && to->transport.received != NULL)
		to->transport.received(to->transport.user, message);
	samoza__v1__mesh_message__free_unpacked(message, NULL);
}

static void on_timer(void *user)
{
	struct sim_mesh *mesh = user;
	while (mesh->parcels != NULL && mesh->parcels->at_ms <= loop_now(mesh->loop).mono_ms)
		deliver(mesh, mesh->parcels);
	timer_set(mesh);
}

/* ---- what a test arranges ---- */

void sim_mesh_delay(struct sim_mesh *mesh, int64_t min_ms, int64_t max_ms)
{
	PRE(min_ms >= 0 && min_ms <= max_ms);
	mesh->delay_min_ms = min_ms;
	mesh->delay_max_ms = max_ms;
}

void sim_mesh_capacity(struct sim_mesh *mesh, size_t bytes)
{
	mesh->capacity = bytes;
}

void sim_mesh_cut(struct sim_mesh *mesh, const char *a, const char *b)
{
	const struct sim_zhost *from_a = zhost_find(mesh, a), *from_b = zhost_find(mesh, b);
	if (cut_index(mesh, a, b) == SIZE_MAX)
		vector_push(&mesh->cuts,
			    ((struct cut){.a = mem_strdup(a), .b = mem_strdup(b)}));
	if (from_a != NULL)
		parcels_drop_from(from_a, b);
	if (from_b != NULL)
		parcels_drop_from(from_b, a);
}

void sim_mesh_heal(struct sim_mesh *mesh, const char *a, const char *b)
{
	size_t i = cut_index(mesh, a, b);
	if (i == SIZE_MAX)
		return;
	free(mesh->cuts.items[i].a);
	free(mesh->cuts.items[i].b);
	vector_remove_at(&mesh->cuts, i);
}

struct mesh_transport *sim_mesh_zhost(struct sim_mesh *mesh, const char *name)
{
	PRE(zhost_find(mesh, name) == NULL);
	struct sim_zhost *z = mem_new(struct sim_zhost);
	z->transport.ops = &ops;
	z->mesh = mesh;
	z->name = mem_strdup(name);
	LL_PREPEND(mesh->zhosts, z);
	return &z->transport;
}

struct sim_mesh *sim_mesh_new(struct loop *loop, uint64_t seed)
{
	struct sim_mesh *mesh = mem_new(struct sim_mesh);
	mesh->loop = loop;
	mesh->random.state = seed;
	mesh->capacity = CAPACITY_DEFAULT;
	mesh->timer = loop_timer_new(loop, on_timer, mesh);
	return mesh;
}

void sim_mesh_free(struct sim_mesh *mesh)
{
	PRE(mesh->zhosts == NULL);
	INVARIANT(mesh->parcels == NULL);
	while (mesh->cuts.count > 0)
		sim_mesh_heal(mesh, mesh->cuts.items[0].a, mesh->cuts.items[0].b);
	vector_done(&mesh->cuts);
	loop_timer_free(mesh->timer);
	free(mesh);
}
