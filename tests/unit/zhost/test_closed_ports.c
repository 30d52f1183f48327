/* What is closed to NATIVE spaces: where zrms and its store listen, as a zhost knows it. */
#include "test.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "zhost/native/closed_ports.h"

static void text_is(const struct closed_ports *c, const char *expected)
{
	CLEANUP(freep) char *text = closed_ports_text(c, false);
	assert_string_equal(text, expected);
}

static void what_settings_say_is_closed_from_the_start_but_for_names(void **state)
{
	CLEANUP(closed_ports_done) struct closed_ports c = {0};
	CLEANUP(zrms_addresses_done) struct zrms_addresses zrms = {0};
	(void)state;
	text_is(&c, "");
	assert_int_equal(
		zrms_addresses_read("https://10.0.0.5:7331,[fd00::5]:7332,zrms.example:7331",
				    &zrms, NULL),
		0);
	assert_int_equal(zrms_addresses_tell(&zrms, "10.0.0.6:7331", NULL), 0);
	closed_ports_add_zrms(&c, &zrms);
	closed_ports_add(&c, "localhost:7400");
	closed_ports_add(&c, NULL);
	closed_ports_add(&c, "no address");
	text_is(&c, "10.0.0.5 7331\nfd00::5 7332\n10.0.0.6 7331\n127.0.0.1 7400\n");
}

static void told(struct closed_ports *c, const char *peer)
{
	static const char *const texts[] = {"127.0.0.1:7331", "0.0.0.0:7332",
					    "198.51.100.7:2379", "etcd.example:2379"};
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.closed = (char **)(uintptr_t)texts;
	ack.n_closed = ARRAY_SIZE(texts);
	closed_ports_told(c, peer, &ack);
	closed_ports_told(c, peer, &ack); /* the same again */
}

static void what_a_zrms_of_another_machine_has_on_loopback_is_not_of_this_one(void **state)
{
	CLEANUP(closed_ports_done) struct closed_ports c = {0};
	(void)state;
	told(&c, "198.51.100.5:7331");
	text_is(&c, "198.51.100.5 7331\n198.51.100.7 2379\n");
}

static void what_a_zrms_of_this_machine_has_on_loopback_is_closed(void **state)
{
	CLEANUP(closed_ports_done) struct closed_ports c = {0};
	(void)state;
	told(&c, "127.0.0.1:7331");
	text_is(&c, "127.0.0.1 7331\n0.0.0.0 7332\n198.51.100.7 2379\n");
}

static void who_reaches_zrms_reaches_nothing_else_of_it(void **state)
{
	CLEANUP(closed_ports_done) struct closed_ports c = {0};
	(void)state;
	told(&c, "127.0.0.1:7331");
	closed_ports_add(&c, "127.0.0.1:7400");
	CLEANUP(freep) char *text = closed_ports_text(&c, true);
	assert_string_equal(text, "0.0.0.0 7332\n198.51.100.7 2379\n127.0.0.1 7400\n");
}

static void there_are_so_many_at_most(void **state)
{
	CLEANUP(closed_ports_done) struct closed_ports c = {0};
	(void)state;
	for (unsigned port = 1; port <= CLOSED_PORTS_MAX + 10; port++) {
		CLEANUP(freep) char *text = str_printf("10.0.0.5:%u", port);
		closed_ports_add(&c, text);
	}
	assert_int_equal(c.all.count, CLOSED_PORTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_settings_say_is_closed_from_the_start_but_for_names),
		cmocka_unit_test(
			what_a_zrms_of_another_machine_has_on_loopback_is_not_of_this_one),
		cmocka_unit_test(what_a_zrms_of_this_machine_has_on_loopback_is_closed),
		cmocka_unit_test(who_reaches_zrms_reaches_nothing_else_of_it),
		cmocka_unit_test(there_are_so_many_at_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
