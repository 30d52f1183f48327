#include "turns.h"

#include <time.h>

static double used_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void turn(struct turns *t)
{
	double now = used_ms();
	if (now - t->before_ms > t->longest_ms)
		t->longest_ms = now - t->before_ms;
	t->before_ms = now;
	t->count++;
}

static void on_timer(void *user)
{
	struct turns *t = user;
	turn(t);
	loop_timer_at(t->timer, loop_now(t->loop).mono_ms + 1);
}

void turns_begin(struct turns *t, struct loop *loop)
{
	*t = (struct turns){.loop = loop, .before_ms = used_ms()};
	t->timer = loop_timer_new(loop, on_timer, t);
	loop_timer_at(t->timer, loop_now(loop).mono_ms + 1);
}

double turns_end(struct turns *t)
{
	turn(t);
	loop_timer_free(t->timer);
	return t->longest_ms;
}
