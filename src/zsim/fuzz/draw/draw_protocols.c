#include "zsim/fuzz/draw/draw_protocols.h"

#include <inttypes.h>

#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/older_protocol.h"
#include "zsim/world/world.h"

static void speak(struct fuzz *f, struct sim_machine *n, uint32_t protocol)
{
	if (protocol == n->protocol)
		return;
	n->protocol = protocol;
	draws_happened(f, DRAW_PROTOCOLS);
	world_log(&f->world, "%s speaks protocol %" PRIu32, n->name, protocol);
}

void draw_first_protocol(struct fuzz *f, struct sim_machine *n)
{
	if (draws_have(f, DRAW_PROTOCOLS))
		speak(f, n, 1 + random_below(draws_random(f, DRAW_PROTOCOLS), PROTOCOL_NEWEST));
}

void draw_protocol(struct fuzz *f, struct sim_machine *n)
{
	if (!draws_percent(f, DRAW_PROTOCOLS, 40))
		return;
	uint32_t oldest = n->protocol == 1 ? 1 : 2;
	speak(f, n,
	      oldest + random_below(draws_random(f, DRAW_PROTOCOLS),
				    PROTOCOL_NEWEST - oldest + 1));
}
