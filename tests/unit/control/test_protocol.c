/* zhosts of protocols 1 to 4 (proto/wire.proto). */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"
#include "schema/message.h"

#define ACK	 SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK
#define DEPLOYED SAMOZA__V1__PHASE__PHASE_DEPLOYED
#define STARTED	 SAMOZA__V1__PHASE__PHASE_STARTED

static const char spaces[] = "- {name: web, type: NATIVE}\n"
			     "- {name: cache, type: NATIVE, inside: web}\n";

static void set_up(struct fixture *f, uint32_t protocol)
{
	fixture_init(f);
	fixture_start(f);
	f->protocol = protocol;
}

static const Samoza__V1__HelloAck *hello(struct fixture *f, uint32_t protocol, uint64_t link_id)
{
	f->protocol = protocol;
	fixture_hello(f, "n1", link_id, NULL, 0);
	return (const Samoza__V1__HelloAck *)fixture_message(f, link_id, ACK);
}

static void protocols_1_to_4_are_accepted(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 0);
	for (uint32_t protocol = 1; protocol <= 5; protocol++)
		assert_int_equal(hello(&f, protocol, protocol)->verdict,
				 SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	fixture_done(&f);
}

static void other_protocols_are_refused(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 0);
	const Samoza__V1__HelloAck *ack = hello(&f, 6, 1);
	assert_int_equal(ack->verdict, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED);
	assert_string_equal(ack->reason, "unsupported protocol version 6; this zrms supports "
					 "versions 1 to 5");
	assert_int_equal(hello(&f, 0, 2)->verdict, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED);
	fixture_done(&f);
}

static void check_recorded_hello(const char *path)
{
	struct fixture f;
	set_up(&f, 0);
	uint8_t data[4096];
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t size = fread(data, 1, sizeof(data), file);
	fclose(file);
	uint64_t link_id = 0;
	for (size_t at = 0; at < size;) {
		uint32_t length = (uint32_t)data[at] | (uint32_t)data[at + 1] << 8;
		Samoza__V1__Hello *m =
			samoza__v1__hello__unpack(NULL, length - 1, data + at + 5);
		assert_non_null(m);
		(void)fixture_handle(&f, &(struct control_input){.type = CONTROL_HELLO,
								 .hello = {++link_id, m}});
		const Samoza__V1__HelloAck *ack =
			(const Samoza__V1__HelloAck *)fixture_message(&f, link_id, ACK);
		assert_int_equal(ack->verdict, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
		samoza__v1__hello__free_unpacked(m, NULL);
		at += length + 4;
	}
	assert_true(link_id >= 2);
	fixture_done(&f);
}

/* As zhosts of earlier versions sent it. */
static void a_recorded_hello_of_every_protocol_is_accepted(void **state)
{
	(void)state;
	check_recorded_hello(COMPAT_DIR "/wire/protocol1/hello.frames");
	check_recorded_hello(COMPAT_DIR "/wire/protocol2/hello.frames");
}

/* All that is kept of it as it is; `which` counts them, NULL: there are no more. */
static char **text_of(Samoza__V1__Hello *hello, size_t which)
{
	char **texts[] = {&hello->identity, &hello->zedge,   &hello->platform, &hello->version,
			  &hello->address,  &hello->machine, &hello->mesh};
	return which < ARRAY_SIZE(texts) ? texts[which] : NULL;
}

/* What zrms says to a HELLO with a text of so many bytes. */
static const Samoza__V1__HelloAck *hello_with(struct fixture *f, size_t which, size_t size,
					      uint64_t link_id)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__Hello message = SAMOZA__V1__HELLO__INIT;
	CLEANUP(freep) char *name = str_printf("n%" PRIu64, link_id);
	CLEANUP(freep) char *text = mem_calloc(size + 1, 1);
	memset(text, 'x', size);
	spec.name = name;
	spec.cpu = (char *)(uintptr_t) "4";
	spec.memory = (char *)(uintptr_t) "8GiB";
	message.protocol = 5;
	message.spec = &spec;
	message.identity = name;
	message.incarnation = 1;
	*text_of(&message, which) = text;
	(void)fixture_handle(f, &(struct control_input){.type = CONTROL_HELLO,
							.hello = {link_id, &message}});
	return (const Samoza__V1__HelloAck *)fixture_message(f, link_id, ACK);
}

