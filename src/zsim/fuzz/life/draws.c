/* The table of what lives draw. */

#include "zsim/fuzz/life/draws.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zsim/fuzz/life/commits.h"
#include "zsim/fuzz/life/fuzz.h"

/* Of the seeds with that rest of a division by `modulus`, so many percent draw it; 0: only --draws does. */
struct row {
	const char *name;
	uint32_t modulus, rest, percent;
	const char *what;  /* happens */
	fuzz_draws within; /* without these it never happens: --draws draws them, too */
};

#define WITHIN(kind) ((fuzz_draws)1 << DRAW_##kind)

static const struct row rows[DRAWS] = {
	[DRAW_CONTENTS] = {"contents", 3, 1, 100, "a second content is submitted for a name"},
	[DRAW_WRITES] = {"writes", 3, 1, 100, "a process writes data"},
	[DRAW_READS] = {"reads", 3, 2, 25, "a process reads its data"},
	[DRAW_LIMITS] = {"limits", 8, 3, 100, "stores have limits: each input is a batch"},
	[DRAW_EAGER] = {"eager", 4, 0, 100, "zrms gives up soon on a closed connection"},
	[DRAW_SETTINGS] = {"settings", 3, 2, 25, "zrms starts with other times"},
	[DRAW_STALLS] = {"stalls", 3, 2, 25, "zrms stands still, and links stay"},
	[DRAW_SUSPENDS] = {"suspends", 3, 2, 25, "a machine sleeps for a while"},
	[DRAW_CLOCKS] = {"clocks", 3, 2, 25, "wall clocks are set"},
	[DRAW_LOADS] = {"loads", 3, 2, 25, "a store cannot be read at a start"},
	[DRAW_DISKS] = {"disks", 3, 2, 25, "a commit takes as long as a failure timeout"},
	[DRAW_HANGS] = {"hangs", 3, 2, 25, "an action never ends by itself"},
	[DRAW_REPEATS] = {"repeats", 3, 2, 25, "a frame or a request comes twice"},
	[DRAW_CROWDS] = {"crowds", 3, 2, 25, "a request follows without an answer"},
	[DRAW_LATE] = {"late", 3, 2, 20, "a request comes after later ones, or once more then"},
	[DRAW_FINISHES] = {"finishes", 3, 2, 25, "a process finishes, at any moment"},
	[DRAW_OWN_STOPS] = {"own-stops", 3, 2, 25,
			    "a process is to stop before its lease ends"},
	[DRAW_DEVICES] = {"devices", 3, 2, 15, "a space needs devices"},
	[DRAW_NEAR] = {"near", 3, 2, 15, "a space is to be near a point"},
	[DRAW_SPREAD] = {"spread", 3, 2, 15, "a space has to be spread"},
	[DRAW_ACROSS] = {"across", 3, 2, 15, "a space has an affinity with another topology"},
	[DRAW_LABELS] = {"labels", 3, 2, 15, "a zhost starts with other labels"},
	[DRAW_TWINS] = {"twins", 3, 2, 15, "a zhost joins under the name of another one"},
	[DRAW_PROTOCOLS] = {"protocols", 3, 2, 25, "a zhost starts with another protocol"},
	[DRAW_QUOTAS] = {"quotas", 3, 1, 15, "a write finds no room for its data"},
	[DRAW_PAGES] = {"pages", 3, 2, 20, "a space has pages, or paths to another one"},
	[DRAW_OUTAGES] = {"outages", 3, 2, 20, "a store takes no writes for a while"},
	[DRAW_COPIED] = {"copied", 3, 2, 20, "another machine has a copy of a zhost's disk"},
	[DRAW_OPTIONAL] = {"optional", 3, 2, 20, "a space is optional"},
	[DRAW_LOSS] = {"loss", 3, 2, 20, "a space says what a loss of its zhost means"},
	[DRAW_MOVES] = {"moves", 3, 2, 35, "a unit is handed over to another zhost"},
	[DRAW_EXITS] = {"exits", 3, 2, 20, "a service ends with exit status 0"},
	[DRAW_ROLLOUTS] = {"rollouts", 3, 2, 35, "a new version of what runs is submitted"},
	[DRAW_DRAINS] = {"drains", 3, 2, 25, "a zhost is drained"},
	[DRAW_MESSAGES] = {"messages", 3, 2, 25, "a message arrives at a space"},
	[DRAW_NO_SURGE] = {"no-surge", 3, 2, 25,
			   "what has no room for a second copy stops first"},
	[DRAW_PATIENCE] = {"patience", 3, 2, 25, "an importer waits for its last provider"},
	[DRAW_CHECKPOINTS] = {"checkpoints", 2, 1, 10,
			      "a second core is loaded from a checkpoint"},
	[DRAW_IMPORTS] = {"imports", 3, 2, 25,
			  "a process knows a provider of another topology"},
	[DRAW_ACCESS] = {"access", 2, 1, 10, "somebody asks who may not"},
	[DRAW_PLANS] = {"plans", 2, 1, 15, "what follows from a request is planned before"},
	[DRAW_REBALANCES] = {"rebalances", 3, 2, 25, "a unit is moved by a rebalance"},
	[DRAW_NAMES] = {"names", 3, 2, 20,
			"an instance has another name, as a count comes or goes",
			WITHIN(ROLLOUTS)},
	[DRAW_JOINS] = {"joins", 2, 1, 15, "a machine joins with a token"},
	[DRAW_SIGN_INS] = {"sign-ins", 2, 1, 10, "somebody signs in with a code"},
	[DRAW_MACHINES] = {"machines", 2, 1, 12, "a driver makes a machine"},
	[DRAW_ROTATIONS] = {"rotations", 2, 1, 50,
			    "a rotation of the certificate authority ends", WITHIN(JOINS)},
	[DRAW_SIGNERS] = {"signers", 2, 1, 10, "a package is accepted with its key"},
	[DRAW_LEADERS] = {"leaders", 3, 2, 10, "another zrms begins to lead"},
	[DRAW_KEYS] = {"keys", 2, 1, 25, "a request is asked again under its key"},
	[DRAW_RECORDINGS] = {"recordings", 2, 1, 10, "what zrms was told is replayed"},
	[DRAW_EACH] = {"each", 3, 2, 25, "an instance is there because its zhost fits"},
	[DRAW_VALUES] = {"values", 3, 2, 40, "a package is submitted with other values",
			 WITHIN(ROLLOUTS)},
	[DRAW_NOTICES] = {"notices", 2, 1, 10, "a notice reaches its target"},
	[DRAW_RELOADS] = {"reloads", 3, 2, 25, "an instance takes another value of env"},
	[DRAW_SECRETS] = {"secrets", 3, 2, 25, "an instance gets its secrets"},
	[DRAW_API] = {"api", 2, 1, 10, "an instance shows a token that is good"},
	[DRAW_SHRINKS] = {"shrinks", 3, 2, 15, "a zhost has less than is reserved there"},
};

