/*
 * A status as JSON and YAML: the view that zrms answers, with what the newest events say about it.
 */
#ifndef SAMOZA_ZSHELL_COMMAND_STATUS_VIEW_H
#define SAMOZA_ZSHELL_COMMAND_STATUS_VIEW_H

#include "zshell/command/common.h"

/* The view as a message of `type`, which has all its fields; view_free(). */
void *status_view_new(const ProtobufCMessage *view, const ProtobufCMessageDescriptor *type);

/* Each prints and leaves in `history` the events that it has printed. */
void status_print_topology(const struct output *o, const Samoza__V1__TopologyView *view,
			   struct history *history);
void status_print_space(const struct output *o, const Samoza__V1__SpaceView *view,
			struct history *history);
void status_print_zhost(const struct output *o, const Samoza__V1__ZhostView *view,
			struct history *history);

#endif
