#include "port/frame.h"

#include <string.h>

#include "base/check.h"
#include "base/text.h"

struct frame_kind {
	const ProtobufCMessageDescriptor *descriptor;
	const char *name;
};

/* The table that ties FrameType to messages. One more type: one more line. */
static const struct frame_kind frame_kinds[] = {
	[SAMOZA__V1__FRAME_TYPE__FRAME_HELLO] = {&samoza__v1__hello__descriptor, "hello"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK] = {&samoza__v1__hello_ack__descriptor,
						     "hello-ack"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED] = {&samoza__v1__desired__descriptor, "desired"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_REPORT] = {&samoza__v1__report__descriptor, "report"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT] = {&samoza__v1__heartbeat__descriptor,
						     "heartbeat"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK] = {&samoza__v1__heartbeat_ack__descriptor,
							 "heartbeat-ack"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE] = {&samoza__v1__mesh_table__descriptor,
						      "mesh-table"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_SYNC] = {&samoza__v1__mesh_sync__descriptor,
						     "mesh-sync"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_APPLIED] = {&samoza__v1__mesh_applied__descriptor,
							"mesh-applied"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE] = {&samoza__v1__mesh_message__descriptor,
							"mesh-message"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_LINK] = {&samoza__v1__mesh_link__descriptor,
						     "mesh-link"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ASK] = {&samoza__v1__mesh_ask__descriptor,
						    "mesh-ask"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ZHOSTS] = {&samoza__v1__mesh_zhosts__descriptor,
						       "mesh-zhosts"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_QUERY] = {&samoza__v1__mesh_query__descriptor,
						      "mesh-query"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ANSWER] = {&samoza__v1__mesh_answer__descriptor,
						       "mesh-answer"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REQUEST] = {&samoza__v1__data_request__descriptor,
							"data-request"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY] = {&samoza__v1__data_reply__descriptor,
						      "data-reply"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_LOG_REQUEST] = {&samoza__v1__log_request__descriptor,
						       "log-request"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK] = {&samoza__v1__log_chunk__descriptor,
						     "log-chunk"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGET] = {&samoza__v1__data_forget__descriptor,
						       "data-forget"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_DATA_FORGOTTEN] =
		{&samoza__v1__data_forgotten__descriptor, "data-forgotten"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_EXEC] = {&samoza__v1__exec__descriptor, "exec"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_RENEW] = {&samoza__v1__renew__descriptor, "renew"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_RENEWED] = {&samoza__v1__renewed__descriptor, "renewed"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_REISSUE] = {&samoza__v1__reissue__descriptor, "reissue"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_LEADER] = {&samoza__v1__leader__descriptor, "leader"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ASK] = {&samoza__v1__page_ask__descriptor,
						    "page-ask"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ANSWER] = {&samoza__v1__page_answer__descriptor,
						       "page-answer"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN] = {&samoza__v1__api_token__descriptor,
						     "api-token"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN_TAKEN] =
		{&samoza__v1__api_token_taken__descriptor, "api-token-taken"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_REQUEST] = {&samoza__v1__secret_ask__descriptor,
							  "secret-request"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_ANSWER] = {&samoza__v1__secret_answer__descriptor,
							 "secret-answer"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_LEAVE] = {&samoza__v1__leave__descriptor, "leave"},
	[SAMOZA__V1__FRAME_TYPE__FRAME_EXEC_REPLY] = {&samoza__v1__exec_reply__descriptor,
						      "exec-reply"},
};

const ProtobufCMessageDescriptor *frame_descriptor(unsigned type)
{
	return type < ARRAY_SIZE(frame_kinds) ? frame_kinds[type].descriptor : NULL;
}

const char *frame_type_name(unsigned type)
{
	return frame_descriptor(type) != NULL ? frame_kinds[type].name : "unknown";
}

static void put_u32(uint8_t *to, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *from)
{
	return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
	       (uint32_t)from[3] << 24;
}

int frame_encode(struct buffer *to, Samoza__V1__FrameType type, const ProtobufCMessage *message,
		 struct error **err)
{
	PRE(message->descriptor == frame_descriptor((unsigned)type));
	size_t size = protobuf_c_message_get_packed_size(message);
	if (size + 1 > FRAME_MAX_BYTES)
		return error_set(err, ERR_LIMIT, "a %s of %zu bytes is larger than a frame",
				 frame_type_name((unsigned)type), size);
	uint8_t *at = buffer_reserve(to, FRAME_HEADER_BYTES + size);
	if (at == NULL)
		return error_set(err, ERR_LIMIT, "no room for a %s of %zu bytes",
				 frame_type_name((unsigned)type), size);
	put_u32(at, (uint32_t)size + 1);
	at[4] = (uint8_t)type;
	size_t packed = protobuf_c_message_pack(message, at + FRAME_HEADER_BYTES);
	INVARIANT(packed == size);
	buffer_grew(to, FRAME_HEADER_BYTES + size);
	return 0;
}

int frame_next(const void *data, size_t size, struct frame *ret_frame, struct error **err)
{
	const uint8_t *at = data;
	if (size < 4)
		return 0;
	size_t length = get_u32(at);
	if (length == 0 || length > FRAME_MAX_BYTES)
		return error_set(err, ERR_INVALID,
				 "a frame of %zu bytes (1 to %zu are allowed)", length,
				 FRAME_MAX_BYTES);
	if (size - 4 < length)
		return 0;
	*ret_frame = (struct frame){.type = at[4],
				    .body = at + FRAME_HEADER_BYTES,
				    .body_size = length - 1,
				    .whole = at,
				    .whole_size = length + 4};
	return 1;
}

