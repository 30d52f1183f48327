#include "zrms/control_frames.h"

#include "base/check.h"
#include "port/frame.h"

struct control_input control_frame_input(uint64_t link_id, Samoza__V1__FrameType type,
					 const ProtobufCMessage *message)
{
	struct control_input input = {0};
	switch ((unsigned)type) {
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO:
		input.type = CONTROL_HELLO;
		input.hello.link = link_id;
		input.hello.message = (const Samoza__V1__Hello *)message;
		return input;
	case SAMOZA__V1__FRAME_TYPE__FRAME_REPORT:
		input.type = CONTROL_REPORT;
		input.report.link = link_id;
		input.report.message = (const Samoza__V1__Report *)message;
		return input;
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT:
		input.type = CONTROL_HEARTBEAT;
		input.heartbeat.link = link_id;
		input.heartbeat.message = (const Samoza__V1__Heartbeat *)message;
		return input;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST:
		input.type = CONTROL_DATA;
		input.data.link = link_id;
		input.data.message = (const Samoza__V1__DataRequest *)message;
		return input;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN:
		input.type = CONTROL_FORGOTTEN;
		input.forgotten.link = link_id;
		input.forgotten.message = (const Samoza__V1__DataForgotten *)message;
		return input;
	default:
		IMPOSSIBLE("links.c passes on only what the core takes");
	}
}

Samoza__V1__DataReply control_frame_data_reply(const struct data_change *change,
					       const struct data_answer *answer)
{
	Samoza__V1__DataReply reply = SAMOZA__V1__DATA_REPLY__INIT;
	reply.request = change->request;
	reply.status = answer->status;
	reply.has_value = answer->value != NULL;
	reply.value.data = answer->value;
	reply.value.len = answer->value_size;
	reply.n_keys = answer->key_count;
	reply.keys = answer->keys;
	reply.has_more = change->operation == SAMOZA__V1__DATA_OPERATION__DATA_LIST;
	reply.more = answer->more;
	return reply;
}
