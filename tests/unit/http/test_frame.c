/* port/frame.h: what goes over the link. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "port/frame.h"

static void heartbeat_add(struct buffer *b, uint64_t counter)
{
	Samoza__V1__Heartbeat beat = SAMOZA__V1__HEARTBEAT__INIT;
	beat.identity = (char *)"zhost";
	beat.incarnation = 3;
	beat.counter = counter;
	assert_int_equal(
		frame_encode(b, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT, &beat.base, NULL), 0);
}

static void a_frame_survives_a_round_trip(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(4096);
	heartbeat_add(&b, 42);
	struct frame frame;
	assert_int_equal(frame_next(b.data, b.size, &frame, NULL), 1);
	assert_int_equal(frame.whole_size, b.size);
	assert_int_equal(frame.type, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT);
	/* length counts type and message, little endian */
	assert_int_equal((unsigned char)b.data[0], b.size - 4);
	assert_int_equal((unsigned char)b.data[1], 0);
	ProtobufCMessage *message = NULL;
	assert_int_equal(frame_decode(&frame, &message, NULL), 0);
	assert_int_equal(((Samoza__V1__Heartbeat *)message)->counter, 42);
	protobuf_c_message_free_unpacked(message, NULL);
}

static void frames_are_found_in_any_segmentation(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(4096);
	CLEANUP(buffer_done) struct buffer in = BUFFER_INIT(4096);
	for (uint64_t i = 0; i < 5; i++)
		heartbeat_add(&b, i);
	unsigned found = 0;
	for (size_t i = 0; i < b.size; i++) {
		struct frame frame;
		int r;
		assert_int_equal(buffer_add(&in, b.data + i, 1), 0);
		while ((r = frame_next(in.data, in.size, &frame, NULL)) == 1) {
			buffer_consume(&in, frame.whole_size);
			found++;
		}
		assert_int_equal(r, 0);
	}
	assert_int_equal(found, 5);
	assert_int_equal(in.size, 0);
}

static void impossible_lengths_are_refused(void **state)
{
	struct frame frame;
	const uint8_t empty[] = {0, 0, 0, 0, 5};
	assert_int_equal(frame_next(empty, sizeof empty, &frame, NULL), ERR_INVALID);
	const uint8_t huge[] = {1, 0, 0, 1, 5}; /* 16 MiB and one */
	assert_int_equal(frame_next(huge, sizeof huge, &frame, NULL), ERR_INVALID);
	const uint8_t most[] = {0, 0, 0, 1, 5};
	assert_int_equal(frame_next(most, sizeof most, &frame, NULL), 0);
}

static int decode(const void *data, size_t size, struct error **err)
{
	struct frame frame;
	ProtobufCMessage *message = NULL;
	assert_int_equal(frame_next(data, size, &frame, NULL), 1);
	int r = frame_decode(&frame, &message, err);
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
	return r;
}

static void a_malformed_frame_is_refused(void **state)
{
	CLEANUP(error_freep) struct error *err = NULL;
	const uint8_t unknown[] = {1, 0, 0, 0, 99};
	assert_int_equal(decode(unknown, sizeof unknown, &err), ERR_UNSUPPORTED);
	assert_non_null(strstr(err->message, "99"));
	const uint8_t lacking[] = {1, 0, 0, 0, 5}; /* a heartbeat without its fields */
	assert_int_equal(decode(lacking, sizeof lacking, NULL), ERR_INVALID);
	const uint8_t garbage[] = {4, 0, 0, 0, 5, 0xff, 0xff, 0xff};
	assert_int_equal(decode(garbage, sizeof garbage, NULL), ERR_INVALID);
}

static void an_unknown_enum_value_is_refused_at_any_depth(void **state)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = key.path = (char *)"x";
	Samoza__V1__InstanceReport one = SAMOZA__V1__INSTANCE_REPORT__INIT;
	one.key = &key;
	one.phase = (Samoza__V1__Phase)77;
	Samoza__V1__InstanceReport *list[] = {&one};
	Samoza__V1__Report report = SAMOZA__V1__REPORT__INIT;
	report.n_instances = 1;
	report.instances = list;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(4096);
	assert_int_equal(
		frame_encode(&b, SAMOZA__V1__FRAME_TYPE__FRAME_REPORT, &report.base, NULL), 0);
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(decode(b.data, b.size, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, "77"));
}

static void text_that_is_not_utf8_is_repaired_not_refused(void **state)
{
	char line[] = "ok \xff\xc3 \xc3\xa9";
	char *lines[] = {line};
	Samoza__V1__LogChunk chunk = SAMOZA__V1__LOG_CHUNK__INIT;
	chunk.request = 1;
	chunk.n_lines = 1;
	chunk.lines = lines;
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(4096);
	assert_int_equal(
		frame_encode(&b, SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK, &chunk.base, NULL),
		0);
	struct frame frame;
	ProtobufCMessage *message = NULL;
	assert_int_equal(frame_next(b.data, b.size, &frame, NULL), 1);
	assert_int_equal(frame_decode(&frame, &message, NULL), 0);
	assert_string_equal(((Samoza__V1__LogChunk *)message)->lines[0], "ok ?? \xc3\xa9");
	protobuf_c_message_free_unpacked(message, NULL);
}

static void mesh_message_encode(struct buffer *b, char *to_zhost)
{
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	m.topology = m.path_name = m.from = m.to = (char *)"x";
	m.to_zhost = to_zhost;
	uint8_t payload[300] = {0};
	m.payload.data = payload;
	m.payload.len = sizeof payload;
	assert_int_equal(
		frame_encode(b, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base, NULL), 0);
}

static void the_hub_sees_one_field_without_decoding(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(4096);
	mesh_message_encode(&b, (char *)"edge-node-2");
	struct frame frame;
	const char *text = NULL;
	size_t size = 0;
	assert_int_equal(frame_next(b.data, b.size, &frame, NULL), 1);
	assert_int_equal(frame_peek(&frame, 5, &text, &size, NULL), 1);
	assert_int_equal(size, strlen("edge-node-2"));
	assert_memory_equal(text, "edge-node-2", size);
	assert_int_equal(frame_peek(&frame, 6, &text, &size, NULL), 0);
	frame.body_size -= 1; /* the payload's length now reaches beyond the end */
	assert_int_equal(frame_peek(&frame, 5, &text, &size, NULL), ERR_INVALID);
}

static void a_frame_that_does_not_fit_leaves_the_buffer_unchanged(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(64);
	heartbeat_add(&b, 1);
	size_t before = b.size;
	Samoza__V1__MeshMessage m = SAMOZA__V1__MESH_MESSAGE__INIT;
	uint8_t payload[64] = {0};
	m.topology = m.path_name = m.from = m.to = m.to_zhost = (char *)"x";
	m.payload.data = payload;
	m.payload.len = sizeof payload;
	assert_int_equal(
		frame_encode(&b, SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE, &m.base, NULL),
		ERR_LIMIT);
	assert_int_equal(b.size, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_survives_a_round_trip),
		cmocka_unit_test(frames_are_found_in_any_segmentation),
		cmocka_unit_test(impossible_lengths_are_refused),
		cmocka_unit_test(a_malformed_frame_is_refused),
		cmocka_unit_test(an_unknown_enum_value_is_refused_at_any_depth),
		cmocka_unit_test(text_that_is_not_utf8_is_repaired_not_refused),
		cmocka_unit_test(the_hub_sees_one_field_without_decoding),
		cmocka_unit_test(a_frame_that_does_not_fit_leaves_the_buffer_unchanged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