/* ---- decoding: what protobuf-c does not check ---- */

static int message_check(ProtobufCMessage *message, struct error **err);

static void text_repair(char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		uint32_t code;
		bool valid;
		size_t size = text_next(text, left, &code, &valid);
		if (!valid)
			*text = '?';
		text += size;
		left -= size;
	}
}

static int value_check(const ProtobufCFieldDescriptor *field, void *at, struct error **err)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING: {
		char *text = *(char **)at;
		if (text != NULL && text != field->default_value)
			text_repair(text);
		return 0;
	}
	case PROTOBUF_C_TYPE_ENUM:
		if (protobuf_c_enum_descriptor_get_value(field->descriptor, *(int *)at) == NULL)
			return error_set(err, ERR_INVALID, "%s: unknown value %d", field->name,
					 *(int *)at);
		return 0;
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(ProtobufCMessage **)at != NULL
			       ? message_check(*(ProtobufCMessage **)at, err)
			       : 0;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_BYTES:
		return 0;
	}
	return 0;
}

static bool field_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const char *base = (const char *)message;
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
		return *(const uint32_t *)(base + field->quantifier_offset) == field->id;
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type == PROTOBUF_C_TYPE_ENUM)
		return *(const protobuf_c_boolean *)(base + field->quantifier_offset) != 0;
	return true;
}

/* Bytes of one element of a list of the types that value_check() looks into. */
static size_t element_size(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_ENUM ? sizeof(int) : sizeof(void *);
}

static int message_check(ProtobufCMessage *message, struct error **err)
{
	char *base = (char *)message;
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		if (field->type != PROTOBUF_C_TYPE_STRING &&
		    field->type != PROTOBUF_C_TYPE_ENUM &&
		    field->type != PROTOBUF_C_TYPE_MESSAGE)
			continue;
		if (field->label != PROTOBUF_C_LABEL_REPEATED) {
			if (field_is_set(message, field) &&
			    value_check(field, base + field->offset, err) < 0)
				return ERR_INVALID;
			continue;
		}
		size_t count = *(size_t *)(base + field->quantifier_offset);
		char *items = *(char **)(base + field->offset);
		for (size_t k = 0; k < count; k++)
			if (value_check(field, items + k * element_size(field), err) < 0)
				return ERR_INVALID;
	}
	return 0;
}

int frame_decode(const struct frame *frame, ProtobufCMessage **ret_message, struct error **err)
{
	const ProtobufCMessageDescriptor *descriptor = frame_descriptor(frame->type);
	if (descriptor == NULL)
		return error_set(err, ERR_UNSUPPORTED, "a frame of the unknown type %u",
				 frame->type);
	ProtobufCMessage *message =
		protobuf_c_message_unpack(descriptor, NULL, frame->body_size, frame->body);
	if (message == NULL)
		return error_set(err, ERR_INVALID, "a %s that cannot be read",
				 frame_type_name(frame->type));
	if (message_check(message, err) < 0) {
		protobuf_c_message_free_unpacked(message, NULL);
		return error_wrap(err, "a %s", frame_type_name(frame->type));
	}
	*ret_message = message;
	return 0;
}

/* ---- looking at one field ---- */

/* A protobuf varint at *at; false when it does not end in time. */
static bool varint_read(const uint8_t **at, const uint8_t *end, uint64_t *ret_value)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 64 && *at < end; shift += 7) {
		uint8_t byte = *(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if ((byte & 0x80) == 0) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* Steps over a value of that wire type; for length-delimited ones gives the range. */
static bool wire_value(unsigned wire_type, const uint8_t **at, const uint8_t *end,
		       const uint8_t **ret_bytes, size_t *ret_size)
{
	uint64_t size = 0;
	*ret_bytes = NULL;
	switch (wire_type) {
	case 0:
		return varint_read(at, end, &size);
	case 1:
		size = 8;
		break;
	case 2:
		if (!varint_read(at, end, &size))
			return false;
		break;
	case 5:
		size = 4;
		break;
	default:
		return false;
	}
	if (size > (uint64_t)(end - *at))
		return false;
	if (wire_type == 2) {
		*ret_bytes = *at;
		*ret_size = (size_t)size;
	}
	*at += size;
	return true;
}

int frame_peek(const struct frame *frame, unsigned field, const char **ret_text,
	       size_t *ret_size, struct error **err)
{
	const uint8_t *at = frame->body, *end = frame->body + frame->body_size;
	int found = 0;
	while (at < end) {
		uint64_t tag;
		const uint8_t *bytes;
		size_t size = 0;
		if (!varint_read(&at, end, &tag) ||
		    !wire_value((unsigned)(tag & 7), &at, end, &bytes, &size))
			return error_set(err, ERR_INVALID, "a %s that cannot be read",
					 frame_type_name(frame->type));
		if (tag >> 3 == field && bytes != NULL) {
			*ret_text = (const char *)bytes;
			*ret_size = size;
			found = 1;
		}
	}
	return found;
}
