/*
 * The front door: inputs in, consequences out. See control.h for the contract.
 */
#include "core/control/control.h"
#include "core/control/state/loss.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/application/applications.h"
#include "core/control/application/data.h"
#include "core/control/application/each.h"
#include "core/control/application/forget.h"
#include "core/control/exec.h"
#include "core/control/handover/handovers.h"
#include "core/control/handover/kept_set.h"
#include "core/control/machine/machine_request.h"
#include "core/control/machine/making.h"
#include "core/control/notice/backup_age.h"
#include "core/control/notice/notice_targets.h"
#include "core/control/placement/lifecycle_observer.h"
#include "core/control/placement/placement.h"
#include "core/control/relocate/drains.h"
#include "core/control/relocate/rebalancing.h"
#include "core/control/relocate/reloads.h"
#include "core/control/request/access_check.h"
#include "core/control/request/api_tokens.h"
#include "core/control/request/audit.h"
#include "core/control/request/authority_request.h"
#include "core/control/request/join_request.h"
#include "core/control/request/repeat.h"
#include "core/control/request/requests.h"
#include "core/control/request/rollout_request.h"
#include "core/control/request/scale_request.h"
#include "core/control/request/secret_request.h"
#include "core/control/request/signing_key_request.h"
#include "core/control/rollout/rollouts.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/members.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/slot/unit_members.h"
#include "core/control/state/credential_request.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/orders.h"
#include "core/control/state/rebalance.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/sign_in_request.h"
#include "core/control/state/state.h"
#include "core/control/state/tap.h"
#include "core/control/state/topology_state.h"
#include "core/control/state/unit_devices.h"
#include "core/control/state/unit_reload.h"
#include "core/control/state/unload_order.h"
#include "core/control/zhost/beats.h"
#include "core/control/zhost/reports.h"
#include "core/control/zhost/rotation.h"
#include "core/control/zhost/silence.h"
#include "core/control/zhost/zhosts.h"
#include "core/lifecycle/patience.h"
#include "core/lifecycle/rules.h"
#include "schema/message.h"

struct control *control_new(const struct control_config *config, const char *cluster)
{
	struct control *c = mem_new(struct control);
	c->config = *config;
	c->cluster = mem_strdup(cluster);
	c->next_epoch = c->next_sequence = 1;
	c->promise_ms = NEVER_MS;
	c->emitter.next_event = c->emitter.next_audit = 1;
	c->place = place_new(NULL);
	lifecycle_init(&c->lifecycle, &control_observer);
	return c;
}

void control_free(struct control *c)
{
	if (c == NULL)
		return;
	struct outbox unwanted;
	outbox_init(&unwanted);
	control_enter(c, c->now, &unwanted);
	while (c->applications.first != NULL)
		application_dissolve(c, c->applications.first);
	application_list_done(&c->applications);
	outbox_done(&unwanted);
	provider_lists_done(&c->provider_lists);
	rebalance_free(c->rebalance);
	heap_done(&c->deadlines); /* of zhosts, whose timers it touches */
	zhost_registry_done(&c->zhosts);
	forget_done(c);
	credentials_done(&c->credentials);
	sign_ins_done(&c->sign_ins);
	idempotency_keys_done(&c->idempotency);
	signing_keys_done(&c->signing_keys);
	secrets_done(&c->secrets);
	join_tokens_done(&c->join_tokens);
	identities_done(&c->identities);
	made_zhosts_done(&c->made);
	schema_message_free(c->authorities);
	notice_targets_done(c);
	lifecycle_done(&c->lifecycle);
	place_free(c->place);
	heap_done(&c->exclusion_timers);
	heap_done(&c->loss_timers);
	heap_done(&c->ends_by_timers);
	heap_done(&c->handover_timers);
	heap_done(&c->rollout_timers);
	heap_done(&c->kept_set_timers);
	vector_for_each (&c->converted, record)
		free(record->id);
	vector_done(&c->converted);
	dirty_set_done(&c->dirty);
	loaded_records_done(&c->loaded);
	emitter_done(&c->emitter);
	free(c->cluster);
	free(c);
}

static void take_report(struct control *c, uint64_t link_id, const Samoza__V1__Report *report)
{
	struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	for (size_t k = 0; z != NULL && k < report->n_instances; k++) {
		report_apply(c, z, report->instances[k], false);
		if (report->instances[k]->phase == SAMOZA__V1__PHASE__PHASE_ABSENT)
			drain_heard(c, z);
		lifecycle_settle(&c->lifecycle);
	}
}

