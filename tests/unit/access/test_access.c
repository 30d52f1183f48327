/*
 * Roles, names and credentials: who may do what (core/access).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/access/access.h"
#include "core/access/credentials.h"
#include "schema/message.h"

static void a_role_covers_those_below_it(void **state)
{
	static const bool covers[5][5] = {
		/* needed: nobody, viewer, operator, admin, zhost */
		[ACCESS_NOBODY] = {true, false, false, false, false},
		[ACCESS_VIEWER] = {true, true, false, false, false},
		[ACCESS_OPERATOR] = {true, true, true, false, false},
		[ACCESS_ADMIN] = {true, true, true, true, true},
		[ACCESS_ZHOST] = {true, false, false, false, true},
	};
	(void)state;
	for (int role = ACCESS_NOBODY; role <= ACCESS_ZHOST; role++)
		for (int needed = ACCESS_NOBODY; needed <= ACCESS_ZHOST; needed++)
			assert_int_equal(
				access_covers((enum access_role)role, (enum access_role)needed),
				covers[role][needed]);
}

static void a_person_has_one_of_three_roles(void **state)
{
	(void)state;
	assert_int_equal(access_role_of_person("viewer"), ACCESS_VIEWER);
	assert_int_equal(access_role_of_person("operator"), ACCESS_OPERATOR);
	assert_int_equal(access_role_of_person("admin"), ACCESS_ADMIN);
	assert_int_equal(access_role_of_person("zhost"), ACCESS_NOBODY);
	assert_int_equal(access_role_of_person("Admin"), ACCESS_NOBODY);
	assert_int_equal(access_role_of_person(""), ACCESS_NOBODY);
}

static void a_pattern_covers_what_every_text_of_it_matches(void **state)
{
	(void)state;
	assert_true(access_pattern_covers("*", "*"));
	assert_true(access_pattern_covers("*", "shop-*"));
	assert_true(access_pattern_covers("shop-*", "shop-*"));
	assert_true(access_pattern_covers("shop-*", "shop-eu-*"));
	assert_true(access_pattern_covers("*-eu-*", "a-eu-*"));
	assert_true(access_pattern_covers("shop", "shop"));
	assert_false(access_pattern_covers("shop-*", "*"));
	assert_false(access_pattern_covers("shop-*", "shop*"));
	assert_false(access_pattern_covers("shop-eu", "shop-*"));
	assert_false(access_pattern_covers("*a*", "*"));
	assert_false(access_pattern_covers("*-eu", "shop-*"));
}

static void nobody_gives_more_than_they_have(void **state)
{
	static const char *const all[] = {"*"}, *const some[] = {"shop-eu", "shop-us-*"};
	char *own[] = {(char[]){"blog"}, (char[]){"shop-*"}};
	struct principal p = {.name = (char[]){"ann"}, .role = ACCESS_OPERATOR};
	(void)state;
	/* Of all topologies. */
	assert_true(access_covers_grant(&p, ACCESS_OPERATOR, all, 1));
	assert_true(access_covers_grant(&p, ACCESS_VIEWER, some, 2));
	p.topologies = own;
	p.topology_count = 2;
	assert_true(access_covers_grant(&p, ACCESS_OPERATOR, some, 2));
	assert_false(access_covers_grant(&p, ACCESS_OPERATOR, all, 1));
	assert_false(access_covers_grant(&p, ACCESS_VIEWER, NULL, 0));
	p.topology_count = 1;
	assert_false(access_covers_grant(&p, ACCESS_VIEWER, some, 2));
	p.role = ACCESS_VIEWER;
	p.topology_count = 2;
	assert_true(access_covers_grant(&p, ACCESS_VIEWER, some, 2));
	assert_false(access_covers_grant(&p, ACCESS_OPERATOR, some, 2));
	p.role = ACCESS_ADMIN;
	assert_true(access_covers_grant(&p, ACCESS_OPERATOR, all, 1));
	p.role = ACCESS_ZHOST;
	assert_false(access_covers_grant(&p, ACCESS_VIEWER, some, 1));
}

static void a_star_stands_for_any_text(void **state)
{
	(void)state;
	assert_true(access_pattern_matches("shop-*", "shop-eu"));
	assert_true(access_pattern_matches("shop-*", "shop-"));
	assert_true(access_pattern_matches("*", ""));
	assert_true(access_pattern_matches("*-eu-*", "a-eu-eu-b"));
	assert_true(access_pattern_matches("*ab", "aab"));
	assert_true(access_pattern_matches("shop", "shop"));
	assert_false(access_pattern_matches("shop", "shop-eu"));
	assert_false(access_pattern_matches("shop-*", "my-shop-eu"));
	assert_false(access_pattern_matches("*-eu", "shop-eu-1"));
	assert_false(access_pattern_matches("", "shop"));
	assert_true(access_pattern_is_valid("shop-*"));
	assert_false(access_pattern_is_valid(""));
	assert_false(access_pattern_is_valid("Shop"));
	assert_false(access_pattern_is_valid("shop/api"));
}

