#include "zsim/fuzz/check/check_secrets.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/agent/agent.h"
#include "core/control/control.h"
#include "model/topology.h"
#include "schema/message.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

struct secret_histories *check_secrets_of(struct fuzz *f)
{
	if (f->secrets == NULL && draws_have(f, DRAW_SECRETS))
		f->secrets = mem_new(struct secret_histories);
	return f->secrets;
}

void check_secrets_done(struct fuzz *f)
{
	for (unsigned k = 0; f->secrets != NULL && k < SECRET_NAMES; k++) {
		vector_for_each (&f->secrets->of[k].versions, version)
			free(version->topologies);
		vector_done(&f->secrets->of[k].versions);
	}
	free(steal_ptr(&f->secrets));
}

/* "s2"; NULL: it is of none that is drawn. */
static struct secret_history *find(const struct fuzz *f, const char *name)
{
	bool is_one = name[0] == 's' && name[1] >= '0' && name[1] < '0' + SECRET_NAMES &&
		      name[2] == '\0';
	return is_one ? &f->secrets->of[name[1] - '0'] : NULL;
}

/* Of those that are set: who may have the newest. */
static bool is_there(const struct secret_history *h, const char *topology)
{
	return h->is_set &&
	       access_pattern_matches(h->versions.items[h->versions.count - 1].topologies,
				      topology);
}

static bool was_for(const struct secret_history *h, uint64_t number, const char *topology)
{
	vector_for_each (&h->versions, version)
		if (version->number == number)
			return access_pattern_matches(version->topologies, topology);
	return false;
}

/* ---- what is recorded ---- */

static void take_record(struct fuzz *f, struct secret_history *h,
			const Samoza__V1__SecretRecord *r)
{
	const Samoza__V1__SecretVersion *newest = r->versions[0];
	if (h->is_set && newest->number == h->newest)
		return; /* sealed with another key */
	if (newest->number <= h->newest)
		world_violate(&f->world,
			      "version %" PRIu64 " of secret %s is set after %" PRIu64,
			      newest->number, r->name, h->newest);
	h->is_set = true;
	h->newest = newest->number;
	*vector_add(&h->versions) = (struct set_version){
		.number = newest->number, .topologies = mem_strdup(newest->topologies)};
}

void check_secrets_committed(struct fuzz *f, const struct outbox *o)
{
	if (f->secrets == NULL)
		return;
	vector_for_each (&o->records, change) {
		if (change->kind != RECORD_SECRET)
			continue;
		struct secret_history *h = find(f, change->id);
		ProtobufCMessage *message = NULL;
		if (h == NULL)
			world_violate(&f->world, "a record of %s, which nobody has set",
				      change->id);
		else if (change->data == NULL)
			h->is_set = false;
		else if (schema_message_unpack(&samoza__v1__secret_record__descriptor,
					       change->data, change->size, &message, NULL) == 0)
			take_record(f, h, (const Samoza__V1__SecretRecord *)message);
		schema_message_free(message);
	}
}

/* ---- what starts ---- */

void check_secrets_action(struct fuzz *f, const struct agent_order *order)
{
	const Samoza__V1__InstanceSpec *spec = order->spec;
	bool all = spec->n_secrets > 0;
	if (f->secrets == NULL || (order->kind != ACTION_START && order->kind != ACTION_UPDATE))
		return;
	for (size_t k = 0; k < spec->n_secrets; k++) {
		const Samoza__V1__SecretGrant *grant = spec->secrets[k];
		const struct secret_history *h = find(f, grant->name);
		all &= grant->has_version;
		if (grant->has_version &&
		    (h == NULL || !was_for(h, grant->version, spec->topology_name)))
			world_violate(&f->world,
				      "%s/%s gets version %" PRIu64
				      " of secret %s, which it may not have",
				      spec->topology_name, order->key->path, grant->version,
				      grant->name);
	}
	if (all)
		draws_happened(f, DRAW_SECRETS);
}

const char *check_secrets_missing(const struct fuzz *f, const char *topology,
				  const struct space *space)
{
	for (unsigned k = 0; f->secrets != NULL && k < space->secret_count; k++) {
		const struct secret_history *h = find(f, space->secrets[k].name);
		if (h == NULL || !is_there(h, topology))
			return space->secrets[k].name;
	}
	return NULL;
}

/* ---- when all is idle ---- */

static const struct sim_process *process_of(struct fuzz *f, const struct submitted *s,
					    const Samoza__V1__SpaceView *v)
{
	const struct sim_machine *n = mirror_machine(f, v->zhost);
	CLEANUP(freep) char *id = str_printf("%s/%s#%" PRIu64, s->id, v->path, v->epoch);
	return n != NULL ? process_find(n, id) : NULL;
}

/* It has others than it would be started with now. */
static bool is_outdated(const struct fuzz *f, const char *topology, const char *settings)
{
	for (unsigned k = 0; k < SECRET_NAMES; k++) {
		const struct secret_history *h = &f->secrets->of[k];
		CLEANUP(freep) char *name = str_printf("=s%u#", k);
		const char *at = strstr(settings, name);
		if (at != NULL && is_there(h, topology) &&
		    strtoull(at + strlen(name), NULL, 10) != h->newest)
			return true;
	}
	return false;
}

/* While one is missing, what runs keeps what it has of the others, too. */
static bool lacks_some(const struct fuzz *f, const struct submitted *s,
		       const Samoza__V1__SpaceView *v)
{
	int index = topology_find_space(s->topology, v->space);
	return index < 0 ||
	       check_secrets_missing(f, s->name, &s->topology->spaces[index]) != NULL;
}

void check_secrets(struct fuzz *f, const struct submitted *s,
		   const Samoza__V1__SpaceView *const *views)
{
	if (f->secrets == NULL)
		return;
	for (unsigned i = 0; i < s->topology->instance_count; i++) {
		const Samoza__V1__SpaceView *v = views[i];
		if (v == NULL || v->zhost == NULL || !str_equal(v->state, "deployed-started"))
			continue;
		const struct sim_process *p = process_of(f, s, v);
		if (p == NULL || p->settings == NULL || lacks_some(f, s, v) ||
		    !is_outdated(f, s->name, p->settings))
			continue;
		Samoza__V1__SpaceView *whole = NULL;
		if (control_view_space(f->world.control, s->id, v->path, &whole, NULL) < 0)
			continue;
		if (whole->settings == NULL || whole->settings->waits == NULL)
			world_violate(&f->world,
				      "%s runs with %s, though there are newer versions of its "
				      "secrets, and without a reason",
				      v->name, p->settings);
		samoza__v1__space_view__free_unpacked(whole, NULL);
	}
}