static void texts_of_hello_are_bounded(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 5);
	Samoza__V1__Hello none = SAMOZA__V1__HELLO__INIT;
	uint64_t link_id = 0;
	for (size_t k = 0; text_of(&none, k) != NULL; k++) {
		const Samoza__V1__HelloAck *ack = hello_with(&f, k, 1024, ++link_id);
		assert_int_equal(ack->verdict, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
		ack = hello_with(&f, k, 1025, ++link_id);
		assert_int_equal(ack->verdict, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED);
		assert_string_equal(ack->reason, "a text of HELLO has more than 1024 bytes");
		CLEANUP(freep) char *name = str_printf("n%" PRIu64, link_id);
		assert_null(fixture_record(&f, RECORD_ZHOST, name));
	}
	fixture_done(&f);
}

/* The bounds of texts name each of them: a new one is counted here, and bounded there. */
static void hello_has_no_texts_but_those_that_are_bounded(void **state)
{
	(void)state;
	const ProtobufCMessageDescriptor *type = &samoza__v1__hello__descriptor;
	Samoza__V1__Hello none = SAMOZA__V1__HELLO__INIT;
	size_t texts = 0, bounded = 0;
	for (unsigned k = 0; k < type->n_fields; k++)
		texts += type->fields[k].type == PROTOBUF_C_TYPE_STRING ||
			 type->fields[k].type == PROTOBUF_C_TYPE_BYTES;
	while (text_of(&none, bounded) != NULL)
		bounded++;
	assert_int_equal(texts, bounded);
}

static struct reported report_of(struct fixture *f, const char *path, Samoza__V1__Phase phase)
{
	const Samoza__V1__DesiredInstance *asked = fixture_desired(f, 1, path);
	assert_non_null(asked);
	return (struct reported){"a1", path, asked->key->epoch, phase, NULL, 0};
}

/* `web` is deployed, and asked to be undeployed. */
static struct reported undeploying_web(struct fixture *f)
{
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_submit(f, "a1", "shop", "- {name: web, type: NATIVE}\n");
	struct reported web = report_of(f, "web", DEPLOYED);
	fixture_report(f, 1, &web);
	web.phase = STARTED;
	fixture_report(f, 1, &web);
	assert_int_equal(fixture_topology(f, "a1", TOPOLOGY_STOP), 0);
	web.phase = DEPLOYED;
	fixture_report(f, 1, &web);
	return web;
}

static void check(struct fixture *f, const char *expected)
{
	CLEANUP(freep) char *seen = fixture_space(f, "a1", "web");
	assert_string_equal(seen, expected);
}

static void a_failed_undeploy_of_protocol_2_is_known_by_its_action(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 2);
	struct reported web = undeploying_web(&f);
	check(&f, "undeploying on n1");
	web.error = "undeploy: is how this error begins";
	web.failed_action = SAMOZA__V1__FAILED_ACTION__FAILED_START;
	fixture_report(&f, 1, &web);
	check(&f, "undeploying on n1");
	web.error = "exit status 1";
	web.failed_action = SAMOZA__V1__FAILED_ACTION__FAILED_UNDEPLOY;
	fixture_report(&f, 1, &web);
	check(&f, "deployed-stopped on n1");
	fixture_done(&f);
}

static void a_failed_undeploy_of_protocol_1_is_known_by_its_error(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 1);
	struct reported web = undeploying_web(&f);
	web.error = "start: exit status 1";
	fixture_report(&f, 1, &web);
	check(&f, "undeploying on n1");
	web.error = "undeploy: exit status 1";
	fixture_report(&f, 1, &web);
	check(&f, "deployed-stopped on n1");
	fixture_done(&f);
}

static void copies_that_were_placed_together_name_the_epoch_of_their_root(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 2);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "a1", "shop", spaces);
	const Samoza__V1__DesiredInstance *asked = fixture_desired(&f, 1, "web");
	assert_non_null(asked);
	uint64_t root = asked->key->epoch;
	assert_int_equal(asked->spec->placement, root);
	struct reported web = report_of(&f, "web", DEPLOYED);
	fixture_report(&f, 1, &web);
	asked = fixture_desired(&f, 1, "web/cache");
	assert_non_null(asked);
	assert_int_not_equal(asked->key->epoch, root);
	assert_int_equal(asked->spec->placement, root);
	assert_true(asked->spec->alone);
	fixture_done(&f);
}

static void ends(struct fixture *f, struct reported *web, bool with_0, uint32_t failures,
		 bool exhausted)
{
	web->phase = STARTED;
	fixture_report(f, 1, web);
	web->phase = DEPLOYED;
	web->error = with_0 ? "process: ended with exit status 0" : "process: exit status 3";
	web->failed_action = with_0 ? SAMOZA__V1__FAILED_ACTION__FAILED_ENDED
				    : SAMOZA__V1__FAILED_ACTION__FAILED_PROCESS;
	web->failures = failures;
	web->exhausted = exhausted;
	fixture_report(f, 1, web);
}

