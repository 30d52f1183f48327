#include "zsim/fuzz/check/check_messages.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "model/space_kind.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"
#include "zsim/fuzz/life/reach.h"
#include "zsim/fuzz/life/said.h"
#include "zsim/world/machine_state.h"
#include "zsim/world/process.h"
#include "zsim/world/world.h"

#define ANSWERS_DUE_MAX 32

enum message_state {
	MESSAGE_NEW,
	MESSAGE_REFUSED,   /* its sender was told */
	MESSAGE_UNDER_WAY, /* it left its zhost */
	MESSAGE_ARRIVED,
	MESSAGE_NOT_TAKEN, /* its receiver had no room */
	MESSAGE_DROPPED,
};

struct message {
	enum message_state state;
	char *sender;	  /* copy */
	uint64_t life;	  /* of its process */
	unsigned machine; /* index */
	char *application, *path, *from;
	char *space;	      /* of `from`; NULL: not known any longer */
	uint64_t question;    /* that it answers; 0: it is for any slot at the other end */
	const char *asked_by; /* the copy that it is due to; borrowed; NULL: none */
	uint64_t asked_life;  /* of that copy's process */
	int64_t sent_ms;
	bool is_undeclared, is_peaceful;
};

/* What is known of a copy, by its id. */
struct heard_copy {
	char *id;
	bool was_apart;	     /* when it ends, nobody waits until it has its answers */
	bool has_served;     /* or got a share, as a canary */
	int64_t replaced_ms; /* when another one last took over from it; 0: none has */
	bool is_lost;	     /* its zhost was silent for too long */
	uint64_t unlinked;   /* bit N: machine N had no link when zrms withdrew the copy */
	int64_t stop_ms; /* since its last start: when it was asked to stop; 0: it was not */
	UT_hash_handle hh;
};

/* From one copy to another: "SENDER > RECEIVER". And who last asked a copy: "RECEIVER < SLOT". */
struct pair {
	char *key;
	uint64_t last; /* the number of the last message that arrived */
	const char *by;
	uint64_t by_life; /* of its process */
	UT_hash_handle hh;
};

struct messages {
	VECTOR(struct message) sent; /* by number - 1 */
	VECTOR(struct answer_due) due;
	struct heard_copy *copies;
	struct pair *pairs;
	struct said *said;
	bool is_peace;
};

/* ---- life ---- */

void check_messages_begin(struct fuzz *f)
{
	if (draws_have(f, DRAW_MESSAGES))
		f->messages = mem_new(struct messages);
}

static void answer_due_done(struct answer_due *due)
{
	free(due->path);
	free(due->sender);
}

void check_messages_done(struct fuzz *f)
{
	struct messages *all = f->messages;
	if (all == NULL)
		return;
	struct heard_copy *copy = NULL, *next_copy = NULL;
	struct pair *pair = NULL, *next_pair = NULL;
	HASH_ITER (hh, all->pairs, pair, next_pair) {
		HASH_DEL(all->pairs, pair);
		free(pair->key);
		free(pair);
	}
	HASH_ITER (hh, all->copies, copy, next_copy) {
		HASH_DEL(all->copies, copy);
		free(copy->id);
		free(copy);
	}
	said_done(&all->said);
	vector_for_each (&all->sent, m) {
		free(m->sender);
		free(m->application);
		free(m->path);
		free(m->from);
		free(m->space);
	}
	vector_done(&all->sent);
	vector_for_each (&all->due, due)
		answer_due_done(due);
	vector_done(&all->due);
	free(steal_ptr(&f->messages));
}

static struct heard_copy *copy_of(struct messages *all, const char *id)
{
	struct heard_copy *copy = NULL;
	HASH_FIND_STR(all->copies, id, copy);
	if (copy != NULL)
		return copy;
	copy = mem_new(struct heard_copy);
	copy->id = mem_strdup(id);
	HASH_ADD_KEYPTR(hh, all->copies, copy->id, strlen(copy->id), copy);
	return copy;
}

