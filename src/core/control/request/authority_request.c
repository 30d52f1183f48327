#include "core/control/request/authority_request.h"

#include "base/memory.h"
#include "base/str.h"
#include "core/access/authorities.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"
#include "core/control/zhost/rotation.h"
#include "schema/message.h"

static int begin(struct control *c, const struct control_input *input, struct error **err)
{
	Samoza__V1__AuthoritiesRecord *record =
		c->authorities != NULL ? c->authorities
				       : authorities_new(input->authority.first);
	int r = authorities_begin(record, input->authority.next, c->now.wall_ms, err);
	if (r < 0 && c->authorities == NULL)
		schema_message_free(record);
	else
		c->authorities = record;
	if (r == 0)
		record->has_asks_store = record->asks_store = input->authority.asks_store;
	return r;
}

static int change(struct control *c, const struct control_input *input, struct error **err)
{
	if (input->authority.action == AUTHORITY_BEGIN)
		return begin(c, input, err);
	if (c->authorities == NULL)
		return error_set(err, ERR_CONFLICT, "no rotation is under way");
	if (input->authority.action == AUTHORITY_FINISH)
		return authorities_wait_less(c->authorities, input->authority.force, err);
	return authorities_abort(c->authorities, c->now.wall_ms, err);
}

/* Nobody has asked: nobody is answered. */
static void store_seen(struct control *c, const struct control_input *input)
{
	if (c->authorities == NULL ||
	    !authorities_store_seen(c->authorities, input->authority.generation,
				    input->authority.missing, input->authority.n_missing))
		return;
	records_write_authorities(c);
	rotation_look(c);
}

void authority_request(struct control *c, const struct control_input *input)
{
	if (input->authority.action == AUTHORITY_STORE) {
		store_seen(c, input);
		return;
	}
	CLEANUP(freep) char *cause = str_printf("asked for by %s", c->actor);
	struct error *err = NULL;
	int r = change(c, input, &err);
	if (r == 0 && input->authority.action == AUTHORITY_FINISH)
		records_write_authorities(c);
	else if (r == 0)
		rotation_changed(c, cause);
	rotation_look(c);
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}
