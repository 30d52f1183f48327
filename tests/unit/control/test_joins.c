/* Who may join, and what the cluster says of a machine (core/control/request/join_request.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/access/credentials.h"
#include "core/access/join.h"
#include "core/control/checkpoint/checkpoint.h"
#include "core/control/view/mesh_contact.h"
#include "fixture.h"
#include "schema/message.h"

#define ACK	 SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK
#define ACCEPTED SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED
#define REFUSED	 SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED
#define REMOVED	 SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED
#define HOUR_MS	 INT64_C(3600000)

static const uint8_t key_a[IDENTITY_KEY_SIZE] = {1}, key_b[IDENTITY_KEY_SIZE] = {2};

static int token(struct fixture *f, const char *id, uint32_t uses, const char *zone)
{
	Samoza__V1__LabelRecord label = SAMOZA__V1__LABEL_RECORD__INIT, *labels[] = {&label};
	Samoza__V1__JoinTokenRecord record = SAMOZA__V1__JOIN_TOKEN_RECORD__INIT;
	uint8_t hash[JOIN_TOKEN_HASH_SIZE] = {7};
	label.name = (char *)(uintptr_t) "zone";
	label.value = (char *)(uintptr_t)zone;
	record.id = (char *)(uintptr_t)id;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	record.uses = uses;
	record.expires_ms = f->now.wall_ms + HOUR_MS;
	record.labels = labels;
	record.n_labels = zone != NULL;
	struct control_input input = {.type = CONTROL_TOKEN,
				      .token = {.action = TOKEN_CREATE, .record = &record}};
	return fixture_handle(f, &input)->code;
}

static int join(struct fixture *f, const char *id, const char *name, const uint8_t *key,
		bool replace)
{
	struct join_request request = {.token = id,
				       .name = name,
				       .secret = {7},
				       .replace = replace,
				       .expires_ms = f->now.wall_ms + HOUR_MS};
	memcpy(request.key, key, sizeof(request.key));
	struct control_input input = {.type = CONTROL_JOIN, .join = &request};
	return fixture_handle(f, &input)->code;
}

static int remove_zhost(struct fixture *f, const char *name)
{
	struct control_input input = {.type = CONTROL_ZHOST,
				      .zhost = {.name = name, .action = ZHOST_REMOVE}};
	return fixture_handle(f, &input)->code;
}

/* When the certificate of hello() was issued; 0: it does not say. */
static int64_t issued_ms;

/* Of hello(): that its directory has, NULL: one for each name; whose link it is, NULL: anybody's. */
static const char *identity_text;
static const struct principal *link_of;

/* A hello that claims a zone, over a link on which that key was proved; NULL: no key was asked for. */
static const Samoza__V1__HelloAck *hello(struct fixture *f, uint64_t link_id, const char *name,
					 const uint8_t *key, const char *zone)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	Samoza__V1__ZhostSpec__LabelsEntry label = SAMOZA__V1__ZHOST_SPEC__LABELS_ENTRY__INIT,
					   *labels[] = {&label};
	Samoza__V1__Hello message = SAMOZA__V1__HELLO__INIT;
	label.key = (char *)(uintptr_t) "zone";
	label.value = (char *)(uintptr_t)zone;
	spec.name = (char *)(uintptr_t)name;
	spec.cpu = (char *)(uintptr_t) "4";
	spec.memory = (char *)(uintptr_t) "8GiB";
	spec.labels = labels;
	spec.n_labels = zone != NULL;
	message.protocol = 4;
	message.spec = &spec;
	message.mesh = (char *)(uintptr_t) "10.0.0.7:7400";
	message.identity = (char *)(uintptr_t)(identity_text != NULL ? identity_text : name);
	static uint64_t starts;
	message.incarnation = ++starts;
	struct control_input input = {.type = CONTROL_HELLO,
				      .principal = link_of,
				      .hello = {.link_id = link_id,
						.message = &message,
						.key = key,
						.certified = {issued_ms, issued_ms + HOUR_MS}}};
	(void)fixture_handle(f, &input);
	return (const Samoza__V1__HelloAck *)fixture_message(f, link_id, ACK);
}

/* The zone of a zhost; NULL: it has none. The caller frees. */
static char *zone_of(struct fixture *f, const char *name)
{
	Samoza__V1__ZhostView *view = NULL;
	char *zone = NULL;
	assert_int_equal(control_view_zhost(f->control, name, &view, NULL), 0);
	for (size_t k = 0; k < view->n_labels; k++)
		if (str_equal(view->labels[k]->name, "zone"))
			zone = mem_strdup(view->labels[k]->value);
	schema_message_free(view);
	return zone;
}