static struct heard_copy *copy_of_epoch(struct messages *all, const char *application,
					const char *path, uint64_t epoch)
{
	CLEANUP(freep) char *id = str_printf("%s/%s#%" PRIu64, application, path, epoch);
	return copy_of(all, id);
}

/* NULL where there is none. */
static struct pair *pair_find(const struct messages *all, const char *one, const char *sign,
			      const char *other)
{
	CLEANUP(freep) char *key = str_printf("%s %s %s", one, sign, other);
	struct pair *pair = NULL;
	HASH_FIND_STR(all->pairs, key, pair);
	return pair;
}

static struct pair *pair_of(struct messages *all, const char *one, const char *sign,
			    const char *other)
{
	struct pair *pair = pair_find(all, one, sign, other);
	if (pair != NULL)
		return pair;
	pair = mem_new(struct pair);
	pair->key = str_printf("%s %s %s", one, sign, other);
	HASH_ADD_KEYPTR(hh, all->pairs, pair->key, strlen(pair->key), pair);
	return pair;
}

/* ---- what zrms says ---- */

void check_messages_slot(struct fuzz *f, const Samoza__V1__SlotRecord *r)
{
	if (f->messages == NULL || !r->has_serving)
		return;
	const struct mirrored *m = mirror_find(f, r->application, r->path);
	copy_of_epoch(f->messages, r->application, r->path, r->serving)->has_served = true;
	if (m != NULL && m->served != 0 && m->served != r->serving)
		copy_of_epoch(f->messages, r->application, r->path, m->served)->replaced_ms =
			f->world.now_ms;
}

void check_messages_copy(struct fuzz *f, const Samoza__V1__CopyRecord *r,
			 Samoza__V1__Target asked)
{
	if (f->messages == NULL)
		return;
	struct heard_copy *copy = copy_of_epoch(f->messages, r->application, r->path, r->epoch);
	copy->is_lost = r->lost;
	if (asked != SAMOZA__V1__TARGET__TARGET_STARTED || r->target >= asked)
		return;
	copy->unlinked = 0;
	vector_for_each (&f->world.machines, n)
		if (reach_unlinked_in_commit(f, *n))
			copy->unlinked |= UINT64_C(1) << (*n)->index % 64;
}

void check_messages_frame(struct fuzz *f, const struct sim_machine *n, bool to_agent,
			  Samoza__V1__FrameType type, const ProtobufCMessage *message)
{
	if (f->messages == NULL || !to_agent)
		return;
	said_take(&f->messages->said, n, type, message);
	const Samoza__V1__MeshTable *table = (const Samoza__V1__MeshTable *)message;
	bool is_table = type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE && !table->gone;
	for (size_t k = 0; is_table && k < table->n_peers; k++) {
		const Samoza__V1__MeshPeer *peer = table->peers[k];
		if (peer->zhost == NULL || (!peer->sharing && !peer->apart))
			continue;
		struct heard_copy *copy =
			copy_of_epoch(f->messages, table->topology, peer->path, peer->epoch);
		copy->has_served = true;
		copy->was_apart = copy->was_apart || peer->apart;
	}
}

void check_messages_action(struct fuzz *f, const struct sim_machine *n,
			   const struct agent_order *order)
{
	if (f->messages == NULL || (order->kind != ACTION_STOP && order->kind != ACTION_START))
		return;
	CLEANUP(freep) char *id = agent_copy_id(order->key);
	struct heard_copy *copy = copy_of(f->messages, id);
	const struct sim_process *p = process_find(n, id);
	if (order->kind == ACTION_START)
		copy->stop_ms = 0;
	else if (p != NULL && p->started)
		copy->stop_ms = f->world.now_ms + 1;
}

/* ---- what is sent ---- */

static const struct topology *content_of(const struct fuzz *f, const char *application,
					 const char *path, uint64_t epoch)
{
	const struct submitted *s = fuzz_submitted(f, application);
	const struct mirrored_copy *c = mirror_copy(f, application, path, epoch);
	if (s == NULL || c == NULL || c->record == NULL)
		return NULL;
	return fuzz_revision(s, c->record->revision);
}

