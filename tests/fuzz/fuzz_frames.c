/* What a zhost or zrms receives on a link: frames, decoded and peeked into. What is accepted is
 * the same after it was encoded and decoded again. */
#include "base/check.h"
#include "port/frame.h"
#include "schema/message.h"
#include "target.h"

static void check_again(const struct frame *frame, const ProtobufCMessage *message)
{
	CLEANUP(buffer_done) struct buffer bytes = BUFFER_INIT(FRAME_MAX_BYTES * 2);
	CLEANUP(schema_message_freep) ProtobufCMessage *again = NULL;
	struct frame copy;
	int r = frame_encode(&bytes, (Samoza__V1__FrameType)frame->type, message, NULL);
	INVARIANT(r == 0);
	r = frame_next(bytes.data, bytes.size, &copy, NULL);
	INVARIANT(r == 1 && copy.type == frame->type);
	r = frame_decode(&copy, &again, NULL);
	INVARIANT(r == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame;
	while (frame_next(data, size, &frame, NULL) == 1) {
		INVARIANT(frame.whole_size <= size && frame.whole_size >= FRAME_HEADER_BYTES);
		CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
		const char *text;
		size_t text_size;
		if (frame_peek(&frame, 1, &text, &text_size, NULL) == 1)
			INVARIANT(text_size <= frame.body_size);
		if (frame_decode(&frame, &message, NULL) == 0)
			check_again(&frame, message);
		data += frame.whole_size;
		size -= frame.whole_size;
	}
	return 0;
}
