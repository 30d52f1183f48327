#include "zhost/native/offer_watch.h"

#include <stdlib.h>

#include "adapter/log/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/zhost.h"
#include "zhost/native/native_devices.h"

#define LOOK_MS 1000

struct offer_watch {
	struct loop *loop;
	struct loop_timer *timer;
	Samoza__V1__ZhostSpec *spec;
	void (*on_change)(void *user);
	void *user;
};

static const char *first_missing(const Samoza__V1__CapabilityOffer *offer)
{
	for (size_t k = 0; k < offer->n_devices; k++)
		if (!device_node_is_there(offer->devices[k]))
			return offer->devices[k];
	return NULL;
}

static bool has_nodes(const Samoza__V1__ZhostSpec *spec)
{
	for (size_t k = 0; k < spec->n_offers; k++)
		if (spec->offers[k]->n_devices > 0)
			return true;
	return false;
}

/* Whether it is withdrawn now and was not, or the other way round. */
static bool look_at(Samoza__V1__CapabilityOffer *offer)
{
	const char *missing = first_missing(offer);

	if ((missing == NULL) == (offer->missing == NULL))
		return false;
	if (missing != NULL)
		log_warn("zhost", "capability.withdrawn", LOG_S("capability", offer->name),
			 LOG_S("missing", missing));
	else
		log_info("zhost", "capability.offered", LOG_S("capability", offer->name),
			 LOG_S("back", offer->missing));
	free(offer->missing);
	offer->missing = mem_strdup(missing);
	return true;
}

static bool look(Samoza__V1__ZhostSpec *spec)
{
	bool changed = false;

	for (size_t k = 0; k < spec->n_offers; k++)
		changed |= look_at(spec->offers[k]);
	zhost_spec_name_capabilities(spec);
	return changed;
}

static void again(struct offer_watch *w)
{
	if (has_nodes(w->spec))
		loop_timer_at(w->timer, loop_now(w->loop).mono_ms + LOOK_MS);
}

static void on_timer(void *user)
{
	struct offer_watch *w = user;

	again(w);
	if (look(w->spec))
		w->on_change(w->user);
}

struct offer_watch *offer_watch_new(struct loop *loop, void (*on_change)(void *user),
				    void *user)
{
	struct offer_watch *w = mem_new(struct offer_watch);

	*w = (struct offer_watch){.loop = loop, .on_change = on_change, .user = user};
	w->timer = loop_timer_new(loop, on_timer, w);
	return w;
}

void offer_watch_free(struct offer_watch *w)
{
	if (w == NULL)
		return;
	loop_timer_free(w->timer);
	free(w);
}

void offer_watch_set(struct offer_watch *w, Samoza__V1__ZhostSpec *spec)
{
	w->spec = spec;
	(void)look(spec);
	again(w);
}
