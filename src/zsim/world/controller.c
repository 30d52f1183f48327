#include "zsim/world/controller.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/str.h"
#include "core/control/control_frames.h"
#include "zsim/world/driver.h"
#include "zsim/world/event.h"
#include "zsim/world/link.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/members.h"
#include "zsim/world/recorder.h"
#include "zsim/world/world.h"

/* ---- end ---- */

void answer_done(struct answer *a)
{
	free(a->message);
	free(a->topology);
	*a = (struct answer){0};
}

static void life_free(struct sim_life *life, size_t written)
{
	CLEANUP(freep)
	char *difference = sim_recording_end(life->recording, world_instant(life->world));
	if (difference != NULL)
		world_violate(life->world, REPLAY_DIFFERS, difference);
	control_loop_stop(life->commits);
	sim_store_crash(life->store, written);
	control_loop_free(life->commits);
	control_free(life->control);
	vector_for_each (&life->backlog, event) {
		life->world->foreground -= sim_event_is_foreground((*event)->type);
		sim_event_free(*event);
	}
	vector_done(&life->backlog);
	free(life);
}

void controller_free(struct world *w, size_t written)
{
	if (w->control == NULL)
		return;
	life_free(steal_ptr(&w->life), written);
	w->store = NULL;
	w->commits = NULL;
	w->control = NULL;
	w->zrms_dies = false;
	w->zrms_stalls_until_ms = 0;
	drivers_end_with_zrms(w);
	w->zrms_life++;
}

static void break_links(struct world *w, uint64_t life)
{
	for (size_t i = 0; i < w->links.count; i++)
		if (w->links.items[i].open && w->links.items[i].life == life)
			sim_link_break(w, i + 1, false, true);
}

static size_t draw_written(struct world *w, const struct store *store)
{
	size_t waiting = sim_store_waiting(store);
	return waiting > 0 && w->hooks.written_at_crash != NULL
		       ? w->hooks.written_at_crash(w->hooks.user, waiting)
		       : 0;
}

void controller_crash(struct world *w)
{
	if (w->control == NULL)
		return;
	uint64_t life = w->life->number;
	world_log(w, "zrms dies");
	controller_free(w, draw_written(w, w->store));
	break_links(w, life);
}

void controller_stall(struct world *w, int64_t duration_ms)
{
	world_log(w, "zrms stands still for %lld ms", (long long)duration_ms);
	w->zrms_stalls_until_ms = w->now_ms + duration_ms;
	/* What it has asked its store happens, and it learns of it later. */
	if (w->members.count > 0)
		sim_store_carry_out(w->store, draw_written(w, w->store));
}

void controller_cut(struct world *w, int64_t until_ms)
{
	sim_store_carry_out(w->store, draw_written(w, w->store));
	w->zrms_commit_ms = until_ms > w->zrms_commit_ms ? until_ms : w->zrms_commit_ms;
}

bool controller_stalls(const struct world *w)
{
	return w->control != NULL && w->now_ms < w->zrms_stalls_until_ms;
}

/* zrms dies inside of its own calls: frees what is left of it once they have returned. */
static void end_dead(struct world *w)
{
	if (w->zrms_dies)
		controller_crash(w);
}

static void on_step(void *user, enum commit_step step)
{
	const struct sim_life *life = user;
	struct world *w = life->world;
	if (life != w->life || w->hooks.crash_here == NULL ||
	    !w->hooks.crash_here(w->hooks.user, step))
		return;
	w->zrms_dies = true;
	control_loop_stop(w->commits);
}

static void on_stopped(void *user, enum commit_outcome outcome, const struct error *why)
{
	struct sim_life *life = user;
	struct world *w = life->world;
	if (outcome == COMMIT_LOST_LEADERSHIP && life->fence != 0 &&
	    w->hooks.write_refused != NULL)
		w->hooks.write_refused(w->hooks.user);
	world_log(w, "%s ends: %s", life == w->life ? "zrms" : "a former zrms", why->message);
	life->dies = true;
	if (life == w->life)
		w->zrms_dies = true;
}

/* ---- output of durable batches ---- */

static void on_record(void *user, const struct record_change *change)
{
	(void)user;
	(void)change;
}

static void on_event(void *user, const Samoza__V1__EventRecord *e)
{
	struct world *w = ((struct sim_life *)user)->world;
	world_log(w, "    %s %s: %s -> %s (%s)", e->kind, e->subject,
		  e->from != NULL ? e->from : "-", e->to != NULL ? e->to : "-", e->cause);
	if (strcmp(e->kind, "driver") == 0)
		vector_push(&w->driver_said, mem_strdup(e->cause));
	if (strcmp(e->kind, "zhost") != 0)
		return;
	vector_for_each (&w->machines, n)
		if (strcmp((*n)->name, e->subject) == 0)
			(*n)->removed = str_equal(e->to, "not-deployed");
}