static void names_limit_viewers_and_operators(void **state)
{
	char *patterns[] = {(char *)"shop-*", (char *)"blog"};
	struct principal p = {.name = (char *)"ann",
			      .role = ACCESS_VIEWER,
			      .topologies = patterns,
			      .topology_count = 2};
	(void)state;
	assert_true(access_is_limited(&p));
	assert_true(access_sees(&p, "shop-eu"));
	assert_true(access_sees(&p, "blog"));
	assert_false(access_sees(&p, "bank"));
	p.topology_count = 0;
	assert_false(access_is_limited(&p));
	assert_true(access_sees(&p, "bank"));
	p.role = ACCESS_ZHOST;
	assert_false(access_sees(&p, "bank"));
	p.role = ACCESS_NOBODY;
	assert_false(access_sees(&p, "bank"));
}

static void put(struct credentials *all, const char *name, enum access_role role, uint8_t fill,
		int64_t expires_ms)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	memset(hash, fill, sizeof(hash));
	record.name = (char *)(uintptr_t)name;
	record.role = role;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	record.created_ms = 1;
	record.expires_ms = expires_ms;
	record.created_by = (char *)"operator";
	assert_int_equal(credentials_put(all, &record, NULL), 0);
}

static const struct credential *by_fill(const struct credentials *all, uint8_t fill,
					int64_t now)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	memset(hash, fill, sizeof(hash));
	return credentials_find_hash(all, hash, now);
}

static void a_credential_is_found_by_its_secret_until_it_is_over(void **state)
{
	struct credentials all = {0};
	(void)state;
	put(&all, "ann", ACCESS_VIEWER, 1, 0);
	put(&all, "edge-1", ACCESS_ZHOST, 2, 5000);
	assert_string_equal(by_fill(&all, 1, INT64_MAX)->principal->name, "ann");
	assert_string_equal(by_fill(&all, 2, 4999)->id, "zhost/edge-1");
	assert_null(by_fill(&all, 2, 5000));
	assert_null(by_fill(&all, 3, 0));
	credentials_done(&all);
}

static void a_new_secret_voids_the_one_before(void **state)
{
	struct credentials all = {0};
	(void)state;
	put(&all, "ann", ACCESS_VIEWER, 1, 0);
	put(&all, "ann", ACCESS_OPERATOR, 2, 0); /* the same person */
	assert_null(by_fill(&all, 1, 0));
	assert_int_equal(by_fill(&all, 2, 0)->principal->role, ACCESS_OPERATOR);
	put(&all, "ann", ACCESS_ZHOST, 3, 0); /* a zhost of that name is another one */
	assert_non_null(by_fill(&all, 2, 0));
	credentials_remove(&all, credentials_find(&all, "user/ann"));
	assert_null(by_fill(&all, 2, 0));
	assert_non_null(by_fill(&all, 3, 0));
	credentials_done(&all);
}

static void a_record_that_is_none_is_refused(void **state)
{
	struct credentials all = {0};
	uint8_t hash[CREDENTIAL_HASH_SIZE] = {0};
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	(void)state;
	record.name = (char *)"ann";
	record.created_by = (char *)"operator";
	record.role = ACCESS_VIEWER;
	record.hash = (ProtobufCBinaryData){sizeof(hash) - 1, hash};
	assert_int_equal(credentials_put(&all, &record, NULL), ERR_INVALID);
	record.hash.len = sizeof(hash);
	record.role = 17;
	assert_int_equal(credentials_put(&all, &record, NULL), ERR_INVALID);
	record.role = ACCESS_NOBODY;
	assert_int_equal(credentials_put(&all, &record, NULL), ERR_INVALID);
	assert_null(all.by_id);
}

static void a_list_is_in_order_and_a_record_is_what_was_put(void **state)
{
	struct credentials all = {0};
	(void)state;
	put(&all, "bob", ACCESS_ADMIN, 1, 77);
	put(&all, "ann", ACCESS_VIEWER, 2, 0);
	struct credential **list = credentials_sorted(&all);
	assert_string_equal(list[0]->id, "user/ann");
	assert_string_equal(list[1]->id, "user/bob");
	assert_null(list[2]);
	Samoza__V1__CredentialRecord *record = credential_record(list[1]);
	assert_string_equal(record->name, "bob");
	assert_int_equal(record->role, ACCESS_ADMIN);
	assert_int_equal(record->expires_ms, 77);
	assert_memory_equal(record->hash.data, list[1]->hash, CREDENTIAL_HASH_SIZE);
	schema_message_free(&record->base);
	free(list);
	credentials_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_role_covers_those_below_it),
		cmocka_unit_test(a_person_has_one_of_three_roles),
		cmocka_unit_test(a_star_stands_for_any_text),
		cmocka_unit_test(a_pattern_covers_what_every_text_of_it_matches),
		cmocka_unit_test(nobody_gives_more_than_they_have),
		cmocka_unit_test(names_limit_viewers_and_operators),
		cmocka_unit_test(a_credential_is_found_by_its_secret_until_it_is_over),
		cmocka_unit_test(a_new_secret_voids_the_one_before),
		cmocka_unit_test(a_record_that_is_none_is_refused),
		cmocka_unit_test(a_list_is_in_order_and_a_record_is_what_was_put),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
