#include "core/control/state/event_emitter.h"

#include "base/memory.h"

void emitter_begin_answer(struct event_emitter *e)
{
	e->answer.code = 0;
	free(steal_ptr(&e->answer.message));
	free(steal_ptr(&e->answer.topology));
}

void emitter_done(struct event_emitter *e)
{
	emitter_begin_answer(e);
}

static void note_answer(struct event_emitter *e, const struct error *err, const char *topology)
{
	emitter_begin_answer(e);
	e->answer.code = err != NULL ? (int)err->code : 0;
	e->answer.message = mem_strdup(err != NULL ? err->message : NULL);
	e->answer.topology = mem_strdup(topology);
}

void emit_event(struct event_emitter *e, const char *kind, const char *subject,
		const char *from, const char *to, const char *topology, const char *cause)
{
	Samoza__V1__EventRecord *event = mem_new(Samoza__V1__EventRecord);
	samoza__v1__event_record__init(event);
	event->seq = e->next_event++;
	event->time_ms = e->now.wall_ms;
	event->kind = mem_strdup(kind);
	event->subject = mem_strdup(subject);
	event->from = mem_strdup(from != NULL ? from : "");
	event->to = mem_strdup(to != NULL ? to : "");
	event->topology = mem_strdup(topology);
	event->cause = mem_strdup(cause);
	vector_push(&e->outbox->events, event);
}

void emit_copy_event(struct event_emitter *e, const char *subject, uint64_t epoch,
		     const char *from, const char *to, const char *topology, const char *cause)
{
	emit_event(e, "copy", subject, from, to, topology, cause);
	Samoza__V1__EventRecord *event = *vector_last(&e->outbox->events);
	event->has_epoch = true;
	event->epoch = epoch;
}

void emit_fails(struct event_emitter *e)
{
	Samoza__V1__EventRecord *event = *vector_last(&e->outbox->events);
	event->has_fails = true;
	event->fails = true;
}

void emit_message(struct event_emitter *e, uint64_t link_id, Samoza__V1__FrameType type,
		  void *take_message, bool close)
{
	*vector_add(&e->outbox->messages) = (struct link_message){
		.link_id = link_id, .type = type, .message = take_message, .close = close};
}

void emit_same_message(struct event_emitter *e, uint64_t link_id, Samoza__V1__FrameType type,
		       void *message)
{
	*vector_add(&e->outbox->messages) = (struct link_message){
		.link_id = link_id, .type = type, .message = message, .is_shared = true};
}

void emit_reply(struct event_emitter *e, uint64_t request, struct error *take_error,
		const char *topology, const char *path, const char *notice)
{
	if (take_error != NULL)
		e->refusals++;
	note_answer(e, take_error, topology);
	if (request == 0) {
		error_free(take_error);
		return;
	}
	*vector_add(&e->outbox->replies) = (struct reply){
		.request = request,
		.code = take_error != NULL ? (int)take_error->code : 0,
		.message = mem_strdup(take_error != NULL ? take_error->message : notice),
		.error = take_error,
		.topology = mem_strdup(topology),
		.path = mem_strdup(path),
	};
}

void emit_submitted(struct event_emitter *e, uint64_t request, const char *topology,
		    const char *effect)
{
	note_answer(e, NULL, topology);
	if (request == 0)
		return;
	*vector_add(&e->outbox->replies) = (struct reply){
		.request = request, .topology = mem_strdup(topology), .effect = effect};
}

void emit_view(struct event_emitter *e, uint64_t request, ProtobufCMessage *take_view)
{
	if (request == 0) {
		protobuf_c_message_free_unpacked(take_view, NULL);
		return;
	}
	*vector_add(&e->outbox->replies) =
		(struct reply){.request = request, .view = take_view};
}