/* Another machine that had joined under its name is given up. */
static void on_accepted(struct world *w, struct sim_link *link)
{
	const struct sim_machine *joined = w->machines.items[link->machine];
	link->is_member = true;
	link->answered_ms = w->now_ms;
	vector_for_each (&w->machines, n)
		if (str_equal((*n)->name, joined->name))
			(*n)->replaced = *n != joined;
}

/* Nobody may live on it: the zrms that leads counts the silence of this zhost. */
static void check_late_acknowledgement(const struct sim_life *life,
				       const struct link_message *m)
{
	struct world *w = life->world;
	const struct sim_machine *n = w->machines.items[w->links.items[m->link_id - 1].machine];
	uint64_t counter = ((const Samoza__V1__HeartbeatAck *)m->message)->counter;
	const struct sim_heartbeat *sent = &n->heartbeats[counter % HEARTBEATS_KEPT];
	if (sent->counter == counter && sent->link_id == m->link_id &&
	    sent->sent_ms > life->ended_ms)
		world_violate(
			w,
			"a zrms that leads no more acknowledged a heartbeat of %s that was "
			"sent after another one had begun to lead",
			n->name);
}

static void on_message(void *user, const struct link_message *m)
{
	const struct sim_life *life = user;
	struct world *w = life->world;
	struct control_input input;
	if (life != w->life && m->type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT_ACK &&
	    m->message != NULL)
		check_late_acknowledgement(life, m);
	if (m->message != NULL && m->type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK &&
	    ((const Samoza__V1__HelloAck *)m->message)->verdict ==
		    SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED)
		on_accepted(w, &w->links.items[m->link_id - 1]);
	if (m->message != NULL)
		sim_link_send(w, m->link_id, true, m->type, m->message);
	if (m->close)
		sim_link_close_after(w, m->link_id);
	if (control_frame_sent(m, &input))
		control_loop_input(life->commits, world_instant(w), &input);
}

/* To the process: it does nothing with it here. */
static void on_answer(void *user, const struct data_change *change, struct data_answer *answer)
{
	Samoza__V1__DataReply reply = SAMOZA__V1__DATA_REPLY__INIT;
	reply.request = change->request;
	reply.status = answer->status;
	reply.has_value = answer->value != NULL;
	reply.value = (ProtobufCBinaryData){answer->value_size, answer->value};
	sim_link_send(((struct sim_life *)user)->world, change->link_id, true,
		      SAMOZA__V1__FRAME_TYPE__FRAME_DATA_REPLY, &reply.base);
}

static void on_reply(void *user, const struct reply *r)
{
	struct world *w = ((struct sim_life *)user)->world;
	if (w->waiting == NULL || r->request != w->waiting_request)
		return;
	w->waiting->answered = true;
	w->waiting->code = r->code;
	w->waiting->message = mem_strdup(r->message);
	if (r->message == NULL && r->error != NULL)
		w->waiting->message = mem_strdup(r->error->message);
	w->waiting->topology = mem_strdup(r->topology);
	w->waiting = NULL;
}

static void on_call(void *user, const struct driver_call *call)
{
	driver_call_begins(((struct sim_life *)user)->world, call);
}

static const struct control_loop_listener listener = {
	.on_record = on_record,
	.on_event = on_event,
	.on_message = on_message,
	.on_answer = on_answer,
	.on_reply = on_reply,
	.on_call = on_call,
	.on_stopped = on_stopped,
	.on_step = on_step,
};

/* ---- the store ---- */

static void on_written(void *user, const struct outbox *outbox,
		       const struct data_answer *answers)
{
	const struct sim_life *life = user;
	struct world *w = life->world;
	if (life->ended_ms != NEVER_MS)
		world_violate(w, "a zrms that leads no more has written");
	vector_for_each (&w->members, m)
		watching_written(&(*m)->watching, w->disk.last_batch, outbox);
	if (w->hooks.committed != NULL)
		w->hooks.committed(w->hooks.user, outbox, answers);
}

static bool answers_at_once(const struct world *w)
{
	return w->hooks.commit_delay == NULL && w->zrms_disk_delay_ms == 0 &&
	       w->zrms_commit_ms <= w->now_ms;
}

