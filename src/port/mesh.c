#include "port/mesh.h"

#include <string.h>

#include "base/check.h"

int mesh_frame_destination(const struct frame *frame,
			   char ret_zhost[static MESH_ZHOST_NAME_MAX + 1], struct error **err)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
		&samoza__v1__mesh_message__descriptor, "to_zhost");
	INVARIANT(field != NULL);
	const char *name = NULL;
	size_t size = 0;
	int r = frame_peek(frame, field->id, &name, &size, err);
	if (r < 0)
		return r;
	if (r == 0 || size == 0 || size > MESH_ZHOST_NAME_MAX)
		return error_set(err, ERR_INVALID, "a mesh-message without a valid zhost");
	memcpy(ret_zhost, name, size);
	ret_zhost[size] = '\0';
	return 0;
}
