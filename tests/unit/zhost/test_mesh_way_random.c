/* Two ways between two zhosts, at random: whatever is cut, restarted or slow, a message arrives at most once,
 * in order, and is lost only where something broke under it. When all is well again it goes directly again.
 *
 *     test_zhost_mesh_way_random [FIRST LAST]      these seeds only
 */
#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/random.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/instant.h"
#include "zhost/mesh/mesh_way.h"

enum { STEPS = 400, HUB_ROOM = 12, LINK_ROOM = 12 };

/* One that is under way. */
struct item {
	uint64_t run, generation, number; /* number 0: a mark */
	bool is_mark;
};
typedef VECTOR(struct item) items;

/* What is under way on one link; the newest is the one that stands, unless it is cut. */
struct link {
	items there;
	items back; /* marks that have come */
};

struct sent {
	bool is_refused, is_taken;
	bool is_excused; /* something broke under it */
};

struct counts {
	uint64_t taken, lost, late, moved, fell, unmarked, refused, full, left;
};

struct life {
	uint64_t seed;
	struct random random;
	int64_t now_ms;
	unsigned trouble_percent; /* of the steps */
	/* the sender */
	struct mesh_sender sender;
	struct mesh_way way;
	/* through zrms: two legs */
	bool near_is_up, far_is_up;
	items near, far;
	/* the direct links; those before the last one have broken */
	bool has_link, is_cut, leaves;
	VECTOR(struct link) links;
	/* the receiver */
	struct mesh_arrivals arrivals;
	uint64_t last;
	VECTOR(struct sent) sent;
	struct counts *counts;
	bool has_failed;
};

#define CHECK(life, what, ...)                                               \
	do {                                                                 \
		if (!(what) && !(life)->has_failed) {                        \
			(life)->has_failed = true;                           \
			fprintf(stderr, "seed %" PRIu64 ": ", (life)->seed); \
			fprintf(stderr, __VA_ARGS__);                        \
			fprintf(stderr, "\n");                               \
		}                                                            \
	} while (0)

/* ---- the ways ---- */

static struct item item_of(const Samoza__V1__MeshMessage *message)
{
	struct item item = {.run = message->run,
			    .generation = message->generation,
			    .is_mark = message->mark};
	if (!item.is_mark)
		item.number = strtoull(message->from, NULL, 10);
	return item;
}

static int by_hub(void *user, const Samoza__V1__MeshMessage *message)
{
	struct life *l = user;
	if (!l->near_is_up)
		return -EHOSTUNREACH;
	if (l->near.count >= HUB_ROOM)
		return -EAGAIN;
	vector_push(&l->near, item_of(message));
	return 0;
}

static struct link *newest(struct life *l)
{
	return &l->links.items[l->links.count - 1];
}

static int direct(void *user, const Samoza__V1__MeshMessage *message)
{
	struct life *l = user;
	CHECK(l, l->has_link, "a message is sent on a link that does not stand");
	CHECK(l, !l->leaves, "a message is sent on a link that was left");
	if (!l->has_link || newest(l)->there.count >= LINK_ROOM)
		return -EAGAIN;
	vector_push(&newest(l)->there, item_of(message));
	return 0;
}

static const struct mesh_way_ports ports = {.hub = by_hub, .direct = direct};

/* ---- the receiver ---- */

static void take(struct life *l, const struct item *item, bool is_direct)
{
	Samoza__V1__MeshMessage message = SAMOZA__V1__MESH_MESSAGE__INIT;
	message.has_run = message.has_generation = true;
	message.run = item->run;
	message.generation = item->generation;
	bool is_good = mesh_arrivals_take(&l->arrivals, &message);
	if (item->is_mark) {
		if (is_good && l->has_link && !is_direct)
			vector_push(&newest(l)->back, *item);
		return;
	}
	struct sent *s = &l->sent.items[item->number - 1];
	l->counts->late += !is_good;
	if (!is_good)
		return;
	CHECK(l, !s->is_taken, "message %" PRIu64 " is taken twice", item->number);
	CHECK(l, !s->is_refused, "message %" PRIu64 " was refused, and is taken", item->number);
	CHECK(l, item->number > l->last, "message %" PRIu64 " is taken after %" PRIu64,
	      item->number, l->last);
	l->last = item->number;
	s->is_taken = true;
	l->counts->taken++;
}

