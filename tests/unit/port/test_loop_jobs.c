/* port/loop.h: work beside the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "adapter/uv/loop.h"
#include "base/heap.h"
#include "base/memory.h"
#include "loops.h"

enum { JOBS = 5 };

struct job {
	struct loop_job job;
	struct stage *stage;
	char name;
	bool is_last;
};

struct stage {
	struct loop loop;
	struct job jobs[JOBS];
	char text[64]; /* what happened: 'a' begun, 'A' done */
	bool is_done;
	pthread_mutex_t disk; /* jobs wait for it */
};

static void note(struct stage *s, char what)
{
	size_t size = strlen(s->text);
	assert_true(size + 1 < sizeof(s->text));
	s->text[size] = what;
}

/* ---- a loop on which the test says when a job has run ---- */

static struct stage *stage;

static void hold(struct loop *loop, struct loop_job *job)
{
	(void)loop;
	note(stage, container_of(job, struct job, job)->name);
}

static void run_nothing(struct loop_job *job)
{
	(void)job;
}

static void on_done(struct loop_job *job)
{
	struct job *j = container_of(job, struct job, job);
	note(j->stage, (char)(j->name - 'a' + 'A'));
	j->stage->is_done = j->is_last;
}

static void jobs_init(struct stage *s, void (*run)(struct loop_job *job))
{
	for (int i = 0; i < JOBS; i++)
		s->jobs[i] = (struct job){.job = {.run = run, .done = on_done},
					  .stage = s,
					  .name = (char)('a' + i),
					  .is_last = i == JOBS - 1};
}

static void two_run_at_once_and_others_wait_in_order(void **state)
{
	static struct stage s;
	struct loop_ops ops;
	(void)state;
	stage = &s;
	sim_loop_init(&s.loop);
	ops = *s.loop.ops;
	ops.run_in_thread = hold;
	s.loop.ops = &ops;
	jobs_init(&s, run_nothing);
	for (int i = 0; i < JOBS; i++)
		loop_run_in_thread(&s.loop, &s.jobs[i].job);
	assert_string_equal(s.text, "ab");
	loop_job_done(&s.jobs[1].job);
	assert_string_equal(s.text, "abcB");
	loop_job_done(&s.jobs[0].job);
	assert_string_equal(s.text, "abcBdA");
	loop_job_done(&s.jobs[2].job);
	loop_job_done(&s.jobs[3].job);
	/* The same one once more, while another one runs. */
	loop_run_in_thread(&s.loop, &s.jobs[0].job);
	assert_string_equal(s.text, "abcBdAeCDa");
	loop_job_done(&s.jobs[4].job);
	loop_job_done(&s.jobs[0].job);
	assert_string_equal(s.text, "abcBdAeCDaEA");
	sim_loop_done(&s.loop);
}

/* ---- on libuv ---- */

static void wait_for_disk(struct loop_job *job)
{
	struct job *j = container_of(job, struct job, job);
	(void)pthread_mutex_lock(&j->stage->disk);
	(void)pthread_mutex_unlock(&j->stage->disk);
}

static void on_lookup(uv_getaddrinfo_t *lookup, int status, struct addrinfo *addresses)
{
	struct stage *s = lookup->data;
	assert_int_equal(status, 0);
	uv_freeaddrinfo(addresses);
	s->is_done = true;
}

static void names_are_looked_up_while_a_disk_hangs(void **state)
{
	static struct stage s;
	uv_getaddrinfo_t lookup = {.data = &s};
	(void)state;
	assert_int_equal(loop_init(&s.loop, NULL), 0);
	assert_int_equal(pthread_mutex_init(&s.disk, NULL), 0);
	(void)pthread_mutex_lock(&s.disk);
	jobs_init(&s, wait_for_disk);
	for (int i = 0; i < JOBS; i++)
		loop_run_in_thread(&s.loop, &s.jobs[i].job);
	assert_int_equal(
		uv_getaddrinfo(loop_uv(&s.loop), &lookup, on_lookup, "127.0.0.1", NULL, NULL),
		0);
	loop_until(&s.loop, &s.is_done);
	assert_string_equal(s.text, "");
	(void)pthread_mutex_unlock(&s.disk);
	/* What waited for others has run, too, when the loop has ended. */
	loop_done(&s.loop);
	assert_int_equal(strlen(s.text), JOBS);
	(void)pthread_mutex_destroy(&s.disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_run_at_once_and_others_wait_in_order),
		cmocka_unit_test(names_are_looked_up_while_a_disk_hangs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
