#include "zsim/fuzz/draw/draw_messages.h"

#include <inttypes.h>

#include "base/str.h"
#include "zsim/fuzz/check/check_messages.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/messages.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

/* Of the steps; few enough that messages do not keep the world busy by themselves. */
#define SENDS_PERCENT 10

static void emit(struct fuzz *f, struct sim_machine *n, const struct sim_process *p,
		 const char *path, const struct answer_due *answers)
{
	uint64_t number =
		check_messages_number(f, n, p, path, answers != NULL ? answers->question : 0);
	CLEANUP(freep) char *payload = str_printf("%" PRIu64, number);
	CLEANUP(freep)
	char *address = str_printf("%s%s%s", path, answers != NULL ? "#" : "",
				   answers != NULL ? answers->sender : "");
	int r = messages_emit(n, p, address, payload);
	check_messages_emitted(f, n, p, number, r);
}

static void send_some(struct fuzz *f, struct random *r)
{
	struct sim_machine *n =
		f->world.machines.items[random_below(r, (uint32_t)f->world.machines.count)];
	if (!machine_executes(n) || n->processes == NULL)
		return;
	unsigned which = random_below(r, HASH_COUNT(n->processes));
	const struct sim_process *p = n->processes;
	while (which-- > 0)
		p = p->hh.next;
	const struct submitted *s = fuzz_submitted(f, p->topology);
	if (p->peer == NULL || p->peer->is_ui || s == NULL || s->topology->path_count == 0)
		return;
	const char *path = s->topology->paths[random_below(r, s->topology->path_count)].name;
	for (unsigned k = random_below(r, 3); k < 3; k++)
		emit(f, n, p, path, NULL);
}

static void answer_some(struct fuzz *f, struct random *r)
{
	const struct answer_due *due = check_messages_answer_due(f, r);
	if (due == NULL)
		return;
	vector_for_each (&f->world.machines, n)
		for (const struct sim_process *p = (*n)->processes; p != NULL; p = p->hh.next)
			if (p->life == due->life && machine_executes(*n)) {
				CLEANUP(freep) char *path = mem_strdup(due->path);
				CLEANUP(freep) char *sender = mem_strdup(due->sender);
				struct answer_due copy = {due->life, due->question, path,
							  sender};
				emit(f, *n, p, path, &copy);
				return;
			}
}

void draw_messages(struct fuzz *f)
{
	struct random *r = draws_random(f, DRAW_MESSAGES);
	if (!draws_have(f, DRAW_MESSAGES) || f->world.violation != NULL ||
	    !random_percent(r, SENDS_PERCENT))
		return;
	if (random_percent(r, 40))
		answer_some(f, r);
	else
		send_some(f, r);
}