static void on_asked(void *user)
{
	struct sim_life *life = user;
	struct world *w = life->world;
	int64_t *last_ms = life == w->life ? &w->zrms_commit_ms : &life->commit_ms;
	if (life == w->life && w->hooks.asked != NULL)
		w->hooks.asked(w->hooks.user);
	if (answers_at_once(w))
		return; /* at the end of the turn */
	int64_t at = w->now_ms + (w->hooks.commit_delay != NULL
					  ? w->hooks.commit_delay(w->hooks.user, NULL)
					  : w->zrms_disk_delay_ms);
	if (at < *last_ms)
		at = *last_ms; /* in order */
	*last_ms = at;
	struct sim_event *h = world_plan(w, at, SIM_EVENT_COMMITTED);
	h->machine = MACHINE_NONE;
	h->life = life->number;
}

static uint64_t on_fence(void *user)
{
	struct world *w = ((struct sim_life *)user)->world;
	w->seat.now_ms = w->now_ms;
	return sim_seat_fence(&w->seat);
}

static bool on_load(void *user)
{
	struct world *w = ((struct sim_life *)user)->world;
	w->load_fails = w->hooks.load_fails != NULL && w->hooks.load_fails(w->hooks.user, true);
	return w->load_fails;
}

static void answer_commit(struct world *w)
{
	bool is_written = true;
	enum commit_outcome outcome =
		w->hooks.commit_outcome != NULL
			? w->hooks.commit_outcome(w->hooks.user, NULL, &is_written)
			: COMMIT_DURABLE;
	if (sim_store_waiting(w->store) == 0)
		return;
	if (outcome == COMMIT_DURABLE && w->hooks.commit_is_unknown != NULL &&
	    sim_store_next_is_commit(w->store) &&
	    w->hooks.commit_is_unknown(w->hooks.user, &is_written))
		sim_store_settle(w->store, is_written);
	else
		sim_store_answer(w->store, outcome, is_written);
}

void controller_answer_commit(struct world *w)
{
	answer_commit(w);
	end_dead(w);
}

/* All at once. */
static void answer_commits(struct world *w)
{
	while (!w->zrms_dies && sim_store_waiting(w->store) > 0)
		answer_commit(w);
}

/* ---- life ---- */

static int load_record(void *user, enum record_kind kind, const char *id, const void *data,
		       size_t size, struct error **err)
{
	struct world *w = user;
	(void)id;
	return control_load(w->control, kind, data, size, err);
}

#define KEPT ".kept"

void controller_keep_store(struct world *w)
{
	sim_disk_keep_copy(&w->disk, KEPT);
}

bool controller_swap_store(struct world *w, bool is_restored)
{
	PRE(w->control == NULL);
	struct sim_disk *kept = sim_disk_find_copy(&w->disk, KEPT);
	if (kept == NULL)
		return false;
	struct sim_disk was = w->disk;
	w->disk = *kept;
	w->disk.copies.items = was.copies.items;
	w->disk.copies.count = was.copies.count;
	w->disk.copies.capacity = was.copies.capacity;
	w->disk.removals = was.removals + 1; /* the other need not have what this one had */
	was.copies.items = NULL;
	was.copies.count = was.copies.capacity = 0;
	*kept = was;
	w->store_is_older = is_restored;
	vector_for_each (&w->members, m)
		watching_begin(&(*m)->watching);
	return true;
}

void controller_start(struct world *w)
{
	controller_start_elected(w, 0, 0, NULL);
}

static int load_records(struct world *w, struct watching *copy, struct error **err)
{
	int r = 0;
	if (copy != NULL && watching_load(copy, w, load_record, w, &r, err)) {
		if (w->hooks.read_ahead != NULL)
			w->hooks.read_ahead(w->hooks.user);
		return r;
	}
	return w->store->ops->load(w->store, load_record, w, err);
}

