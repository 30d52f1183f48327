/*
 * Between frames of the link and the core of zrms: frames become inputs, answers become frames.
 */
#ifndef SAMOZA_ZRMS_CONTROL_FRAMES_H
#define SAMOZA_ZRMS_CONTROL_FRAMES_H

#include "core/control/control.h"
#include "port/store.h"

/* The input that a message of a zhost is; it borrows the message. PRE: a type that zhosts send to
 * the core (links.h). */
struct control_input control_frame_input(uint64_t link_id, Samoza__V1__FrameType type,
					 const ProtobufCMessage *message);
/* The reply to a data request; borrows the answer. */
Samoza__V1__DataReply control_frame_data_reply(const struct data_change *change,
					       const struct data_answer *answer);

#endif
