#include "core/record/outputs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/fingerprint.h"
#include "base/str.h"
#include "core/access/secrets.h"
#include "core/control/control.h"
#include "core/control/state/output_lines.h"
#include "port/frame.h"
#include "schema/json.h"
#include "schema/message.h"

enum { DIGITS_MAX = 20 };

struct writer {
	Samoza__V1__RecordedFlush *to; /* NULL: */
	struct output_checks *checks;  /* of the same */
	size_t capacity;
	bool with_text;
	bool goes_on;	    /* the item before it was the same message to another link */
	size_t items;	    /* so far, where one counts as outputs_check() does */
	size_t wanted;	    /* one of these, and: */
	size_t found;	    /* its place in `to` */
	struct buffer name; /* of the next output */
	struct buffer scratch;
	/* A message to many links is looked at once. */
	const ProtobufCMessage *last;
	uint64_t last_digest;
	uint64_t last_item; /* its digest and its type; 0: the last item is no message */
};

/* ---- names: put together by hand, as there is one for each item of each batch ---- */

static void put(struct buffer *to, const void *data, size_t size)
{
	int r = buffer_add(to, data, size);
	INVARIANT(r == 0); /* they have no limit */
}

static void name_text(struct writer *w, const char *text)
{
	text = text != NULL ? text : "(null)";
	put(&w->name, text, strlen(text));
}

static void name_begin(struct writer *w, const char *text)
{
	buffer_clear(&w->name);
	name_text(w, text);
}

static void name_number(struct writer *w, uint64_t number)
{
	char digits[DIGITS_MAX];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	put(&w->name, digits + at, sizeof(digits) - at);
}

/* ---- one more ---- */

/* `kind`: of its name what it shares with the same message to other links. */
static void add_check(struct writer *w, uint64_t digest, size_t kind)
{
	uint64_t name = fingerprint(FINGERPRINT_NONE, w->name.data, w->name.size);
	uint64_t all = fingerprint_word(name, digest);
	w->checks->sum += (uint32_t)(all ^ all >> 32);
	if (w->goes_on)
		return;
	uint64_t of_kind =
		kind == w->name.size ? name : fingerprint(FINGERPRINT_NONE, w->name.data, kind);
	const uint8_t check[] = {(uint8_t)(of_kind >> 56 ^ of_kind),
				 (uint8_t)(digest >> 56 ^ digest)};
	put(&w->checks->checks, check, sizeof(check));
}

/* Under the name that was put together. NULL: there is no room for a text. */
static Samoza__V1__RecordedOutput *add_of_kind(struct writer *w, uint64_t digest, size_t kind)
{
	Samoza__V1__RecordedFlush *to = w->to;
	w->items += !w->goes_on;
	if (to == NULL) {
		add_check(w, digest, kind);
		return NULL;
	}
	Samoza__V1__RecordedOutput *output = (Samoza__V1__RecordedOutput *)schema_message_new(
		&samoza__v1__recorded_output__descriptor);
	output->name = mem_strndup(w->name.data, w->name.size);
	output->digest = digest;
	if (!w->goes_on && w->items == w->wanted + 1)
		w->found = to->n_outputs;
	if (to->n_outputs == w->capacity) {
		w->capacity = w->capacity > 0 ? 2 * w->capacity : 8;
		to->outputs = mem_resize(to->outputs, w->capacity,
					 sizeof(Samoza__V1__RecordedOutput *));
	}
	to->outputs[to->n_outputs++] = output;
	return output;
}

static Samoza__V1__RecordedOutput *add(struct writer *w, uint64_t digest)
{
	w->goes_on = false;
	w->last_item = 0;
	return add_of_kind(w, digest, w->name.size);
}

/* ---- secrets ---- */

/* NULL: it is another record, or none. The caller frees. */
static void *without_secret(const ProtobufCMessageDescriptor *type, const void *data,
			    size_t size, size_t *ret_size)
{
	ProtobufCMessage *message = NULL;
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	if (type != &samoza__v1__secret_record__descriptor ||
	    schema_message_unpack(type, data, size, &message, NULL) < 0)
		return NULL;
	secret_mask((Samoza__V1__SecretRecord *)message);
	(void)!schema_message_pack(message, &packed, NULL);
	schema_message_free(message);
	*ret_size = packed.size;
	return buffer_steal(&packed);
}

/* ---- messages ---- */

static uint64_t digest_of_bytes(uint64_t before, const ProtobufCMessageDescriptor *type,
				const void *data, size_t size)
{
	ProtobufCMessage *message = NULL;
	size_t masked_size = 0;
	CLEANUP(freep) void *masked = without_secret(type, data, size, &masked_size);
	if (masked != NULL)
		return fingerprint(before, masked, masked_size);
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
	if (copy->descriptor == &samoza__v1__secret_record__descriptor)
		secret_mask((Samoza__V1__SecretRecord *)copy);
	output_lines_mask(copy, OUTPUT_LINES_CUT);
	char *text = schema_write_json(copy, SCHEMA_JSON_COMPACT);
	schema_message_free(copy);
	return text;
}

