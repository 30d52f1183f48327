#include "core/control/control_frames.h"

#include "port/frame.h"

int control_frame_input(uint64_t link_id, Samoza__V1__FrameType type,
			const ProtobufCMessage *message, struct control_input *ret_input,
			struct error **err)
{
	struct control_input input = {0};
	switch (type) {
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO:
		input.type = CONTROL_HELLO;
		input.hello.link_id = link_id;
		input.hello.message = (const Samoza__V1__Hello *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_REPORT:
		input.type = CONTROL_REPORT;
		input.report.link_id = link_id;
		input.report.message = (const Samoza__V1__Report *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT:
		input.type = CONTROL_HEARTBEAT;
		input.heartbeat.link_id = link_id;
		input.heartbeat.message = (const Samoza__V1__Heartbeat *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST:
		input.type = CONTROL_DATA;
		input.data.link_id = link_id;
		input.data.message = (const Samoza__V1__DataRequest *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN:
		input.type = CONTROL_FORGOTTEN;
		input.forgotten.link_id = link_id;
		input.forgotten.message = (const Samoza__V1__DataForgotten *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED:
		input.type = CONTROL_MESH_APPLIED;
		input.applied.link_id = link_id;
		input.applied.message = (const Samoza__V1__MeshApplied *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN:
		input.type = CONTROL_API_TOKEN;
		input.api_token.link_id = link_id;
		input.api_token.message = (const Samoza__V1__ApiToken *)message;
		break;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE:
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY:
	case SAMOZA__V1__FRAME_TYPE__FRAME_RENEW: /* the key that it has proved is the link's to say */
	case SAMOZA__V1__FRAME_TYPE__FRAME_LEAVE:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER:
	case SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ASK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_REQUEST: /* in no recording */
		return 0;
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_LINK:
		return error_set(err, ERR_INVALID, "a %s, which zhosts send to each other only",
				 frame_type_name(type));
	case SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED:
	case SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY:
	case SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET:
	case SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST:
	case SAMOZA__V1__FRAME_TYPE__FRAME_EXEC:
	case SAMOZA__V1__FRAME_TYPE__FRAME_RENEWED:
	case SAMOZA__V1__FRAME_TYPE__FRAME_REISSUE:
	case SAMOZA__V1__FRAME_TYPE__FRAME_LEADER:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ZHOSTS:
	case SAMOZA__V1__FRAME_TYPE__FRAME_MESH_QUERY:
	case SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ANSWER:
	case SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN_TAKEN:
	case SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_ANSWER:
	case _SAMOZA__V1__FRAME_TYPE_IS_INT_SIZE:
	default:
		return error_set(err, ERR_INVALID, "a %s, which only zrms sends",
				 frame_type_name(type));
	}
	*ret_input = input;
	return 1;
}

bool control_frame_sent(const struct link_message *message, struct control_input *ret_input)
{
	const Samoza__V1__HelloAck *ack = (const Samoza__V1__HelloAck *)message->message;
	if (ack == NULL || message->type != SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK ||
	    ack->verdict != SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED)
		return false;
	*ret_input = (struct control_input){.type = CONTROL_HELLO_ANSWERED,
					    .answered = {.link_id = message->link_id}};
	return true;
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
