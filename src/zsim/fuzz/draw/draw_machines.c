#include "zsim/fuzz/draw/draw_machines.h"

#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_access.h"
#include "zsim/fuzz/check/check_machines.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/client.h"
#include "zsim/world/simulation.h"

/* A name may be made so often: each is a machine of the world. */
#define MADE_MAX 6

static struct random *chance(struct fuzz *f)
{
	return draws_random(f, DRAW_MACHINES);
}

enum driver_fault draw_machines_fault(void *user, const struct driver_call *call)
{
	struct fuzz *f = user;
	if (call->operation == DRIVER_LIST || !draws_percent(f, DRAW_MACHINES, 45))
		return DRIVER_OBEYS;
	enum driver_fault fault = (enum driver_fault)random_below(chance(f), DRIVER_FAULTS);
	if (call->operation == DRIVER_DESTROY && fault == DRIVER_LIES)
		check_machines_may_be_left(f, call->machine->name);
	return fault;
}

int64_t draw_machines_time(void *user)
{
	struct fuzz *f = user;
	return (int64_t)random_below(chance(f), random_percent(chance(f), 20) ? 20000 : 1500);
}

/* As the first machine: the search for a place counts on labels that all have. */
Samoza__V1__ZhostSpec *draw_machines_spec(void *user)
{
	const struct fuzz *f = user;
	return (Samoza__V1__ZhostSpec *)schema_message_copy(
		&f->world.machines.items[0]->spec->base);
}

bool draw_machines_acts(void *user)
{
	return random_percent(chance(user), 50);
}

/* Sometimes nobody waits for the answer. */
static void send(struct fuzz *f, struct control_input *input)
{
	struct answer a;
	check_access_asked(f, input);
	check_machines_asked(f, input);
	if (random_percent(chance(f), 25)) {
		world_log(&f->world, "  nobody waits for the answer");
		client_tell(&f->world, input);
		return;
	}
	client_ask(&f->world, input, &a);
	world_log(&f->world, "  answer: %s%s",
		  !a.answered	? "none"
		  : a.code >= 0 ? "granted"
				: "refused: ",
		  a.message != NULL ? a.message : "");
	answer_done(&a);
}

static void ask(struct fuzz *f, enum machine_action action)
{
	const char *name = machine_names[random_below(chance(f), MACHINE_NAMES)];
	Samoza__V1__MachineRecord record = SAMOZA__V1__MACHINE_RECORD__INIT;
	record.name = (char *)(uintptr_t)name;
	record.driver = (char *)(uintptr_t)sim_drivers[0];
	struct control_input input = {.type = CONTROL_MACHINE,
				      .machine = {.action = action,
						  .record = &record,
						  .drain = random_percent(chance(f), 70),
						  .token = driver_token(&f->world)}};
	world_log(&f->world, "STEP %s zhost %s",
		  action == MACHINE_CREATE ? "create" : "destroy", name);
	send(f, &input);
}

/* Also of one that cannot be destroyed: then it is left. */
static void forget(struct fuzz *f)
{
	const char *name = machine_names[random_below(chance(f), MACHINE_NAMES)];
	struct control_input input = {.type = CONTROL_ZHOST,
				      .zhost = {.name = name, .action = ZHOST_REMOVE}};
	world_log(&f->world, "STEP remove %s", name);
	send(f, &input);
}

void draw_machines(struct fuzz *f)
{
	if (!draws_percent(f, DRAW_MACHINES, 12) || f->world.violation != NULL ||
	    f->world.control == NULL)
		return;
	uint32_t draw = random_below(chance(f), 100);
	if (draw < 50 && check_machines_of(f)->made.count < MADE_MAX)
		ask(f, MACHINE_CREATE);
	else if (draw < 94)
		ask(f, MACHINE_DESTROY);
	else
		forget(f);
}

static bool is_stuck(const struct fuzz *f, const char *name)
{
	CLEANUP(error_freep) struct error *err = NULL;
	Samoza__V1__ZhostView *v = NULL;
	if (control_view_zhost(f->world.control, name, &v, &err) < 0)
		return false;
	bool is_stuck = v->made != NULL && str_equal(v->made->step, "stuck");
	samoza__v1__zhost_view__free_unpacked(v, NULL);
	return is_stuck;
}

/* So long that every call has ended, and every deadline but that of the driver's work is over. */
#define CALM_MS INT64_C(600000)

void draw_machines_calm(struct fuzz *f)
{
	if (check_machines_of(f) == NULL)
		return;
	world_advance(&f->world, CALM_MS);
	for (size_t k = 0; k < MACHINE_NAMES && f->world.violation == NULL; k++) {
		Samoza__V1__MachineRecord record = SAMOZA__V1__MACHINE_RECORD__INIT;
		record.name = (char *)(uintptr_t)machine_names[k];
		struct control_input input = {.type = CONTROL_MACHINE,
					      .machine = {.action = MACHINE_DESTROY,
							  .record = &record,
							  .token = driver_token(&f->world)}};
		if (is_stuck(f, machine_names[k]))
			send(f, &input);
	}
	world_advance(&f->world, CALM_MS);
}