/* ---- what happens ---- */

static void send_some(struct life *l)
{
	for (unsigned n = 1 + random_below(&l->random, 4); n > 0; n--) {
		vector_push(&l->sent, ((struct sent){0}));
		char number[24];
		(void)snprintf(number, sizeof(number), "%zu", l->sent.count);
		Samoza__V1__MeshMessage message = SAMOZA__V1__MESH_MESSAGE__INIT;
		message.topology = message.path_name = message.to = message.to_zhost =
			(char *)(uintptr_t) "x";
		message.from = number;
		int r = mesh_way_send(&l->way, l->now_ms, &message);
		CHECK(l, r == 0 || r == -EAGAIN || r == -EHOSTUNREACH, "send returns %d", r);
		CHECK(l, r != -EHOSTUNREACH || (!l->near_is_up && !l->has_link),
		      "message %zu is refused, and a way stands", l->sent.count);
		l->sent.items[l->sent.count - 1].is_refused = r < 0;
		l->counts->refused += r < 0;
		l->counts->full += r == -EAGAIN;
	}
}

static void excuse(struct life *l, const items *list)
{
	vector_for_each (list, item)
		if (item->number > 0)
			l->sent.items[item->number - 1].is_excused = true;
}

/* What was accepted and has not come. */
static void excuse_all(struct life *l)
{
	vector_for_each (&l->sent, s)
		s->is_excused |= !s->is_taken;
}

static bool is_in(const items *list, uint64_t number)
{
	vector_for_each (list, item)
		if (item->number == number)
			return true;
	return false;
}

/* What was kept when both ways had failed: it is nowhere. */
static void excuse_kept(struct life *l)
{
	for (size_t i = 0; i < l->sent.count; i++)
		l->sent.items[i].is_excused |=
			!l->sent.items[i].is_taken && !is_in(&l->near, i + 1) &&
			!is_in(&l->far, i + 1) &&
			(l->links.count == 0 || !is_in(&newest(l)->there, i + 1));
}

/* One message goes one hop. */
static void near_step(struct life *l)
{
	if (l->near.count == 0)
		return;
	struct item item = l->near.items[0];
	vector_remove_at(&l->near, 0);
	if (l->far_is_up)
		vector_push(&l->far, item);
	else if (item.number > 0)
		l->sent.items[item.number - 1].is_excused = true;
}

static void far_step(struct life *l)
{
	if (l->far.count == 0)
		return;
	struct item item = l->far.items[0];
	vector_remove_at(&l->far, 0);
	take(l, &item, false);
}

static void link_step(struct life *l, size_t at)
{
	struct link *link = &l->links.items[at];
	if (link->there.count == 0)
		return;
	struct item item = link->there.items[0];
	vector_remove_at(&link->there, 0);
	take(l, &item, true);
}

static void back_step(struct life *l)
{
	if (!l->has_link || newest(l)->back.count == 0)
		return;
	struct item mark = newest(l)->back.items[0];
	vector_remove_at(&newest(l)->back, 0);
	mesh_way_marked(&l->way, l->now_ms, mark.run, mark.generation);
}

static void connect(struct life *l)
{
	if (l->has_link || l->is_cut)
		return;
	vector_push(&l->links, ((struct link){0}));
	l->has_link = true;
	mesh_arrivals_begin(&l->arrivals, l->sender.run);
	mesh_way_link(&l->way, l->now_ms, true);
}

/* The receiver may still read what is there: nobody knows, so all of it is excused. */
static void disconnect(struct life *l)
{
	if (!l->has_link)
		return;
	l->has_link = l->leaves = false;
	struct link *link = newest(l);
	excuse(l, &link->there);
	if (random_percent(&l->random, 50))
		vector_clear(&link->there);
	mesh_way_link(&l->way, l->now_ms, false);
}

