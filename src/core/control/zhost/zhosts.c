#include "core/control/zhost/zhosts.h"

#include <inttypes.h>

#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/application/data.h"
#include "core/control/application/forget.h"
#include "core/control/handover/handover_reports.h"
#include "core/control/placement/placement.h"
#include "core/control/placement/placement_assign.h"
#include "core/control/relocate/drains.h"
#include "core/control/slot/copies.h"
#include "core/control/slot/mesh_tables.h"
#include "core/control/state/apart.h"
#include "core/control/state/credential_request.h"
#include "core/control/state/exclusions.h"
#include "core/control/state/loss.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/remains.h"
#include "core/control/state/state.h"
#include "core/control/state/unload_order.h"
#include "core/control/state/zhost_event.h"
#include "core/control/zhost/beats.h"
#include "core/control/zhost/machine_identity.h"
#include "core/control/zhost/reports.h"
#include "core/control/zhost/zhost_fit.h"
#include "core/control/zhost/zhost_identity.h"
#include "schema/message.h"

/* Versions of the link (proto/wire.proto) that this zrms speaks. */
#define PROTOCOL_OLDEST 1
#define PROTOCOL_NEWEST 5
#define HELLO_TEXT_MAX	1024
/* Copies, and zhosts that had them: so many get another place in some milliseconds. */
#define LOST_AT_ONCE 50

static void update_engine(struct control *c, struct control_zhost *z)
{
	z->place = place_zhost_set(c->place, &z->spec, z->state == ZHOST_STARTED, z->cordoned);
	mark_zhost_each(z);
}

static void zhost_move(struct control *c, struct control_zhost *z, enum zhost_state to,
		       const char *cause)
{
	enum instance_state from = zhost_shown(c, z);
	state_machine_move(&zhost_machine, z, &z->state, to);
	z->since_ms = c->now.wall_ms;
	/* What is destroyed is shown so from the request on. */
	if (from != STATE_UNDEPLOYING || to != ZHOST_UNDEPLOYING)
		zhost_event(c, z, state_name(from), state_name(zhost_shown(c, z)), cause);
	mark_zhost(z);
	z->is_overdue = false;
	if (z->place != PLACE_NONE)
		place_zhost_flags(c->place, z->place, to == ZHOST_STARTED, z->cordoned);
}

void zhost_set_overdue(struct control *c, struct control_zhost *z, bool is_overdue)
{
	if (z->is_overdue == is_overdue || z->state != ZHOST_STARTED || z->place == PLACE_NONE)
		return;
	z->is_overdue = is_overdue;
	place_zhost_flags(c->place, z->place, !is_overdue, z->cordoned);
}

/* ---- heard ---- */

static void heard(struct control *c, struct control_zhost *z)
{
	z->heard_ms = c->now.mono_ms;
	z->heard_wall_ms = c->now.wall_ms;
	zhost_set_overdue(c, z, false);
	zhost_watch(c, z);
}

/* It is told the timeout with its acknowledgement. A longer one that it was told before counts until a
 * heartbeat on this link shows that it knows the new one, and every lease that was counted by the old
 * one has ended: its processes keep theirs without it. */
static void tell_timeout(struct control *c, struct control_zhost *z)
{
	if (z->lease_timeout_ms > c->config.failure_timeout_ms) {
		z->long_leases_end_ms = c->now.mono_ms + z->lease_timeout_ms;
		return;
	}
	z->long_leases_end_ms = 0;
	if (z->lease_timeout_ms == c->config.failure_timeout_ms)
		return;
	z->lease_timeout_ms = c->config.failure_timeout_ms;
	mark_zhost(z);
}

static void forget_long_leases(struct control *c, struct control_zhost *z)
{
	if (z->long_leases_end_ms == 0 || c->now.mono_ms < z->long_leases_end_ms)
		return;
	z->long_leases_end_ms = 0;
	z->lease_timeout_ms = c->config.failure_timeout_ms;
	mark_zhost(z);
}

int64_t zhost_leases_end_ms(const struct control *c, const struct control_zhost *z,
			    int64_t heard_ms)
{
	int64_t timeout = c->config.failure_timeout_ms;
	if (timeout < z->lease_timeout_ms)
		timeout = z->lease_timeout_ms;
	return heard_ms + timeout + c->config.margin_ms;
}

