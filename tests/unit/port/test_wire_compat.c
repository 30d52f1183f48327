/*
 * Frames that earlier versions sent (tests/compat/wire): each is still read, and nothing of it is
 * lost or read as something else: packed again it is the same bytes. Fields that are gone stay
 * in the message as unknown ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "port/frame.h"

#define BYTES_MAX ((size_t)64 * 1024)

struct frames {
	char *data;
	size_t size, at;
};

static struct frames open_frames(const char *format, unsigned type)
{
	CLEANUP(freep) char *name = mem_strdup(frame_type_name(type));
	for (char *c = name; *c != '\0'; c++)
		if (*c == '_')
			*c = '-';
	CLEANUP(freep) char *path = str_printf(COMPAT_DIR "/wire/%s/%s.frames", format, name);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("cannot open %s", path);
	struct frames frames = {.data = mem_calloc(1, BYTES_MAX)};
	frames.size = fread(frames.data, 1, BYTES_MAX - 1, f);
	assert_true(feof(f));
	fclose(f);
	return frames;
}

/* The next message, for the caller to free; NULL at the end of the file. */
static void *next_message(struct frames *frames, unsigned type)
{
	if (frames->at == frames->size) {
		free(steal_ptr(&frames->data));
		return NULL;
	}
	struct frame frame;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(
		frame_next(frames->data + frames->at, frames->size - frames->at, &frame, &err),
		1);
	assert_int_equal(frame.type, type);
	ProtobufCMessage *message = NULL;
	if (frame_decode(&frame, &message, &err) < 0)
		fail_msg("%s: %s", frame_type_name(type), err->message);
	assert_int_equal(protobuf_c_message_get_packed_size(message), frame.body_size);
	CLEANUP(freep) uint8_t *again = mem_calloc(1, frame.body_size + 1);
	protobuf_c_message_pack(message, again);
	assert_memory_equal(again, frame.body, frame.body_size);
	frames->at += frame.whole_size;
	return message;
}

static void free_message(void *message)
{
	protobuf_c_message_free_unpacked(message, NULL);
}

static size_t read_all(const char *format)
{
	size_t read = 0;
	for (unsigned type = 1; type <= 14; type++) {
		struct frames frames = open_frames(format, type);
		assert_true(frames.size > 0);
		for (void *m; (m = next_message(&frames, type)) != NULL; read++)
			free_message(m);
	}
	return read;
}

static void every_frame_is_read(void **state)
{
	(void)state;
	assert_int_equal(read_all("protocol1"), 84);
	assert_int_equal(read_all("protocol2"), 77);
	assert_int_equal(read_all("protocol3"), 78);
	assert_int_equal(read_all("protocol5"), 82);
	assert_int_equal(read_all("terms"), 81);
}

static void check_hello(const char *format, uint32_t protocol)
{
	unsigned type = SAMOZA__V1__FRAME_TYPE__FRAME_HELLO;
	struct frames frames = open_frames(format, type);
	free_message(next_message(&frames, type));
	Samoza__V1__Hello *h = next_message(&frames, type);
	assert_int_equal(h->protocol, protocol);
	assert_string_equal(h->spec->name, "n1");
	assert_int_equal(h->incarnation, 2);
	assert_int_equal(h->n_instances, 10);
	bool found = false;
	for (size_t i = 0; i < h->n_instances; i++) {
		const Samoza__V1__InstanceReport *r = h->instances[i];
		if (!str_equal(r->key->path, "in-started"))
			continue;
		found = true;
		assert_int_equal(r->phase, SAMOZA__V1__PHASE__PHASE_STARTED);
		assert_int_equal(r->n_exports, 2);
		assert_true(r->key->epoch > 0);
	}
	assert_true(found);
	free_message(h);
	assert_null(next_message(&frames, type));
}

static uint64_t first_term(const char *format)
{
	unsigned type = SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK;
	struct frames frames = open_frames(format, type);
	Samoza__V1__HelloAck *ack = next_message(&frames, type);
	uint64_t term = ack->has_term ? ack->term : 0;
	free_message(ack);
	free(frames.data);
	return term;
}

static void the_term_is_where_it_was(void **state)
{
	(void)state;
	assert_int_equal(first_term("protocol5"), 0);
	assert_int_equal(first_term("terms"), 1);
}

static void a_hello_means_what_it_meant(void **state)
{
	(void)state;
	check_hello("protocol1", 1);
	check_hello("protocol2", 2);
	check_hello("protocol3", 3);
	check_hello("protocol5", 5);
}

static void reports_of_protocol_1_name_the_failed_action_in_their_error(void **state)
{
	(void)state;
	unsigned type = SAMOZA__V1__FRAME_TYPE__FRAME_REPORT, failed = 0;
	struct frames frames = open_frames("protocol1", type);
	for (Samoza__V1__Report *m; (m = next_message(&frames, type)) != NULL;) {
		for (size_t i = 0; i < m->n_instances; i++)
			if (m->instances[i]->error != NULL &&
			    str_has_prefix(m->instances[i]->error, "undeploy: ") &&
			    m->instances[i]->phase == SAMOZA__V1__PHASE__PHASE_DEPLOYED)
				failed++;
		free_message(m);
	}
	assert_true(failed > 0);
}

static void reports_of_protocol_2_name_the_failed_action_in_a_field(void **state)
{
	(void)state;
	unsigned type = SAMOZA__V1__FRAME_TYPE__FRAME_REPORT, failed = 0, healthy = 0;
	struct frames frames = open_frames("protocol2", type);
	for (Samoza__V1__Report *m; (m = next_message(&frames, type)) != NULL;) {
		for (size_t i = 0; i < m->n_instances; i++) {
			const Samoza__V1__InstanceReport *r = m->instances[i];
			assert_int_equal(r->has_failed_action, r->error != NULL);
			failed +=
				r->has_failed_action &&
				r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_UNDEPLOY;
			healthy += r->healthy != 0;
		}
		free_message(m);
	}
	assert_true(failed > 0 && healthy > 0);
}

static void sets_of_protocol_3_come_with_lists_and_their_changes(void **state)
{
	(void)state;
	unsigned type = SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED, full = 0, changes = 0;
	size_t dropped = 0, named = 0, inlined = 0;
	struct frames frames = open_frames("protocol3", type);
	for (Samoza__V1__Desired *m; (m = next_message(&frames, type)) != NULL;) {
		for (size_t i = 0; i < m->n_lists; i++)
			*(m->lists[i]->full ? &full : &changes) += 1;
		for (size_t i = 0; i < m->n_instances; i++) {
			named += m->instances[i]->n_import_lists;
			inlined += m->instances[i]->n_imports;
		}
		dropped += m->n_dropped_lists;
		free_message(m);
	}
	assert_true(full > 0 && changes > 0 && dropped > 0 && named > 0);
	assert_int_equal(inlined, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_is_read),
		cmocka_unit_test(a_hello_means_what_it_meant),
		cmocka_unit_test(the_term_is_where_it_was),
		cmocka_unit_test(reports_of_protocol_1_name_the_failed_action_in_their_error),
		cmocka_unit_test(reports_of_protocol_2_name_the_failed_action_in_a_field),
		cmocka_unit_test(sets_of_protocol_3_come_with_lists_and_their_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
