#include "core/control/state/idempotency.h"

#include "base/str.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/state.h"

void idempotency_forget(struct control *c, struct idempotency_key *one)
{
	records_delete_idempotency(c, one);
	idempotency_keys_remove(&c->idempotency, one);
}

void idempotency_end_of(struct control *c, const char *principal)
{
	for (struct idempotency_key *one = c->idempotency.first, *next; one != NULL;
	     one = next) {
		next = one->next;
		if (str_equal(one->record->principal, principal))
			idempotency_forget(c, one);
	}
}
