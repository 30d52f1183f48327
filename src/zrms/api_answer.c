#include "zrms/api_answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "zrms/api.h"

void api_answer_done(struct api_answer *answer)
{
	free(answer->message);
	free(answer->json);
	*answer = (struct api_answer){0};
}

void api_answer_send(struct http_request *request, struct api_answer *answer)
{
	char *json = steal_ptr(&answer->json);
	size_t size = json != NULL ? strlen(json) : 0;
	if (answer->code != NULL)
		http_reply_refusal(request, answer->status, answer->code, answer->message,
				   "application/json", json, size);
	else
		http_reply(request, answer->status, json != NULL ? "application/json" : NULL,
			   json, size);
	api_answer_done(answer);
}

/* ---- one that waits ---- */

struct held {
	struct zrms *zrms;
	struct http_request *request;
	struct api_answer answer;
};

static void on_durable(void *user)
{
	struct held *held = user;
	held->zrms->answers_held--;
	api_answer_send(held->request, &held->answer);
	free(held);
}

void api_answer_send_durable(struct zrms *zrms, struct http_request *request,
			     struct api_answer *answer)
{
	struct held *held = mem_new(struct held);
	*held = (struct held){.zrms = zrms, .request = request, .answer = *answer};
	*answer = (struct api_answer){0};
	zrms->answers_held++;
	commit_driver_after(zrms->commits, on_durable, held);
}
