#include "zsim/fuzz/draw/draw_joins.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/control/control_loop.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_access.h"
#include "zsim/fuzz/check/check_joins.h"
#include "zsim/fuzz/check/check_machines.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/client.h"

#define CERTIFICATE_MS INT64_C(600000)
#define SECRETS	       1000000 /* of tokens are numbers from here on */

static struct random *chance(struct fuzz *f)
{
	return draws_random(f, DRAW_JOINS);
}

static void make_joiners(struct fuzz *f)
{
	vector_for_each (&f->world.machines, n)
		for (unsigned k = 0; k < 2; k++)
			vector_push(&f->joins->joiners, ((struct joiner){.name = (*n)->name}));
}

/* Answered, and granted. Sometimes nobody waits for the answer, sometimes it is asked twice. */
bool draw_joins_ask(struct fuzz *f, struct random *chance_of, struct control_input *input,
		    bool *ret_answered)
{
	struct answer a;
	f->is_told = false;
	check_access_asked(f, input);
	check_machines_asked(f, input);
	*ret_answered = false;
	if (random_percent(chance_of, 25)) {
		world_log(&f->world, "  nobody waits for the answer");
		f->is_told = true;
		client_tell(&f->world, input);
		if (random_percent(chance_of, 50))
			return false;
	}
	client_ask(&f->world, input, &a);
	bool granted = a.answered && a.code >= 0;
	*ret_answered = a.answered;
	world_log(&f->world, "  answer: %s%s",
		  !a.answered ? "none"
		  : granted   ? "granted"
			      : "refused: ",
		  a.message != NULL ? a.message : "");
	answer_done(&a);
	return granted;
}

static bool ask(struct fuzz *f, struct control_input *input, bool *ret_answered)
{
	return draw_joins_ask(f, chance(f), input, ret_answered);
}

/* ---- tokens ---- */

static void create_token(struct fuzz *f)
{
	static const char *const patterns[] = {NULL, NULL, "*", "other-*"};
	static const int64_t times_ms[] = {1000, 600000, 3600000};
	struct joins *joins = f->joins;
	uint8_t secret[JOIN_TOKEN_HASH_SIZE];
	bool answered;
	uint32_t number = (uint32_t)joins->tokens.count + 1;
	struct token_seen token = {
		.number = number,
		.uses = 1 + random_below(chance(f), 3),
		.pattern = patterns[random_below(chance(f), ARRAY_SIZE(patterns))],
		.expires_ms = world_instant(&f->world).wall_ms +
			      times_ms[random_below(chance(f), ARRAY_SIZE(times_ms))]};
	vector_push(&joins->tokens, token);
	check_joins_bytes(SECRETS + number, secret);
	CLEANUP(freep) char *id = str_printf("t%u", number);
	Samoza__V1__JoinTokenRecord record = SAMOZA__V1__JOIN_TOKEN_RECORD__INIT;
	record.id = id;
	record.hash = (ProtobufCBinaryData){sizeof(secret), secret};
	record.expires_ms = token.expires_ms;
	record.uses = token.uses;
	record.pattern = (char *)(uintptr_t)token.pattern;
	struct control_input input = {.type = CONTROL_TOKEN,
				      .token = {.action = TOKEN_CREATE, .record = &record}};
	world_log(&f->world, "STEP token %s for %u", id, token.uses);
	(void)ask(f, &input, &answered);
}

/* Mostly one of the newest, which may be good. */
static uint32_t some_token(struct fuzz *f)
{
	uint32_t count = (uint32_t)f->joins->tokens.count;
	if (count <= 3 || random_percent(chance(f), 10))
		return 1 + random_below(chance(f), count);
	return count - random_below(chance(f), 3);
}

static void remove_token(struct fuzz *f)
{
	bool answered;
	if (f->joins->tokens.count == 0)
		return;
	CLEANUP(freep) char *id = str_printf("t%u", some_token(f));
	Samoza__V1__JoinTokenRecord record = SAMOZA__V1__JOIN_TOKEN_RECORD__INIT;
	record.id = id;
	struct control_input input = {.type = CONTROL_TOKEN,
				      .token = {.action = TOKEN_REMOVE, .record = &record}};
	world_log(&f->world, "STEP token %s is removed", id);
	(void)ask(f, &input, &answered);
}

/* ---- machines ---- */

static void note_asked(struct fuzz *f, const struct joiner *j, uint64_t own, bool is_right)
{
	vector_push(&f->joins->asked, ((struct key_asked){.name = j->name,
							  .key = j->asks_key,
							  .own = own,
							  .token = j->asks_token,
							  .is_right = is_right}));
}

/* Whether it has joined with that key and token already: nothing else is under way that could end it. */
static bool has_joined(const struct fuzz *f, const struct joiner *j, const char *token)
{
	const Samoza__V1__IdentityRecord *r = check_joins_identity(f->joins, j->name);
	uint8_t key[IDENTITY_KEY_SIZE];
	check_joins_bytes(j->asks_key, key);
	return r != NULL && str_equal(r->token, token) && r->key.len == sizeof(key) &&
	       memcmp(r->key.data, key, sizeof(key)) == 0 &&
	       sim_disk_get(&f->world.disk, RECORD_JOIN_TOKEN, token) != NULL &&
	       f->world.control != NULL && !control_loop_is_due(f->world.commits) &&
	       sim_store_waiting(f->world.store) == 0;
}

