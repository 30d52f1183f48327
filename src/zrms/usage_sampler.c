#include "zrms/usage_sampler.h"

#include <stdlib.h>

#include "base/memory.h"

enum { SAMPLE_MS = 5000 };

struct usage_sampler {
	struct loop *loop;
	const struct control *control;
	struct usage_series *series;
	struct loop_timer *timer;
};

static void on_usage(void *user, const struct zhost_usage *usage)
{
	struct usage_sampler *sampler = user;
	usage_series_take(sampler->series, usage);
}

static void sample(void *user)
{
	struct usage_sampler *sampler = user;
	struct instant now = loop_now(sampler->loop);
	usage_series_begin(sampler->series, now.wall_ms);
	control_zhost_usages(sampler->control, on_usage, sampler);
	usage_series_end(sampler->series);
	loop_timer_at(sampler->timer, now.mono_ms + SAMPLE_MS);
}

struct usage_sampler *usage_sampler_new(struct loop *loop, const struct control *control)
{
	struct usage_sampler *sampler = mem_new(struct usage_sampler);
	sampler->loop = loop;
	sampler->control = control;
	sampler->series = usage_series_new();
	sampler->timer = loop_timer_new(loop, sample, sampler);
	loop_timer_at(sampler->timer, loop_now(loop).mono_ms + SAMPLE_MS);
	return sampler;
}

void usage_sampler_free(struct usage_sampler *sampler)
{
	if (sampler == NULL)
		return;
	loop_timer_free(sampler->timer);
	usage_series_free(sampler->series);
	free(sampler);
}

const struct usage_series *usage_sampler_series(const struct usage_sampler *sampler)
{
	return sampler->series;
}
