#include "zsim/world/client.h"

#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* A client waits no longer for its answer. */
#define ANSWER_MAX_MS INT64_C(60000)

void client_ask(struct world *w, struct control_input *input, struct answer *ret_answer)
{
	*ret_answer = (struct answer){0};
	if (w->control == NULL)
		return;
	input->request = w->waiting_request = ++w->next_request;
	w->waiting = ret_answer;
	controller_take(w, input);
	if (!ret_answer->answered)
		world_run_until(w, &ret_answer->answered, w->now_ms + ANSWER_MAX_MS);
	w->waiting = NULL;
}