static void join(struct fuzz *f, struct joiner *j)
{
	struct joins *joins = f->joins;
	bool answered, is_right = random_percent(chance(f), 85);
	if (joins->tokens.count == 0)
		return;
	if (j->asks_token == 0 || random_percent(chance(f), 20)) {
		j->asks_token = some_token(f);
		j->asks_key = joins->next_key++;
	}
	const struct token_seen *token = &joins->tokens.items[j->asks_token - 1];
	CLEANUP(freep) char *id = str_printf("t%u", token->number);
	struct join_request request = {.token = id,
				       .name = j->name,
				       .replace = random_percent(chance(f), 50),
				       .expires_ms = world_instant(&f->world).wall_ms +
						     CERTIFICATE_MS};
	check_joins_bytes(SECRETS + token->number + !is_right, request.secret);
	check_joins_bytes(j->asks_key, request.key);
	note_asked(f, j, 0,
		   is_right &&
			   (token->pattern == NULL ||
			    access_pattern_matches(token->pattern, j->name)) &&
			   world_instant(&f->world).wall_ms < token->expires_ms);
	bool had_joined = is_right && has_joined(f, j, id);
	struct control_input input = {.type = CONTROL_JOIN, .join = &request};
	world_log(&f->world, "STEP %s joins with %s, key %" PRIu64 "%s", j->name, id,
		  j->asks_key, is_right ? "" : ", without its secret");
	if (ask(f, &input, &answered)) {
		check_joins_told(f, j);
		draws_happened(f, DRAW_JOINS);
	} else if (answered && had_joined) {
		world_violate(&f->world,
			      "%s, which has joined with %s and this key, is refused when it "
			      "asks again",
			      j->name, id);
	} else if (answered && is_right) {
		j->asks_key = j->asks_token = 0; /* with another token, and key */
	}
}

static void renew(struct fuzz *f, struct joiner *j)
{
	uint8_t own[IDENTITY_KEY_SIZE], key[IDENTITY_KEY_SIZE];
	bool answered;
	if (j->key == 0)
		return;
	if (j->asks_key == 0 || j->asks_token != 0 || random_percent(chance(f), 30))
		j->asks_key = f->joins->next_key++;
	j->asks_token = 0;
	check_joins_bytes(j->key, own);
	check_joins_bytes(j->asks_key, key);
	struct control_input input = {
		.type = CONTROL_RENEW,
		.renew = {.name = j->name,
			  .own = own,
			  .key = key,
			  .expires_ms = world_instant(&f->world).wall_ms + CERTIFICATE_MS}};
	note_asked(f, j, j->key, false);
	bool held = j->holds;
	world_log(&f->world, "STEP %s renews key %" PRIu64 ": %" PRIu64, j->name, j->key,
		  j->asks_key);
	if (ask(f, &input, &answered))
		check_joins_told(f, j);
	else if (answered && held && j->holds)
		world_violate(&f->world, "%s cannot renew the key that it was told", j->name);
}

static bool is_admitted(struct fuzz *f, const char *name, uint64_t number, uint8_t *key)
{
	check_joins_bytes(number, key);
	return number != 0 && control_admits(f->world.control, name, key);
}

/* Of that machine: the key that it was told, or one of which the answer came too late. 0: it has none. */
static uint64_t key_in_use(struct fuzz *f, const char *name, uint8_t *key)
{
	vector_for_each (&f->joins->joiners, j)
		if (str_equal(j->name, name) && is_admitted(f, name, j->key, key))
			return j->key;
	vector_for_each (&f->joins->asked, a)
		if (str_equal(a->name, name) && is_admitted(f, name, a->key, key))
			return a->key;
	return 0;
}

const uint8_t *draw_joins_hello_key(void *user, const struct sim_machine *machine)
{
	static uint8_t key[IDENTITY_KEY_SIZE];
	struct fuzz *f = user;
	if (f->joins == NULL || f->world.control == NULL)
		return NULL;
	/* As at the end of a handshake. Others come over a link that asks for no key. */
	uint64_t number = key_in_use(f, machine->name, key);
	if (number == 0)
		return NULL;
	vector_for_each (&f->joins->asked, a)
		a->shown |= a->key == number;
	return key;
}

/* As `cluster rm`: of a name that is no zhost's either. */
static void remove_name(struct fuzz *f, const struct joiner *j)
{
	bool answered;
	struct control_input input = {.type = CONTROL_ZHOST,
				      .zhost = {.name = j->name, .action = ZHOST_REMOVE}};
	world_log(&f->world, "STEP remove %s", j->name);
	if (ask(f, &input, &answered) && !f->is_told &&
	    check_joins_identity(f->joins, j->name) != NULL &&
	    check_joins_identity(f->joins, j->name)->key.len > 0)
		world_violate(&f->world, "%s was removed, and has a key", j->name);
}

static void draw_one(struct fuzz *f)
{
	struct joins *joins = f->joins;
	struct joiner *j =
		&joins->joiners.items[random_below(chance(f), (uint32_t)joins->joiners.count)];
	uint32_t draw = random_below(chance(f), 100);
	if (draw < 15)
		create_token(f);
	else if (draw < 18)
		remove_token(f);
	else if (draw < 21)
		remove_name(f, j);
	else if (draw < 65 || j->key == 0)
		join(f, j);
	else
		renew(f, j);
}

void draw_joins(struct fuzz *f)
{
	if (!draws_percent(f, DRAW_JOINS, 25))
		return;
	struct joins *joins = check_joins_of(f);
	if (joins->joiners.count == 0)
		make_joiners(f);
	uint32_t count = 1 + random_below(chance(f), 6);
	for (uint32_t k = 0; k < count && f->world.violation == NULL &&
			     f->world.control != NULL && !f->world.zrms_dies;
	     k++)
		draw_one(f);
	if (f->world.violation == NULL)
		check_joins_admitted(f);
}
