#include "zsim/world/client.h"

#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* A client waits no longer for its answer. */
#define ANSWER_MAX_MS INT64_C(60000)

/* What it does not read, it does not answer. */
static void wait_for_zrms(struct world *w)
{
	const bool never = false;
	if (controller_stalls(w))
		world_run_until(w, &never, w->zrms_stalls_until_ms);
}

void client_tell(struct world *w, struct control_input *input)
{
	if (w->control == NULL)
		return;
	wait_for_zrms(w);
	input->request = ++w->next_request;
	if (w->control != NULL && !controller_stalls(w))
		controller_take(w, input);
}

void client_ask(struct world *w, struct control_input *input, struct answer *ret_answer)
{
	*ret_answer = (struct answer){0};
	if (w->control == NULL)
		return;
	wait_for_zrms(w);
	if (w->control == NULL || controller_stalls(w))
		return;
	input->request = w->waiting_request = ++w->next_request;
	w->waiting = ret_answer;
	controller_take(w, input);
	if (!ret_answer->answered)
		world_run_until(w, &ret_answer->answered, w->now_ms + ANSWER_MAX_MS);
	w->waiting = NULL;
}