static void a_key_that_has_not_joined_is_refused_with_its_hello(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	const Samoza__V1__HelloAck *ack = hello(&f, 1, "n1", key_a, NULL);
	assert_int_equal(ack->verdict, REFUSED);
	assert_non_null(strstr(ack->reason, "join again with a fresh token and --replace"));
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	assert_int_equal(hello(&f, 2, "n1", key_b, NULL)->verdict, REFUSED);
	assert_int_equal(hello(&f, 3, "n1", key_a, NULL)->verdict, ACCEPTED);
	fixture_done(&f);
}

static void a_removed_zhost_is_told_what_to_do_and_its_key_is_void(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	assert_int_equal(hello(&f, 1, "n1", key_a, NULL)->verdict, ACCEPTED);
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	const Samoza__V1__HelloAck *ack =
		(const Samoza__V1__HelloAck *)fixture_message(&f, 1, ACK);
	assert_int_equal(ack->verdict, REMOVED);
	assert_non_null(strstr(ack->reason, "zhost --join TOKEN --replace"));
	assert_false(control_admits(f.control, "n1", key_a));
	assert_int_equal(hello(&f, 2, "n1", key_a, NULL)->verdict, REFUSED);
	fixture_restart(&f);
	assert_false(control_admits(f.control, "n1", key_a));
	fixture_done(&f);
}

static void one_that_has_joined_and_never_came_can_be_removed(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	assert_false(control_admits(f.control, "n1", key_a));
	assert_int_equal(remove_zhost(&f, "n1"), ERR_NOT_FOUND);
	fixture_done(&f);
}

static void who_has_joined_is_believed_with_its_key_alone(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(hello(&f, 1, "n1", NULL, NULL)->verdict, ACCEPTED);
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, true), 0);
	const Samoza__V1__HelloAck *ack = hello(&f, 2, "n1", NULL, NULL);
	assert_int_equal(ack->verdict, REFUSED);
	assert_non_null(strstr(ack->reason, "proves it with its key"));
	assert_int_equal(hello(&f, 3, "n1", key_a, NULL)->verdict, ACCEPTED);
	fixture_restart(&f);
	assert_int_equal(hello(&f, 4, "n1", NULL, NULL)->verdict, REFUSED);
	fixture_done(&f);
}

static void give_credential(struct fixture *f, const char *name)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE] = {9};
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)(uintptr_t)name;
	record.role = ACCESS_ZHOST;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	struct control_input input = {
		.type = CONTROL_CREDENTIAL,
		.credential = {.action = CREDENTIAL_CREATE, .record = &record}};
	assert_int_equal(fixture_handle(f, &input)->code, 0);
	assert_non_null(control_principal(f->control, hash, f->now.wall_ms));
}

static bool has_credential(const struct fixture *f)
{
	const uint8_t hash[CREDENTIAL_HASH_SIZE] = {9};
	return control_principal(f->control, hash, f->now.wall_ms) != NULL;
}

static void the_token_of_a_zhost_ends_when_it_joins_and_when_it_is_removed(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	give_credential(&f, "n1");
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	assert_false(has_credential(&f));
	give_credential(&f, "n1");
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	assert_false(has_credential(&f));
	fixture_restart(&f);
	assert_false(has_credential(&f));
	fixture_done(&f);
}

/* Its link was opened before, and stays open: what it was opened with is void. */
static void a_token_of_before_is_void_once_its_zhost_has_joined_or_was_removed(void **state)
{
	struct fixture f;
	struct principal n1 = {.name = (char *)(uintptr_t) "n1", .role = ACCESS_ZHOST};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	give_credential(&f, "n1");
	f.principal = &n1;
	assert_int_equal(hello(&f, 1, "n1", NULL, NULL)->verdict, ACCEPTED);
	f.principal = NULL;
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, true), 0);
	f.principal = &n1;
	assert_int_equal(hello(&f, 2, "n1", NULL, NULL)->verdict, REFUSED);
	f.principal = NULL;
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	f.principal = &n1;
	const Samoza__V1__HelloAck *ack = hello(&f, 3, "n1", NULL, NULL);
	assert_int_equal(ack->verdict, REMOVED);
	assert_non_null(strstr(ack->reason, "with a token that was made for it since then"));
	f.principal = NULL;
	give_credential(&f, "n1");
	f.principal = &n1;
	assert_int_equal(hello(&f, 4, "n1", NULL, NULL)->verdict, ACCEPTED);
	fixture_done(&f);
}

