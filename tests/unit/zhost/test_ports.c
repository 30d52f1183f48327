/* Exports that are filled in at start [formats.topology.exports]. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zhost/environment/ports.h"

static uint16_t busy;

static bool is_free(uint16_t port)
{
	return port != busy;
}

static bool none_is_free(uint16_t port)
{
	(void)port;
	return false;
}

static struct ports *ports;

static int begin(void **state)
{
	(void)state;
	busy = 0;
	ports = ports_new("127.0.0.9", 5, is_free);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ports_free(ports);
	return 0;
}

/* Value of the one export called `name`, drawn for instance `id`. */
static void expect(const char *id, const char *name, const char *declared, const char *value,
		   bool is_new)
{
	Samoza__V1__Variable v = SAMOZA__V1__VARIABLE__INIT, *list[] = {&v}, **exports;
	bool changed = !is_new;

	v.name = (char *)name;
	v.value = (char *)declared;
	assert_int_equal(ports_fill(ports, id, list, 1, &exports, &changed, NULL), 0);
	assert_string_equal(exports[0]->name, name);
	assert_string_equal(exports[0]->value, value);
	assert_int_equal(changed, is_new);
	ports_exports_free(exports, 1);
}

static void the_ip_is_the_zhosts_and_given_values_are_kept(void **state)
{
	(void)state;
	expect("t/a", "ip", "", "127.0.0.9", false);
	expect("t/a", "port", "5432", "5432", false);
	expect("t/a", "ip", "10.1.1.1", "10.1.1.1", false);
}

static void ports_are_distinct_and_stable(void **state)
{
	(void)state;
	expect("t/a", "port", "", "20005", true);
	expect("t/b", "port", "", "20006", true);
	expect("t/a", "admin", "", "20007", true);
	expect("t/a", "port", "", "20005", false);
}

static void a_port_in_use_is_skipped(void **state)
{
	(void)state;
	busy = 20005;
	expect("t/a", "port", "", "20006", true);
}

static bool is_busy(uint16_t port)
{
	return port == busy;
}

static void a_port_that_another_program_has_taken_is_drawn_again(void **state)
{
	(void)state;
	expect("t/a", "port", "", "20005", true);
	expect("t/a", "admin", "", "20006", true);
	ports_drop_taken(ports, "t/a", is_busy);
	expect("t/a", "port", "", "20005", false);
	busy = 20005;
	ports_drop_taken(ports, "t/a", is_busy);
	ports_drop_taken(ports, "t/b", is_busy); /* it has none */
	expect("t/a", "admin", "", "20006", false);
	expect("t/a", "port", "", "20007", true);
	char *record = ports_record(ports, "t/a");
	assert_string_equal(record, "admin=20006 port=20007");
	free(record);
}

/* Also where it listens on all addresses; connections that are over are not in the way. */
static void a_port_is_taken_while_a_program_listens_on_it(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0), client, server;
	(void)state;
	assert_int_equal(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	uint16_t port = ntohs(address.sin_port);
	assert_true(ports_is_taken(port));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
	server = accept(listener, NULL, NULL);
	assert_true(server >= 0);
	/* This side closes first, so it waits for a while (TIME_WAIT). */
	close(server);
	close(client);
	close(listener);
	assert_false(ports_is_taken(port));
	assert_false(ports_is_free(port));
}

static void recorded_ports_are_assigned_again(void **state)
{
	char *record;

	(void)state;
	expect("t/a", "port", "", "20005", true);
	expect("t/a", "admin", "", "20006", true);
	record = ports_record(ports, "t/a");
	assert_string_equal(record, "port=20005 admin=20006");
	ports_free(ports);
	ports = ports_new("127.0.0.9", 5, is_free);
	assert_int_equal(ports_load(ports, "t/a", record, NULL), 0);
	free(record);
	expect("t/b", "port", "", "20007", true);
	expect("t/a", "admin", "", "20006", false);
	assert_int_equal(ports_load(ports, "t/c", "port=80", NULL), ERR_INVALID);
	assert_int_equal(ports_load(ports, "t/c", "port", NULL), ERR_INVALID);
}

static void released_ports_can_be_assigned_again(void **state)
{
	(void)state;
	expect("t/a", "port", "", "20005", true);
	assert_true(ports_release(ports, "t/a"));
	assert_false(ports_release(ports, "t/a"));
	assert_null(ports_record(ports, "t/a"));
	ports_free(ports);
	ports = ports_new("127.0.0.9", 5, is_free);
	expect("t/b", "port", "", "20005", true);
}

static void ports_can_be_handed_to_another_id(void **state)
{
	(void)state;
	expect("t/a", "port", "", "20005", true);
	assert_true(ports_rename(ports, "t/a", "t/a#1"));
	expect("t/a#1", "port", "", "20005", false);
	assert_null(ports_record(ports, "t/a"));
	expect("t/a", "port", "", "20006", true);
	assert_false(ports_rename(ports, "t/a", "t/a#1"));
	assert_false(ports_rename(ports, "t/b", "t/b#1"));
	expect("t/a", "port", "", "20006", false);
}

static void an_exhausted_port_range_is_reported(void **state)
{
	Samoza__V1__Variable v = SAMOZA__V1__VARIABLE__INIT, *list[] = {&v}, **exports;
	struct error *err = NULL;
	bool changed;

	(void)state;
	ports_free(ports);
	ports = ports_new("127.0.0.9", 5, none_is_free);
	v.name = "port";
	v.value = "";
	assert_int_equal(ports_fill(ports, "t/a", list, 1, &exports, &changed, &err),
			 ERR_LIMIT);
	assert_non_null(strstr(err->message, "no free port for export 'port'"));
	error_free(err);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_ip_is_the_zhosts_and_given_values_are_kept),
		TEST(ports_are_distinct_and_stable),
		TEST(a_port_in_use_is_skipped),
		TEST(a_port_that_another_program_has_taken_is_drawn_again),
		TEST(a_port_is_taken_while_a_program_listens_on_it),
		TEST(recorded_ports_are_assigned_again),
		TEST(released_ports_can_be_assigned_again),
		TEST(ports_can_be_handed_to_another_id),
		TEST(an_exhausted_port_range_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
