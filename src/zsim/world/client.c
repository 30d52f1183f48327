#include "zsim/world/client.h"

#include "core/access/access.h"
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

/* Who asks, where nobody is named: the administrator. */
static char administrator_name[] = "operator";
static const struct principal administrator = {.name = administrator_name,
					       .role = ACCESS_ADMIN};

/* By its number, the audit is compared with what was asked. */
static void take(struct world *w, struct control_input *input)
{
	char text[80];
	(void)snprintf(text, sizeof(text), "request %llu%s%s",
		       (unsigned long long)input->request,
		       input->key.text != NULL ? " under " : "",
		       input->key.text != NULL ? input->key.text : "");
	input->origin.request = text;
	if (input->principal == NULL)
		input->principal = &administrator;
	controller_take(w, input);
	input->origin.request = NULL;
}

void client_tell(struct world *w, struct control_input *input)
{
	if (w->control == NULL)
		return;
	wait_for_zrms(w);
	input->request = ++w->next_request;
	if (w->control != NULL && !controller_stalls(w))
		take(w, input);
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
	take(w, input);
	if (!ret_answer->answered)
		world_run_until(w, &ret_answer->answered, w->now_ms + ANSWER_MAX_MS);
	w->waiting = NULL;
}