/* The other end has taken all that is on the link: it is closed, and nothing is excused. Maybe another one stands. */
static void left(struct life *l)
{
	if (!l->leaves || newest(l)->there.count > 0)
		return;
	l->has_link = l->leaves = false;
	l->counts->left++;
	if (!l->is_cut && random_percent(&l->random, 30))
		connect(l);
	else
		mesh_way_link(&l->way, l->now_ms, false);
}

/* It is to be closed; as long as the hub is there. */
static void leave(struct life *l)
{
	if (!l->has_link || l->leaves || !l->near_is_up || l->near.count >= HUB_ROOM)
		return;
	l->leaves = true;
	mesh_way_leave(&l->way, l->now_ms);
	left(l); /* where nothing is on it */
}

/* zrms may still read what the sender has written. */
static void cut_near(struct life *l, bool is_up)
{
	l->near_is_up = is_up;
	if (is_up)
		return;
	excuse(l, &l->near);
	if (random_percent(&l->random, 50))
		vector_clear(&l->near);
}

static void cut_far(struct life *l, bool is_up)
{
	l->far_is_up = is_up;
	if (is_up)
		return;
	excuse(l, &l->far);
	vector_clear(&l->far);
}

static void way_begin(struct life *l, uint64_t number)
{
	l->sender = (struct mesh_sender){.run = mesh_run("identity", number)};
	mesh_way_init(&l->way, &l->sender, "alpha", "beta", &ports, l);
}

/* The next run of the sender's zhost; what it has kept is gone, what is in the hub comes. */
static void restart_sender(struct life *l)
{
	if (l->has_link)
		disconnect(l);
	excuse_kept(l);
	l->counts->moved += l->way.counters.moved;
	l->counts->fell += l->way.counters.fell;
	l->counts->unmarked += l->way.counters.unmarked;
	mesh_way_done(&l->way);
	way_begin(l, (l->sender.run & 0xffff) + 1);
}

/* The receiver's zhost forgets everything, and the spaces there are others. What it had not read is gone; what is
 * still in the hub comes. */
static void restart_receiver(struct life *l)
{
	disconnect(l);
	excuse_all(l);
	cut_far(l, false);
	vector_for_each (&l->links, link)
		vector_clear(&link->there);
	l->arrivals = (struct mesh_arrivals){0};
	l->last = 0;
}

static void pass_time(struct life *l, int64_t ms)
{
	l->now_ms += ms;
	uint64_t before = l->way.counters.unmarked;
	if (mesh_way_due(&l->way) <= l->now_ms)
		mesh_way_tick(&l->way, l->now_ms);
	/* The hub is too slow, or has lost it: what is late there is not taken any more. */
	if (l->way.counters.unmarked != before) {
		excuse(l, &l->near);
		excuse(l, &l->far);
	}
}

/* Some of what is under way goes on. */
static void carry(struct life *l)
{
	unsigned hop = random_below(&l->random, 4);
	for (unsigned n = 1 + random_below(&l->random, 8); n > 0; n--) {
		if (hop == 0)
			near_step(l);
		else if (hop == 1)
			far_step(l);
		else if (hop == 2)
			back_step(l);
		else if (l->links.count > 0)
			link_step(l,
				  random_percent(&l->random, 80)
					  ? l->links.count - 1
					  : random_below(&l->random, (uint32_t)l->links.count));
	}
	if (random_percent(&l->random, 50))
		left(l);
}

static void trouble(struct life *l)
{
	unsigned draw = random_below(&l->random, 100);
	if (draw < 25)
		disconnect(l);
	else if (draw < 45)
		l->is_cut = !l->is_cut;
	else if (draw < 65)
		cut_near(l, !l->near_is_up);
	else if (draw < 85)
		cut_far(l, !l->far_is_up);
	else if (draw < 93)
		restart_sender(l);
	else
		restart_receiver(l);
}