static void apply(struct control *c, const struct control_input *input)
{
	switch (input->type) {
	case CONTROL_SUBMIT:
		request_submit(c, input);
		break;
	case CONTROL_TOPOLOGY:
		request_topology(c, input);
		break;
	case CONTROL_GOAL:
		request_goal(c, input);
		break;
	case CONTROL_MOVE:
		handover_request(c, input);
		break;
	case CONTROL_EXEC:
		request_exec(c, input);
		break;
	case CONTROL_ROLLOUT:
		rollout_request(c, input);
		break;
	case CONTROL_ROLLBACK:
		rollback_request(c, input);
		break;
	case CONTROL_SCALE:
		scale_request(c, input);
		break;
	case CONTROL_REBALANCE:
		rebalance_request(c, input);
		break;
	case CONTROL_ZHOST:
		if (!machine_takes_zhost_request(c, input))
			zhost_request(c, input);
		rotation_look(c);
		break;
	case CONTROL_CREDENTIAL:
		credential_request(c, input);
		break;
	case CONTROL_SIGN_IN:
		sign_in_request(c, input);
		break;
	case CONTROL_TOKEN:
		token_request(c, input);
		break;
	case CONTROL_AUTHORITY:
		authority_request(c, input);
		break;
	case CONTROL_SIGNING_KEY:
		signing_key_request(c, input);
		break;
	case CONTROL_SECRET:
		secret_request(c, input);
		break;
	case CONTROL_BACKUP:
	case CONTROL_LEADER_MOVE:
	case CONTROL_ZRMS_FORGET:
	case CONTROL_NOTICE_TEST:
		emit_reply(&c->emitter, input->request, NULL, NULL, NULL, NULL);
		break;
	case CONTROL_JOIN:
		if (machine_admits_join(c, input))
			join_request(c, input);
		rotation_look(c);
		break;
	case CONTROL_RENEW:
		renew_request(c, input);
		rotation_look(c);
		break;
	case CONTROL_HELLO:
		if (machine_admits_hello(c, input) &&
		    join_admits(c, input->hello.link_id, input->principal, input->hello.message,
				input->hello.key, &input->hello.certified)) {
			zhost_hello(c, input->hello.link_id, input->hello.message);
			rotation_prompt(c, input->hello.link_id);
			rotation_look(c);
		}
		break;
	case CONTROL_REPORT:
		take_report(c, input->report.link_id, input->report.message);
		break;
	case CONTROL_HEARTBEAT:
		zhost_heartbeat(c, input->heartbeat.link_id, input->heartbeat.message);
		break;
	case CONTROL_HELLO_ANSWERED:
		zhost_hello_answered(c, zhost_by_link(&c->zhosts, input->answered.link_id));
		break;
	case CONTROL_CLOSED:
		zhost_closed(c, input->closed.link_id);
		rotation_look(c);
		break;
	case CONTROL_DATA:
		data_request(c, input->data.link_id, input->data.message);
		break;
	case CONTROL_DATA_FULL:
		data_full(c, input->data_full.owner);
		break;
	case CONTROL_FORGOTTEN:
		forget_acknowledged(c, input->forgotten.link_id,
				    input->forgotten.message->epoch);
		break;
	case CONTROL_MESH_APPLIED:
		mesh_tables_applied(c, input->applied.link_id, input->applied.message);
		break;
	case CONTROL_API_TOKEN:
		api_token_take(c, input->api_token.link_id, input->api_token.message);
		break;
	case CONTROL_MACHINE:
		machine_request(c, input);
		break;
	case CONTROL_DRIVER:
		making_outcome(c, input);
		break;
	case CONTROL_NOTICE_TARGETS:
		notice_targets_named(c, input);
		break;
	case CONTROL_NOTICE_SENT:
		notice_targets_sent(c, input);
		break;
	case CONTROL_BACKUP_AGE:
		backup_age_seen(c, input);
		break;
	case CONTROL_REPEAT: /* repeat.h */
	case CONTROL_REFUSED:
		break; /* audit.h */
	case CONTROL_TICK:
		zhosts_tick(c);
		exclusions_tick(c);
		loss_tick(c);
		rebalancing_tick(c);
		copies_tick(c);
		drains_tick(c); /* what has ended by itself was the last of what was left */
		handovers_tick(c);
		rollouts_tick(c);
		kept_sets_tick(c);
		making_tick(c);
		break;
	}
}

void control_set_tap(struct control *c, const struct control_tap *tap, void *user)
{
	c->tap = tap;
	c->tap_user = user;
}