/* `web` has ended `count` times with exit status 0, or once before with another: for which reason
 * is its topology failed? */
static void check_reason(bool once_with_3, uint32_t count, const char *expected)
{
	struct fixture f;
	set_up(&f, 3);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "a1", "shop", "- {name: web, type: NATIVE}\n");
	struct reported web = report_of(&f, "web", DEPLOYED);
	fixture_report(&f, 1, &web);
	for (uint32_t k = 1; k <= count; k++)
		ends(&f, &web, !once_with_3 || k > 1, k, k == count);
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__TopologyView *view = NULL;
	assert_int_equal(control_view_topology(f.control, "a1", &view, &err), 0);
	assert_string_equal(view->state, "failed");
	if (strstr(view->failure_reason, expected) == NULL)
		fail_msg("'%s' is not in '%s'", expected, view->failure_reason);
	schema_message_free(view);
	fixture_done(&f);
}

/* What was asked to start has ended while its zhost was away: it was started, and is not waited for. */
static void an_end_with_exit_status_0_answers_the_order_to_start(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 3);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "a1", "shop", "- {name: web, type: NATIVE}\n");
	struct reported web = report_of(&f, "web", DEPLOYED);
	fixture_report(&f, 1, &web);
	CLEANUP(freep) char *before = fixture_space(&f, "a1", "web");
	assert_string_equal(before, "starting on n1");
	web.error = "start: ended with exit status 0";
	web.failed_action = SAMOZA__V1__FAILED_ACTION__FAILED_ENDED;
	web.failures = 1;
	fixture_clear_events(&f);
	fixture_hello(&f, "n1", 2, &web, 1);
	CLEANUP(freep) char *events = fixture_events(&f, "space");
	assert_non_null(strstr(events, "starting -> deployed-stopped"));
	fixture_done(&f);
}

static void an_end_with_exit_status_0_is_not_called_a_failure(void **state)
{
	(void)state;
	check_reason(false, 1,
		     "web has ended once with exit status 0 on n1; a service is expected to "
		     "run on");
	check_reason(false, 3, "web has ended 3 times with exit status 0 on n1; a service");
	check_reason(true, 3, "web has ended 3 times, the last time with exit status 0 on n1");
}

/* [change.handover.stop-first] It was to have room of its own beside the incumbent; an older program runs one of them. */
static void
what_waits_for_room_shares_that_of_its_incumbent_under_an_older_program(void **state)
{
	(void)state;
	struct fixture f;
	struct reported web = {.topology = "T", .path = "web"};
	Samoza__V1__Rollout rollout = SAMOZA__V1__ROLLOUT__INIT;
	rollout.has_policy = true;
	rollout.policy = SAMOZA__V1__ROLLOUT_POLICY__ROLLING;
	set_up(&f, 5);
	f.rollout = &rollout;
	f.version = "1.0.0";
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "T", "shop",
		       "- {name: web, type: CALL, exports: {of: one}, resources: {cpu: 3}}\n");
	web.epoch = fixture_desired(&f, 1, "web")->key->epoch;
	web.phase = DEPLOYED;
	fixture_report(&f, 1, &web);
	web.phase = STARTED;
	fixture_report(&f, 1, &web);
	f.version = "1.1.0";
	fixture_submit(&f, "T", "shop",
		       "- {name: web, type: CALL, exports: {of: two}, resources: {cpu: 3}}\n");
	CLEANUP(freep) char *before = fixture_events(&f, "placement");
	assert_null(strstr(before, "shop/web: n1 -> n1"));
	f.protocol = 4;
	fixture_hello(&f, "n1", 2, &web, 1);
	CLEANUP(freep) char *after = fixture_events(&f, "placement");
	assert_non_null(strstr(after, "shop/web: n1 -> n1"));
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocols_1_to_4_are_accepted),
		cmocka_unit_test(other_protocols_are_refused),
		cmocka_unit_test(a_recorded_hello_of_every_protocol_is_accepted),
		cmocka_unit_test(texts_of_hello_are_bounded),
		cmocka_unit_test(hello_has_no_texts_but_those_that_are_bounded),
		cmocka_unit_test(a_failed_undeploy_of_protocol_2_is_known_by_its_action),
		cmocka_unit_test(a_failed_undeploy_of_protocol_1_is_known_by_its_error),
		cmocka_unit_test(an_end_with_exit_status_0_answers_the_order_to_start),
		cmocka_unit_test(an_end_with_exit_status_0_is_not_called_a_failure),
		cmocka_unit_test(copies_that_were_placed_together_name_the_epoch_of_their_root),
		cmocka_unit_test(
			what_waits_for_room_shares_that_of_its_incumbent_under_an_older_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
