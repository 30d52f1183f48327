/* zhost/direct at random: the direct network and the hub are cut, silent, slow, zhosts restart. Between the two, in
 * either direction, a message arrives at most once and in order; soon after all is well they go directly again.
 *
 *     test_zhost_direct_random [FIRST LAST]      these seeds only
 */
#include "direct_stage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/str.h"

enum { STEPS = 150 };

static uint64_t seed;

#define CHECK(what, ...)                                             \
	do {                                                         \
		if (!(what)) {                                       \
			fprintf(stderr, "seed %" PRIu64 ": ", seed); \
			fprintf(stderr, __VA_ARGS__);                \
			fprintf(stderr, "\n");                       \
			fail();                                      \
		}                                                    \
	} while (0)

struct totals {
	uint64_t sent, refused, got, direct, fell;
};

/* Numbers only grow: neither twice nor out of order. */
static void check_got(const struct end *e)
{
	for (size_t i = 1; i < e->got.count; i++)
		CHECK(e->got.items[i] > e->got.items[i - 1],
		      "%s gets %" PRIu64 " after %" PRIu64, e->name, e->got.items[i],
		      e->got.items[i - 1]);
}

static void trouble(struct stage *s, struct random *r)
{
	unsigned draw = random_below(r, 100);
	struct end *e = &s->ends[random_below(r, ENDS)];
	if (draw < 30)
		stage_cut_direct(s, random_percent(r, 60));
	else if (draw < 55)
		stage_cut_hub(s, random_percent(r, 50));
	else if (draw < 65)
		sim_network_silence(s->net, e->name, e == &s->ends[0] ? "beta" : "alpha");
	else if (draw < 80)
		sim_network_delay(s->net, 0, random_below(r, 3) * 30);
	else if (draw < 86)
		sim_mesh_delay(s->hub, 0, random_below(r, 4) * 40);
	else if (draw < 92)
		end_renew(e, random_percent(r, 60));
	else
		end_restart(e);
}

static void step(struct stage *s, struct random *r, struct totals *totals)
{
	unsigned draw = random_below(r, 100);
	if (draw < 50) {
		struct end *e = &s->ends[random_percent(r, 70) ? 0 : 1];
		for (unsigned n = 1 + random_below(r, 4); n > 0; n--) {
			int sent = end_send(e);
			CHECK(sent == 0 || sent == -EAGAIN || sent == -EHOSTUNREACH,
			      "send gives %d", sent);
			totals->refused += sent < 0;
		}
	} else if (draw < 94) {
		stage_run(s, random_below(r, draw < 90 ? 60 : 4000));
	} else {
		trouble(s, r);
	}
}

static void end_well(struct stage *s)
{
	stage_cut_direct(s, false);
	stage_cut_hub(s, false);
	sim_network_delay(s->net, 0, 0);
	sim_mesh_delay(s->hub, 0, 5);
	end_renew(&s->ends[0], false);
	end_renew(&s->ends[1], false);
	for (unsigned i = 0; i < 300; i++) {
		(void)end_send(&s->ends[0]);
		stage_run(s, 100);
	}
	CHECK(end_view(&s->ends[0]).way == MESH_WAY_DIRECT,
	      "all is well, and messages do not go directly");
	size_t before = s->ends[1].got.count;
	for (unsigned i = 0; i < 10; i++)
		CHECK(end_send(&s->ends[0]) == 0, "all is well, and a message is refused");
	stage_run(s, 100);
	CHECK(s->ends[1].got.count == before + 10, "all is well, and messages are lost");
}

static void live(struct totals *totals)
{
	struct random random = {.state = seed};
	struct stage *s = stage_new(seed);
	for (unsigned i = 0; i < STEPS; i++)
		step(s, &random, totals);
	end_well(s);
	for (unsigned i = 0; i < ENDS; i++) {
		check_got(&s->ends[i]);
		totals->got += s->ends[i].got.count;
		struct direct_counters c = direct_transport_counters(s->ends[i].direct);
		totals->direct += c.ways.direct;
		totals->fell += c.ways.fell;
		CHECK(c.foreign == 0, "%s gets what is not for it", s->ends[i].name);
	}
	totals->sent += s->sent;
	stage_free(s);
}

static uint64_t first_seed = 1, last_seed = 60;

static void messages_between_two_zhosts_at_random(void **state)
{
	struct totals totals = {0};
	(void)state;
	for (seed = first_seed; seed <= last_seed; seed++)
		live(&totals);
	print_message("%" PRIu64 " sent, %" PRIu64 " refused, %" PRIu64 " taken, %" PRIu64
		      " sent directly, %" PRIu64 " times back to the hub\n",
		      totals.sent, totals.refused, totals.got, totals.direct, totals.fell);
	if (last_seed - first_seed >= 20)
		assert_true(totals.direct > 0 && totals.fell > 0 && totals.refused > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_between_two_zhosts_at_random)};
	if (argc == 3) {
		first_seed = strtoull(argv[1], NULL, 10);
		last_seed = strtoull(argv[2], NULL, 10);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
