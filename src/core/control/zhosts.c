/*
 * Root instances: zhosts that join, are heard, fall silent, return, and are removed.
 *
 *   not-deployed ──hello──► deployed-started ──silent too long──► problem
 *        ▲                     ▲     │                              │  │
 *        │                     └─────┼────────heartbeat─────────────┘  │
 *        └──── undeploying ◄─────────┴─────────── removed ─────────────┘
 *
 * Silence is looked for when it is due, and at least every check_interval. When zrms itself
 * slept (a paused machine), nobody is judged before another check_interval has passed.
 *
 * Source: [lifecycle.root], [topology.detection], [topology.recovery].
 */
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/cluster.h"
#include "schema/message.h"

struct zhost *zhost_find(const struct control *c, const char *name)
{
	struct zhost *z = NULL;
	if (name != NULL)
		HASH_FIND_STR(c->zhosts, name, z);
	return z;
}

struct zhost *zhost_by_link(const struct control *c, uint64_t link)
{
	struct zhost *z = NULL;
	HASH_FIND(hh_link, c->by_link, &link, sizeof(link), z);
	return z;
}

struct zhost *zhost_add(struct control *c, const char *name)
{
	struct zhost *z = mem_new(struct zhost);
	z->control = c;
	z->name = mem_strdup(name);
	z->place = PLACE_NONE;
	samoza__v1__usage__init(&z->usage);
	HASH_ADD_KEYPTR(hh, c->zhosts, z->name, strlen(z->name), z);
	return z;
}

static void set_link(struct zhost *z, uint64_t link)
{
	struct control *c = z->control;
	if (z->link != 0)
		HASH_DELETE(hh_link, c->by_link, z);
	z->link = link;
	if (link != 0)
		HASH_ADD(hh_link, c->by_link, link, sizeof(z->link), z);
}

void zhost_free(struct zhost *z)
{
	set_link(z, 0);
	heap_remove(&z->control->deadlines, &z->deadline);
	HASH_DEL(z->control->zhosts, z);
	schema_message_free(z->message);
	schema_message_free(z->desired);
	zhost_spec_done(&z->spec);
	free(z->identity);
	free(z->zedge);
	free(z->address);
	free(z->platform);
	free(z->name);
	free(z);
}

int zhost_take_spec(struct zhost *z, const Samoza__V1__ZhostSpec *spec, struct error **err)
{
	struct zhost_spec compiled = {0};
	int r = zhost_spec_compile(spec, NULL, NULL, NULL, &compiled, err);
	if (r < 0)
		return r;
	zhost_spec_done(&z->spec);
	z->spec = compiled;
	schema_message_free(z->message);
	z->message = (Samoza__V1__ZhostSpec *)schema_message_copy(&spec->base);
	return 0;
}

static void tell_engine(struct zhost *z)
{
	z->place = place_zhost_set(z->control->place, &z->spec,
				   z->state == STATE_DEPLOYED_STARTED, z->cordoned);
}

void zhost_move(struct zhost *z, enum instance_state to, const char *cause)
{
	struct control *c = z->control;
	enum instance_state from = z->state;
	PRE(state_zhost_may_move(from, to));
	z->state = to;
	z->since_ms = c->now.wall_ms;
	emit_event(c, "zhost", z->name, state_name(from), state_name(to), NULL, cause);
	mark_zhost(z);
	if (z->place != PLACE_NONE)
		place_zhost_flags(c->place, z->place, to == STATE_DEPLOYED_STARTED,
				  z->cordoned);
}

/* ---- heard ---- */

static void watch(struct zhost *z)
{
	int64_t due = z->heard_ms + z->control->config.failure_timeout_ms + 1;
	heap_set(&z->control->deadlines, &z->deadline, due);
}

static void heard(struct zhost *z)
{
	struct control *c = z->control;
	z->heard_ms = c->now.mono_ms;
	z->heard_wall_ms = c->now.wall_ms;
	watch(z);
}