static Samoza__V1__HelloAck *ack_new(const struct control *c,
				     Samoza__V1__HelloAck__Verdict verdict, const char *reason)
{
	Samoza__V1__HelloAck *ack =
		(Samoza__V1__HelloAck *)schema_message_new(&samoza__v1__hello_ack__descriptor);
	ack->verdict = verdict;
	ack->reason = mem_strdup(reason);
	ack->has_heartbeat_ms = ack->has_failure_timeout_ms = true;
	ack->heartbeat_ms = (uint64_t)c->config.heartbeat_ms;
	ack->failure_timeout_ms = (uint64_t)c->config.failure_timeout_ms;
	ack->cluster = mem_strdup(c->cluster);
	ack->has_term = true;
	ack->term = c->term;
	ack->has_leave = ack->leave = true;
	ack->has_page_access = ack->page_access = true;
	ack->has_api_token = ack->api_token = true;
	return ack;
}

static void emit_ack(struct control *c, uint64_t link_id, Samoza__V1__HelloAck *take_ack)
{
	bool closes = take_ack->verdict != SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	emit_message(&c->emitter, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, take_ack,
		     closes);
}

static void send_ack(struct control *c, uint64_t link_id, Samoza__V1__HelloAck__Verdict verdict,
		     const char *reason)
{
	emit_ack(c, link_id, ack_new(c, verdict, reason));
}

void zhost_turn_away(struct control *c, uint64_t link_id, const char *reason)
{
	send_ack(c, link_id, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED, reason);
}

void zhost_refuse(struct control *c, uint64_t link_id, const char *reason)
{
	send_ack(c, link_id, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED, reason);
}

/* It will not come back from there: a unit that was kept for adoption is retired as a whole. */
static void forsake(struct control *c, struct control_zhost *z, struct copy *copy)
{
	remains_note_forsaken(c, z, copy);
	if (copy_is_beside(copy))
		unit_drop_beside(c, copy->unit);
	else if (!copy_is_retired(copy)) {
		loss_end(c, control_of_slot(copy->sc->slot->root));
		unit_retire(c, control_of_slot(copy->sc->slot->root));
	}
	copy_forsaken(c, copy);
}

/* The machine is removed, or another one (or another directory) has taken its name. */
static void forsake_all(struct control *c, struct control_zhost *z)
{
	for (struct copy *copy = z->first_copy, *next; copy != NULL; copy = next) {
		next = copy->next_on_zhost;
		if (copy->unit->lost)
			forsake(c, z, copy);
	}
}

static bool may_join(struct control *c, struct control_zhost *z, uint64_t link_id,
		     const Samoza__V1__Hello *hello)
{
	CLEANUP(freep) char *refusal = zhost_identity_refusal(c, z, hello);
	if (refusal != NULL) {
		Samoza__V1__HelloAck *ack =
			ack_new(c, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED, refusal);
		zhost_name_superseded(c, z, hello, ack);
		emit_ack(c, link_id, ack);
		return false;
	}
	bool same = zhost_is_same(z, hello);
	if (z->removed && same && hello->incarnation == z->incarnation) {
		send_ack(c, link_id, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED,
			 "removed from the cluster");
		return false;
	}
	if (!same)
		forsake_all(c, z);
	return true;
}

static void take_identity(struct control *c, struct control_zhost *z, uint64_t link_id,
			  const Samoza__V1__Hello *hello)
{
	bool same = zhost_is_same(z, hello);
	bool new_incarnation = !same || hello->incarnation > z->incarnation;
	if (z->link_id != 0)
		zhost_refuse(c, z->link_id, "a newer connection of this zhost has taken over");
	zhost_set_link(&c->zhosts, z, link_id);
	z->protocol = hello->protocol;
	z->removed = false;
	if (!same)
		z->forgotten_epoch = 0; /* another directory */
	if (new_incarnation)
		z->counter = 0;
	zhost_set_identity(z, hello);
	schema_set_string(&z->zedge, NULL, hello->zedge);
	schema_set_string(&z->mesh, NULL, hello->mesh);
	schema_set_string(&z->address, NULL, hello->address);
	schema_set_string(&z->platform, NULL, hello->platform);
	schema_set_string(&z->version, NULL, hello->version);
	schema_message_free(z->limits);
	z->limits = hello->limits != NULL
			    ? (Samoza__V1__Limits *)schema_message_copy(&hello->limits->base)
			    : NULL;
	update_engine(c, z);
	mark_zhost(z);
	if (new_incarnation)
		exclusions_end_for(c, z);
}

