/*
 * What the core refuses to a principal, and what it keeps of credentials over a restart.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "core/access/credentials.h"
#include "core/control/state/state.h"
#include "fixture.h"

#define ONE_SPACE "- {name: web, type: CALL}\n"
#define STORE	  "- {name: store, type: DATA, public: true}\n"
#define IMPORTER  "- {name: web, type: CALL, imports: [{from: bank/store, optional: true}]}\n"

static char shop_names[] = "shop*";
static char *patterns[] = {shop_names};
static char bob_name[] = "bob";
static const struct principal bob = {
	.name = bob_name, .role = ACCESS_OPERATOR, .topologies = patterns, .topology_count = 1};

static void set_up(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_submit(f, "id-1", "bank", STORE);
}

static void check_refusal(const struct fixture *f, const char *words)
{
	assert_non_null(strstr(f->outbox.replies.items[0].message, words));
}

static void an_operator_of_some_names_submits_no_others(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	f.principal = &bob;
	assert_int_equal(fixture_try_submit(&f, "id-2", "blog", ONE_SPACE, true), ERR_DENIED);
	check_refusal(&f, "bob may not submit topologies named blog");
	assert_int_equal(fixture_try_submit(&f, "id-3", "shop", ONE_SPACE, true), 0);
	assert_int_equal(fixture_topology(&f, "id-1", TOPOLOGY_STOP), ERR_NOT_FOUND);
	assert_int_equal(fixture_topology(&f, "id-3", TOPOLOGY_STOP), 0);
	fixture_done(&f);
}

/* [change.imports.public] */
static void nobody_imports_from_what_they_may_not_see(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	f.principal = &bob;
	assert_int_equal(fixture_try_submit(&f, "id-2", "shop", IMPORTER, true), ERR_DENIED);
	check_refusal(&f, "bob may not import from topologies named bank, which it cannot see");
	f.principal = NULL;
	assert_int_equal(fixture_try_submit(&f, "id-2", "shop", IMPORTER, true), 0);
	fixture_done(&f);
}

static int ask_credential(struct fixture *f, enum credential_action action, const char *name,
			  enum access_role role, uint8_t fill)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	memset(hash, fill, sizeof(hash));
	record.name = (char *)(uintptr_t)name;
	record.role = role;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	struct control_input input = {.type = CONTROL_CREDENTIAL,
				      .credential = {.action = action, .record = &record}};
	return fixture_handle(f, &input)->code;
}

static const struct principal *known(const struct fixture *f, uint8_t fill)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	memset(hash, fill, sizeof(hash));
	return control_principal(f->control, hash, f->now.wall_ms);
}

static void credentials_outlive_a_crash(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	assert_int_equal(ask_credential(&f, CREDENTIAL_CREATE, "ann", ACCESS_VIEWER, 1), 0);
	assert_int_equal(ask_credential(&f, CREDENTIAL_CREATE, "tom", ACCESS_ADMIN, 2), 0);
	assert_int_equal(ask_credential(&f, CREDENTIAL_ROTATE, "ann", ACCESS_VIEWER, 3), 0);
	assert_int_equal(ask_credential(&f, CREDENTIAL_REMOVE, "tom", ACCESS_VIEWER, 0), 0);
	fixture_restart(&f);
	assert_null(known(&f, 1));
	assert_null(known(&f, 2));
	assert_string_equal(known(&f, 3)->name, "ann");
	assert_int_equal(known(&f, 3)->role, ACCESS_VIEWER);
	CLEANUP(freep) char *events = fixture_events(&f, "credential");
	assert_string_equal(events, "user/ann:  -> viewer\nuser/tom:  -> admin\n"
				    "user/ann: viewer -> viewer\nuser/tom: admin -> \n");
	fixture_done(&f);
}

static void who_is_no_administrator_makes_no_credential(void **state)
{
	struct fixture f;
	(void)state;
	set_up(&f);
	f.principal = &bob;
	assert_int_equal(ask_credential(&f, CREDENTIAL_CREATE, "ann", ACCESS_ADMIN, 1),
			 ERR_DENIED);
	assert_null(known(&f, 1));
	fixture_done(&f);
}

static void a_zhost_joins_under_its_own_name(void **state)
{
	struct fixture f;
	static char name[] = "n2";
	static const struct principal n2 = {.name = name, .role = ACCESS_ZHOST};
	(void)state;
	set_up(&f);
	f.principal = &n2;
	fixture_hello(&f, "n3", 3, NULL, 0);
	const Samoza__V1__HelloAck *ack = (const Samoza__V1__HelloAck *)fixture_message(
		&f, 3, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK);
	assert_int_equal(ack->verdict, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED);
	assert_string_equal(ack->reason,
			    "what it shows is that of zhost n2: it cannot join as n3");
	f.principal = NULL;
	assert_int_equal(ask_credential(&f, CREDENTIAL_CREATE, "n2", ACCESS_ZHOST, 9), 0);
	f.principal = &n2;
	fixture_hello(&f, "n2", 2, NULL, 0);
	ack = (const Samoza__V1__HelloAck *)fixture_message(
		&f, 2, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK);
	assert_int_equal(ack->verdict, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_operator_of_some_names_submits_no_others),
		cmocka_unit_test(nobody_imports_from_what_they_may_not_see),
		cmocka_unit_test(credentials_outlive_a_crash),
		cmocka_unit_test(who_is_no_administrator_makes_no_credential),
		cmocka_unit_test(a_zhost_joins_under_its_own_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
