#include "core/control/state/state.h"
#include "core/control/view/usage.h"

void control_zhost_usages(const struct control *c,
			  void (*fn)(void *user, const struct zhost_usage *usage), void *user)
{
	zhost_for_each (&c->zhosts, z) {
		if (z->place == PLACE_NONE)
			continue;
		struct place_usage place = place_zhost_usage(c->place, z->place);
		const struct zhost_usage usage = {.name = z->name,
						  .is_heard = z->heard_wall_ms != 0 &&
							      z->state != ZHOST_PROBLEM,
						  .cpu_total = place.cpu_offered,
						  .cpu_reserved = place.cpu_reserved,
						  .cpu_used = z->usage.cpu_millicores,
						  .memory_total = place.memory_offered,
						  .memory_reserved = place.memory_reserved,
						  .memory_used = z->usage.memory_bytes};
		fn(user, &usage);
	}
}