/* The space at the other end of a path of that instance; NULL: there is no such path, or what it is a copy of is
 * not known any longer. */
static const struct space *other_end(const struct topology *t, const char *instance,
				     const char *path)
{
	unsigned other = 0;
	int index = t != NULL ? names_find(t, instance) : -1;
	if (index < 0 || topology_find_path(t, t->instances[index].space, path, &other) < 0)
		return NULL;
	return &t->spaces[other];
}

uint64_t check_messages_number(struct fuzz *f, const struct sim_machine *n,
			       const struct sim_process *p, const char *path, uint64_t question)
{
	struct messages *all = f->messages;
	const struct topology *t = content_of(f, p->topology, p->path, p->epoch);
	int index = t != NULL ? names_find(t, p->path) : -1;
	struct message *m = vector_add(&all->sent);
	*m = (struct message){
		.sender = mem_strdup(p->id),
		.life = p->life,
		.machine = n->index,
		.application = mem_strdup(p->topology),
		.path = mem_strdup(path),
		.from = mem_strdup(p->path),
		.space = index >= 0 ? mem_strdup(instance_space(t, (unsigned)index)->name)
				    : NULL,
		.question = question,
		.sent_ms = f->world.now_ms,
		.is_undeclared = t != NULL && other_end(t, p->path, path) == NULL,
		.is_peaceful = all->is_peace && mirror_machine(f, n->name) == n,
	};
	if (question == 0)
		return all->sent.count;
	const struct message *asked = &all->sent.items[question - 1];
	CLEANUP(freep) char *slot = str_printf("%s/%s", asked->application, asked->from);
	const struct pair *last = pair_find(all, p->id, "<", slot);
	m->asked_by = last != NULL ? last->by : NULL;
	m->asked_life = last != NULL ? last->by_life : 0;
	return all->sent.count;
}

static bool is_reached(struct fuzz *f, const char *application, const char *path)
{
	const struct mirrored *m = mirror_find(f, application, path);
	const Samoza__V1__CopyRecord *serving = m != NULL ? mirror_serving(f, m) : NULL;
	return serving != NULL && str_equal(m->state, "deployed-started") &&
	       m->since_ms < f->world.now_ms &&
	       serving->target == SAMOZA__V1__TARGET__TARGET_STARTED &&
	       copy_of_epoch(f->messages, application, path, serving->epoch)->stop_ms == 0;
}

/* In peace each zhost knows what is served. */
static void check_unreachable(struct fuzz *f, const struct sim_process *p,
			      const struct message *m)
{
	const struct topology *t = content_of(f, p->topology, p->path, p->epoch);
	const struct space *to = other_end(t, p->path, m->path);
	if (!m->is_peaceful || m->question != 0 || to == NULL || p->peer == NULL ||
	    !space_kind_of_type(to->type)->has_process ||
	    !space_kind_of_type(to->type)->is_in_mesh)
		return;
	for (unsigned k = 0; k < to->instance_count; k++) {
		const char *path = t->instances[to->instances[k]].path;
		if (!str_equal(path, p->path) && is_reached(f, p->topology, path))
			world_violate(
				&f->world, "message %zu of %s finds nobody, and %s is served",
				(size_t)(m - f->messages->sent.items) + 1, m->sender, path);
	}
}