void control_set_promise(struct control *c, int64_t mono_ms)
{
	c->promise_ms = mono_ms;
}

uint64_t control_term(const struct control *c)
{
	return c->term;
}

/* False: it was before, which is all that there is to say. */
static bool carry_out(struct control *c, const struct control_input *input)
{
	if (!access_check(c, input))
		return true;
	enum repeat repeat = repeat_check(c, input);
	if (repeat == REPEAT_NONE) {
		apply(c, input);
		repeat_note(c, input);
	}
	return repeat != REPEAT_ANSWERED;
}

void control_handle(struct control *c, struct instant now, const struct control_input *input,
		    struct outbox *outbox)
{
	if (c->tap != NULL)
		c->tap->input(c->tap_user, now, input);
	control_enter(c, now, outbox);
	if (input->actor != NULL)
		c->actor = input->actor;
	c->has_remembered = false;
	silence_forgive(c);
	patience_tick(&c->lifecycle); /* it is over, whatever has come */
	CLEANUP(freep) char *action = audit_begin(c, input);
	if (!carry_out(c, input))
		free(steal_ptr(&action));
	making_heard(c);
	audit_end(c, input, action);
	lifecycle_settle(&c->lifecycle);
	topology_states_settle(&c->dirty, &c->emitter);
	c->awake_ms = now.mono_ms;
}

void control_flush(struct control *c, struct instant now, struct outbox *outbox)
{
	bool gave_up = false;
	control_enter(c, now, outbox);
	patience_tick(&c->lifecycle);
	drains_prepare(c);
	do {
		do {
			lifecycle_settle(&c->lifecycle);
			if (each_is_due(c))
				each_run(c);
			unit_members_trim(c);
			rollouts_run(c);
			(void)handovers_run(c);
			placement_run(c);
		} while (handovers_are_due(c) || rollouts_are_due(c) || each_is_due(c) ||
			 !lifecycle_is_settled(&c->lifecycle));
	} while (drains_run(c) || rebalancing_run(c) || reloads_run(c) || making_run(c) ||
		 each_is_due(c) || (!gave_up && (gave_up = drains_give_up(c))));
	unload_order_run(c);
	unit_devices_run(c);
	topology_states_settle(&c->dirty, &c->emitter);
	mesh_tables_send(c); /* before a stop: who gets both sends nothing to what stops */
	orders_send(c);
	members_trim(c);	     /* what they were is known by then */
	mesh_tables_send_changed(c); /* pages may have gone with them */
	api_tokens_settle(c);
	records_write(c);
	c->count.flushes++;
	if (c->tap != NULL)
		c->tap->flushed(c->tap_user, now, outbox);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Without those of zhosts. */
static int64_t timers_next_ms(const struct control *c)
{
	int64_t next =
		earlier(loss_next_ms(c), earlier(drains_next_ms(c), rollouts_next_ms(c)));
	next = earlier(next, rebalancing_next_ms(c));
	next = earlier(next, kept_sets_next_ms(c));
	next = earlier(next, making_next_ms(c));
	next = earlier(next, reloads_next_ms(c));
	next = earlier(next, patience_next_ms(&c->lifecycle));
	return earlier(earlier(next, copies_next_ms(c)),
		       earlier(exclusions_next_ms(c), handovers_next_ms(c)));
}

int64_t control_next_ms(const struct control *c)
{
	return earlier(zhosts_next_ms(c), timers_next_ms(c));
}

bool control_is_due(const struct control *c, int64_t mono_ms)
{
	const struct heap_node *silent = heap_first(&c->deadlines);
	return (silent != NULL && silent->key <= mono_ms) || timers_next_ms(c) <= mono_ms;
}

/* What the core waits for by itself; NULL: nothing. The caller frees. */
static char *waits_for(const struct control *c)
{
	const struct copy *copy = copies_first_lost(c);
	if (copy != NULL)
		return str_printf("%s/%s waits for the margin of its lost copy",
				  copy->unit->application->name, copy->of_slot.slot->path);
	const struct unit_handover *h = handovers_first_timed(c);
	if (h != NULL)
		return str_printf("%s/%s is being handed over (%s)",
				  application_of(h->root->slot)->name, h->root->slot->path,
				  handover_state_text(h->handover.state));
	const struct slot_control *lost = loss_first(c);
	if (lost != NULL)
		return str_printf("%s/%s waits for its zhost", application_of(lost->slot)->name,
				  lost->slot->path);
	const struct provider_set *set = patience_first(&c->lifecycle);
	if (set != NULL)
		return str_printf("importers of %s run on without it", set->name);
	const struct slot *back = patience_first_returned(&c->lifecycle);
	if (back != NULL)
		return str_printf("%s runs on until the zhost of a provider is back",
				  back->path);
	const struct control_application *timed = rollouts_first_timed(c);
	if (timed != NULL)
		return str_printf("the next step of the rollout of %s waits for its time",
				  timed->name);
	const struct unit_reload *reload = reloads_first_timed(c);
	if (reload != NULL)
		return str_printf("%s/%s waits until its values stand still",
				  application_of(reload->root->slot)->name,
				  reload->root->slot->path);
	if (rebalancing_is_blocked(c))
		return mem_strdup("moves of a rebalance wait");
	return NULL;
}

bool control_is_busy(const struct control *c, struct instant now, char **ret_what)
{
	CLEANUP(freep) char *what = waits_for(c);
	bool is_busy = what != NULL;
	(void)now;
	if (is_busy && ret_what != NULL)
		*ret_what = steal_ptr(&what);
	return is_busy;
}

uint64_t control_link_of(const struct control *c, const char *zhost)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, zhost);
	return z != NULL ? z->link_id : 0;
}

