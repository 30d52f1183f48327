#include "core/control/zhost/zhost_fit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/str.h"
#include "core/control/state/zhost_event.h"
#include "schema/message.h"

static bool fits(const struct control *c, const struct control_zhost *z,
		 const struct copy *copy)
{
	const struct revision *r = copy->revision;
	const struct slot *root = copy->sc->slot->root;
	int32_t instance = declarations_instance(r->declared, root);
	return instance < 0 ||
	       (place_fits_description(c->place, r->place, (uint32_t)instance, z->place) &&
		!place_lacks_devices(c->place, copy->unit->place_unit));
}

/* Units of which the root, and thus everything, is there although it would not be placed there now. */
static uint32_t misplaced(const struct control *c, const struct control_zhost *z)
{
	uint32_t count = 0;
	for (const struct copy *copy = z->first_copy; copy != NULL;
	     copy = copy->next_on_zhost) {
		bool is_root = !copy_is_retired(copy) && copy->sc->slot == copy->sc->slot->root;
		if (is_root && !copy->unit->lost && !copy->sc->slot->each && !fits(c, z, copy))
			count++;
	}
	return count;
}

static void add_room(struct buffer *to, const char *what, uint64_t reserved, uint64_t offered,
		     const char *unit)
{
	if (reserved > offered)
		(void)buffer_printf(to,
				    "%s%" PRIu64 "%s of %s reserved, of %" PRIu64 "%s that it "
				    "has",
				    to->size > 0 ? "; " : "", reserved, unit, what, offered,
				    unit);
}

static const char *missing_of(const Samoza__V1__ZhostSpec *spec, const char *capability)
{
	const Samoza__V1__CapabilityOffer *offer = zhost_spec_offer(spec, capability);
	return offer != NULL ? offer->missing : NULL;
}

void zhost_withdrawn_report(struct control *c, const struct control_zhost *z,
			    const Samoza__V1__ZhostSpec *before)
{
	for (size_t k = 0; k < z->message->n_offers; k++) {
		const Samoza__V1__CapabilityOffer *now = z->message->offers[k];
		const char *missed = before != NULL ? missing_of(before, now->name) : NULL;
		CLEANUP(freep) char *cause = NULL;
		if (now->missing != NULL && missed == NULL)
			cause = str_printf(
				"capability %s is withdrawn: %s is missing; what has it stays, "
				"and nothing else is placed there for it until the node is "
				"back",
				now->name, now->missing);
		else if (now->missing == NULL && missed != NULL)
			cause = str_printf("capability %s is offered again: %s is back",
					   now->name, missed);
		if (cause != NULL)
			zhost_event_within(c, z, cause);
	}
}

bool zhost_settings_differ(const Samoza__V1__ZhostSpec *a, const Samoza__V1__ZhostSpec *b)
{
	const Samoza__V1__ZhostSpec *const both[2] = {a, b};
	Samoza__V1__ZhostSpec *plain[2];
	for (size_t i = 0; i < 2; i++) {
		plain[i] = (Samoza__V1__ZhostSpec *)schema_message_copy(&both[i]->base);
		for (size_t k = 0; k < plain[i]->n_offers; k++)
			free(steal_ptr(&plain[i]->offers[k]->missing));
		zhost_spec_name_capabilities(plain[i]);
	}
	bool differ = !schema_message_equal(&plain[0]->base, &plain[1]->base);
	schema_message_free(&plain[0]->base);
	schema_message_free(&plain[1]->base);
	return differ;
}

void zhost_fit_report(struct control *c, const struct control_zhost *z)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(4096);
	struct place_usage usage = place_zhost_usage(c->place, z->place);
	uint32_t count = misplaced(c, z);
	if (count > 0)
		(void)buffer_printf(&text,
				    "%" PRIu32
				    " placed there would not be placed there now, by labels, "
				    "capabilities or devices",
				    count);
	add_room(&text, "cpu", usage.cpu_reserved, usage.cpu_offered, "m");
	add_room(&text, "memory", usage.memory_reserved, usage.memory_offered, " B");
	CLEANUP(freep)
	char *cause = str_printf("its settings changed%s%s%s", text.size > 0 ? ": " : "",
				 text.size > 0 ? text.data : "",
				 text.size > 0 ? "; it stays until it is moved" : "");
	zhost_event_within(c, z, cause);
}