void controller_start_elected(struct world *w, uint64_t term, uint64_t fence,
			      struct watching *copy)
{
	struct sim_life *life = mem_new(struct sim_life);
	const struct control_config config = {
		.heartbeat_ms = w->options.heartbeat_ms,
		.failure_timeout_ms = w->options.timeout_ms,
		.check_ms = w->options.check_ms,
		.margin_ms = w->options.margin_ms,
		.on_disconnect_ms = w->options.on_disconnect_ms,
		.drivers = w->options.has_drivers ? sim_drivers : NULL,
		.drain_units = w->options.drain_units,
		.says_answered = true,
	};
	const struct sim_store_hooks hooks = {
		.asked = on_asked,
		.written = on_written,
		.load_fails = on_load,
		.fence = on_fence,
		.user = life,
	};
	w->zrms_life++;
	w->zrms_commit_ms = w->now_ms;
	w->control = control_new(&config, w->cluster);
	w->store = sim_store_new(&w->disk, &hooks);
	w->store->limits = w->options.limits;
	w->commits = control_loop_new(w->control, w->store, &listener, life);
	*life = (struct sim_life){
		.world = w,
		.control = w->control,
		.commits = w->commits,
		.store = w->store,
		.number = w->zrms_life,
		.ended_ms = NEVER_MS,
		.term = term,
		.fence = fence,
		.recording = sim_recording_begin(w->recorder, w->control),
	};
	w->life = life;
	control_set_term(w->control, term);
	sim_store_fence(w->store, fence);
	CLEANUP(error_freep) struct error *err = NULL;
	int r = load_records(w, copy, &err);
	if (w->store_is_older)
		control_load_gap(w->control);
	w->store_is_older = false;
	if (r == 0)
		r = control_loop_start(w->commits, world_instant(w), &err);
	if (r < 0) {
		CLEANUP(freep) char *text = error_text(err);
		world_log(w, "zrms cannot start: %s", text);
		if (!w->load_fails)
			world_violate(w, "zrms cannot start from its own store: %s", text);
		controller_free(w, 0);
		return;
	}
	world_log(w, "zrms starts");
	(void)control_loop_turn(w->commits, world_instant(w));
	answer_commits(w); /* at once: what it shows after a start is on disk */
	end_dead(w);
	vector_for_each (&w->machines, n)
		if ((*n)->agent != NULL && (*n)->link_id == 0)
			sim_link_connect_later(w, *n, 0);
}

/* ---- inputs ---- */

void controller_turn(struct world *w)
{
	(void)control_loop_turn(w->commits, world_instant(w));
	if (answers_at_once(w))
		answer_commits(w);
	end_dead(w);
}

void controller_take(struct world *w, const struct control_input *input)
{
	PRE(!controller_stalls(w));
	control_loop_input(w->commits, world_instant(w), input);
	if (!w->zrms_dies && (w->hooks.batch_more == NULL ||
			      (input->request != 0 && !w->hooks.batch_more(w->hooks.user))))
		controller_turn(w);
	else
		end_dead(w);
}

/* ---- lives that led ---- */

void controller_depose(struct world *w)
{
	if (w->life == NULL)
		return;
	struct sim_life *life = steal_ptr(&w->life);
	world_log(w, "the zrms that leads is deposed, and does not know");
	life->commit_ms = w->zrms_commit_ms;
	life->stalls_until_ms = w->zrms_stalls_until_ms;
	life->ended_ms = w->now_ms;
	life->dies |= w->zrms_dies;
	vector_for_each (&w->zrms_backlog, event)
		vector_push(&life->backlog, *event);
	vector_clear(&w->zrms_backlog);
	vector_push(&w->formers, life);
	w->control = NULL;
	w->commits = NULL;
	w->store = NULL;
	w->zrms_dies = false;
	w->zrms_stalls_until_ms = 0;
	w->zrms_life++;
}

struct sim_life *former_find(const struct world *w, uint64_t number)
{
	vector_for_each (&w->formers, life)
		if ((*life)->number == number)
			return *life;
	return NULL;
}

bool former_stalls(const struct world *w, const struct sim_life *life)
{
	return w->now_ms < life->stalls_until_ms;
}

void former_end(struct sim_life *life)
{
	struct world *w = life->world;
	uint64_t number = life->number;
	world_log(w, "a former zrms dies");
	for (size_t i = 0; i < w->formers.count; i++)
		if (w->formers.items[i] == life)
			vector_remove_at(&w->formers, i);
	life_free(life, 0);
	break_links(w, number);
}

static void end_dead_former(struct sim_life *life)
{
	if (life->dies)
		former_end(life);
}

void former_take(struct sim_life *life, const struct control_input *input)
{
	control_loop_input(life->commits, world_instant(life->world), input);
	end_dead_former(life);
}

void former_answer_commit(struct sim_life *life)
{
	if (sim_store_waiting(life->store) > 0)
		sim_store_answer(life->store, COMMIT_DURABLE, true);
	end_dead_former(life);
}

bool former_step(struct sim_life *life)
{
	struct world *w = life->world;
	if (former_stalls(w, life) || life->backlog.count > 0)
		return false;
	if (control_loop_is_due(life->commits)) {
		(void)control_loop_turn(life->commits, world_instant(w));
		end_dead_former(life);
		return true;
	}
	if (control_next_ms(life->control) > w->now_ms)
		return false;
	former_take(life, &(struct control_input){.type = CONTROL_TICK});
	return true;
}

int64_t former_next_ms(const struct world *w, const struct sim_life *life)
{
	return former_stalls(w, life) ? life->stalls_until_ms : control_next_ms(life->control);
}