static void an_administrators_token_does_not_let_in_who_had_joined_and_was_removed(void **state)
{
	struct fixture f;
	struct principal admin = {.name = (char *)(uintptr_t) "operator", .role = ACCESS_ADMIN};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	f.principal = &admin;
	assert_int_equal(hello(&f, 1, "n2", NULL, NULL)->verdict, ACCEPTED); /* never joined */
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	assert_int_equal(hello(&f, 2, "n1", key_a, NULL)->verdict, ACCEPTED);
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	assert_int_equal(hello(&f, 3, "n1", NULL, NULL)->verdict, REMOVED);
	/* Also when every token is forgotten that is older than the removal. */
	f.now.wall_ms += HOUR_MS + JOIN_TOKEN_KEPT_MS + 1;
	assert_int_equal(token(&f, "u", 1, NULL), 0);
	fixture_restart(&f);
	assert_int_equal(hello(&f, 1, "n1", NULL, NULL)->verdict, REMOVED);
	assert_int_equal(join(&f, "u", "n1", key_b, true), 0);
	assert_int_equal(hello(&f, 2, "n1", key_b, NULL)->verdict, ACCEPTED);
	fixture_done(&f);
}

static void a_machine_that_is_replaced_loses_its_link(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	assert_int_equal(hello(&f, 1, "n1", key_a, NULL)->verdict, ACCEPTED);
	assert_int_equal(token(&f, "u", 1, NULL), 0);
	assert_int_equal(join(&f, "u", "n1", key_b, true), 0);
	const Samoza__V1__HelloAck *ack =
		(const Samoza__V1__HelloAck *)fixture_message(&f, 1, ACK);
	assert_non_null(ack);
	assert_int_equal(ack->verdict, REFUSED);
	assert_non_null(strstr(ack->reason, "another machine has joined under this name"));
	fixture_done(&f);
}

