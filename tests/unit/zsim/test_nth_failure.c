/*
 * The n-th call of a store or a kv fails, for every n, on the main paths: submit, start, reports, a
 * process that dies, stop, restart of zrms and of zhosts. Each time zrms or the zhost exits or
 * does not start; what was acknowledged is kept; a new one completes the work; nothing leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "model/compile.h"
#include "zsim/scenario/scenario.h"
#include "zsim/world/client.h"
#include "zsim/world/controller.h"
#include "zsim/world/hooks.h"
#include "zsim/world/machine.h"
#include "zsim/world/machine_agent.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* ---- the n-th call ---- */

struct faults {
	unsigned fails_at, calls; /* counted from 1 */
	bool is_written;	  /* a commit that fails is on disk all the same */
	enum commit_outcome outcome;
};

static bool is_nth(struct faults *f)
{
	return ++f->calls == f->fails_at;
}

static enum commit_outcome on_commit(void *user, const struct sim_machine *machine,
				     bool *ret_is_written)
{
	struct faults *f = user;
	(void)machine;
	if (!is_nth(f))
		return COMMIT_DURABLE;
	*ret_is_written = f->is_written;
	return f->outcome;
}

static bool on_load(void *user, bool is_zrms)
{
	(void)is_zrms;
	return is_nth(user);
}

/* ---- a cluster, and its supervisor ---- */

static void assert_sound(const struct world *w, const struct faults *f)
{
	if (w->violation != NULL)
		fail_msg("call %u fails: %s", f->fails_at, w->violation);
}

/* Starts again what has exited. */
static void revive(struct world *w, const struct faults *f)
{
	for (unsigned tries = 0; tries < 3; tries++) {
		if (w->control == NULL)
			controller_start(w);
		vector_for_each (&w->machines, n)
			if ((*n)->agent == NULL)
				machine_start(w, *n);
		world_drain(w);
	}
	assert_non_null(w->control);
	vector_for_each (&w->machines, n)
		assert_non_null((*n)->agent);
	assert_sound(w, f);
}

static void settle(struct world *w, const struct faults *f)
{
	CLEANUP(freep) char *left = NULL;
	for (unsigned rounds = 0; rounds < 3; rounds++) {
		free(steal_ptr(&left));
		(void)world_settle(w, &left);
		revive(w, f);
	}
	if (!world_settle(w, &left))
		fail_msg("call %u fails, and it does not settle: %s", f->fails_at, left);
	assert_sound(w, f);
}

/* Asks until there is an answer; a request may have been granted although its answer was lost. */
static void ask(struct world *w, const struct faults *f, struct control_input *input)
{
	bool is_answered = false;
	for (unsigned tries = 0; tries < 4 && !is_answered; tries++) {
		struct answer a;
		revive(w, f);
		client_ask(w, input, &a);
		is_answered = a.answered;
		if (a.answered && a.code < 0 && tries == 0)
			fail_msg("call %u fails, and the request is refused: %s", f->fails_at,
				 a.message);
		answer_done(&a);
	}
	assert_true(is_answered);
	revive(w, f);
}

/* ---- the main paths ---- */

static struct sim_process *process_of(struct world *w, const char *name,
				      struct sim_machine **ret_node)
{
	vector_for_each (&w->machines, n)
		for (struct sim_process *p = (*n)->processes; p != NULL; p = p->hh.next)
			if (strcmp(p->name, name) == 0) {
				*ret_node = *n;
				return p;
			}
	return NULL;
}

static size_t process_count(const struct world *w)
{
	size_t count = 0;
	vector_for_each (&w->machines, n)
		count += HASH_COUNT((*n)->processes);
	return count;
}

static void submit(struct world *w, const struct faults *f, const Samoza__V1__Topology *message,
		   const char *id)
{
	CLEANUP(topology_unrefp) struct topology *topology = NULL;
	assert_int_equal(topology_compile(message, NULL, NULL, NULL, &topology, NULL), 0);
	Samoza__V1__RevisionRecord record = SAMOZA__V1__REVISION_RECORD__INIT;
	record.application = (char *)"";
	record.package_digest = (char *)"";
	record.topology = (Samoza__V1__Topology *)message;
	struct control_input input = {.type = CONTROL_SUBMIT,
				      .submit = {.id = id,
						 .topology = topology,
						 .record = &record,
						 .options = {.start = true}}};
	ask(w, f, &input);
	/* Acknowledged, or refused the second time because the first was kept. */
	assert_non_null(sim_disk_get(&w->disk, RECORD_APPLICATION, id));
}

