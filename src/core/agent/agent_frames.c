#include "core/agent/agent_frames.h"

#include "port/frame.h"

int agent_frame_input(Samoza__V1__FrameType type, const ProtobufCMessage *message,
		      struct agent_input *ret_input, struct error **err)
{
	struct agent_input input = {0};
	switch (type) {
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK:
		input.type = AGENT_HELLO_ACK;
		input.hello_ack = (const Samoza__V1__HelloAck *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED:
		input.type = AGENT_DESIRED;
		input.desired = (const Samoza__V1__Desired *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK:
		input.type = AGENT_HEARTBEAT_ACK;
		input.heartbeat_ack = (const Samoza__V1__HeartbeatAck *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET:
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST:
	case SAMOZA__V1__FRAME_TYPE__FRAME_EXEC:
	case SAMOZA__V1__FRAME_TYPE__FRAME_RENEWED:
	case SAMOZA__V1__FRAME_TYPE__FRAME_REISSUE:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ZHOSTS:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_QUERY:
	case SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ANSWER:
	case SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN_TAKEN:
	case SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_ANSWER:
		return 0;
	case SAMOZA__V1__FRAME_TYPE__FRAME_LEADER:
		return error_set(err, ERR_INVALID, "a zrms that stands by has no say");
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO:
	case SAMOZA__V1__FRAME_TYPE__FRAME_REPORT:
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN:
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED:
	case SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY:
	case SAMOZA__V1__FRAME_TYPE__FRAME_RENEW:
	case SAMOZA__V1__FRAME_TYPE__FRAME_LEAVE:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_LINK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER:
	case SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ASK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN:
	case SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_REQUEST:
	case _SAMOZA__V1__FRAME_TYPE_IS_INT_SIZE:
	default:
		return error_set(err, ERR_INVALID,
				 "zrms sent a frame that only a zhost sends: %s",
				 frame_type_name(type));
	}
	*ret_input = input;
	return 1;
}
