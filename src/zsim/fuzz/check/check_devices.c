#include "zsim/fuzz/check/check_devices.h"

#include <string.h>

#include "base/str.h"
#include "model/zhost.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

static uint32_t asked(const struct space *s)
{
	uint32_t count = 0;
	for (unsigned k = 0; k < s->device_count; k++)
		count += s->devices[k].count;
	return count;
}

static void check_pair(struct fuzz *f, const struct sim_machine *n, const char *path,
		       const Samoza__V1__InstanceSpec *spec, const struct sim_process *other)
{
	for (size_t k = 0; k < spec->n_devices; k++) {
		CLEANUP(freep)
		char *word =
			str_printf(" %s/%u ", spec->devices[k]->kind, spec->devices[k]->index);
		if (strstr(other->devices, word) != NULL)
			world_violate(&f->world, "%s is started on %s with the device%s of %s",
				      path, n->name, word, other->name);
	}
	for (size_t k = 0; k < spec->n_capabilities; k++) {
		const Samoza__V1__CapabilityOffer *offer =
			zhost_spec_offer(n->spec, spec->capabilities[k]);
		CLEANUP(freep) char *word = str_printf(" %s ", spec->capabilities[k]);
		if (offer != NULL && offer->exclusive && strstr(other->devices, word) != NULL)
			world_violate(&f->world,
				      "%s is started on %s with the exclusive capability%sof "
				      "%s",
				      path, n->name, word, other->name);
	}
}

/* With fewer devices than before what runs keeps those that it had opened, and lacks them. */
static bool may_lack(const struct fuzz *f)
{
	return draws_have(f, DRAW_SHRINKS);
}

static void check_count(struct fuzz *f, const struct sim_machine *n,
			const struct agent_order *order)
{
	const struct submitted *s = fuzz_submitted(f, order->key->topology);
	const struct topology *t = s != NULL && order->spec->has_revision
					   ? fuzz_revision(s, order->spec->revision)
					   : NULL;
	int i = t != NULL ? names_find(t, order->key->path) : -1;
	if (i >= 0 && !may_lack(f) &&
	    order->spec->n_devices != asked(instance_space(t, (unsigned)i)))
		world_violate(&f->world, "%s is started on %s with %zu devices, and needs %u",
			      order->key->path, n->name, order->spec->n_devices,
			      asked(instance_space(t, (unsigned)i)));
}

void check_devices(struct fuzz *f, const struct sim_machine *n, const struct agent_order *order)
{
	if (order->kind != ACTION_START)
		return;
	check_count(f, n, order);
	for (const struct sim_process *p = n->processes; p != NULL && !may_lack(f);
	     p = p->hh.next)
		if (p->epoch != order->key->epoch && !p->killed)
			check_pair(f, n, order->key->path, order->spec, p);
}