static void send_ack(struct control *c, uint64_t link, Samoza__V1__HelloAck__Verdict verdict,
		     const char *reason)
{
	Samoza__V1__HelloAck *ack =
		(Samoza__V1__HelloAck *)schema_message_new(&samoza__v1__hello_ack__descriptor);
	ack->verdict = verdict;
	ack->reason = mem_strdup(reason);
	ack->has_heartbeat_ms = ack->has_failure_timeout_ms = ack->has_exclusive_margin_ms =
		true;
	ack->heartbeat_ms = (uint64_t)c->config.heartbeat_ms;
	ack->failure_timeout_ms = (uint64_t)c->config.failure_timeout_ms;
	ack->exclusive_margin_ms = (uint64_t)c->config.margin_ms;
	ack->cluster = mem_strdup(c->cluster);
	emit_message(c, link, SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK, ack,
		     verdict != SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
}

static void refuse(struct control *c, uint64_t link, const char *reason)
{
	send_ack(c, link, SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED, reason);
}

/* Another machine (or another folder) under the name of one that is gone: what the old one held
 * will not come back. */
static void forget_machine(struct zhost *z)
{
	for (struct instance *i = z->first_instance, *next; i != NULL; i = next) {
		next = i->next_on_zhost;
		if (!i->lost)
			continue;
		zhost_unlink_instance(i);
		mark_instance(i, MARK_RECORD);
	}
}

static bool may_join(struct zhost *z, uint64_t link, const Samoza__V1__Hello *hello)
{
	struct control *c = z->control;
	bool same = str_equal(z->identity, hello->identity);
	if (same && hello->incarnation < z->incarnation) {
		refuse(c, link, "an older incarnation of this zhost; a newer one has joined");
		return false;
	}
	if (z->removed && same && hello->incarnation == z->incarnation) {
		send_ack(c, link, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED,
			 "removed from the cluster");
		return false;
	}
	if (!same && !z->removed && z->state == STATE_DEPLOYED_STARTED) {
		CLEANUP(freep)
		char *reason = str_printf("another live zhost is named %s; choose another "
					  "--name, or wait until that "
					  "one is a problem",
					  z->name);
		refuse(c, link, reason);
		return false;
	}
	if (!same)
		forget_machine(z);
	return true;
}

static void take_identity(struct zhost *z, uint64_t link, const Samoza__V1__Hello *hello)
{
	struct control *c = z->control;
	bool reborn =
		!str_equal(z->identity, hello->identity) || hello->incarnation > z->incarnation;
	if (z->link != 0)
		refuse(c, z->link, "a newer connection of this zhost has taken over");
	set_link(z, link);
	z->removed = false;
	z->incarnation = hello->incarnation;
	if (!str_equal(z->identity, hello->identity))
		z->forgotten_epoch = 0; /* another folder */
	if (reborn)
		z->counter = 0;
	schema_set_string(&z->identity, NULL, hello->identity);
	schema_set_string(&z->zedge, NULL, hello->zedge);
	schema_set_string(&z->address, NULL, hello->address);
	schema_set_string(&z->platform, NULL, hello->platform);
	tell_engine(z);
	mark_zhost(z);
	if (reborn)
		exclusions_end_for(c, z);
}

void zhost_hello(struct control *c, uint64_t link, const Samoza__V1__Hello *hello)
{
	struct zhost *z = zhost_find(c, hello->spec->name);
	if (hello->protocol != 1) {
		refuse(c, link, "unknown protocol; this zrms speaks 1");
		return;
	}
	if (z != NULL && !may_join(z, link, hello))
		return;
	bool is_new = z == NULL;
	if (is_new)
		z = zhost_add(c, hello->spec->name);
	CLEANUP(error_freep) struct error *err = NULL;
	if (zhost_take_spec(z, hello->spec, &err) < 0) {
		refuse(c, link, err->message);
		if (is_new)
			zhost_free(z);
		return;
	}
	take_identity(z, link, hello);
	heard(z);
	if (z->state != STATE_DEPLOYED_STARTED)
		zhost_move(z, STATE_DEPLOYED_STARTED,
			   z->state == STATE_PROBLEM ? "heartbeat" : "joined");
	for (size_t k = 0; k < hello->n_instances; k++)
		report_apply(z, hello->instances[k], true);
	report_missing(z, hello);
	for (struct instance *i = z->first_instance; i != NULL; i = i->next_on_zhost)
		lifecycle_push(i); /* what was known of it may have waited for this */
	send_ack(c, link, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED, NULL);
	forget_send(z);
	z->order_all = true;
	mark_zhost(z);
	tables_zhost_joined(z);
}

void zhost_heartbeat(struct control *c, uint64_t link, const Samoza__V1__Heartbeat *heartbeat)
{
	struct zhost *z = zhost_by_link(c, link);
	c->count.heartbeats++;
	if (z == NULL || !str_equal(z->identity, heartbeat->identity) ||
	    z->incarnation != heartbeat->incarnation || heartbeat->counter <= z->counter)
		return; /* old, repeated or foreign */
	z->counter = heartbeat->counter;
	heard(z);
	if (heartbeat->usage != NULL) {
		z->usage.cpu_millicores = heartbeat->usage->cpu_millicores;
		z->usage.memory_bytes = heartbeat->usage->memory_bytes;
		z->usage.disk_bytes = heartbeat->usage->disk_bytes;
	}
	Samoza__V1__HeartbeatAck *ack = (Samoza__V1__HeartbeatAck *)schema_message_new(
		&samoza__v1__heartbeat_ack__descriptor);
	ack->counter = heartbeat->counter;
	emit_message(c, link, SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK, ack, false);
}

void zhost_closed(struct control *c, uint64_t link)
{
	struct zhost *z = zhost_by_link(c, link);
	if (z == NULL)
		return;
	set_link(z, 0);
	int64_t off = c->config.on_disconnect_ms;
	if (off > 0 && z->state == STATE_DEPLOYED_STARTED &&
	    c->now.mono_ms + off < z->deadline.key)
		heap_set(&c->deadlines, &z->deadline, c->now.mono_ms + off);
}

/* ---- silent ---- */

/* One instance of a zhost that is gone: not-deployed, remembered for adoption. */
static void lose(struct zhost *z, struct instance *i)
{
	struct control *c = z->control;
	int64_t surely_dead = z->heard_ms + c->config.failure_timeout_ms + c->config.margin_ms;
	if (instance_space_of(i)->exclusive && i->target != TARGET_NONE)
		instance_hold(i, surely_dead);
	i->lost = true;
	i->gave_up = false;
	i->retry_at_ms = 0;
	i->undeploy_failed = false;
	i->target = TARGET_NONE;
	i->sent_epoch = 0;
	mark_instance(i, MARK_RECORD);
	update_trouble(i);
	if (i->state != STATE_NOT_DEPLOYED)
		instance_move(i, STATE_NOT_DEPLOYED, false, "zhost lost");
	else
		lifecycle_push(i);
	if (instance_parent(i) == NULL && !i->evacuating) {
		placing_release(i);
		deployment_mark_place(deployment_of(i));
	}
}

static int compare_losses(const void *pa, const void *pb)
{
	const struct instance *a = *(struct instance *const *)pa;
	const struct instance *b = *(struct instance *const *)pb;
	uint64_t sa = deployment_of(a)->sequence, sb = deployment_of(b)->sequence;
	if (sa != sb)
		return sa < sb ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

static void lose_instances(struct zhost *z)
{
	VECTOR(struct instance *) all = {0};
	for (struct instance *i = z->first_instance; i != NULL; i = i->next_on_zhost)
		if (!i->lost)
			vector_push(&all, i);
	if (all.count > 0)
		qsort(all.items, all.count, sizeof(*all.items), compare_losses);
	vector_for_each (&all, i)
		lose(z, *i);
	vector_done(&all);
}

static void zhost_fails(struct zhost *z)
{
	struct control *c = z->control;
	c->count.zhost_problems++;
	CLEANUP(freep)
	char *cause = str_printf("no heartbeat for %.1f s",
				 (double)(c->now.mono_ms - z->heard_ms) / 1e3);
	zhost_move(z, STATE_PROBLEM, cause);
	heap_remove(&c->deadlines, &z->deadline);
	if (z->link != 0) {
		/* It has to introduce itself again before it is believed. */
		refuse(c, z->link, "silent for longer than the failure timeout; connect again");
		set_link(z, 0);
	}
	lose_instances(z);
}

void zhosts_tick(struct control *c)
{
	bool slept = c->now.mono_ms - c->awake_ms > 2 * c->config.check_ms;
	for (struct heap_node *n;
	     (n = heap_first(&c->deadlines)) != NULL && n->key <= c->now.mono_ms;) {
		struct zhost *z = container_of(n, struct zhost, deadline);
		if (slept)
			heap_set(&c->deadlines, n, c->now.mono_ms + c->config.check_ms);
		else
			zhost_fails(z);
	}
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
	for (struct zhost *z = c->zhosts; z != NULL; z = z->hh.next) {
		z->heard_ms = c->now.mono_ms;
		if (z->state == STATE_DEPLOYED_STARTED)
			watch(z);
	}
}

/* ---- asked ---- */

/* Places that are held here for those who are still leaving another zhost: they look for
 * another one when they have left. */
static void drop_held_places(struct zhost *z)
{
	struct control *c = z->control;
	uint32_t unit;
	while ((unit = place_zhost_unit(c->place, z->place, PLACE_NONE)) != PLACE_NONE)
		place_remove(c->place, unit);
}

static int zhost_remove(struct zhost *z, struct error **err)
{
	struct control *c = z->control;
	if (z->instance_count > 0 && z->state != STATE_PROBLEM)
		return error_set(
			err, ERR_CONFLICT,
			"%u %s placed on %s; stop or move %s first, or wait until it is a "
			"problem",
			z->instance_count,
			z->instance_count == 1 ? "instance is" : "instances are", z->name,
			z->instance_count == 1 ? "it" : "them");
	while (z->first_instance != NULL) {
		struct instance *i = z->first_instance;
		zhost_unlink_instance(i);
		mark_instance(i, MARK_RECORD);
	}
	zhost_move(z, STATE_UNDEPLOYING, "removed from the cluster");
	zhost_move(z, STATE_NOT_DEPLOYED, "removed from the cluster");
	heap_remove(&c->deadlines, &z->deadline);
	drop_held_places(z);
	place_zhost_remove(c->place, z->place);
	z->place = PLACE_NONE;
	z->removed = true;
	z->cordoned = false;
	forget_trim(c);
	if (z->link != 0) {
		send_ack(c, z->link, SAMOZA__V1__HELLO_ACK__VERDICT__REMOVED,
			 "removed from the cluster");
		set_link(z, 0);
	}
	return 0;
}

void zhost_request(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	struct zhost *z = zhost_find(c, input->zhost.name);
	if (z == NULL || z->removed) {
		(void)error_set(&err, ERR_NOT_FOUND, "no zhost %s; see: zshell cluster zhosts",
				input->zhost.name);
	} else if (input->zhost.action == ZHOST_REMOVE) {
		(void)zhost_remove(z, &err);
	} else {
		z->cordoned = input->zhost.action == ZHOST_CORDON;
		place_zhost_flags(c->place, z->place, z->state == STATE_DEPLOYED_STARTED,
				  z->cordoned);
		mark_zhost(z);
	}
	emit_reply(c, input->request, err, NULL, NULL, NULL);
}
