/* Parents and children on one zhost. */
#include "fixture.h"

static void a_child_starts_after_its_parent(void **state)
{
	struct fixture *f = *state;
	ask(f, "a/b@2 g1 started in=a;a@1 g1 started");
	succeed(f, 1);
	succeed(f, 2);
	expect(f, "do 1 deploy a/b@2\n"
		  "do 2 deploy a@1\n"
		  "report a/b@2 g1 deploying\n"
		  "report a@1 g1 deploying\n"
		  "report a/b@2 g1 deployed \"start: its ancestor does not run here\"\n"
		  "do 3 start a@1\n"
		  "report a@1 g1 deployed\n"
		  "report a@1 g1 starting\n");
	succeed(f, 3);
	expect(f, "do 4 start a/b@2\n"
		  "report a@1 g1 started\n"
		  "report a/b@2 g1 starting\n");
}

static void unlisted_copies_are_removed_bottom_up(void **state)
{
	struct fixture *f = *state;
	run_family(f, "");
	ask_full(f, "");
	expect(f, "do 7 stop a/b/c@3 grace=10000\n"
		  "report a/b/c@3 g1 stopping\n");
	succeed(f, 7);
	expect(f, "do 8 undeploy a/b/c@3\n"
		  "do 9 stop a/b@2 grace=10000\n"
		  "report a/b/c@3 g1 deployed\n"
		  "report a/b/c@3 g1 undeploying\n"
		  "report a/b@2 g1 stopping\n");
	succeed(f, 9); /* its child is still being undeployed */
	expect(f, "do 10 stop a@1 grace=10000\n"
		  "report a/b@2 g1 deployed\n"
		  "report a@1 g1 stopping\n");
	succeed(f, 10);
	expect(f, "report a@1 g1 deployed\n");
	succeed(f, 8);
	expect(f, "do 11 undeploy a/b@2\n"
		  "report a/b/c@3 g1 absent\n"
		  "report a/b@2 g1 undeploying\n");
	succeed(f, 11);
	expect(f, "do 12 undeploy a@1\n"
		  "report a/b@2 g1 absent\n"
		  "report a@1 g1 undeploying\n");
}

static void a_parent_stops_after_its_children(void **state)
{
	struct fixture *f = *state;
	run_family(f, "");
	ask(f, "a@1 g2 deployed"); /* its children are not mentioned */
	expect(f, "do 7 stop a/b/c@3 grace=10000\n"
		  "report a/b/c@3 g1 stopping\n"
		  "report a@1 g2 started\n");
	succeed(f, 7);
	ignore(f);
	succeed(f, 8);
	expect(f, "do 9 stop a@1 grace=10000\n"
		  "report a/b@2 g1 deployed \"start: its ancestor does not run here\"\n"
		  "report a@1 g2 stopping\n"
		  /* zrms may have asked for it again before it heard of its parent */
		  "report a/b@2 g1 deployed \"start: its ancestor does not run here\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOINED(a_child_starts_after_its_parent),
		JOINED(unlisted_copies_are_removed_bottom_up),
		JOINED(a_parent_stops_after_its_children),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