static void add_with_text(struct writer *w, uint64_t digest, const ProtobufCMessage *message)
{
	Samoza__V1__RecordedOutput *output = add(w, digest);
	if (output != NULL)
		output->text = text_of(w, message);
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
	name_begin(w, change->data != NULL ? "record " : "no record ");
	name_number(w, (uint64_t)change->kind);
	name_text(w, " ");
	name_text(w, change->id);
	Samoza__V1__RecordedOutput *o = add(w, digest);
	ProtobufCMessage *message = NULL;
	if (o != NULL && w->with_text && change->data != NULL &&
	    schema_message_unpack(type, change->data, change->size, &message, NULL) == 0)
		o->text = text_of(w, message);
	schema_message_free(message);
}

static void add_event(struct writer *w, const Samoza__V1__EventRecord *e)
{
	name_begin(w, "event ");
	name_number(w, e->seq);
	name_text(w, " ");
	name_text(w, e->kind);
	name_text(w, " ");
	name_text(w, e->subject);
	add_with_text(w, digest_of(w, FINGERPRINT_NONE, &e->base), &e->base);
}

static void add_audit(struct writer *w, const Samoza__V1__AuditRecord *line)
{
	name_begin(w, "audit ");
	name_number(w, line->seq);
	add_with_text(w, digest_of(w, FINGERPRINT_NONE, &line->base), &line->base);
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
	uint64_t item = fingerprint_word(digest, (uint64_t)m->type) | 1;
	w->goes_on = item == w->last_item;
	w->last_item = item;
	name_begin(w, "message ");
	name_text(w, frame_type_name(m->type));
	size_t kind = w->name.size;
	name_text(w, " to link ");
	name_number(w, m->link_id);
	Samoza__V1__RecordedOutput *output = add_of_kind(w, digest, kind);
	if (output != NULL)
		output->text = text_of(w, m->message);
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
	name_begin(w, "reply ");
	name_number(w, r->request);
	Samoza__V1__RecordedOutput *o = add(w, digest);
	if (o == NULL || !w->with_text)
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
	name_begin(w, "call ");
	name_number(w, call->id);
	name_text(w, " of driver ");
	name_text(w, call->driver);
	add_with_text(w, digest, call->machine != NULL ? &call->machine->base : NULL);
}

static void add_named(struct writer *w, const char *what, const char *owner, uint64_t digest)
{
	name_begin(w, what);
	name_text(w, owner);
	(void)add(w, digest);
}

static void add_all(struct writer *w, const struct outbox *o)
{
	vector_for_each (&o->records, change)
		add_record(w, change);
	vector_for_each (&o->events, event)
		add_event(w, *event);
	vector_for_each (&o->audit, line)
		add_audit(w, *line);
	vector_for_each (&o->data, change)
		add_named(w, "data of ", change->owner, digest_of_data(change));
	vector_for_each (&o->data_forget, owner)
		add_named(w, "no data of ", *owner, 0);
	vector_for_each (&o->messages, message)
		add_message(w, message);
	vector_for_each (&o->replies, reply)
		add_reply(w, reply);
	vector_for_each (&o->calls, call)
		add_call(w, call);
}

Samoza__V1__RecordedFlush *outputs_of(const struct outbox *o, bool with_text)
{
	struct writer w = {.with_text = with_text,
			   .name = BUFFER_INIT(SIZE_MAX),
			   .scratch = BUFFER_INIT(SIZE_MAX)};
	w.to = (Samoza__V1__RecordedFlush *)schema_message_new(
		&samoza__v1__recorded_flush__descriptor);
	add_all(&w, o);
	buffer_done(&w.name);
	buffer_done(&w.scratch);
	return w.to;
}

void outputs_check(const struct outbox *o, struct outputs_memory *memory,
		   struct output_checks *ret)
{
	struct writer w = {.checks = ret, .name = memory->name, .scratch = memory->message};
	ret->sum = 0;
	buffer_clear(&ret->checks);
	add_all(&w, o);
	memory->name = w.name;
	memory->message = w.scratch;
}

char *outputs_item_text(const struct outbox *o, size_t item)
{
	struct writer w = {.with_text = true,
			   .wanted = item,
			   .name = BUFFER_INIT(SIZE_MAX),
			   .scratch = BUFFER_INIT(SIZE_MAX)};
	w.to = (Samoza__V1__RecordedFlush *)schema_message_new(
		&samoza__v1__recorded_flush__descriptor);
	add_all(&w, o);
	char *text = NULL;
	if (item < w.items) {
		const Samoza__V1__RecordedOutput *found = w.to->outputs[w.found];
		text = str_printf("%s%s%s", found->name, found->text != NULL ? " " : "",
				  found->text != NULL ? found->text : "");
	}
	schema_message_free(&w.to->base);
	buffer_done(&w.name);
	buffer_done(&w.scratch);
	return text;
}

void outputs_memory_done(struct outputs_memory *memory)
{
	buffer_done(&memory->name);
	buffer_done(&memory->message);
}

void record_without_lines(enum record_kind kind, const void *data, size_t size, void **ret_data,
			  size_t *ret_size)
{
	const ProtobufCMessageDescriptor *type = control_record_type(kind);
	ProtobufCMessage *message = NULL;
	struct buffer packed = BUFFER_INIT(SIZE_MAX);
	*ret_data = without_secret(type, data, size, ret_size);
	if (*ret_data != NULL)
		return;
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
