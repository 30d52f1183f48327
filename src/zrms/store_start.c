#include "zrms/store_start.h"

#include <inttypes.h>

#include "adapter/log/log.h"
#include "base/memory.h"
#include "base/str.h"

#define LINES_MAX 20 /* of one start */

const char *store_kind_name(enum record_kind kind)
{
	switch (kind) {
	case RECORD_META:
		return "the cluster";
	case RECORD_TOPOLOGY:
		return "topology";
	case RECORD_INSTANCE:
		return "instance";
	case RECORD_ZHOST:
		return "zhost";
	case RECORD_FORGOTTEN:
		return "deleted data of";
	case RECORD_APPLICATION:
		return "topology";
	case RECORD_REVISION:
		return "revision";
	case RECORD_SLOT:
		return "slot";
	case RECORD_COPY:
		return "copy";
	case RECORD_REBALANCE:
		return "the last rebalance";
	case RECORD_CREDENTIAL:
		return "the credential of";
	case RECORD_JOIN_TOKEN:
		return "the join token";
	case RECORD_IDENTITY:
		return "the identity of";
	case RECORD_SIGN_IN:
		return "the sign-in";
	case RECORD_MACHINE:
		return "the machine of zhost";
	case RECORD_SIGNING_KEY:
		return "the signing key";
	case RECORD_IDEMPOTENCY:
		return "the answer to request";
	case RECORD_AUTHORITIES:
		return "the certificate authorities";
	case RECORD_NOTICE_TARGET:
		return "the notices to";
	case RECORD_BACKUP_AGE:
		return "the age of the newest backup";
	case RECORD_SECRET:
		return "the secret";
	}
	return "unknown kind";
}

char *store_finding_text(const struct store_finding *f)
{
	switch (f->type) {
	case STORE_RECORD_DAMAGED:
		return str_printf("the record of %s%s%s is damaged", store_kind_name(f->kind),
				  str_is_empty(f->id) ? "" : " ", f->id);
	case STORE_EVENT_DAMAGED:
		return str_printf("event %" PRIu64 " is damaged", f->count);
	case STORE_AUDIT_DAMAGED:
		return str_printf("line %" PRIu64 " of the audit is damaged", f->count);
	case STORE_VALUE_DAMAGED:
		return str_printf("a value of %s is damaged", f->id);
	case STORE_RECORDS_LOST:
		return f->count > 0 ? str_printf("%" PRIu64 " record%s missing", f->count,
						 f->count == 1 ? " is" : "s are")
				    : mem_strdup("records are not those that were written");
	case STORE_VALUES_LOST:
		return f->count > 0
			       ? str_printf("%" PRIu64 " value%s of spaces %s missing",
					    f->count, str_plural(f->count), str_are(f->count))
			       : mem_strdup("values of spaces are not those that were "
					    "written");
	case STORE_BATCHES_LOST:
		return f->count == 1 ? mem_strdup("the newest change, which was acknowledged, "
						  "is missing")
				     : str_printf("the %" PRIu64 " newest changes, which were "
						  "acknowledged, are missing",
						  f->count);
	case STORE_SHAPE_DAMAGED:
		return str_printf("the file is damaged: %s", f->id);
	}
	return mem_strdup("unknown");
}

static void on_finding(void *user, const struct store_finding *finding)
{
	struct store_losses *losses = user;
	CLEANUP(freep) char *text = store_finding_text(finding);
	if (++losses->findings <= LINES_MAX)
		log_error("store", "damaged", LOG_S("what", text));
	if (finding->type != STORE_RECORD_DAMAGED) {
		losses->is_gap = true;
		return;
	}
	struct store_finding record = *finding;
	record.id = mem_strdup(finding->id);
	vector_push(&losses->records, record);
}

void store_losses_done(struct store_losses *losses)
{
	vector_for_each (&losses->records, record)
		free((char *)record->id);
	vector_done(&losses->records);
}

int store_start_inspect(struct store *store, const char *where, bool accepts_loss,
			struct store_losses *ret_losses, struct error **err)
{
	struct store_losses losses = {0};
	int r = store->ops->inspect(store, on_finding, &losses, err);
	if (r == 0 && losses.findings > 0 && !accepts_loss)
		r = error_set(err, ERR_INVALID,
			      "%s is damaged (%" PRIu64 " finding%s, see above), so zrms does "
			      "not start on it: restore a backup, look at it with 'zrms check "
			      "--dir DIR', or give up what is lost with --accept-loss",
			      where, losses.findings, str_plural(losses.findings));
	if (r == 0 && losses.findings > 0)
		r = store->ops->accept_loss(store, err);
	if (r < 0) {
		store_losses_done(&losses);
		return r;
	}
	*ret_losses = losses;
	return 0;
}

int store_start_continue(struct control *control, const struct store_losses *losses,
			 struct error **err)
{
	vector_for_each (&losses->records, record) {
		int r = control_load_without(control, record->kind, record->id, err);
		if (r < 0)
			return error_wrap(err, "the record of %s %s",
					  store_kind_name(record->kind), record->id);
	}
	if (losses->findings == 0)
		return 0;
	control_load_gap(control);
	log_warn("store", "loss.accepted", LOG_U("records", losses->records.count),
		 LOG_S("then", "what belongs to the damaged records is dropped, and zhosts "
			       "unload what they hold of it"));
	return 0;
}
