#include "port/mesh.h"

#include <string.h>

#include "base/check.h"

static int peek(const struct frame *frame, const char *field_name, const char **ret_text,
		size_t *ret_size, struct error **err)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(
		&samoza__v1__mesh_message__descriptor, field_name);
	INVARIANT(field != NULL);
	return frame_peek(frame, field->id, ret_text, ret_size, err);
}

bool mesh_frame_is_of(const struct frame *frame, const char *zhost)
{
	const char *name = NULL;
	size_t size = 0;
	int r = peek(frame, "from_zhost", &name, &size, NULL);
	return r == 0 || (r > 0 && size == strlen(zhost) && memcmp(name, zhost, size) == 0);
}

int mesh_frame_destination(const struct frame *frame,
			   char ret_zhost[static MESH_ZHOST_NAME_MAX + 1], struct error **err)
{
	const char *name = NULL;
	size_t size = 0;
	int r = peek(frame, "to_zhost", &name, &size, err);
	if (r < 0)
		return r;
	if (r == 0 || size == 0 || size > MESH_ZHOST_NAME_MAX)
		return error_set(err, ERR_INVALID, "a mesh-message without a valid zhost");
	memcpy(ret_zhost, name, size);
	ret_zhost[size] = '\0';
	return 0;
}