/* What is handed over or kept there may need another place now, or go: an older program runs one copy of it. */
static void review_successors(const struct control_zhost *z)
{
	for (const struct copy *copy = z->first_copy; copy != NULL;
	     copy = copy->next_on_zhost) {
		struct control_application *a = copy->unit->application;
		if (copy_serves(copy))
			apart_joint_changed(control_of_slot(copy->sc->slot->root));
		if (a->handovers.count > 0)
			mark_application(a, APPLICATION_PLACE | APPLICATION_HANDOVER);
		else if (a->kept.revision != NULL)
			mark_application(a, APPLICATION_HANDOVER);
	}
}

static void note_refused_term(struct control *c, const struct control_zhost *z,
			      const Samoza__V1__Hello *hello)
{
	if (!hello->has_refused_term)
		return;
	CLEANUP(freep)
	char *text = str_printf("it refused a zrms of term %" PRIu64
				", as it had followed one of term %" PRIu64,
				hello->refused_term, hello->term);
	zhost_event_within(c, z, text);
}

/* What is kept of it as it is, in a record. */
static bool is_too_long(const Samoza__V1__Hello *hello)
{
	const Samoza__V1__Limits *l = hello->limits;
	const char *texts[] = {hello->identity,
			       hello->zedge,
			       hello->platform,
			       hello->version,
			       hello->address,
			       hello->machine,
			       hello->mesh,
			       l != NULL ? l->memory : NULL,
			       l != NULL ? l->cpu : NULL,
			       l != NULL ? l->processes : NULL,
			       l != NULL ? l->why : NULL};
	for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
		if (texts[k] != NULL && strlen(texts[k]) > HELLO_TEXT_MAX)
			return true;
	return false;
}

/* Only its version can offer it. */
static void by_version_settle(Samoza__V1__ZhostSpec *spec, const char *capability,
			      bool is_offered)
{
	size_t count = 0;
	for (size_t k = 0; k < spec->n_capabilities; k++)
		if (str_equal(spec->capabilities[k], capability))
			free(spec->capabilities[k]);
		else
			spec->capabilities[count++] = spec->capabilities[k];
	spec->capabilities =
		mem_resize(spec->capabilities, count + 1, sizeof(*spec->capabilities));
	if (is_offered)
		spec->capabilities[count++] = mem_strdup(capability);
	spec->n_capabilities = count;
	for (size_t k = spec->n_offers; k-- > 0;)
		if (str_equal(spec->offers[k]->name, capability)) {
			schema_message_free(&spec->offers[k]->base);
			memmove(&spec->offers[k], &spec->offers[k + 1],
				(--spec->n_offers - k) * sizeof(*spec->offers));
		}
}

