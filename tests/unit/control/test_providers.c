/* What importers learn about their providers: a list for each import, once for each zhost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"

#define DEPLOYED SAMOZA__V1__PHASE__PHASE_DEPLOYED
#define STARTED	 SAMOZA__V1__PHASE__PHASE_STARTED
#define FRAME	 SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED

static const char shop[] = "- {name: db, type: CALL, count: 2, exports: {port: \"\"}}\n"
			   "- {name: api, type: CALL, count: 2, imports: [{from: db}]}\n";
static const char ring[] = "- {name: node, type: CALL, count: 3, exports: {port: \"\"}, "
			   "imports: [{from: node, optional: true}]}\n";

/* ---- instances of topology a1 ---- */

static uint64_t epoch_of(const struct fixture *f, const char *path)
{
	Samoza__V1__SpaceView *view = NULL;
	assert_int_equal(control_view_space(f->control, "a1", path, &view, NULL), 0);
	uint64_t epoch = view->epoch;
	samoza__v1__space_view__free_unpacked(view, NULL);
	return epoch;
}

static void report(struct fixture *f, uint64_t link_id, const char *path,
		   Samoza__V1__Phase phase, const char *port)
{
	fixture_report(f, link_id,
		       &(struct reported){.topology = "a1",
					  .path = path,
					  .epoch = epoch_of(f, path),
					  .phase = phase,
					  .port = port});
}

static void start(struct fixture *f, const char *path, const char *port)
{
	report(f, 1, path, DEPLOYED, NULL);
	report(f, 1, path, STARTED, port);
}

/* ---- the last set that a link got, as text ---- */

static const Samoza__V1__Desired *last_set(const struct fixture *f, uint64_t link_id)
{
	return (const Samoza__V1__Desired *)fixture_message(f, link_id, FRAME);
}

static void say_provider(struct buffer *b, const Samoza__V1__Provider *p)
{
	int r = buffer_printf(b, " %s:%s=%s", p->import, p->path,
			      p->n_variables > 0 ? p->variables[0]->value : "");
	assert_int_equal(r, 0);
}

static void say_list(struct buffer *b, const Samoza__V1__ProviderList *list)
{
	assert_int_equal(buffer_printf(b, "list %llu@%llu%s", (unsigned long long)list->id,
				       (unsigned long long)list->version,
				       list->full ? " full" : ""),
			 0);
	for (size_t k = 0; k < list->n_providers; k++)
		say_provider(b, list->providers[k]);
	for (size_t k = 0; k < list->n_removed; k++)
		assert_int_equal(buffer_printf(b, " -%s", list->removed[k]), 0);
	assert_int_equal(buffer_add_string(b, "\n"), 0);
}

static void say_instance(struct buffer *b, const Samoza__V1__DesiredInstance *d)
{
	if (d->n_import_lists == 0 && d->n_imports == 0)
		return;
	assert_int_equal(buffer_printf(b, "%s i%llu", d->key->path,
				       (unsigned long long)d->imports_version),
			 0);
	for (size_t k = 0; k < d->n_import_lists; k++)
		assert_int_equal(
			buffer_printf(b, " list %llu", (unsigned long long)d->import_lists[k]),
			0);
	for (size_t k = 0; k < d->n_imports; k++)
		say_provider(b, d->imports[k]);
	assert_int_equal(buffer_add_string(b, "\n"), 0);
}

static void check_at(const struct fixture *f, uint64_t link_id, const char *expected,
		     const char *file, int line)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 16);
	const Samoza__V1__Desired *set = last_set(f, link_id);
	assert_int_equal(buffer_add_string(&b, ""), 0);
	for (size_t k = 0; set != NULL && k < set->n_lists; k++)
		say_list(&b, set->lists[k]);
	for (size_t k = 0; set != NULL && k < set->n_instances; k++)
		say_instance(&b, set->instances[k]);
	for (size_t k = 0; set != NULL && k < set->n_dropped_lists; k++)
		assert_int_equal(buffer_printf(&b, "drop %llu\n",
					       (unsigned long long)set->dropped_lists[k]),
				 0);
	if (strcmp(b.data, expected) != 0) {
		print_error("expected:\n%s\nseen:\n%s\n", expected, b.data);
		_fail(file, line);
	}
}
#define check(f, link_id, expected) check_at((f), (link_id), (expected), __FILE__, __LINE__)