static void labels_of_a_token_cannot_be_claimed(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(hello(&f, 1, "n0", NULL, "mine")->verdict, ACCEPTED);
	CLEANUP(freep) char *own = zone_of(&f, "n0");
	assert_string_equal(own, "mine"); /* the cluster gives no such label yet */
	assert_int_equal(token(&f, "t", 1, "secure"), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	assert_int_equal(hello(&f, 2, "n1", key_a, "mine")->verdict, ACCEPTED);
	CLEANUP(freep) char *given = zone_of(&f, "n1");
	assert_string_equal(given, "secure");
	assert_int_equal(hello(&f, 3, "n2", NULL, "secure")->verdict, ACCEPTED);
	assert_null(zone_of(&f, "n2"));
	fixture_restart(&f);
	CLEANUP(freep) char *after = zone_of(&f, "n1");
	assert_string_equal(after, "secure");
	/* With the last zhost that has it, it is free again. */
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	assert_int_equal(hello(&f, 4, "n3", NULL, "mine")->verdict, ACCEPTED);
	CLEANUP(freep) char *free_again = zone_of(&f, "n3");
	assert_string_equal(free_again, "mine");
	fixture_done(&f);
}

static void a_label_that_was_claimed_before_the_cluster_gave_it_is_lost(void **state)
{
	struct fixture f;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_int_equal(hello(&f, 1, "n0", NULL, "secure")->verdict, ACCEPTED);
	assert_int_equal(hello(&f, 2, "n2", NULL, NULL)->verdict, ACCEPTED);
	assert_int_equal(token(&f, "t", 2, "secure"), 0);
	assert_null(fixture_message(&f, 1, ACK)); /* nobody has it from the cluster yet */
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	const Samoza__V1__HelloAck *ack =
		(const Samoza__V1__HelloAck *)fixture_message(&f, 1, ACK);
	assert_non_null(ack);
	assert_int_equal(ack->verdict, REFUSED);
	assert_string_equal(ack->reason, "labels are the cluster's now");
	assert_null(fixture_message(&f, 2, ACK)); /* it claims none */
	assert_int_equal(hello(&f, 3, "n0", NULL, "secure")->verdict, ACCEPTED);
	assert_null(zone_of(&f, "n0"));
	assert_int_equal(hello(&f, 4, "n1", key_a, NULL)->verdict, ACCEPTED);
	/* Once it is the cluster's, nobody is asked again. */
	assert_int_equal(join(&f, "t", "n3", key_b, false), 0);
	assert_null(fixture_message(&f, 3, ACK));
	assert_null(fixture_message(&f, 4, ACK));
	fixture_done(&f);
}

/* ---- a store that was restored from a backup ---- */

/* n1 has joined with key_a, n2 has and was removed; the backup is of then, and was restored after ten hours. Returns the time
 * of the backup. */
static int64_t restored(struct fixture *f)
{
	fixture_init(f);
	fixture_start(f);
	assert_int_equal(token(f, "t", 2, NULL), 0);
	assert_int_equal(join(f, "t", "n1", key_a, false), 0);
	assert_int_equal(join(f, "t", "n2", key_a, false), 0);
	assert_int_equal(remove_zhost(f, "n2"), 0);
	int64_t backup_ms = f->now.wall_ms;
	fixture_stop(f);
	f->now.wall_ms += 10 * HOUR_MS;
	fixture_start_restored(f, backup_ms, f->now.wall_ms);
	return backup_ms;
}

static enum _Samoza__V1__HelloAck__Verdict hello_of(struct fixture *f, const char *name,
						    const uint8_t *key, int64_t issued)
{
	static uint64_t link_id = 100;
	issued_ms = issued;
	enum _Samoza__V1__HelloAck__Verdict verdict =
		hello(f, ++link_id, name, key, NULL)->verdict;
	issued_ms = 0;
	return verdict;
}

/* Of n1, for a third key. */
static int renew(struct fixture *f, const uint8_t *own, int64_t issued)
{
	static const uint8_t key_c[IDENTITY_KEY_SIZE] = {3};
	struct control_input input = {.type = CONTROL_RENEW,
				      .renew = {.name = "n1",
						.own = own,
						.key = key_c,
						.expires_ms = f->now.wall_ms + HOUR_MS,
						.certified = {issued, issued + HOUR_MS}}};
	return fixture_handle(f, &input)->code;
}

static bool closes(const struct fixture *f, uint64_t link_id)
{
	vector_for_each (&f->outbox.messages, m)
		if (m->link_id == link_id && m->close)
			return true;
	return false;
}

static void a_certificate_that_a_restored_store_has_forgotten_is_taken_and_noted(void **state)
{
	struct fixture f;
	(void)state;
	int64_t backup_ms = restored(&f);
	assert_true(control_may_have_forgotten(f.control, "n1", backup_ms + HOUR_MS,
					       f.now.wall_ms));
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), ACCEPTED);
	assert_int_equal(f.outbox.audit.count, 1);
	const Samoza__V1__AuditRecord *line = f.outbox.audit.items[0];
	assert_string_equal(line->action,
			    "take zhost n1 by a certificate that was issued after "
			    "the backup that zrms was restored from");
	assert_string_equal(line->outcome, "done");
	CLEANUP(freep) char *events = fixture_events(&f, "credential");
	assert_non_null(strstr(events, "zhost/n1: joined -> joined"));
	/* The one that the store had is a former one now. */
	assert_false(control_admits(f.control, "n1", key_a));
	assert_int_equal(hello_of(&f, "n1", key_a, backup_ms - HOUR_MS), REFUSED);
	/* It is recorded. */
	fixture_restart(&f);
	assert_true(control_admits(f.control, "n1", key_b));
	fixture_done(&f);
}

static void a_later_forgotten_certificate_takes_the_place_of_an_earlier_one(void **state)
{
	static const uint8_t key_c[IDENTITY_KEY_SIZE] = {3};
	struct fixture f;
	(void)state;
	int64_t backup_ms = restored(&f);
	fixture_restart(&f); /* it is told no more that it was restored */
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), ACCEPTED);
	fixture_restart(&f);
	assert_int_equal(hello_of(&f, "n1", key_c, backup_ms + 2 * HOUR_MS), ACCEPTED);
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), REFUSED);
	assert_int_equal(hello_of(&f, "n1", key_c, backup_ms + 2 * HOUR_MS), ACCEPTED);
	fixture_done(&f);
}

