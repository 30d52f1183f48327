#include "zsim/shrink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"
#include "schema/yaml_write.h"
#include "zsim/scenario/scenario.h"

/* Each try is a run of the whole scenario. */
#define TRIES_MAX  3000
#define MANY_TIMES 1000

struct shrink {
	Samoza__V1__Scenario *scenario;
	char *path; /* of what is tried */
	unsigned tries;
	struct error *err; /* the first one */
};

/* ---- one try ---- */

static int write_file(const Samoza__V1__Scenario *scenario, const char *path,
		      struct error **err)
{
	CLEANUP(freep) char *text = schema_write_yaml(&scenario->base);
	FILE *file = fopen(path, "we");
	if (file == NULL)
		return error_errno(err, "cannot write %s", path);
	bool is_written = fputs(text, file) >= 0;
	if (fclose(file) != 0 || !is_written)
		return error_errno(err, "cannot write %s", path);
	return 0;
}

static bool passes(const char *path)
{
	const struct scenario_print nothing = {0};
	struct scenario s;
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	if (scenario_read(path, &s, &findings, &err) < 0)
		return false;
	FILE *out = fopen("/dev/null", "we");
	bool passed = out != NULL && scenario_run(&s, &nothing, out);
	if (out != NULL)
		(void)fclose(out);
	scenario_done(&s);
	return passed;
}

static bool try(struct shrink *s)
{
	if (s->err != NULL || s->tries >= TRIES_MAX)
		return false;
	s->tries++;
	return write_file(s->scenario, s->path, &s->err) == 0 && passes(s->path);
}

/* ---- what may be left out ---- */

/* Without so many of the list from there on; false: it does not pass, and they are in it again. */
static bool try_without(struct shrink *s, void **items, size_t *count, size_t at, size_t many)
{
	void **before = mem_memdup(items, *count * sizeof(void *));
	size_t had = *count;
	memmove(items + at, items + at + many, (had - at - many) * sizeof(void *));
	*count -= many;
	bool passed = try(s);
	if (passed) {
		for (size_t k = 0; k < many; k++)
			schema_message_free(before[at + k]);
	} else {
		memcpy(items, before, had * sizeof(void *));
		*count = had;
	}
	free(before);
	return passed;
}

/* All but the last `kept`. */
static bool shrink_list(struct shrink *s, void **items, size_t *count, size_t kept)
{
	bool has_shrunk = false;
	for (size_t many = *count > kept ? *count - kept : 0; many > 0; many /= 2) {
		for (size_t at = 0; at + many + kept <= *count;) {
			if (try_without(s, items, count, at, many))
				has_shrunk = true;
			else
				at += many;
		}
	}
	return has_shrunk;
}

static bool shrink_once(struct shrink *s)
{
	Samoza__V1__Scenario *m = s->scenario;
	bool has_shrunk = shrink_list(s, (void **)m->steps, &m->n_steps, 1);
	has_shrunk |= shrink_list(s, (void **)m->topologies, &m->n_topologies, 0);
	has_shrunk |= shrink_list(s, (void **)m->zhosts, &m->n_zhosts, 0);
	for (size_t k = 0; k < m->n_topologies; k++)
		has_shrunk |= shrink_list(s, (void **)m->topologies[k]->spaces,
					  &m->topologies[k]->n_spaces, 0);
	return has_shrunk;
}

/* ---- how long things take ---- */

static void set_recipe_time(Samoza__V1__Scenario *m, const char *text)
{
	schema_set_string(&m->options->recipe_time,
			  samoza__v1__scenario_options__recipe_time__default_value, text);
}

/* In a recording each action takes as long as it took, here all of them take the same: the first of these times that leads to the
 * same. */
static bool try_times(struct shrink *s)
{
	static const char *const times[] = {"100ms", "10ms", "1s", "5s", "30s"};
	for (size_t k = 0; k < ARRAY_SIZE(times); k++) {
		set_recipe_time(s->scenario, times[k]);
		if (try(s))
			return true;
	}
	return false;
}

/* Before the expectation, everything comes to its end; what failed goes on failing. */
static bool try_to_the_end(struct shrink *s)
{
	Samoza__V1__Scenario *m = s->scenario;
	Samoza__V1__ScenarioStep *settle = (Samoza__V1__ScenarioStep *)schema_message_new(
		&samoza__v1__scenario_step__descriptor);
	settle->has_settle = settle->settle = true;
	m->steps = mem_resize(m->steps, m->n_steps + 1, sizeof(*m->steps));
	m->steps[m->n_steps] = m->steps[m->n_steps - 1];
	m->steps[m->n_steps++ - 1] = settle;
	if (try_times(s))
		return true;
	for (size_t k = 0; k < m->n_steps; k++)
		if (m->steps[k]->fail != NULL)
			m->steps[k]->fail->times = MANY_TIMES;
	return try_times(s);
}

int shrink_to_file(Samoza__V1__Scenario *scenario, const char *path, struct shrunk *ret,
		   struct error **err)
{
	struct shrink s = {.scenario = scenario, .path = str_printf("%s.try", path)};
	ret->steps_before = scenario->n_steps;
	bool passed = try_times(&s) || try_to_the_end(&s);
	while (passed && shrink_once(&s))
		;
	ret->steps = scenario->n_steps;
	ret->tries = s.tries;
	(void)unlink(s.path);
	free(s.path);
	if (s.err != NULL)
		return error_move(err, s.err);
	int result = write_file(scenario, path, err);
	return result < 0 ? result : !passed;
}
