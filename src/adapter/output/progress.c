/*
 * Progress of many things toward one state.
 */
#include <string.h>

#include "adapter/output/output.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/text.h"
#include "base/vector.h"

/* Without a terminal, more things than this are only counted. */
#define LINES_MAX  100
#define NAME_WIDTH 20

struct thing {
	char *name;
	char *state;
	bool changed;
	UT_hash_handle hh;
};

struct output_progress {
	const struct output *output;
	char *goal;
	struct thing *things; /* in the order in which they came */
	size_t done;
	size_t said;	/* how many were done when the count was last printed */
	unsigned drawn; /* lines on the terminal that the next drawing takes back */
	bool changed;
};

struct output_progress *output_progress_new(const struct output *o, const char *goal)
{
	struct output_progress *p = mem_new(struct output_progress);

	p->output = o;
	p->goal = mem_strdup(goal);
	return p;
}

static bool is_done(const struct output_progress *p, const struct thing *t)
{
	return t->state != NULL && strcmp(t->state, p->goal) == 0;
}

void output_progress_set(struct output_progress *p, const char *name, const char *state)
{
	struct thing *t = NULL;

	HASH_FIND_STR(p->things, name, t);
	if (t == NULL) {
		t = mem_new(struct thing);
		t->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, p->things, t->name, strlen(t->name), t);
	} else if (strcmp(t->state, state) == 0) {
		return;
	}
	p->done -= is_done(p, t);
	free(t->state);
	t->state = mem_strdup(state);
	p->done += is_done(p, t);
	t->changed = true;
	p->changed = true;
	/* Without a terminal nothing is drawn over: every state has its line. */
	if (!p->output->terminal)
		output_progress_draw(p);
}

/* On a terminal never longer than a line: the next drawing goes back by lines. */
static void print_thing(const struct output_progress *p, const struct thing *t)
{
	const struct output *o = p->output;
	CLEANUP(freep) char *name = text_escaped(t->name);
	CLEANUP(freep) char *state = text_escaped(t->state);
	CLEANUP(freep) char *line = str_printf("  %-*s %s", NAME_WIDTH, name, state);
	const char *colour = o->colour ? output_state_colour(state) : "";
	CLEANUP(freep) char *cut = o->terminal ? output_cut(line, o->columns) : NULL;
	size_t before = strlen(line) - strlen(state);

	if (cut != NULL && strcmp(cut, line) != 0)
		(void)fprintf(o->out, "%s\033[K\n", cut);
	else
		(void)fprintf(o->out, "%.*s%s%s%s%s\n", (int)before, line, colour, state,
			      colour[0] != '\0' ? "\033[0m" : "", o->terminal ? "\033[K" : "");
}

static void print_count(struct output_progress *p, size_t count)
{
	(void)fprintf(p->output->out, "  %zu of %zu %s%s\n", p->done, count, p->goal,
		      p->output->terminal ? "\033[K" : "");
	p->said = p->done;
}

static void draw_terminal(struct output_progress *p, size_t count)
{
	if (p->drawn > 0)
		(void)fprintf(p->output->out, "\033[%uA\r", p->drawn);
	if (count + 4 > p->output->rows) {
		print_count(p, count);
		p->drawn = 1;
		return;
	}
	for (struct thing *t = p->things; t != NULL; t = t->hh.next)
		print_thing(p, t);
	p->drawn = (unsigned)count;
}

static void draw_lines(struct output_progress *p, size_t count)
{
	size_t step = p->done > p->said ? p->done - p->said : p->said - p->done;

	if (count > LINES_MAX) {
		if (step * 20 >= count)
			print_count(p, count);
		return;
	}
	for (struct thing *t = p->things; t != NULL; t = t->hh.next) {
		if (t->changed)
			print_thing(p, t);
		t->changed = false;
	}
}

void output_progress_draw(struct output_progress *p)
{
	size_t count = HASH_COUNT(p->things);

	if (!p->changed || p->output->format != OUTPUT_TABLE)
		return;
	if (p->output->terminal)
		draw_terminal(p, count);
	else
		draw_lines(p, count);
	(void)fflush(p->output->out);
	p->changed = false;
}

void output_progress_free(struct output_progress *p)
{
	struct thing *t, *next;

	if (p == NULL)
		return;
	output_progress_draw(p);
	if (p->output->format == OUTPUT_TABLE && !p->output->terminal && p->said != p->done &&
	    HASH_COUNT(p->things) > LINES_MAX)
		print_count(p, HASH_COUNT(p->things));
	HASH_ITER (hh, p->things, t, next) {
		HASH_DEL(p->things, t);
		free(t->name);
		free(t->state);
		free(t);
	}
	free(p->goal);
	free(p);
}