/* ---- names ---- */

static fuzz_draws bit(unsigned kind)
{
	return (fuzz_draws)1 << kind;
}

static int parse_one(const char *name, fuzz_draws *draws, struct error **err)
{
	for (unsigned kind = 0; kind < DRAWS; kind++)
		if (str_equal(rows[kind].name, name)) {
			*draws |= bit(kind) | rows[kind].within;
			return 0;
		}
	CLEANUP(freep) char *all = draws_text(bit(DRAWS) - 1);
	return error_set(err, ERR_INVALID,
			 "nothing to draw is named '%s'; expected 'all', 'none' or some of %s",
			 name, all);
}

int draws_parse(const char *text, fuzz_draws *ret_draws, struct error **err)
{
	CLEANUP(freep) char *copy = mem_strdup(text);
	fuzz_draws draws = 0;
	char *rest = NULL;
	if (str_equal(text, "all") || str_equal(text, "none")) {
		*ret_draws = text[0] == 'a' ? bit(DRAWS) - 1 : 0;
		return 0;
	}
	for (char *name = strtok_r(copy, ",", &rest); name != NULL;
	     name = strtok_r(NULL, ",", &rest)) {
		int r = parse_one(name, &draws, err);
		if (r < 0)
			return r;
	}
	if ((draws & bit(DRAW_LEADERS)) != 0 && (draws & bit(DRAW_MACHINES)) != 0)
		return error_set(err, ERR_INVALID,
				 "'machines' cannot be drawn together with 'leaders', whose "
				 "lives have no drivers: leave one of them out");
	*ret_draws = draws;
	return 0;
}

