/*
 * The REST interface: one table of routes (api_routes.h), handlers by subject (api_handlers.h),
 * and, here, what they share. Answers are the views of proto/view.proto as JSON; errors are ErrorView.
 *
 * Reading (api_reads.h): the core's view is written down at once and sent when everything that it
 * shows is durable. Changing: the request waits under a number. Its answer is rendered when the core has decided, with
 * all that belongs to its batch and nothing that comes later, and is sent when that batch is durable.
 */
#ifndef SAMOZA_ZRMS_API_H
#define SAMOZA_ZRMS_API_H

#include <protobuf-c/protobuf-c.h>

#include "port/election.h"
#include "zrms/zrms.h"

struct api *api_new(struct zrms *zrms);
/* PRE: no request waits for the core. NULL is fine. */
void api_free(struct api *api);
/* Requests that the core has not answered yet. */
size_t api_waiting(const struct api *api);

/* For http_options.error_body. */
char *api_error_body(void *context, const char *code, const char *message,
		     const char **ret_type);
/* Told once, when what the input did is durable, or why it was refused. `input` is borrowed. */
typedef void api_told_fn(void *user, const struct reply *reply);
void api_ask(struct zrms *zrms, struct control_input *input, api_told_fn *told, void *user);
/* For the listener of the commits, after api_decided() (api_answer.h): sends the answer that waits for `reply`. */
void api_reply(struct api *api, const struct reply *reply);

/* For submissions_new(); its user is the zrms, its requests are http_requests. */
extern const struct submit_listener api_submit_listener;

/* ---- for handlers ---- */

/* How the core's reply to a change becomes an answer: by api_send_view_now(), api_send_done() or api_refuse(), before it
 * returns. It is called when the core has decided, and does nothing else, for nothing is durable yet. */
typedef void api_answer_fn(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply);
/* The same with a `user` of the caller's, and also for what is refused. Sets who asks. */
void api_ask_for(struct zrms *zrms, struct http_request *request, struct control_input *input,
		 api_told_fn *answer, void *user);
/* True: the store is failing, and the request was refused. api_change() asks by itself. */
bool api_refuse_while_failing(struct zrms *zrms, struct http_request *request);
/* Hands a change to the core; `answer` is called when it has succeeded; a refusal is answered here. Sets
 * input->request. */
void api_change(struct zrms *zrms, struct http_request *request, struct control_input *input,
		api_answer_fn *answer);
/* True: it was carried out before, under its Idempotency-Key, and is answered as then. For handlers that could refuse
 * by themselves what was done. */
bool api_repeat(struct zrms *zrms, struct http_request *request, api_answer_fn *answer);
/* The same for a submission, which is notified once the core has decided. */
void api_change_submitted(struct zrms *zrms, struct http_request *request,
			  struct control_input *input, api_answer_fn *answer,
			  struct submission *submission);

/* Sends the view (taken over), which shows api_control() as it is now, as soon as it is durable. */
void api_send_view(struct zrms *zrms, struct http_request *request, ProtobufCMessage *view);
/* Without what who asks may not see; `view` is as it was. For answers to changes, and at once for what shows nothing of the
 * core, or only what is durable. */
void api_send_view_now(struct http_request *request, unsigned status,
		       const ProtobufCMessage *view);
/* 204: the change is made, and there is nothing to show. */
void api_send_done(struct http_request *request);
/* A viewer sees that there are exports and imports, but no values [machines.people.users]. */
void api_hide_values(Samoza__V1__SpaceView *view);
/* The JSON of the body; the caller frees. NULL: it was refused. */
ProtobufCMessage *api_read_body(struct http_request *request,
				const ProtobufCMessageDescriptor *type);
/* Of one of several zrms. */
Samoza__V1__ZrmsView *api_zrms_view(const struct election_member *member, bool leads);
/* Adds the zrms that share the store. */
void api_leader_view(const struct zrms *zrms, Samoza__V1__ClusterView *view);
/* An event as somebody sees it who is no administrator; NULL: not at all. `user`: struct zrms. */
Samoza__V1__EventView *api_event_view(void *user, const struct principal *who,
				      const Samoza__V1__EventRecord *event);
/* ErrorView, with the status that belongs to the code, when what it may be due to is durable. Takes the error over. Names that who asks may not see,
 * and has not written itself, are taken out of it. */
void api_refuse(struct http_request *request, struct error *error);
/* What was asked is done, and what the answer would show is there no more: `error`, taken over, says what. */
void api_answer_gone(struct http_request *request, struct error *error);
/* The same of a package, which says no more than what is in it. */
void api_refuse_details(struct http_request *request, const struct error *error, char **details,
			size_t detail_count);

/* {id} of the route, or `text`: full id, prefix or name. False: refused already. */
bool api_resolve(struct zrms *zrms, struct http_request *request, const char *text,
		 const char **ret_id);
/* A query parameter that is 0 or 1; a number. False: refused already. */
bool api_query_bool(struct http_request *request, const char *name, bool fallback, bool *ret);
bool api_query_u64(struct http_request *request, const char *name, uint64_t fallback,
		   uint64_t max, uint64_t *ret);

#endif