/* Its machine was replaced in what the store has forgotten: it keeps no link under the name. */
static void
who_was_replaced_after_the_backup_loses_the_link_when_the_later_one_comes(void **state)
{
	struct fixture f;
	(void)state;
	int64_t backup_ms = restored(&f);
	assert_int_equal(hello(&f, 7, "n1", key_a, NULL)->verdict, ACCEPTED);
	identity_text = "of another machine";
	/* What may run on the former one has its time to end first. */
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), REFUSED);
	const Samoza__V1__HelloAck *ack =
		(const Samoza__V1__HelloAck *)fixture_message(&f, 7, ACK);
	assert_non_null(ack);
	assert_int_equal(ack->verdict, REFUSED);
	assert_non_null(strstr(ack->reason, "which the restored store had forgotten"));
	assert_true(closes(&f, 7));
	fixture_advance(&f, 60000);
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), ACCEPTED);
	identity_text = NULL;
	fixture_done(&f);
	/* With a renewal of it as with its HELLO. */
	backup_ms = restored(&f);
	assert_int_equal(hello(&f, 7, "n1", key_a, NULL)->verdict, ACCEPTED);
	assert_int_equal(renew(&f, key_b, backup_ms + HOUR_MS), 0);
	assert_true(closes(&f, 7));
	fixture_done(&f);
}

/* A certificate that nobody takes is no change. */
static void the_audit_has_a_line_only_of_what_a_restored_store_has_taken(void **state)
{
	struct fixture f;
	(void)state;
	int64_t backup_ms = restored(&f), now_ms = f.now.wall_ms;
	assert_int_equal(hello_of(&f, "n1", key_a, backup_ms - HOUR_MS), ACCEPTED);
	assert_int_equal(f.outbox.audit.count, 0); /* it was known all the time */
	assert_int_equal(hello_of(&f, "n1", key_b, now_ms + 1), REFUSED);
	assert_int_equal(f.outbox.audit.count, 0);
	assert_int_equal(hello_of(&f, "n3", key_b, backup_ms + HOUR_MS), REFUSED);
	assert_int_equal(f.outbox.audit.count, 0);
	assert_int_not_equal(renew(&f, key_b, now_ms + 1), 0);
	assert_int_equal(f.outbox.audit.count, 0);
	/* The link of another zhost, which claims this name. */
	char name[] = "n9";
	const struct principal n9 = {.name = name, .role = ACCESS_ZHOST};
	link_of = &n9;
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), REFUSED);
	link_of = NULL;
	assert_int_equal(f.outbox.audit.count, 0);
	assert_int_equal(renew(&f, key_b, backup_ms + HOUR_MS), 0);
	assert_int_equal(f.outbox.audit.count, 1);
	/* Once: from now on it is known. */
	assert_int_equal(renew(&f, key_b, backup_ms + HOUR_MS), 0);
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), ACCEPTED);
	assert_int_equal(f.outbox.audit.count, 0);
	fixture_done(&f);
}

static void a_restore_lets_in_nobody_else(void **state)
{
	static const uint8_t key_c[IDENTITY_KEY_SIZE] = {3};
	struct fixture f;
	(void)state;
	int64_t backup_ms = restored(&f), now_ms = f.now.wall_ms;
	assert_int_equal(hello_of(&f, "n2", key_b, backup_ms + HOUR_MS), REFUSED); /* removed */
	assert_int_equal(hello_of(&f, "n3", key_b, backup_ms + HOUR_MS), REFUSED); /* unknown */
	/* Before the backup the store knows better; after the restore somebody else has issued it. */
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms), REFUSED);
	assert_int_equal(hello_of(&f, "n1", key_b, now_ms + 1), REFUSED);
	assert_int_equal(hello_of(&f, "n1", key_b, 0), REFUSED);
	/* A machine that joins with a token is the one. */
	assert_int_equal(token(&f, "u", 1, NULL), 0);
	assert_int_equal(join(&f, "u", "n1", key_c, true), 0);
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), REFUSED);
	fixture_done(&f);
	/* After ninety days. */
	backup_ms = restored(&f);
	f.now.wall_ms += IDENTITY_FORGOTTEN_MS;
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), REFUSED);
	assert_int_equal(hello_of(&f, "n1", key_a, backup_ms - HOUR_MS), ACCEPTED);
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	fixture_done(&f);
	backup_ms = restored(&f);
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	assert_int_equal(hello_of(&f, "n1", key_b, backup_ms + HOUR_MS), REFUSED);
	fixture_done(&f);
}

static void what_a_restored_store_has_forgotten_can_be_renewed_when_it_has_expired(void **state)
{
	static const uint8_t key_c[IDENTITY_KEY_SIZE] = {3};
	struct fixture f;
	(void)state;
	int64_t backup_ms = restored(&f);
	struct control_input input = {
		.type = CONTROL_RENEW,
		.renew = {.name = "n1",
			  .own = key_b,
			  .key = key_c,
			  .expires_ms = f.now.wall_ms + HOUR_MS,
			  .certified = {backup_ms + HOUR_MS, backup_ms + 2 * HOUR_MS}}};
	assert_int_equal(fixture_handle(&f, &input)->code, 0);
	assert_true(control_admits(f.control, "n1", key_c));
	assert_true(control_admits(f.control, "n1", key_b));
	assert_false(control_admits(f.control, "n1", key_a));
	fixture_done(&f);
}

