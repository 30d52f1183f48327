/* port/scheme.h: a store is opened by its URL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "port/scheme.h"

static char opened[64];

static int open_one(struct loop *loop, const char *where, struct store **ret_store,
		    struct error **err)
{
	(void)loop, (void)ret_store, (void)err;
	(void)strcpy(opened, "one ");
	(void)strcat(opened, where);
	return 0;
}

static int open_two(struct loop *loop, const char *where, struct store **ret_store,
		    struct error **err)
{
	(void)loop, (void)ret_store, (void)where;
	return error_set(err, ERR_UNAVAILABLE, "two cannot be reached");
}

static const struct store_scheme schemes[] = {
	{"one", "one:DIR", open_one},
	{"two", "two:HOST", open_two},
};

static int open_url(const char *url, struct error **err)
{
	struct store *store = NULL;
	opened[0] = '\0';
	return store_open(schemes, 2, NULL, url, &store, err);
}

static void a_store_is_opened_with_what_follows_its_scheme(void **state)
{
	(void)state;
	assert_int_equal(open_url("one:/var/lib/x:y", NULL), 0);
	assert_string_equal(opened, "one /var/lib/x:y");
}

static void the_error_of_the_implementation_is_passed_on(void **state)
{
	(void)state;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(open_url("two:a", &err), ERR_UNAVAILABLE);
	assert_string_equal(err->message, "two cannot be reached");
}

static void an_unknown_scheme_is_refused_and_the_known_ones_are_listed(void **state)
{
	(void)state;
	static const char *const urls[] = {"three:x", "onex:y", "one", "one:", "", "/var/lib"};
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		assert_int_equal(open_url(urls[i], &err), ERR_INVALID);
		assert_non_null(strstr(err->message, urls[i]));
		assert_non_null(strstr(err->message, ": expected one:DIR or two:HOST"));
		assert_string_equal(opened, "");
	}
}

static void a_kv_is_refused_in_the_same_way(void **state)
{
	(void)state;
	static const struct kv_scheme kvs[] = {{"one", "one:DIR", NULL}};
	struct kv *kv = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	assert_int_equal(kv_open(kvs, 1, NULL, "etcd:x", &kv, &err), ERR_INVALID);
	assert_string_equal(err->message, "unknown store 'etcd:x': expected one:DIR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_store_is_opened_with_what_follows_its_scheme),
		cmocka_unit_test(the_error_of_the_implementation_is_passed_on),
		cmocka_unit_test(an_unknown_scheme_is_refused_and_the_known_ones_are_listed),
		cmocka_unit_test(a_kv_is_refused_in_the_same_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
