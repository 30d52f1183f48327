/* The cookie by which zedge knows the version of a page [change.rollout.page]. */
#include "test.h"

#include <string.h>

#include "base/memory.h"
#include "zhost/edge/page_cookie.h"

static void what_is_set_is_read(void **state)
{
	CLEANUP(freep) char *cookie = page_cookie_new("shop", "web", 0xab12u, false);
	(void)state;
	assert_string_equal(cookie, "samoza-page=000000000000ab12; Path=/shop/web/; HttpOnly; "
				    "SameSite=Lax");
	assert_int_equal(page_cookie_read("samoza-page=000000000000ab12"), 0xab12);
	assert_int_equal(page_cookie_read("theme=dark; samoza-page=000000000000ab12; x=1"),
			 0xab12);
}

static void what_is_no_version_is_passed_over(void **state)
{
	(void)state;
	assert_int_equal(page_cookie_read(NULL), 0);
	assert_int_equal(page_cookie_read(""), 0);
	assert_int_equal(page_cookie_read("; ;"), 0);
	assert_int_equal(page_cookie_read("samoza-page="), 0);
	assert_int_equal(page_cookie_read("samoza-page=ab12"), 0);
	assert_int_equal(page_cookie_read("samoza-page=000000000000ab123"), 0);
	assert_int_equal(page_cookie_read("samoza-page=-00000000000ab12"), 0);
	assert_int_equal(page_cookie_read("not-samoza-page=000000000000ab12"), 0);
	assert_int_equal(page_cookie_read("samoza-page=old; samoza-page=000000000000ab12"),
			 0xab12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_set_is_read),
		cmocka_unit_test(what_is_no_version_is_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