void check_messages_emitted(struct fuzz *f, const struct sim_machine *n,
			    const struct sim_process *p, uint64_t number, int result)
{
	struct message *m = &f->messages->sent.items[number - 1];
	(void)n;
	world_log(&f->world, "  message %" PRIu64 " of %s on %s: %s", number, m->sender,
		  n->name, result == 0 ? "accepted" : strerror(-result));
	bool is_accepted = m->state == MESSAGE_UNDER_WAY || m->state == MESSAGE_ARRIVED;
	if (is_accepted != (result == 0))
		world_violate(&f->world,
			      "message %" PRIu64 " of %s %s, and its sender is told %s", number,
			      m->sender, is_accepted ? "is on its way" : "went nowhere",
			      result == 0 ? "nothing" : strerror(-result));
	if (m->is_undeclared && m->question == 0 && p->peer != NULL && result != -ENOENT)
		world_violate(&f->world,
			      "%s has no path %s, and what it sends there is answered with %d",
			      m->sender, m->path, result);
	if (result < 0)
		m->state = MESSAGE_REFUSED;
	if (result == -EHOSTUNREACH)
		check_unreachable(f, p, m);
}

/* ---- what arrives ---- */

static struct message *message_of(struct fuzz *f, const char *payload, size_t size,
				  uint64_t *ret_number)
{
	CLEANUP(freep) char *text = mem_strndup(payload, size);
	if (str_to_u64(text, ret_number) == 0 && *ret_number > 0 &&
	    *ret_number <= f->messages->sent.count)
		return &f->messages->sent.items[*ret_number - 1];
	world_violate(&f->world, "a message that nobody has sent arrives: %s", text);
	return NULL;
}

/* Whether the zhost has heard of one that serves, and does not know better: its own one has no process any longer. */
static bool is_said(const struct sim_machine *n, const struct message *m, const char *to,
		    const struct said *said)
{
	if (said == NULL || said->serves == 0)
		return false;
	CLEANUP(freep)
	char *id = str_printf("%s/%s#%" PRIu64, m->application, to, said->serves);
	return !said->is_here || process_find(n, id) != NULL;
}

/* [change.rollout.blue-green] The sender is apart, so the receiver is, too, where one of its space can be reached. */
static bool is_route_apart(struct fuzz *f, const struct sim_machine *n, const struct message *m,
			   const char *to, uint64_t epoch, bool *ret_right)
{
	const struct said *from = said_find(&f->messages->said, n, m->application, m->from);
	const struct said *said = said_find(&f->messages->said, n, m->application, to);
	CLEANUP(freep)
	char *sender = str_printf("%s/%s#%" PRIu64, m->application, m->from,
				  from != NULL ? from->apart : 0);
	const struct space *end = other_end(
		content_of(f, m->application, m->from, from != NULL ? from->apart : 0), m->from,
		m->path);
	/* What goes to pages is for all of them. */
	if (from == NULL || from->apart == 0 || !str_equal(sender, m->sender) ||
	    (end != NULL && space_kind_of_type(end->type)->has_pages))
		return false;
	bool reachable = said != NULL && said->apart != 0 && !said->apart_here;
	*ret_right =
		said != NULL && (said->apart == epoch || (said->serves == epoch && !reachable));
	return true;
}

/* Of each slot zrms says which copy serves; who has not heard of the slot knows only what runs beside. */
static void check_route(struct fuzz *f, const struct sim_machine *n, const struct message *m,
			const char *to, uint64_t epoch, bool is_here)
{
	const struct said *said = said_find(&f->messages->said, n, m->application, to);
	bool is_right = false;
	if (m->question == 0 && is_route_apart(f, n, m, to, epoch, &is_right)) {
		if (!is_right && !is_here)
			world_violate(&f->world,
				      "%s sends a message of %s, which is apart, to %s under "
				      "epoch %" PRIu64,
				      n->name, m->sender, to, epoch);
		return;
	}
	if (m->question != 0 || (is_here && !is_said(n, m, to, said)))
		return;
	if (said == NULL || (said->serves != epoch && said->shares != epoch))
		world_violate(&f->world,
			      "%s sends a message of %s to %s under epoch %" PRIu64
			      "; zrms said last that %" PRIu64 " serves",
			      n->name, m->sender, to, epoch, said != NULL ? said->serves : 0);
}

