#include "core/record/outputs.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/fingerprint.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/state/output_lines.h"
#include "port/frame.h"
#include "schema/json.h"
#include "schema/message.h"

struct writer {
	Samoza__V1__RecordedFlush *to;
	size_t capacity;
	bool with_text;
	struct buffer scratch;
	/* A message to many links is looked at once. */
	const ProtobufCMessage *last;
	uint64_t last_digest;
};

static Samoza__V1__RecordedOutput *add(struct writer *w, char *take_name, uint64_t digest)
{
	Samoza__V1__RecordedFlush *to = w->to;
	Samoza__V1__RecordedOutput *output = (Samoza__V1__RecordedOutput *)schema_message_new(
		&samoza__v1__recorded_output__descriptor);
	output->name = take_name;
	output->digest = digest;
	if (to->n_outputs == w->capacity) {
		w->capacity = w->capacity > 0 ? 2 * w->capacity : 8;
		to->outputs = mem_resize(to->outputs, w->capacity,
					 sizeof(Samoza__V1__RecordedOutput *));
	}
	to->outputs[to->n_outputs++] = output;
	return output;
}

/* ---- messages ---- */

static uint64_t digest_of_bytes(uint64_t before, const ProtobufCMessageDescriptor *type,
				const void *data, size_t size)
{
	ProtobufCMessage *message = NULL;
	if (!output_lines_may_be_in(data, size) ||
	    schema_message_unpack(type, data, size, &message, NULL) < 0)
		return fingerprint(before, data, size);
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	output_lines_mask(message, OUTPUT_LINES_CUT);
	(void)!schema_message_pack(message, &packed, NULL);
	uint64_t digest = fingerprint(before, packed.data, packed.size);
	buffer_done(&packed);
	schema_message_free(message);
	return digest;
}

static uint64_t digest_of(struct writer *w, uint64_t before, const ProtobufCMessage *message)
{
	if (message == NULL)
		return fingerprint_word(before, 0);
	buffer_clear(&w->scratch);
	(void)!schema_message_pack(message, &w->scratch, NULL);
	return digest_of_bytes(before, message->descriptor, w->scratch.data, w->scratch.size);
}

static char *text_of(const struct writer *w, const ProtobufCMessage *message)
{
	if (!w->with_text || message == NULL)
		return NULL;
	ProtobufCMessage *copy = schema_message_copy(message);
	output_lines_mask(copy, OUTPUT_LINES_CUT);
	char *text = schema_write_json(copy, SCHEMA_JSON_COMPACT);
	schema_message_free(copy);
	return text;
}

static uint64_t digest_of_text(uint64_t before, const char *text)
{
	CLEANUP(freep) char *cut = output_lines_masked(text, OUTPUT_LINES_CUT);
	return fingerprint_text(before, cut);
}

/* ---- items ---- */

static void add_record(struct writer *w, const struct record_change *change)
{
	const ProtobufCMessageDescriptor *type = control_record_type(change->kind);
	uint64_t digest = change->data != NULL ? digest_of_bytes(FINGERPRINT_NONE, type,
								 change->data, change->size)
					       : 0;
	Samoza__V1__RecordedOutput *o =
		add(w,
		    str_printf("%s %d %s", change->data != NULL ? "record" : "no record",
			       (int)change->kind, change->id),
		    digest);
	ProtobufCMessage *message = NULL;
	if (w->with_text && change->data != NULL &&
	    schema_message_unpack(type, change->data, change->size, &message, NULL) == 0)
		o->text = text_of(w, message);
	schema_message_free(message);
}

static void add_event(struct writer *w, const Samoza__V1__EventRecord *e)
{
	char *name = str_printf("event %" PRIu64 " %s %s", e->seq, e->kind, e->subject);
	add(w, name, digest_of(w, FINGERPRINT_NONE, &e->base))->text = text_of(w, &e->base);
}

static void add_audit(struct writer *w, const Samoza__V1__AuditRecord *line)
{
	char *name = str_printf("audit %" PRIu64, line->seq);
	add(w, name, digest_of(w, FINGERPRINT_NONE, &line->base))->text =
		text_of(w, &line->base);
}

