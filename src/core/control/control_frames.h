/*
 * Between frames of the link and the core of zrms, for zrms and for simulators: frames of zhosts
 * become inputs, answers become frames.
 */
#ifndef SAMOZA_CORE_CONTROL_CONTROL_FRAMES_H
#define SAMOZA_CORE_CONTROL_CONTROL_FRAMES_H

#include "core/control/control.h"
#include "port/store.h"

/* 1: *ret_input, which borrows the message. 0: a frame that is not the core's (mesh, logs, exec).
 * ERR_INVALID: only zrms sends such a frame. PRE: the message is of the type. */
int control_frame_input(uint64_t link_id, Samoza__V1__FrameType type,
			const ProtobufCMessage *message, struct control_input *ret_input,
			struct error **err) must_check;
/* For on_message() of core/control/control_loop.h, once the frame is with its link. True: the core hears of it by *ret_input, which
 * borrows nothing. */
bool control_frame_sent(const struct link_message *message, struct control_input *ret_input);
/* The reply to a data request; borrows the answer. */
Samoza__V1__DataReply control_frame_data_reply(const struct data_change *change,
					       const struct data_answer *answer);

#endif