void check_messages_leaves(void *user, const struct sim_machine *n,
			   const Samoza__V1__MeshMessage *message)
{
	struct fuzz *f = user;
	uint64_t number = 0;
	struct message *m = message_of(f, (const char *)message->payload.data,
				       message->payload.len, &number);
	if (m == NULL)
		return;
	if (m->state != MESSAGE_NEW)
		world_violate(&f->world, "message %" PRIu64 " of %s is sent twice", number,
			      m->sender);
	m->state = MESSAGE_UNDER_WAY;
	check_route(f, n, m, message->to, message->to_epoch, false);
}

/* Either end may have another revision than the other: the receiver need not know the instance, but its space. */
static void check_declared(struct fuzz *f, const struct message *m, const struct sim_process *p,
			   const char *path)
{
	const struct topology *t = content_of(f, p->topology, p->path, p->epoch);
	const struct space *other = other_end(t, p->path, path);
	if (t == NULL || m->space == NULL)
		return; /* a record is gone, and its copy still ends */
	if (!str_equal(path, m->path) || !str_equal(p->topology, m->application) ||
	    other == NULL || !str_equal(other->name, m->space))
		world_violate(&f->world, "%s gets a message of %s, and no path %s leads there",
			      p->id, m->sender, path);
}

static void check_role(struct fuzz *f, const struct message *m, const struct sim_process *p)
{
	const struct heard_copy *copy = copy_of(f->messages, p->id);
	bool has_asked = pair_find(f->messages, p->id, ">", m->sender) != NULL;
	if (!copy->has_served && (m->question == 0 || !has_asked))
		world_violate(&f->world, "%s gets a message of %s, and has never served", p->id,
			      m->sender);
}

static const struct sim_process *process_of(const struct fuzz *f, const char *id)
{
	vector_for_each (&f->world.machines, n) {
		const struct sim_process *p = process_find(*n, id);
		if (p != NULL)
			return p;
	}
	return NULL;
}

/* An older program hears of copies that serve only (check_mesh.c): it cannot send to another one. */
static bool knows_copies(const struct fuzz *f, const struct message *m)
{
	return f->world.machines.items[m->machine]->protocol >= 4;
}

/* [change.handover.start-first]: the incumbent still gets the answers to what it asked. */
static void check_answer(struct fuzz *f, const struct message *m, const struct sim_process *p)
{
	const struct heard_copy *asked =
		m->asked_by != NULL ? copy_of(f->messages, m->asked_by) : NULL;
	const struct sim_process *due = asked != NULL ? process_of(f, asked->id) : NULL;
	if (m->question == 0 || !m->is_peaceful || !knows_copies(f, m) || due == NULL ||
	    due == p || due->life != m->asked_life || !due->started ||
	    asked->replaced_ms == 0 || asked->was_apart || asked->stop_ms != 0)
		return;
	world_violate(&f->world, "%s gets the answer of %s to what %s has asked", p->id,
		      m->sender, asked->id);
}

/* What `p` got may be answered. */
static void keep_question(struct fuzz *f, const struct message *m, uint64_t number,
			  const struct sim_process *p)
{
	struct messages *all = f->messages;
	CLEANUP(freep) char *slot = str_printf("%s/%s", m->application, m->from);
	struct pair *asked = pair_of(all, p->id, "<", slot);
	asked->by = copy_of(all, m->sender)->id;
	asked->by_life = m->life;
	if (all->due.count == ANSWERS_DUE_MAX) {
		answer_due_done(&all->due.items[0]);
		vector_remove_at(&all->due, 0);
	}
	vector_push(&all->due, ((struct answer_due){.life = p->life,
						    .question = number,
						    .path = mem_strdup(m->path),
						    .sender = mem_strdup(m->from)}));
}

const struct answer_due *check_messages_answer_due(struct fuzz *f, struct random *r)
{
	uint32_t count = (uint32_t)f->messages->due.count;
	return count > 0 ? &f->messages->due.items[random_below(r, count)] : NULL;
}

