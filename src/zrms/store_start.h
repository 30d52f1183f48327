/*
 * Before zrms starts on a store: is it whole? What is damaged or lost is said, one line each, and zrms
 * does not start, unless the operator accepts the loss (--accept-loss).
 */
#ifndef SAMOZA_ZRMS_STORE_START_H
#define SAMOZA_ZRMS_STORE_START_H

#include "base/str.h"
#include "core/control/control.h"
#include "port/store.h"

/* "slot", "the credential of". Static. */
const char *store_kind_name(enum record_kind kind);
/* "the record of slot 1b2c/api is damaged"; the caller frees. */
char *store_finding_text(const struct store_finding *finding);

/* What was found, until the records are loaded. */
struct store_losses {
	VECTOR(struct store_finding) records; /* the damaged ones; ids are owned */
	uint64_t findings;
	bool is_gap; /* more is lost than these records */
};
void store_losses_done(struct store_losses *losses);

/* Before store->load(): says what was found. ERR_INVALID: something was, and is not accepted.
 * `where`: for messages. */
int store_start_inspect(struct store *store, const char *where, bool accepts_loss,
			struct store_losses *ret_losses, struct error **err) must_check;
/* After it, before control_start(). */
int store_start_continue(struct control *control, const struct store_losses *losses,
			 struct error **err) must_check;

#endif