uint64_t control_link_changes(const struct control *c)
{
	return c->zhosts.link_changes;
}

/* Where it is, or was last. NULL: it has never been placed. */
static const struct control_zhost *zhost_of_log(const struct slot *s)
{
	const struct slot_control *sc = control_of_slot(s);
	return slot_zhost(sc) != NULL ? slot_zhost(sc) : sc->last_zhost;
}

const char *control_zhost_of_log(const struct control *c, const char *id, const char *path)
{
	struct control_application *a = application_by_id(&c->applications, id);
	const struct slot *s = a != NULL ? application_served_slot(a, path, NULL) : NULL;
	const struct control_zhost *z = s != NULL ? zhost_of_log(s) : NULL;
	return z != NULL ? z->name : NULL;
}

int control_link_of_instance(const struct control *c, const char *id, const char *path,
			     uint64_t *ret_link, struct error **err)
{
	struct control_application *a = application_by_id(&c->applications, id);
	if (a == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology %s", id);
	const struct slot *s = application_served_slot(a, path, err);
	if (s == NULL)
		return ERR_NOT_FOUND;
	const struct control_zhost *z = zhost_of_log(s);
	if (z == NULL)
		return error_set(err, ERR_CONFLICT,
				 "%s/%s has never been placed, so there is no log of it",
				 a->name, path);
	if (z->link_id == 0)
		return error_set(err, ERR_UNAVAILABLE,
				 "the log of %s/%s is on zhost %s, which cannot be reached",
				 a->name, path, z->name);
	*ret_link = z->link_id;
	return 0;
}

int control_link_of_zhost(const struct control *c, const char *name, uint64_t *ret_link,
			  struct error **err)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, name);
	if (z == NULL || z->removed)
		return error_set(err, ERR_NOT_FOUND, "no zhost %s", name);
	if (z->link_id == 0)
		return error_set(err, ERR_UNAVAILABLE, "zhost %s cannot be reached", name);
	*ret_link = z->link_id;
	return 0;
}

static bool sees(const struct principal *reader, const char *name)
{
	return reader == NULL || access_sees(reader, name);
}

bool control_hides(const struct control *c, const struct principal *reader, const char *name)
{
	const struct control_application *a = application_by_name(&c->applications, name);
	return a != NULL && !sees(reader, name);
}

int control_resolve(const struct control *c, const struct principal *reader, const char *text,
		    const char **ret_id, struct error **err)
{
	const struct control_application *a = application_by_id(&c->applications, text);
	if (a == NULL)
		a = application_by_name(&c->applications, text);
	if (a != NULL && sees(reader, a->name)) {
		*ret_id = a->id;
		return 0;
	}
	const struct application_id *found = NULL, *id = c->applications.registry.by_id;
	for (; id != NULL && strlen(text) >= CONTROL_ID_PREFIX_MIN; id = id->hh.next) {
		if (!str_has_prefix(id->text, text) || !sees(reader, id->application->name))
			continue;
		if (found != NULL && found->application != id->application)
			return error_set(err, ERR_CONFLICT,
					 "ambiguous id '%s' matches at least %s (%s) and %s "
					 "(%s); use a longer prefix",
					 text, found->text, found->application->name, id->text,
					 id->application->name);
		found = id;
	}
	if (found == NULL)
		return error_set(err, ERR_NOT_FOUND, "no topology '%s'", text);
	*ret_id = application_id(found->application);
	return 0;
}