static void a_digest_and_a_checkpoint_have_tokens_and_keys(void **state)
{
	struct fixture f;
	struct control *copy = NULL;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	CLEANUP(freep) char *empty = control_digest(f.control, f.now);
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	CLEANUP(freep) char *with_token = control_digest(f.control, f.now);
	assert_string_not_equal(empty, with_token);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	Samoza__V1__Checkpoint *checkpoint = checkpoint_new(f.control, f.now);
	assert_int_equal(checkpoint_load(checkpoint, &copy, NULL), 0);
	assert_true(control_admits(copy, "n1", key_a));
	CLEANUP(freep) char *here = control_digest(f.control, f.now);
	CLEANUP(freep) char *there = control_digest(copy, f.now);
	assert_string_equal(here, there);
	schema_message_free(&checkpoint->base);
	control_free(copy);
	fixture_done(&f);
}

static void
others_are_told_where_a_zhost_is_and_with_which_keys_until_it_is_removed(void **state)
{
	struct fixture f;
	struct mesh_contact contact;
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	assert_false(control_mesh_contact(f.control, "n1", &contact));
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	assert_int_equal(join(&f, "t", "n1", key_a, false), 0);
	assert_int_equal(hello(&f, 1, "n1", key_a, NULL)->verdict, ACCEPTED);
	assert_true(control_mesh_contact(f.control, "n1", &contact));
	assert_string_equal(contact.address, "10.0.0.7:7400");
	assert_int_equal(contact.key_count, 1);
	assert_memory_equal(contact.keys[0], key_a, IDENTITY_KEY_SIZE);
	assert_int_equal(remove_zhost(&f, "n1"), 0);
	assert_false(control_mesh_contact(f.control, "n1", &contact));
	fixture_done(&f);
}

static void only_an_administrator_makes_tokens(void **state)
{
	struct fixture f;
	struct principal who = {.name = (char *)(uintptr_t) "ann", .role = ACCESS_OPERATOR};
	(void)state;
	fixture_init(&f);
	fixture_start(&f);
	f.principal = &who;
	assert_int_equal(token(&f, "t", 1, NULL), ERR_DENIED);
	who.role = ACCESS_ADMIN;
	assert_int_equal(token(&f, "t", 1, NULL), 0);
	f.principal = NULL;
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_that_has_not_joined_is_refused_with_its_hello),
		cmocka_unit_test(a_removed_zhost_is_told_what_to_do_and_its_key_is_void),
		cmocka_unit_test(one_that_has_joined_and_never_came_can_be_removed),
		cmocka_unit_test(who_has_joined_is_believed_with_its_key_alone),
		cmocka_unit_test(
			the_token_of_a_zhost_ends_when_it_joins_and_when_it_is_removed),
		cmocka_unit_test(
			a_token_of_before_is_void_once_its_zhost_has_joined_or_was_removed),
		cmocka_unit_test(
			an_administrators_token_does_not_let_in_who_had_joined_and_was_removed),
		cmocka_unit_test(a_machine_that_is_replaced_loses_its_link),
		cmocka_unit_test(labels_of_a_token_cannot_be_claimed),
		cmocka_unit_test(a_label_that_was_claimed_before_the_cluster_gave_it_is_lost),
		cmocka_unit_test(
			a_certificate_that_a_restored_store_has_forgotten_is_taken_and_noted),
		cmocka_unit_test(
			a_later_forgotten_certificate_takes_the_place_of_an_earlier_one),
		cmocka_unit_test(
			who_was_replaced_after_the_backup_loses_the_link_when_the_later_one_comes),
		cmocka_unit_test(the_audit_has_a_line_only_of_what_a_restored_store_has_taken),
		cmocka_unit_test(a_restore_lets_in_nobody_else),
		cmocka_unit_test(
			what_a_restored_store_has_forgotten_can_be_renewed_when_it_has_expired),
		cmocka_unit_test(a_digest_and_a_checkpoint_have_tokens_and_keys),
		cmocka_unit_test(
			others_are_told_where_a_zhost_is_and_with_which_keys_until_it_is_removed),
		cmocka_unit_test(only_an_administrator_makes_tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
