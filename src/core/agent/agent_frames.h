/*
 * Frames of zrms as inputs of the agent: one place for zhost and for simulators.
 */
#ifndef SAMOZA_CORE_AGENT_AGENT_FRAMES_H
#define SAMOZA_CORE_AGENT_AGENT_FRAMES_H

#include "core/agent/agent.h"

/* 1: *ret_input, which borrows the message. 0: a frame that is not the agent's (mesh, data, logs).
 * ERR_INVALID: only a zhost sends such a frame. PRE: the message is of the type. */
int agent_frame_input(Samoza__V1__FrameType type, const ProtobufCMessage *message,
		      struct agent_input *ret_input, struct error **err) must_check;

#endif
