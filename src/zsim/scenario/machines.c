#include "zsim/scenario/machines.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "zsim/scenario/step_run.h"
#include "zsim/world/driver.h"
#include "zsim/world/world.h"

#define CLUSTER "CLUSTER"

bool machines_are_made(const Samoza__V1__Scenario *scenario)
{
	for (size_t k = 0; k < scenario->n_steps; k++)
		if (scenario->steps[k]->machine != NULL || scenario->steps[k]->driver != NULL)
			return true;
	return false;
}

static void do_machine(struct step_run *run, const Samoza__V1__MachineStep *step)
{
	Samoza__V1__MachineRecord record = SAMOZA__V1__MACHINE_RECORD__INIT;
	Samoza__V1__LabelRecord *labels =
		mem_new_array(Samoza__V1__LabelRecord, step->n_labels + 1);
	Samoza__V1__LabelRecord **list =
		mem_new_array(Samoza__V1__LabelRecord *, step->n_labels + 1);
	for (size_t k = 0; k < step->n_labels; k++) {
		samoza__v1__label_record__init(&labels[k]);
		labels[k].name = step->labels[k]->key;
		labels[k].value = step->labels[k]->value;
		list[k] = &labels[k];
	}
	record.name = step->create != NULL ? step->create : step->destroy;
	record.driver = step->driver;
	record.labels = list;
	record.n_labels = step->n_labels;
	struct control_input input = {
		.type = CONTROL_MACHINE,
		.machine = {.action = step->create != NULL ? MACHINE_CREATE : MACHINE_DESTROY,
			    .record = &record,
			    .drain = step->drain,
			    .token = driver_token(run->world)}};
	step_ask(run, &input, step->error);
	free(list);
	free(labels);
}

/* A key of this cluster is written CLUSTER-…; the caller frees. */
static char *with_cluster(const struct step_run *run, const char *text)
{
	const char *at = strstr(text, CLUSTER);
	if (at == NULL)
		return mem_strdup(text);
	return str_printf("%.*s%.8s%s", (int)(at - text), text, run->world->cluster,
			  at + strlen(CLUSTER));
}

static void plan_faults(struct step_run *run, const Samoza__V1__DriverStep *step)
{
	if (step->stranger != NULL) {
		CLEANUP(freep) char *key = with_cluster(run, step->stranger);
		driver_keep_stranger(run->world, key);
	}
	if (step->has_does)
		driver_plan_fault(run->world, (enum driver_operation)step->on,
				  (enum driver_fault)step->does, step->times);
}

/* Of the machines that the driver keeps, in the order in which it made them: their names. */
static void expect_keeps(struct step_run *run, const Samoza__V1__DriverStep *step)
{
	CLEANUP(freep) char *seen = mem_strdup("");
	CLEANUP(freep) char *expected = mem_strdup("");
	vector_for_each (&run->world->driven, d) {
		char *longer = str_printf("%s %s", seen, d->name);
		free(seen);
		seen = longer;
	}
	for (size_t k = 0; k < step->n_keeps; k++) {
		char *longer = str_printf("%s %s", expected, step->keeps[k]);
		free(expected);
		expected = longer;
	}
	if (!str_equal(seen, expected))
		step_fail(run, "machines of the driver: expected%s, seen%s",
			  str_is_empty(expected) ? " none" : expected,
			  str_is_empty(seen) ? " none" : seen);
}

static void expect_step(struct step_run *run, const char *name, const char *expected)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__ZhostView *view = NULL;
	if (control_view_zhost(run->world->control, name, &view, &err) < 0) {
		if (str_equal(expected, "no zhost"))
			return;
		step_fail(run, "%s: expected %s, seen %s", name, expected, err->message);
		return;
	}
	const char *error = view->made != NULL ? view->made->error : NULL;
	CLEANUP(freep)
	char *seen = str_printf("%s%s%s", view->made != NULL ? view->made->step : "not made",
				error != NULL ? ": " : "", error != NULL ? error : "");
	if (strstr(seen, expected) == NULL)
		step_fail(run, "%s: expected %s, seen %s", name, expected, seen);
	samoza__v1__zhost_view__free_unpacked(view, NULL);
}

/* An event of a driver says that; with ! in front: none does. */
static void expect_said(struct step_run *run, const char *expected)
{
	bool is_not = expected[0] == '!', found = false;
	CLEANUP(freep) char *text = with_cluster(run, expected + is_not);
	vector_for_each (&run->world->driver_said, line)
		found |= strstr(*line, text) != NULL;
	if (found == is_not)
		step_fail(run, "expected %s event that says '%s'", is_not ? "no" : "an", text);
}

static void do_driver(struct step_run *run, const Samoza__V1__DriverStep *step)
{
	plan_faults(run, step);
	if (step->n_keeps > 0 || step->keeps_none)
		expect_keeps(run, step);
	for (size_t k = 0; k < step->n_made; k++)
		expect_step(run, step->made[k]->key, step->made[k]->value);
	if (step->said != NULL)
		expect_said(run, step->said);
}

bool machines_do(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	if (step->machine != NULL)
		do_machine(run, step->machine);
	else if (step->driver != NULL)
		do_driver(run, step->driver);
	else
		return false;
	return true;
}