void zhost_hello(struct control *c, uint64_t link_id, const Samoza__V1__Hello *hello)
{
	struct control_zhost *z = zhost_find(&c->zhosts, hello->spec->name);
	if (hello->protocol < PROTOCOL_OLDEST || hello->protocol > PROTOCOL_NEWEST) {
		CLEANUP(freep)
		char *reason = str_printf("unsupported protocol version %u; this zrms supports "
					  "versions %d to %d",
					  hello->protocol, PROTOCOL_OLDEST, PROTOCOL_NEWEST);
		zhost_refuse(c, link_id, reason);
		return;
	}
	if (is_too_long(hello)) {
		zhost_refuse(c, link_id, "a text of HELLO has more than 1024 bytes");
		return;
	}
	if (z != NULL && !may_join(c, z, link_id, hello))
		return;
	bool is_new = z == NULL;
	if (is_new)
		z = zhost_new(&c->zhosts, &c->dirty, hello->spec->name);
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(schema_message_freep)
	Samoza__V1__ZhostSpec *spec = machine_identity_spec(c, hello->spec);
	by_version_settle(spec, CAPABILITY_PAGE_ACCESS,
			  hello->has_page_access && hello->page_access);
	by_version_settle(spec, CAPABILITY_CLUSTER_API,
			  hello->has_api_token && hello->api_token);
	by_version_settle(spec, CAPABILITY_SETTINGS, hello->has_settings && hello->settings);
	by_version_settle(spec, CAPABILITY_SECRETS, hello->has_secrets && hello->secrets);
	bool is_other = !is_new && !z->removed && zhost_settings_differ(z->message, spec);
	CLEANUP(schema_message_freep)
	Samoza__V1__ZhostSpec *before =
		is_new || z->removed
			? NULL
			: (Samoza__V1__ZhostSpec *)schema_message_copy(&z->message->base);
	if (zhost_take_spec(z, spec, &err) < 0) {
		zhost_refuse(c, link_id, err->message);
		if (is_new)
			zhost_free(&c->zhosts, z);
		return;
	}
	uint32_t protocol = z->protocol;
	take_identity(c, z, link_id, hello);
	if (protocol != z->protocol)
		review_successors(z);
	tell_timeout(c, z);
	heard(c, z);
	if (z->state != ZHOST_STARTED)
		zhost_move(c, z, ZHOST_STARTED,
			   z->state == ZHOST_PROBLEM ? "heartbeat" : "joined");
	if (is_other)
		zhost_fit_report(c, z);
	zhost_withdrawn_report(c, z, before);
	note_refused_term(c, z, hello);
	for (size_t k = 0; k < hello->n_instances; k++)
		report_apply(c, z, hello->instances[k], true);
	report_missing(c, z, hello);
	remains_hello(c, z, hello);
	drain_heard(c, z);
	for (struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		if (!copy_is_retired(copy))
			lifecycle_push(copy->sc->slot); /* it may have waited for this */
	send_ack(c, link_id, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED, NULL);
	zhost_hello_waits(c, z);
	forget_send(c, z);
	z->order_all = true;
	mark_zhost(z);
	mesh_tables_zhost_joined(c, z, hello->mesh_sums, hello->n_mesh_sums);
}

/* Its disk fills, or has room again. */
static void note_disk(struct control *c, struct control_zhost *z, bool is_full)
{
	if (is_full == z->disk_full)
		return;
	z->disk_full = is_full;
	zhost_event_within(c, z,
			   is_full ? "its disk is full: local data does not grow; make room in "
				     "the directory of the zhost"
				   : "its disk has room again");
}

void zhost_heartbeat(struct control *c, uint64_t link_id,
		     const Samoza__V1__Heartbeat *heartbeat)
{
	struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	c->count.heartbeats++;
	if (beat_is_void(z, heartbeat))
		return;
	z->counter = heartbeat->counter;
	forget_long_leases(c, z);
	heard(c, z);
	if (heartbeat->usage != NULL) {
		z->usage.cpu_millicores = heartbeat->usage->cpu_millicores;
		z->usage.memory_bytes = heartbeat->usage->memory_bytes;
		z->usage.disk_bytes = heartbeat->usage->disk_bytes;
		note_disk(c, z, heartbeat->usage->disk_full);
		data_full_on(c, z, heartbeat->usage);
	}
	if (c->now.mono_ms >= c->promise_ms)
		return; /* another zrms may lead by now, and count its silence */
	Samoza__V1__HeartbeatAck *ack = (Samoza__V1__HeartbeatAck *)schema_message_new(
		&samoza__v1__heartbeat_ack__descriptor);
	ack->counter = heartbeat->counter;
	emit_message(&c->emitter, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK, ack,
		     false);
}

void zhost_closed(struct control *c, uint64_t link_id)
{
	struct control_zhost *z = zhost_by_link(&c->zhosts, link_id);
	if (z == NULL)
		return;
	bool has_waited = z->hello_waits;
	zhost_hello_answered(c, z); /* it is not any more: it may say hello on another link */
	zhost_set_link(&c->zhosts, z, 0);
	mesh_tables_zhost_left(c, z);
	int64_t off = c->config.on_disconnect_ms;
	/* A link that broke while zrms or its store was held may be made again by who is well. */
	if (off > 0 && !has_waited && z->state == ZHOST_STARTED &&
	    c->now.mono_ms + off < z->deadline.key && !zhost_is_forgiven(c, z))
		heap_set(&c->deadlines, &z->deadline, c->now.mono_ms + off);
}

/* ---- silent ---- */

/* It has no room any longer; it is still to go, once its zhost is back. */
static void retired_lost(struct control *c, struct copy *copy)
{
	struct unit_placement *unit = copy->unit;
	unit->lost = true;
	copy_set_active(copy, false);
	if (copy->target != TARGET_NONE)
		unload_order_release(copy);
	place_unit_free(c->place, unit->place_unit);
	unit->place_unit = PLACE_NONE;
	mark_copy(copy, COPY_RECORD);
	/* A handover that waits for its end continues, and takes it from the routes. */
	mark_application(unit->application, APPLICATION_HANDOVER);
}

/* One copy of a zhost that is gone: kept for adoption. */
static void lose(struct control *c, const struct control_zhost *z, struct copy *copy)
{
	/* Without a lease it may run for ever. */
	int64_t certainly_ended = NEVER_MS;
	if (copy->of_slot.exclusive)
		certainly_ended = zhost_leases_end_ms(c, z, z->heard_ms);
	/* What is withdrawn may still be tried again there, until the zhost has heard of it. */
	bool may_run = copy_is_retired(copy)
			       ? copy->of_slot.active || copy->of_slot.ends_by_ms != 0
			       : copy->target != TARGET_NONE || !copy->absent;
	if (may_run)
		copy_set_ends_by(c, copy, certainly_ended);
	if (copy_is_retired(copy))
		retired_lost(c, copy);
	else if (copy_is_beside(copy))
		handover_lost(c, copy);
	else
		placement_lost(c, copy);
}

static int compare_losses(const void *pa, const void *pb)
{
	const struct copy *a = *(struct copy *const *)pa, *b = *(struct copy *const *)pb;
	uint64_t sa = a->unit->application->sequence, sb = b->unit->application->sequence;
	if (sa != sb)
		return sa < sb ? -1 : 1;
	if (copy_is_retired(a) || copy_is_retired(b))
		return (a->of_slot.epoch > b->of_slot.epoch) -
		       (a->of_slot.epoch < b->of_slot.epoch);
	return (a->sc->slot->id > b->sc->slot->id) - (a->sc->slot->id < b->sc->slot->id);
}

static void lose_copies(struct control *c, struct control_zhost *z)
{
	VECTOR(struct copy *) all = {0};
	for (struct copy *copy = z->first_copy; copy != NULL; copy = copy->next_on_zhost)
		if (!copy->unit->lost || copy_is_retired(copy)) /* which may have been back */
			vector_push(&all, copy);
	if (all.count > 0)
		qsort(all.items, all.count, sizeof(*all.items), compare_losses);
	vector_for_each (&all, copy)
		lose(c, z, *copy);
	vector_done(&all);
}

static void zhost_fails(struct control *c, struct control_zhost *z)
{
	c->count.zhost_problems++;
	CLEANUP(freep)
	char *cause = str_printf("no heartbeat for %.1f s",
				 (double)(c->now.mono_ms - zhost_silent_since_ms(z)) / 1e3);
	zhost_move(c, z, ZHOST_PROBLEM, cause);
	heap_remove(&c->deadlines, &z->deadline);
	if (z->link_id != 0) {
		/* It has to introduce itself again before it is believed. */
		zhost_refuse(c, z->link_id,
			     "no heartbeat within the failure timeout; reconnect");
		zhost_set_link(&c->zhosts, z, 0);
		mesh_tables_zhost_left(c, z);
	}
	lose_copies(c, z);
}

/* Those that are left for the next tick. */
static void mark_overdue(struct control *c)
{
	for (size_t k = 0; k < c->deadlines.count; k++)
		if (c->deadlines.nodes[k]->key <= c->now.mono_ms)
			zhost_set_overdue(c,
					  container_of(c->deadlines.nodes[k],
						       struct control_zhost, deadline),
					  true);
}

static const struct heap_node *first_silent(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->deadlines);
	return n != NULL && n->key <= c->now.mono_ms ? n : NULL;
}