int check_messages_arrives(void *user, const struct sim_process *p, const char *path,
			   const char *sender, const char *payload, size_t size)
{
	struct fuzz *f = user;
	uint64_t number = 0;
	struct message *m = message_of(f, payload, size, &number);
	if (m == NULL)
		return 0;
	if (m->state != MESSAGE_NEW && m->state != MESSAGE_UNDER_WAY)
		world_violate(&f->world, "message %" PRIu64 " of %s %s, and arrives at %s",
			      number, m->sender,
			      m->state == MESSAGE_REFUSED   ? "was refused"
			      : m->state == MESSAGE_ARRIVED ? "has arrived before"
							    : "was lost",
			      p->id);
	if (draws_percent(f, DRAW_MESSAGES, 2)) {
		m->state = MESSAGE_NOT_TAKEN;
		return -EAGAIN;
	}
	if (!str_equal(sender, m->from))
		world_violate(&f->world, "message %" PRIu64 " of %s is said to be of %s",
			      number, m->sender, sender);
	if (m->state == MESSAGE_NEW)
		check_route(f, p->machine, m, p->path, p->epoch, true);
	m->state = MESSAGE_ARRIVED;
	check_declared(f, m, p, path);
	check_role(f, m, p);
	check_answer(f, m, p);
	struct pair *pair = pair_of(f->messages, m->sender, ">", p->id);
	if (number < pair->last)
		world_violate(&f->world,
			      "message %" PRIu64 " of %s arrives at %s after %" PRIu64, number,
			      m->sender, p->id, pair->last);
	pair->last = number;
	keep_question(f, m, number, p);
	draws_happened(f, DRAW_MESSAGES);
	return 0;
}

/* ---- what is lost ---- */

/* The slot was served all the time; the copy that the message was for was asked to stop after another one had
 * taken over. That is no handover where its zhost was lost. A zhost that says nothing is waited for until the
 * failure timeout, one without a link is not, and an older one not as long. */
static bool is_lost_in_switch(struct fuzz *f, const struct message *m,
			      const Samoza__V1__MeshMessage *message)
{
	const struct mirrored *slot = mirror_find(f, message->topology, message->to);
	const Samoza__V1__CopyRecord *serving = slot != NULL ? mirror_serving(f, slot) : NULL;
	const struct heard_copy *copy =
		copy_of_epoch(f->messages, message->topology, message->to, message->to_epoch);
	return serving != NULL && serving->epoch != message->to_epoch &&
	       serving->target == SAMOZA__V1__TARGET__TARGET_STARTED &&
	       str_equal(slot->state, "deployed-started") && slot->since_ms < m->sent_ms &&
	       !draws_have(f, DRAW_PROTOCOLS) && !copy->is_lost &&
	       (copy->unlinked >> m->machine % 64 & 1) == 0 && copy->stop_ms != 0 &&
	       copy->replaced_ms != 0 &&
	       f->world.now_ms - copy->replaced_ms < f->world.options.timeout_ms;
}

void check_messages_dropped(void *user, const struct sim_machine *n,
			    const Samoza__V1__MeshMessage *message)
{
	struct fuzz *f = user;
	uint64_t number = 0;
	struct message *m = message_of(f, (const char *)message->payload.data,
				       message->payload.len, &number);
	if (m == NULL || m->state != MESSAGE_UNDER_WAY)
		return;
	world_log(&f->world, "message %" PRIu64 " for %s under epoch %" PRIu64 " is lost on %s",
		  number, message->to, message->to_epoch, n->name);
	m->state = MESSAGE_DROPPED;
	if (m->question == 0 && is_lost_in_switch(f, m, message))
		world_violate(&f->world,
			      "message %" PRIu64 " of %s is lost while %s is handed over",
			      number, m->sender, message->to);
}

void check_messages_idle(struct fuzz *f)
{
	if (f->messages == NULL)
		return;
	vector_for_each (&f->messages->sent, m)
		if (m->is_peaceful && m->state == MESSAGE_UNDER_WAY)
			world_violate(&f->world, "message %zu of %s vanishes without a fault",
				      (size_t)(m - f->messages->sent.items) + 1, m->sender);
	f->messages->is_peace = true;
}