static void step(struct life *l)
{
	unsigned draw = random_below(&l->random, 100);
	uint64_t unmarked = l->way.counters.unmarked, lost = l->way.counters.lost;
	if (draw < 25)
		send_some(l);
	else if (draw < 80)
		carry(l);
	else if (draw < 86)
		pass_time(l, random_below(&l->random, 400));
	else if (draw < 88)
		leave(l);
	else if (draw < 100 - l->trouble_percent)
		connect(l);
	else
		trouble(l);
	if (l->way.counters.unmarked > unmarked) {
		excuse(l, &l->near);
		excuse(l, &l->far);
	}
	if (l->way.counters.lost > lost) {
		CHECK(l, !l->near_is_up && !l->has_link,
		      "a way stands, and what was kept is lost");
		excuse_kept(l);
	}
	CHECK(l, mesh_way_kept(&l->way) <= MESH_KEPT_BYTES, "too much is kept");
}

static void settle(struct life *l)
{
	for (unsigned i = 0; i < 4 * HUB_ROOM; i++) {
		near_step(l);
		far_step(l);
		for (size_t at = 0; at < l->links.count; at++)
			link_step(l, at);
		back_step(l);
	}
}

/* All is well again: what is sent now arrives, and soon goes directly. */
static void end(struct life *l)
{
	l->is_cut = false;
	cut_near(l, true);
	cut_far(l, true);
	for (int64_t ms = 0; ms <= 2 * (int64_t)MESH_MARK_MS; ms += 50) {
		settle(l);
		left(l);
		connect(l);
		pass_time(l, 50);
	}
	settle(l);
	CHECK(l, l->way.state == MESH_WAY_DIRECT,
	      "a link stands, and messages do not go directly");
	size_t before = l->sent.count;
	send_some(l);
	settle(l);
	for (size_t i = 0; i < l->sent.count; i++) {
		const struct sent *s = &l->sent.items[i];
		CHECK(l, s->is_taken || s->is_refused || s->is_excused,
		      "message %zu is lost, and nothing broke under it", i + 1);
		CHECK(l, i < before || s->is_taken, "message %zu is not taken", i + 1);
		l->counts->lost += !s->is_taken && !s->is_refused;
	}
}

static bool live(uint64_t seed, struct counts *counts)
{
	struct life l = {.seed = seed,
			 .random.state = seed,
			 .trouble_percent = (unsigned)(seed % 5),
			 .near_is_up = true,
			 .far_is_up = true,
			 .counts = counts};
	way_begin(&l, 1);
	for (unsigned i = 0; i < STEPS && !l.has_failed; i++)
		step(&l);
	end(&l);
	counts->moved += l.way.counters.moved;
	counts->fell += l.way.counters.fell;
	counts->unmarked += l.way.counters.unmarked;
	mesh_way_done(&l.way);
	vector_for_each (&l.links, link) {
		vector_done(&link->there);
		vector_done(&link->back);
	}
	vector_done(&l.links);
	vector_done(&l.near);
	vector_done(&l.far);
	vector_done(&l.sent);
	return !l.has_failed;
}

static uint64_t first_seed = 1, last_seed = 3000;

static void ways_change_at_random(void **state)
{
	struct counts counts = {0};
	(void)state;
	for (uint64_t seed = first_seed; seed <= last_seed; seed++)
		if (!live(seed, &counts))
			fail();
	print_message("%" PRIu64 " taken, %" PRIu64 " refused (%" PRIu64 " no room), %" PRIu64
		      " lost, %" PRIu64 " late, %" PRIu64 " times to the link (%" PRIu64
		      " without the mark), %" PRIu64 " to the hub, %" PRIu64 " links left\n",
		      counts.taken, counts.refused, counts.full, counts.lost, counts.late,
		      counts.moved, counts.unmarked, counts.fell, counts.left);
	if (last_seed - first_seed < 100)
		return;
	assert_true(counts.taken > 0 && counts.late > 0 && counts.lost > 0 &&
		    counts.moved > counts.unmarked && counts.unmarked > 0 && counts.fell > 0 &&
		    counts.left > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ways_change_at_random)};
	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		last_seed = strtoull(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
