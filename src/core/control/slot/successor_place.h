/*
 * Whether a unit could be moved now, asked before its handover begins.
 */
#ifndef SAMOZA_CORE_CONTROL_SUCCESSOR_PLACE_H
#define SAMOZA_CORE_CONTROL_SUCCESSOR_PLACE_H

#include <stdbool.h>
#include <stdint.h>

struct control;
struct slot_control;

/* Whether another zhost (`to` not NULL: that one) would take it now. Changes nothing. `*ret_reason` says why
 * not; the caller frees. PRE: it is placed, and has no handover. */
bool successor_has_place(struct control *c, struct slot_control *root, const char *to,
			 char **ret_reason);

/* The same of a reload (reloads.h), which stays where it is while that is eligible. */
bool successor_has_place_for_reload(struct control *c, struct slot_control *root,
				    uint64_t reloads, char **ret_reason);

#endif
