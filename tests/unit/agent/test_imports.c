/* The lists of providers that copies share: followed, kept, and dropped. */
#include "fixture.h"

/* Runs a@1, which imports list 1; the next action is 3. */
static void run_importer(struct fixture *f)
{
	f->imports_shown = true;
	lists(f, "1@1 full db-1=80 db-2=81");
	ask(f, "a@1 g1 started i1 list=1");
	succeed(f, 1);
	ignore(f);
	succeed(f, 2);
	ignore(f);
}

static void check_fault(struct fixture *f)
{
	assert_non_null(agent_link_fault(f->agent));
	expect(f, "");
}

static void a_copy_starts_with_the_providers_of_its_lists(void **state)
{
	struct fixture *f = *state;
	f->imports_shown = true;
	lists(f, "1@1 full db-1=80 db-2=81;2@7 full log=90");
	ask(f, "a@1 g1 started i1 list=2 list=1");
	ignore(f);
	succeed(f, 1);
	expect(f, "do 2 start a@1 i1 db:log=90 db:db-1=80 db:db-2=81\n"
		  "report a@1 g1 deployed\n"
		  "report a@1 g1 starting\n");
}

static void a_change_is_made_for_every_copy_that_names_the_list(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	ask(f, "b@2 g2 started i1 list=1");
	succeed(f, 3);
	succeed(f, 4);
	ignore(f);
	lists(f, "1@2 -db-1 db-10=82 db-2=83");
	ask(f, "a@1 g3 started i2 list=1;b@2 g4 started i2 list=1");
	expect(f, "do 5 update a@1 i2 db:db-10=82 db:db-2=83\n"
		  "do 6 update b@2 i2 db:db-10=82 db:db-2=83\n");
}

static void a_list_that_is_again_as_before_leads_to_no_update(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	lists(f, "1@2 -db-1");
	ask(f, "a@1 g2 started i2 list=1");
	expect(f, "do 3 update a@1 i2 db:db-2=81\n");
	lists(f, "1@3 db-1=80");
	ask(f, "a@1 g3 started i3 list=1");
	lists(f, "1@4 -db-1");
	ask(f, "a@1 g4 started i4 list=1");
	expect(f, "");
	succeed(f, 3);
	expect(f, "report a@1 g4 started i2\n"
		  "report a@1 g4 started i4\n");
}

/* zrms counts it in the list, and sends one list to all. */
static void a_copy_is_not_its_own_provider(void **state)
{
	struct fixture *f = *state;
	f->imports_shown = true;
	lists(f, "1@1 full a=80 b=81");
	ask(f, "a@1 g1 started i1 list=1");
	ignore(f);
	succeed(f, 1);
	expect(f, "do 2 start a@1 i1 db:b=81\n"
		  "report a@1 g1 deployed\n"
		  "report a@1 g1 starting\n");
}

static void a_change_of_another_version_is_not_followed(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	lists(f, "1@3 -db-1");
	ask(f, "a@1 g2 started i2 list=1;b@2 g3 started");
	check_fault(f);
	ask(f, "a@1 g4 deployed"); /* what comes on this link is not followed either */
	check_fault(f);
	down(f);
	assert_null(agent_link_fault(f->agent));
	rejoin(f);
	lists(f, "9@5 full db-3=80");
	ask_full(f, "a@1 g5 started i2 list=9;b@2 g6 started");
	expect(f, "do 3 update a@1 i2 db:db-3=80\n"
		  "do 4 deploy b@2\n"
		  "report b@2 g6 deploying\n");
}

static void a_set_that_comes_twice_is_followed_once(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	for (int times = 0; times < 2; times++, f->sets--) {
		lists(f, "1@2 -db-1");
		ask(f, "a@1 g2 started i2 list=1");
	}
	expect(f, "do 3 update a@1 i2 db:db-2=81\n");
	assert_null(agent_link_fault(f->agent));
}

static void a_change_of_an_unknown_list_is_not_followed(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	lists(f, "2@1 db-1=80");
	ask(f, "");
	check_fault(f);
}

static void a_copy_that_names_an_unknown_list_is_not_asked(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	ask(f, "a@1 g2 deployed;b@2 g3 started i1 list=2");
	check_fault(f);
}

static void a_dropped_list_is_unknown_afterwards(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	lists(f, "drop 1");
	ask(f, "a@1 g2 deployed");
	expect(f, "do 3 stop a@1 grace=10000\n"
		  "report a@1 g2 stopping\n");
	lists(f, "1@2 -db-1");
	ask(f, "");
	check_fault(f);
}

/* Ids are those of one link. */
static void a_full_set_forgets_the_lists_before_it(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	ask_full(f, "a@1 g2 deployed");
	ignore(f);
	lists(f, "1@2 -db-1");
	ask(f, "");
	check_fault(f);
}