static uint64_t digest_of_data(const struct data_change *d)
{
	const uint64_t numbers[] = {d->link_id,		 d->request,	 d->operation,
				    d->value_size,	 d->limit_bytes, d->quota_bytes,
				    d->group_quota_bytes};
	uint64_t digest = fingerprint_text(FINGERPRINT_NONE, d->owner);
	for (size_t k = 0; k < ARRAY_SIZE(numbers); k++)
		digest = fingerprint_word(digest, numbers[k]);
	digest = fingerprint(digest, d->key, d->key != NULL ? d->key_size : 0);
	return fingerprint(digest, d->cursor, d->cursor != NULL ? d->cursor_size : 0);
}

static void add_message(struct writer *w, const struct link_message *m)
{
	if (m->message == NULL || m->message != w->last) {
		w->last_digest = digest_of(w, FINGERPRINT_NONE, m->message);
		w->last = m->message;
	}
	uint64_t digest = fingerprint_word(w->last_digest, m->close);
	add(w, str_printf("message %s to link %" PRIu64, frame_type_name(m->type), m->link_id),
	    digest)
		->text = text_of(w, m->message);
}

static void add_reply(struct writer *w, const struct reply *r)
{
	uint64_t digest = fingerprint_word(FINGERPRINT_NONE, (uint64_t)r->code);
	const char *error = r->error != NULL ? r->error->message : NULL;
	digest = digest_of_text(digest, r->message);
	digest = fingerprint_text(digest, r->topology);
	digest = fingerprint_text(digest, r->path);
	digest = digest_of_text(digest, error);
	digest = fingerprint_text(digest, r->effect);
	digest = digest_of(w, digest, r->view);
	Samoza__V1__RecordedOutput *o =
		add(w, str_printf("reply %" PRIu64, r->request), digest);
	if (!w->with_text)
		return;
	CLEANUP(freep) char *view = text_of(w, r->view);
	CLEANUP(freep)
	char *why =
		output_lines_masked(r->message != NULL ? r->message : error, OUTPUT_LINES_CUT);
	o->text = str_printf("code %d, topology %s, path %s: %s%s%s", r->code,
			     r->topology != NULL ? r->topology : "-",
			     r->path != NULL ? r->path : "-", why != NULL ? why : "",
			     view != NULL ? " " : "", view != NULL ? view : "");
}

static void add_call(struct writer *w, const struct driver_call *call)
{
	uint64_t digest = fingerprint_text(FINGERPRINT_NONE, call->driver);
	digest = fingerprint_word(digest, call->operation);
	digest = fingerprint_text(digest, call->token);
	digest = digest_of(w, digest, call->machine != NULL ? &call->machine->base : NULL);
	add(w, str_printf("call %" PRIu64 " of driver %s", call->id, call->driver), digest)
		->text = text_of(w, call->machine != NULL ? &call->machine->base : NULL);
}

Samoza__V1__RecordedFlush *outputs_of(const struct outbox *o, bool with_text)
{
	struct writer w = {.with_text = with_text, .scratch = BUFFER_INIT(SIZE_MAX)};
	w.to = (Samoza__V1__RecordedFlush *)schema_message_new(
		&samoza__v1__recorded_flush__descriptor);
	vector_for_each (&o->records, change)
		add_record(&w, change);
	vector_for_each (&o->events, event)
		add_event(&w, *event);
	vector_for_each (&o->audit, line)
		add_audit(&w, *line);
	vector_for_each (&o->data, change)
		add(&w, str_printf("data of %s", change->owner), digest_of_data(change));
	vector_for_each (&o->data_forget, owner)
		add(&w, str_printf("no data of %s", *owner), 0);
	vector_for_each (&o->messages, message)
		add_message(&w, message);
	vector_for_each (&o->replies, reply)
		add_reply(&w, reply);
	vector_for_each (&o->calls, call)
		add_call(&w, call);
	buffer_done(&w.scratch);
	return w.to;
}

void record_without_lines(enum record_kind kind, const void *data, size_t size, void **ret_data,
			  size_t *ret_size)
{
	const ProtobufCMessageDescriptor *type = control_record_type(kind);
	ProtobufCMessage *message = NULL;
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	*ret_data = NULL;
	if (type == NULL || !output_lines_may_be_in(data, size) ||
	    schema_message_unpack(type, data, size, &message, NULL) < 0)
		return;
	output_lines_mask(message, OUTPUT_LINES_DIGEST);
	if (schema_message_pack(message, &packed, NULL) == 0) {
		*ret_size = packed.size;
		*ret_data = buffer_steal(&packed);
	}
	buffer_done(&packed);
	schema_message_free(message);
}
