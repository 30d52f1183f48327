#include "zsim/fuzz/check/check_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/request/audit.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_audit.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"
#include "zsim/world/world.h"

struct keys_seen *check_keys_of(struct fuzz *f)
{
	if (f->keys == NULL && draws_have(f, DRAW_KEYS))
		f->keys = mem_new(struct keys_seen);
	return f->keys;
}

void check_keys_done(struct fuzz *f)
{
	if (f->keys == NULL)
		return;
	vector_for_each (&f->keys->keys, key)
		free(key->topology);
	vector_done(&f->keys->keys);
	free(steal_ptr(&f->keys));
}

void check_keys_give(struct fuzz *f, uint64_t number, struct control_input *input)
{
	struct keys_seen *all = f->keys;
	(void)snprintf(all->text, sizeof(all->text), "k%" PRIu64, number);
	memset(all->request, 0, sizeof(all->request));
	memcpy(all->request, &number, sizeof(number));
	input->key.text = all->text;
	input->key.request = all->request;
}

/* ---- what is committed ---- */

static struct key_seen *seen(struct fuzz *f, uint64_t number)
{
	bool is_known = number > 0 && number <= f->keys->keys.count;
	return is_known ? &f->keys->keys.items[number - 1] : NULL;
}

/* NULL: it was asked under none, or is no change that was made. */
static struct key_seen *key_of_line(struct fuzz *f, const Samoza__V1__AuditRecord *line,
				    uint64_t *ret_number)
{
	if (!str_equal(line->outcome, AUDIT_DONE) || line->request == NULL ||
	    sscanf(line->request, "request %*u under k%" SCNu64, ret_number) != 1)
		return NULL;
	return seen(f, *ret_number);
}

static void take_record(struct fuzz *f, const struct record_change *change)
{
	ProtobufCMessage *message = NULL;
	uint64_t number = 0;
	if (sscanf(change->id, "operator/k%" SCNu64, &number) != 1)
		return;
	struct key_seen *key = seen(f, number);
	if (key == NULL) {
		world_violate(&f->world, "key %s is recorded, under which nobody asked",
			      change->id);
		return;
	}
	key->expires_ms = 0;
	if (change->data == NULL ||
	    schema_message_unpack(&samoza__v1__idempotency_record__descriptor, change->data,
				  change->size, &message, NULL) < 0)
		return;
	key->was_recorded = true;
	key->expires_ms = ((Samoza__V1__IdempotencyRecord *)message)->expires_ms;
	schema_message_free(message);
}

void check_keys_committed(struct fuzz *f, const struct outbox *o)
{
	if (f->keys == NULL)
		return;
	vector_for_each (&o->audit, line) {
		uint64_t number = 0;
		struct key_seen *key = key_of_line(f, *line, &number);
		/* It may be forgotten in the batch that carries it out again. */
		if (key != NULL && key->done++ > 0 && key->expires_ms > (*line)->time_ms)
			world_violate(&f->world,
				      "what is asked under k%" PRIu64 " is carried out twice",
				      number);
	}
	vector_for_each (&o->records, change)
		if (change->kind == RECORD_IDEMPOTENCY)
			take_record(f, change);
	vector_for_each (&o->audit, line) {
		uint64_t number = 0;
		const struct key_seen *key = key_of_line(f, *line, &number);
		if (key != NULL && !key->was_recorded)
			world_violate(&f->world,
				      "k%" PRIu64 " is not recorded in the batch of what was "
				      "asked under it",
				      number);
	}
}

/* ---- what is answered ---- */

static void compare(struct fuzz *f, uint64_t number, const struct key_seen *key,
		    const struct answer *a)
{
	bool is_told_once = a->message != NULL && strstr(a->message, "its secret") != NULL;
	if (a->code < 0 && !is_told_once)
		world_violate(&f->world,
			      "k%" PRIu64 " was granted, and is refused when it is asked "
			      "again: %s",
			      number, a->message);
	else if (!is_told_once && !str_equal(a->topology, key->topology))
		world_violate(&f->world, "k%" PRIu64 " is answered with %s, and was with %s",
			      number, a->topology, key->topology);
}

void check_keys_answered(struct fuzz *f, uint64_t number, const struct answer *a)
{
	struct key_seen *key = seen(f, number);
	if (!a->answered || key == NULL || f->world.violation != NULL)
		return;
	/* What was done before is answered without a line; check_keys_committed() counts them. */
	bool is_known = key->expires_ms > world_instant(&f->world).wall_ms;
	if (!is_known)
		check_audit_answered(f, a);
	if (is_known && key->is_granted)
		compare(f, number, key, a);
	if (a->code < 0 || key->is_granted)
		return;
	key->is_granted = true;
	key->topology = mem_strdup(a->topology);
	if (!key->was_recorded)
		world_violate(&f->world, "k%" PRIu64 " is granted, and not recorded", number);
}
