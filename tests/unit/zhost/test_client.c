/* Who asks a zedge [machines.transport.zedge]. */
#include "test.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/memory.h"
#include "zhost/edge/client.h"

static struct client_address address(const char *text)
{
	struct client_address a;
	assert_true(client_address_read(text, strlen(text), &a));
	return a;
}

static void assert_same(const char *a, const char *b)
{
	struct client_address x = address(a), y = address(b);
	assert_memory_equal(&x, &y, sizeof(x));
}

static void addresses_are_read_with_and_without_a_port(void **state)
{
	static const char *const wrong[] = {"",	       "10.0.0",     "10.0.0.5.6", "unknown",
					    "[fd00::", "10.0.0.5 ,", "_hidden",	   "fd00::g"};
	struct client_address a;
	(void)state;
	assert_same("10.0.0.5", "10.0.0.5:40312");
	assert_same("fd00::1", "[fd00::1]:443");
	assert_same("::ffff:10.0.0.5", "10.0.0.5");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_false(client_address_read(wrong[i], strlen(wrong[i]), &a));
}

static void an_address_is_written_without_its_port(void **state)
{
	static const char *const texts[][2] = {{"10.0.0.5:40312", "10.0.0.5"},
					       {"[fd00::1]:443", "fd00::1"},
					       {"::ffff:10.0.0.5", "10.0.0.5"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct client_address a = address(texts[i][0]);
		CLEANUP(freep) char *text = client_address_text(&a);
		assert_string_equal(text, texts[i][1]);
	}
}

static void loopback_is_known(void **state)
{
	static const char *const here[] = {"127.0.0.1", "127.255.0.9", "::1",
					   "::ffff:127.0.0.1"};
	static const char *const there[] = {"128.0.0.1", "10.0.0.5", "fd00::1", "::2", "::"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(here); i++) {
		struct client_address a = address(here[i]);
		assert_true(client_address_is_loopback(&a));
	}
	for (size_t i = 0; i < ARRAY_SIZE(there); i++) {
		struct client_address a = address(there[i]);
		assert_false(client_address_is_loopback(&a));
	}
}

static bool has(const char *networks, const char *who)
{
	client_network_vector list = {0};
	struct client_address a = address(who);
	assert_int_equal(client_networks_read(networks, &list, NULL), 0);
	bool found = client_networks_have(&list, &a);
	vector_done(&list);
	return found;
}

static void networks_have_the_addresses_whose_first_bits_are_theirs(void **state)
{
	(void)state;
	assert_true(has("10.1.0.0/16", "10.1.255.255"));
	assert_false(has("10.1.0.0/16", "10.2.0.0"));
	assert_true(has("10.1.0.0/15", "10.0.0.1"));
	assert_false(has("10.1.0.0/17", "10.1.128.0"));
	assert_true(has("127.0.0.1,10.0.0.5", "10.0.0.5"));
	assert_false(has("127.0.0.1,10.0.0.5", "10.0.0.6"));
	assert_true(has("fd00::/8", "fdff::1"));
	assert_false(has("fd00::/8", "fe00::1"));
	assert_true(has("0.0.0.0/0", "203.0.113.7"));
	assert_false(has("0.0.0.0/0", "fd00::1"));
	assert_false(has(NULL, "10.0.0.5"));
}

static void what_is_no_network_is_named(void **state)
{
	static const char *const wrong[] = {"",		 "10.0.0.5,",	"proxy",
					    "10.0.0.0/", "10.0.0.0/33", "fd00::/129"};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		client_network_vector list = {0};
		CLEANUP(error_freep) struct error *err = NULL;
		assert_int_equal(client_networks_read(wrong[i], &list, &err), ERR_INVALID);
		assert_non_null(strstr(err->message, "no address and no network"));
		vector_done(&list);
	}
}

/* NULL: it cannot be told. */
static void assert_found(const char *proxies, const char *peer, const char *forwarded,
			 const char *expected)
{
	client_network_vector list = {0};
	struct client_address found, wanted;
	assert_int_equal(client_networks_read(proxies, &list, NULL), 0);
	assert_int_equal(client_find(&list, peer, forwarded, &found), expected != NULL);
	if (expected != NULL) {
		wanted = address(expected);
		assert_memory_equal(&found, &wanted, sizeof(found));
	}
	vector_done(&list);
}

static void only_a_trusted_proxy_is_believed(void **state)
{
	(void)state;
	assert_found(NULL, "203.0.113.7:1", "127.0.0.1", "203.0.113.7");
	assert_found("10.0.0.5", "203.0.113.7:1", "127.0.0.1", "203.0.113.7");
	assert_found("10.0.0.5", "10.0.0.5:1", "203.0.113.7", "203.0.113.7");
	/* What the browser has claimed stands before what the proxy has added. */
	assert_found("10.0.0.5", "10.0.0.5:1", "127.0.0.1, 203.0.113.7", "203.0.113.7");
	assert_found("10.0.0.0/24", "10.0.0.5:1", "1.2.3.4 ,203.0.113.7,\t10.0.0.6",
		     "203.0.113.7");
	assert_found("10.0.0.5", "10.0.0.5:1", "[fd00::1]:443", "fd00::1");
	assert_found("10.0.0.5", "10.0.0.5:1", NULL, NULL);
	assert_found("10.0.0.5", "10.0.0.5:1", "", NULL);
	assert_found("10.0.0.5", "10.0.0.5:1", "10.0.0.5", "10.0.0.5");
	assert_found("10.0.0.0/24", "10.0.0.5:1", "10.0.0.7, 10.0.0.6", "10.0.0.7");
	assert_found("10.0.0.5", "10.0.0.5:1", ",", NULL);
	assert_found("10.0.0.5", "10.0.0.5:1", "203.0.113.7, unknown", NULL);
	assert_found("10.0.0.5", "local", "203.0.113.7", NULL);
}

static void a_network_of_ipv6_is_one_client(void **state)
{
	struct client_address a = address("fd00::1:2:3:4"), b = address("fd00::9:9:9:9");
	struct client_address c = address("10.0.0.5"), d = address("10.0.0.6");
	(void)state;
	a = client_address_network(&a);
	b = client_address_network(&b);
	assert_memory_equal(&a, &b, sizeof(a));
	c = client_address_network(&c);
	d = client_address_network(&d);
	assert_memory_not_equal(&c, &d, sizeof(c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_with_and_without_a_port),
		cmocka_unit_test(an_address_is_written_without_its_port),
		cmocka_unit_test(loopback_is_known),
		cmocka_unit_test(networks_have_the_addresses_whose_first_bits_are_theirs),
		cmocka_unit_test(what_is_no_network_is_named),
		cmocka_unit_test(only_a_trusted_proxy_is_believed),
		cmocka_unit_test(a_network_of_ipv6_is_one_client),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