/* A tenth of a fleet may be lost at once, and what else is asked is to be answered between: some at a time, the next ones with
 * the tick that is due then. */
void zhosts_tick(struct control *c)
{
	size_t lost = 0;
	for (struct heap_node *n; lost < LOST_AT_ONCE && first_silent(c) != NULL;) {
		n = heap_first(&c->deadlines);
		struct control_zhost *z = container_of(n, struct control_zhost, deadline);
		lost += 1 + z->copy_count;
		zhost_fails(c, z);
	}
	if (first_silent(c) != NULL)
		mark_overdue(c);
	if (c->next_check_ms <= c->now.mono_ms)
		c->next_check_ms = c->now.mono_ms + c->config.check_ms;
}

int64_t zhosts_next_ms(const struct control *c)
{
	const struct heap_node *n = heap_first(&c->deadlines);
	if (n == NULL)
		return NEVER_MS;
	return n->key < c->next_check_ms ? n->key : c->next_check_ms;
}

void zhosts_start(struct control *c)
{
	c->next_check_ms = c->now.mono_ms + c->config.check_ms;
	zhost_for_each (&c->zhosts, z) {
		z->heard_ms = c->now.mono_ms;
		if (z->state == ZHOST_STARTED)
			zhost_watch(c, z);
	}
}

/* ---- asked ---- */