/* Both providers and api-1 run on n1; api-2 is deployed there. */
static void set_up(struct fixture *f, uint32_t protocol)
{
	fixture_init(f);
	fixture_start(f);
	f->protocol = protocol;
	fixture_hello(f, "n1", 1, NULL, 0);
	fixture_submit(f, "a1", "shop", shop);
	start(f, "db-1", "80");
	start(f, "db-2", "81");
	start(f, "api-1", NULL);
}

/* ---- tests ---- */

static void a_list_is_sent_with_the_first_copy_that_names_it(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "a1", "shop", shop);
	start(&f, "db-2", "81");
	start(&f, "db-1", "80");
	report(&f, 1, "api-1", DEPLOYED, NULL);
	check(&f, 1,
	      "list 1@1 full db:db-1=80 db:db-2=81\n"
	      "api-1 i1 list 1\n");
	report(&f, 1, "api-2", DEPLOYED, NULL);
	check(&f, 1, "api-2 i1 list 1\n");
	fixture_done(&f);
}

static void a_zhost_gets_what_has_changed_and_nothing_else(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 3);
	report(&f, 1, "db-1", DEPLOYED, NULL);
	check(&f, 1,
	      "list 1@2 -db-1\n"
	      "api-1 i2 list 1\n");
	report(&f, 1, "db-1", STARTED, "90");
	check(&f, 1,
	      "list 1@3 db:db-1=90\n"
	      "api-1 i3 list 1\n");
	report(&f, 1, "db-2", STARTED, "91");
	check(&f, 1,
	      "list 1@4 db:db-2=91\n"
	      "api-1 i4 list 1\n");
	report(&f, 1, "db-2", STARTED, "91");
	check(&f, 1, "");
	fixture_done(&f);
}

/* What happens within one batch is one change; what is as before is none. */
static void a_provider_that_is_back_in_the_same_batch_has_not_changed(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 3);
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	Samoza__V1__Variable port = SAMOZA__V1__VARIABLE__INIT, *ports[] = {&port};
	Samoza__V1__InstanceReport r = SAMOZA__V1__INSTANCE_REPORT__INIT, *list[] = {&r};
	Samoza__V1__Report m = SAMOZA__V1__REPORT__INIT;
	const struct control_input input = {.type = CONTROL_REPORT, .report = {1, &m}};
	key.topology = (char *)"a1";
	key.path = (char *)"db-1";
	key.epoch = epoch_of(&f, "db-1");
	port.name = (char *)"port";
	port.value = (char *)"80";
	r.key = &key;
	r.observed_generation = UINT64_MAX;
	m.n_instances = 1;
	m.instances = list;
	r.phase = DEPLOYED;
	fixture_take(&f, &input);
	r.phase = STARTED;
	r.exports = ports;
	r.n_exports = 1;
	fixture_take(&f, &input);
	fixture_flush(&f);
	check(&f, 1, "api-1 i1 list 1\n");
	fixture_done(&f);
}

/* Its own start and end change the list, and not what it imports itself. */
static void an_instance_is_not_its_own_provider(void **state)
{
	(void)state;
	struct fixture f;
	fixture_init(&f);
	fixture_start(&f);
	fixture_hello(&f, "n1", 1, NULL, 0);
	fixture_submit(&f, "a1", "ring", ring);
	start(&f, "node-1", "80");
	check(&f, 1,
	      "list 1@2 node:node-1=80\n"
	      "node-1 i1 list 1\n");
	start(&f, "node-2", "81");
	check(&f, 1,
	      "list 1@3 node:node-2=81\n"
	      "node-2 i1 list 1\n"
	      "node-1 i2 list 1\n");
	fixture_done(&f);
}

static void a_new_link_gets_whole_lists(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 3);
	const struct reported held[] = {
		{"a1", "db-1", epoch_of(&f, "db-1"), STARTED, .port = "80"},
		{"a1", "db-2", epoch_of(&f, "db-2"), STARTED, .port = "81"},
		{"a1", "api-1", epoch_of(&f, "api-1"), STARTED},
		{"a1", "api-2", epoch_of(&f, "api-2"), DEPLOYED}};
	fixture_hello(&f, "n1", 2, held, 4);
	check(&f, 2,
	      "list 1@1 full db:db-1=80 db:db-2=81\n"
	      "api-2 i1 list 1\n"
	      "api-1 i1 list 1\n");
	report(&f, 2, "db-2", DEPLOYED, NULL);
	check(&f, 2,
	      "list 1@2 -db-2\n"
	      "api-1 i2 list 1\n"
	      "api-2 i2 list 1\n");
	fixture_done(&f);
}