char *draws_text(fuzz_draws draws)
{
	struct buffer b = BUFFER_INIT(4096);
	for (unsigned kind = 0; kind < DRAWS; kind++)
		if ((draws & bit(kind)) != 0)
			(void)buffer_printf(&b, "%s%s", b.size > 0 ? ", " : "",
					    rows[kind].name);
	if (b.size == 0)
		(void)buffer_printf(&b, "nothing beyond the ordinary");
	return buffer_steal(&b);
}

/* ---- one life ---- */

/* Neighbours among the seeds have nothing in common. */
static uint64_t first_state(uint64_t seed)
{
	return seed * UINT64_C(0xd1342543de82ef95) + 5;
}

fuzz_draws draws_of_seed(uint64_t seed, fuzz_draws given)
{
	fuzz_draws draws = 0;
	if (given != DRAWS_BY_SEED)
		return given;
	for (unsigned kind = 0; kind < DRAWS; kind++) {
		struct random which = {.state = first_state(seed) + 1000 + kind};
		if (seed % rows[kind].modulus == rows[kind].rest &&
		    random_percent(&which, rows[kind].percent))
			draws |= bit(kind);
	}
	return draws;
}

void draws_begin(struct fuzz *f, fuzz_draws given)
{
	f->draws = draws_of_seed(f->seed, given);
	if (draws_have(f, DRAW_LEADERS)) /* its drivers have one zrms */
		f->draws &= ~bit(DRAW_MACHINES);
	for (unsigned kind = 0; kind < DRAWS; kind++) {
		f->draw_randoms[kind].state =
			first_state(f->seed) + (uint64_t)kind * 1000000007;
		f->counts->draws.lives[kind] += draws_have(f, (enum fuzz_draw)kind);
	}
}

bool draws_have(const struct fuzz *f, enum fuzz_draw kind)
{
	return (f->draws & bit(kind)) != 0;
}

struct random *draws_random(struct fuzz *f, enum fuzz_draw kind)
{
	return &f->draw_randoms[kind];
}

bool draws_percent(struct fuzz *f, enum fuzz_draw kind, uint32_t percent)
{
	return draws_have(f, kind) && !f->calm &&
	       random_percent(draws_random(f, kind), percent);
}

void draws_happened(struct fuzz *f, enum fuzz_draw kind)
{
	f->counts->draws.happened[kind]++;
}

/* ---- over all lives ---- */

void draws_print(const struct fuzz_draw_counts *counts)
{
	printf("%-10s %9s %9s\n", "drawn", "lives", "times");
	for (unsigned kind = 0; kind < DRAWS; kind++)
		printf("%-10s %9" PRIu64 " %9" PRIu64 "  %s\n", rows[kind].name,
		       counts->lives[kind], counts->happened[kind], rows[kind].what);
}

const char *draws_missing(const struct fuzz_draw_counts *counts)
{
	for (unsigned kind = 0; kind < DRAWS; kind++)
		if (counts->happened[kind] == 0 && rows[kind].percent > 0)
			return rows[kind].name;
	return NULL;
}
