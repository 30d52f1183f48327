/* adapter/uv/worker.h: whose what it owns is, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <stdatomic.h>

#include "adapter/uv/worker.h"
#include "base/memory.h"

struct owner {
	struct loop loop;
	atomic_int idles;
};

static void on_run(void *user, struct worker_job **jobs)
{
	(void)user, (void)jobs;
}

static void on_idle(void *user)
{
	struct owner *o = user;
	atomic_fetch_add(&o->idles, 1);
}

static void on_done(void *user, struct worker_job *job)
{
	struct owner *o = user;
	free(job);
	loop_stop(&o->loop);
}

static void on_closed(void *user)
{
	struct owner *o = user;
	loop_stop(&o->loop);
}

static const struct worker_ops ops = {.run = on_run, .idle = on_idle, .done = on_done};

/* Who made it inspects and loads what it owns, in the loop's thread, for as long as that takes. */
static void it_touches_nothing_before_its_first_job(void **state)
{
	struct owner o = {0};
	struct worker *worker = NULL;
	(void)state;
	assert_int_equal(loop_init(&o.loop, NULL), 0);
	assert_int_equal(worker_new(&o.loop, "test", &ops, &o, &worker, NULL), 0);
	(void)poll(NULL, 0, 200); /* four times as long as it waits for */
	assert_int_equal(atomic_load(&o.idles), 0);
	worker_add(worker, mem_new(struct worker_job));
	loop_run(&o.loop);
	for (int i = 0; i < 1000 && atomic_load(&o.idles) == 0; i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(atomic_load(&o.idles), 1);
	worker_close(worker, on_closed, &o);
	loop_run(&o.loop);
	loop_done(&o.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_touches_nothing_before_its_first_job),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