static void a_list_that_no_copy_names_is_dropped(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 3);
	start(&f, "api-2", NULL);
	assert_int_equal(fixture_goal(&f, "a1", "api-1", "deployed-stopped"), 0);
	check(&f, 1, "");
	assert_int_equal(fixture_goal(&f, "a1", "api-2", "deployed-stopped"), 0);
	check(&f, 1, "drop 1\n");
	report(&f, 1, "api-1", DEPLOYED, NULL);
	report(&f, 1, "api-2", DEPLOYED, NULL);
	report(&f, 1, "db-2", DEPLOYED, NULL);
	check(&f, 1, ""); /* nobody there would know it */
	assert_int_equal(fixture_goal(&f, "a1", "api-2", "deployed-started"), 0);
	check(&f, 1,
	      "list 1@2 full db:db-1=80\n"
	      "api-2 i2 list 1\n");
	fixture_done(&f);
}

static void the_lists_of_an_application_go_with_it(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 3);
	assert_int_equal(fixture_topology(&f, "a1", TOPOLOGY_STOP), 0);
	check(&f, 1, "drop 1\n");
	fixture_submit(&f, "a2", "shop", shop);
	start(&f, "db-1", "70");
	report(&f, 1, "api-1", DEPLOYED, NULL);
	check(&f, 1,
	      "list 2@1 full db:db-1=70\n"
	      "api-1 i1 list 2\n");
	fixture_done(&f);
}

static void zhosts_of_protocol_2_get_providers_with_each_copy(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 2);
	report(&f, 1, "api-2", DEPLOYED, NULL);
	check(&f, 1, "api-2 i1 db:db-1=80 db:db-2=81\n");
	report(&f, 1, "db-1", DEPLOYED, NULL);
	check(&f, 1,
	      "api-1 i2 db:db-2=81\n"
	      "api-2 i2 db:db-2=81\n");
	fixture_done(&f);
}

static void a_zhost_that_is_updated_gets_lists(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 2);
	const struct reported held[] = {
		{"a1", "db-1", epoch_of(&f, "db-1"), STARTED, .port = "80"},
		{"a1", "db-2", epoch_of(&f, "db-2"), STARTED, .port = "81"},
		{"a1", "api-1", epoch_of(&f, "api-1"), STARTED}};
	f.protocol = 3;
	fixture_hello(&f, "n1", 2, held, 3);
	check(&f, 2,
	      "list 1@1 full db:db-1=80 db:db-2=81\n"
	      "api-1 i1 list 1\n");
	fixture_done(&f);
}

static void the_versions_of_copies_go_on_after_a_restart(void **state)
{
	(void)state;
	struct fixture f;
	set_up(&f, 3);
	report(&f, 1, "db-1", DEPLOYED, NULL);
	report(&f, 1, "db-1", STARTED, "90");
	fixture_restart(&f);
	const struct reported held[] = {
		{"a1", "db-1", epoch_of(&f, "db-1"), STARTED, .port = "90"},
		{"a1", "db-2", epoch_of(&f, "db-2"), STARTED, .port = "81"},
		{"a1", "api-1", epoch_of(&f, "api-1"), STARTED}};
	fixture_hello(&f, "n1", 1, held, 3);
	check(&f, 1,
	      "list 1@1 full db:db-1=90 db:db-2=81\n"
	      "api-1 i3 list 1\n");
	report(&f, 1, "db-2", DEPLOYED, NULL);
	check(&f, 1,
	      "list 1@2 -db-2\n"
	      "api-1 i4 list 1\n");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_sent_with_the_first_copy_that_names_it),
		cmocka_unit_test(a_zhost_gets_what_has_changed_and_nothing_else),
		cmocka_unit_test(a_provider_that_is_back_in_the_same_batch_has_not_changed),
		cmocka_unit_test(an_instance_is_not_its_own_provider),
		cmocka_unit_test(a_new_link_gets_whole_lists),
		cmocka_unit_test(a_list_that_no_copy_names_is_dropped),
		cmocka_unit_test(the_lists_of_an_application_go_with_it),
		cmocka_unit_test(zhosts_of_protocol_2_get_providers_with_each_copy),
		cmocka_unit_test(a_zhost_that_is_updated_gets_lists),
		cmocka_unit_test(the_versions_of_copies_go_on_after_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