static void act(struct world *w, const struct faults *f, const char *id,
		enum topology_action action)
{
	struct control_input input = {.type = CONTROL_TOPOLOGY,
				      .topology = {.id = id, .action = action}};
	ask(w, f, &input);
}

static void live(struct world *w, struct faults *f, const struct scenario *s)
{
	CLEANUP(freep) char *id = world_uuid(w, "shop");
	controller_start(w);
	for (size_t i = 0; i < s->message->n_zhosts; i++)
		(void)machine_add(w, s->message->zhosts[i]);
	revive(w, f);

	submit(w, f, s->message->topologies[0], id);
	settle(w, f);
	assert_int_equal(process_count(w), 4);

	struct sim_machine *where = NULL;
	struct sim_process *p = process_of(w, "shop/web-1", &where);
	assert_non_null(p);
	machine_process_dies(w, where, p, PROCESS_FAILED, "killed by signal 9");
	settle(w, f);
	assert_int_equal(process_count(w), 4);

	controller_crash(w);
	settle(w, f);
	vector_for_each (&w->machines, n) {
		if ((*n)->agent != NULL)
			machine_stop_agent(w, *n);
		settle(w, f);
	}
	assert_int_equal(process_count(w), 4);

	act(w, f, id, TOPOLOGY_STOP);
	settle(w, f);
	assert_int_equal(process_count(w), 0);
	act(w, f, id, TOPOLOGY_START);
	settle(w, f);
	assert_int_equal(process_count(w), 4);
}

/* Returns how many calls there were. */
static unsigned live_once(struct faults *f, const struct scenario *s)
{
	struct world w;
	world_init(&w, &s->options);
	w.hooks = (struct world_hooks){
		.user = f, .commit_outcome = on_commit, .load_fails = on_load};
	f->calls = 0;
	live(&w, f, s);
	world_done(&w);
	return f->calls;
}

static void every_call_may_fail(struct faults *f)
{
	struct scenario s;
	struct diagnostics findings = {0};
	assert_int_equal(scenario_read(CLUSTER_FILE, &s, &findings, NULL), 0);
	f->fails_at = 0;
	unsigned calls = live_once(f, &s); /* also warms up what is allocated once */
	assert_true(calls > 50);
	size_t before = mallinfo2().uordblks;
	unsigned n = 1;
	for (;; n++) {
		f->fails_at = n;
		if (live_once(f, &s) < n)
			break; /* nothing failed any more */
		size_t after = mallinfo2().uordblks;
		if (after != before)
			fail_msg("call %u fails, and %zd bytes leak", n,
				 (ssize_t)after - (ssize_t)before);
	}
	assert_true(n > calls);
	scenario_done(&s);
	diagnostics_done(&findings);
}

static void every_call_may_fail_and_leave_nothing(void **state)
{
	(void)state;
	every_call_may_fail(&(struct faults){.outcome = COMMIT_FAILED});
}

static void every_call_may_fail_and_be_on_disk_all_the_same(void **state)
{
	(void)state;
	every_call_may_fail(&(struct faults){.outcome = COMMIT_FAILED, .is_written = true});
}

static void the_leadership_may_be_lost_at_every_call(void **state)
{
	(void)state;
	every_call_may_fail(&(struct faults){.outcome = COMMIT_LOST_LEADERSHIP});
}

/* mallinfo2() counts what malloc keeps for later as used: without such caches it is exact. */
static void without_caches(char **argv)
{
	static const char tunables[] = "glibc.malloc.tcache_count=0";
	const char *set = getenv("GLIBC_TUNABLES");
	if (set == NULL || strstr(set, tunables) == NULL) {
		(void)setenv("GLIBC_TUNABLES", tunables, 1);
		(void)execv("/proc/self/exe", argv);
	}
	(void)mallopt(M_MXFAST, 0);
}

int main(int argc, char **argv)
{
	(void)argc;
	without_caches(argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_call_may_fail_and_leave_nothing),
		cmocka_unit_test(every_call_may_fail_and_be_on_disk_all_the_same),
		cmocka_unit_test(the_leadership_may_be_lost_at_every_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