static void a_copy_keeps_its_providers_while_there_is_no_link(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	down(f);
	exits(f, "a", 1, "killed by signal 9");
	expect(f, "");
	wait_ms(f, 1000);
	expect(f, "do 3 start a@1 i1 db:db-1=80 db:db-2=81\n");
}

/* What the process knows is durable, the list is not. */
static void a_restarted_agent_updates_only_for_another_list(void **state)
{
	struct fixture *f = *state;
	run_importer(f);
	restart(f, "a@1 ");
	rejoin(f);
	lists(f, "4@1 full db-1=80 db-2=81");
	ask_full(f, "a@1 g2 started i2 list=4");
	expect(f, "report a@1 g2 started i2\n");
	lists(f, "4@2 -db-2");
	ask(f, "a@1 g3 started i3 list=4");
	expect(f, "do 1 update a@1 i3 db:db-1=80\n");
}

/* Runs a@1, whose env has a value of db-1; the next action is 3. */
static void run_with_env(struct fixture *f)
{
	f->imports_shown = true;
	lists(f, "1@1 full db-1=80");
	ask(f, "a@1 g1 started i1 env timeout=3000 list=1");
	succeed_all(f, 1, 2);
	ignore(f);
	lists(f, "1@2 db-1=90");
	ask(f, "a@1 g2 started i2 env timeout=3000 list=1");
	expect(f, "do 3 update a@1 i2 db:db-1=90\n");
}

/* A value that cannot be filled in holds up nothing but env. */
static void what_is_imported_does_not_wait_for_env(void **state)
{
	struct fixture *f = *state;
	run_with_env(f);
	fails_without_env(f, 3, "it has several lines");
	expect(f, "report a@1 g2 started i2 \"update: it has several lines; it is tried "
		  "again\"\n");
	lists(f, "1@3 db-1=91");
	ask(f, "a@1 g3 started i3 env timeout=3000 list=1");
	expect(f, "do 4 update a@1 i3 db:db-1=91\n");
	fails_without_env(f, 4, "it has several lines");
	expect(f, "report a@1 g3 started i3 \"update: it has several lines; it is tried "
		  "again\"\n");
	wait_ms(f, 1999);
	expect(f, "");
	wait_ms(f, 1);
	expect(f, "do 5 update a@1 i3 db:db-1=91\n");
	succeed(f, 5);
	expect(f, "report a@1 g3 started i3 well\n");
	wait_ms(f, 60000);
	ignore(f);
	lists(f, "1@4 db-1=91");
	ask(f, "a@1 g4 started i4 env timeout=3000 list=1");
	expect(f, "report a@1 g4 started i4 well\n");
}

/* It waited for its env until its time was over. */
static void what_is_imported_goes_first_after_an_update_that_was_too_late(void **state)
{
	struct fixture *f = *state;
	run_with_env(f);
	wait_ms(f, 3000);
	expect(f, "kill 3 update a@1\n");
	fails_unreached(f, 3, "it did not arrive");
	expect(f,
	       "report a@1 g2 started i1 \"update: timed out after 3 s; it is tried again\"\n");
	wait_ms(f, 1000);
	expect(f, "do 4 update a@1 i2 db:db-1=90 keeps-env\n");
	succeed(f, 4);
	expect(f, "do 5 update a@1 i2 db:db-1=90\n"
		  "report a@1 g2 started i2 well\n");
	wait_ms(f, 3000);
	ignore(f);
	fails_unreached(f, 5, "it did not arrive");
	ignore(f);
	wait_ms(f, 1000);
	expect(f, "do 6 update a@1 i2 db:db-1=90\n");
	succeed(f, 6);
	expect(f, "report a@1 g2 started i2 well\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(a_copy_starts_with_the_providers_of_its_lists),
		JOINED(a_change_is_made_for_every_copy_that_names_the_list),
		JOINED(a_list_that_is_again_as_before_leads_to_no_update),
		JOINED(a_copy_is_not_its_own_provider),
		JOINED(a_change_of_another_version_is_not_followed),
		JOINED(a_set_that_comes_twice_is_followed_once),
		JOINED(a_change_of_an_unknown_list_is_not_followed),
		JOINED(a_copy_that_names_an_unknown_list_is_not_asked),
		JOINED(a_dropped_list_is_unknown_afterwards),
		JOINED(a_full_set_forgets_the_lists_before_it),
		JOINED(a_copy_keeps_its_providers_while_there_is_no_link),
		JOINED(a_restarted_agent_updates_only_for_another_list),
		JOINED(what_is_imported_does_not_wait_for_env),
		JOINED(what_is_imported_goes_first_after_an_update_that_was_too_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