/* Nothing of a zhost is left but that it was removed: that is forgotten, too. */
static void forget_zhost(struct control *c, struct control_zhost *z)
{
	application_for_each (&c->applications, a)
		for (size_t k = 0; k < a->slots.slots.count; k++)
			if (a->slot_controls.items[k]->last_zhost == z)
				a->slot_controls.items[k]->last_zhost = NULL;
	mesh_tables_zhost_forgotten(c, z);
	remains_drop(c, z);
	records_delete_zhost(c, z);
	credential_forget_zhost(c, z->name);
	dirty_set_forget_zhost(&c->dirty, z);
	zhost_free(&c->zhosts, z);
}

/* Of those that were removed, the last ones are remembered, to be told so when they say hello. */
static void forget_long_removed(struct control *c)
{
	size_t count = 0;
	struct control_zhost *oldest = NULL;
	zhost_for_each (&c->zhosts, z) {
		if (!z->removed || z->copy_count > 0)
			continue;
		count++;
		if (oldest == NULL || z->since_ms < oldest->since_ms)
			oldest = z;
	}
	if (count > REMOVED_ZHOSTS_KEPT)
		forget_zhost(c, oldest);
}

int zhost_remove(struct control *c, struct control_zhost *z, const char *cause,
		 struct error **err)
{
	if (z->copy_count > 0 && z->state != ZHOST_PROBLEM)
		return error_set(
			err, ERR_CONFLICT,
			"%u %s placed on %s; stop or move %s first, or wait until it is in "
			"state problem",
			z->copy_count, z->copy_count == 1 ? "instance is" : "instances are",
			z->name, z->copy_count == 1 ? "it" : "them");
	bool has_key = machine_identity_revoke(c, z->name);
	forsake_all(c, z);
	remains_vouched(c, z);
	z->removed = true;
	z->hello_waits = false;
	zhost_move(c, z, ZHOST_UNDEPLOYING, cause);
	zhost_move(c, z, ZHOST_NOT_DEPLOYED, cause);
	heap_remove(&c->deadlines, &z->deadline);
	placement_drop_held(c, z);
	place_zhost_remove(c->place, z->place);
	z->place = PLACE_NONE;
	z->cordoned = false;
	mark_zhost_each(z);
	drain_drop(c, z);
	forget_trim(c);
	if (z->link_id != 0) {
		send_ack(c, z->link_id, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED,
			 has_key ? "removed from the cluster; to join again, this machine "
				   "needs a fresh token (zshell cluster token create) and "
				   "zhost --join TOKEN --replace"
				 : "removed from the cluster");
		zhost_set_link(&c->zhosts, z, 0);
		mesh_tables_zhost_left(c, z);
	}
	forget_long_removed(c);
	return 0;
}

void zhost_set_cordon(struct control *c, struct control_zhost *z, bool cordoned)
{
	CLEANUP(freep)
	char *cause = str_printf("%s by %s", cordoned ? "cordoned" : "uncordoned", c->actor);
	if (cordoned != z->cordoned)
		zhost_event_within(c, z, cause);
	z->cordoned = cordoned;
	if (cordoned)
		placement_drop_held(c, z);
	else
		drain_cancel(c, z);
	place_zhost_flags(c->place, z->place, z->state == ZHOST_STARTED && !z->is_overdue,
			  z->cordoned);
	mark_zhost(z);
}

void zhost_request(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct control_zhost *z = zhost_find(&c->zhosts, input->zhost.name);
	bool is_known = z != NULL && !z->removed;
	/* It has joined, and has had no link yet, or was removed before it joined again. */
	if (!is_known && input->zhost.action == ZHOST_REMOVE &&
	    machine_identity_revoke(c, input->zhost.name)) {
		err = NULL;
	} else if (!is_known) {
		(void)error_set(&err, ERR_NOT_FOUND, "no zhost %s", input->zhost.name);
	} else if (input->zhost.action == ZHOST_REMOVE) {
		CLEANUP(freep)
		char *cause = str_printf("removed from the cluster by %s", c->actor);
		if (zhost_remove(c, z, cause, &err) == 0)
			INVARIANT(err == NULL);
	} else if (input->zhost.action == ZHOST_DRAIN && input->zhost.force &&
		   input->zhost.deadline_ms <= 0) {
		(void)error_set(&err, ERR_INVALID,
				"force stops what is left at the deadline: give a deadline");
	} else {
		bool drains = input->zhost.action == ZHOST_DRAIN;
		zhost_set_cordon(c, z, drains || input->zhost.action == ZHOST_CORDON);
		if (drains)
			drain_begin(c, z, input->zhost.deadline_ms, input->zhost.force);
	}
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}
