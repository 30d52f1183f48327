#include "zsim/fuzz/draw/draw_sign_ins.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/control/control_loop.h"
#include "zsim/fuzz/check/check_access.h"
#include "zsim/fuzz/check/check_joins.h"
#include "zsim/fuzz/check/check_sign_ins.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/client.h"

static struct random *chance(struct fuzz *f)
{
	return draws_random(f, DRAW_SIGN_INS);
}

/* 1: granted, 0: refused, -1: not answered. Sometimes nobody waits for the answer, sometimes it is asked twice. */
static int ask(struct fuzz *f, struct control_input *input)
{
	struct answer a;
	if (random_percent(chance(f), 25)) {
		world_log(&f->world, "  nobody waits for the answer");
		client_tell(&f->world, input);
		if (random_percent(chance(f), 50))
			return -1;
	}
	client_ask(&f->world, input, &a);
	int answer = !a.answered ? -1 : a.code >= 0;
	world_log(&f->world, "  answer: %s%s",
		  answer < 0	? "none"
		  : answer == 1 ? "granted"
				: "refused: ",
		  a.message != NULL ? a.message : "");
	answer_done(&a);
	return answer;
}

/* ---- people ---- */

static void change_person(struct fuzz *f)
{
	static const enum credential_action actions[] = {CREDENTIAL_CREATE, CREDENTIAL_CREATE,
							 CREDENTIAL_ROTATE, CREDENTIAL_REMOVE};
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	uint32_t who = random_below(chance(f), SIGN_IN_PEOPLE);
	CLEANUP(freep) char *name = str_printf("u%u", who);
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	check_joins_bytes(f->people->next++, hash);
	record.name = name;
	record.role = ACCESS_OPERATOR;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	record.has_expires_ms = random_percent(chance(f), 30);
	record.expires_ms =
		record.has_expires_ms ? world_instant(&f->world).wall_ms + 60000 : 0;
	struct control_input input = {
		.type = CONTROL_CREDENTIAL,
		.credential = {.action = actions[random_below(chance(f), ARRAY_SIZE(actions))],
			       .record = &record}};
	world_log(&f->world, "STEP credential of %s, %d", name, (int)input.credential.action);
	check_access_asked(f, &input);
	(void)ask(f, &input);
}

/* Mostly one that is good. */
static uint64_t some_credential(struct fuzz *f)
{
	uint64_t number = f->people->credentials[random_below(chance(f), SIGN_IN_PEOPLE)];
	if (number == 0 || random_percent(chance(f), 10))
		number = 1 + random_below(chance(f), (uint32_t)f->people->next);
	return number;
}

/* ---- codes and sessions ---- */

static int make(struct fuzz *f, enum sign_in_action action, uint64_t proof, unsigned page)
{
	uint8_t of[CREDENTIAL_HASH_SIZE], hash[CREDENTIAL_HASH_SIZE];
	uint64_t made = f->people->next++;
	CLEANUP(freep) char *id = str_printf("s%" PRIu64, made);
	Samoza__V1__SignInRecord record = SAMOZA__V1__SIGN_IN_RECORD__INIT;
	check_joins_bytes(proof, of);
	check_joins_bytes(made, hash);
	record.id = id;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	record.has_word = action != SIGN_IN_CODE;
	record.word = record.hash;
	record.page = (char *)(uintptr_t)sign_in_pages[page];
	vector_push(&f->people->asked,
		    ((struct sign_in_asked){.made = made,
					    .proof = proof,
					    .page = page,
					    .is_code = action == SIGN_IN_CODE,
					    .by_code = action == SIGN_IN_WITH_CODE}));
	struct control_input input = {
		.type = CONTROL_SIGN_IN,
		.sign_in = {.action = action, .proof = of, .record = &record}};
	world_log(&f->world, "STEP %s %s with %" PRIu64 " for %s",
		  action == SIGN_IN_CODE ? "code" : "session", id, proof,
		  page == 0 ? "zrms" : sign_in_pages[page]);
	return ask(f, &input);
}

/* One that is recorded, or any that was asked for. 0: there is none. */
static uint64_t some_sign_in(struct fuzz *f, bool is_code)
{
	struct people *people = f->people;
	vector_for_each (&people->recorded, r)
		if (r->is_code == is_code && random_percent(chance(f), 40))
			return r->number;
	if (people->asked.count == 0)
		return 0;
	return people->asked.items[random_below(chance(f), (uint32_t)people->asked.count)].made;
}

/* It is on disk, and nothing else is under way that could end it. */
static bool is_good(struct fuzz *f, uint64_t code)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	const struct sign_in_seen *r = check_sign_ins_recorded(f->people, code);
	int64_t wall_ms = world_instant(&f->world).wall_ms;
	if (r == NULL || !r->is_code || f->world.control == NULL ||
	    control_loop_is_due(f->world.commits) || sim_store_waiting(f->world.store) > 0)
		return false;
	check_joins_bytes(r->credential, hash);
	/* It may take some time until it is asked. */
	return wall_ms + 1000 < r->expires_ms &&
	       control_principal(f->world.control, hash, wall_ms + 60000) != NULL;
}

static unsigned some_page(struct fuzz *f)
{
	return random_percent(chance(f), 50) ? 0 : random_below(chance(f), SIGN_IN_PAGES);
}

static const struct sign_in_asked *find_asked(struct fuzz *f, uint64_t made)
{
	vector_for_each (&f->people->asked, a)
		if (a->made == made)
			return a;
	return NULL;
}

static void sign_in_with_code(struct fuzz *f)
{
	uint64_t code = some_sign_in(f, true);
	uint64_t before = f->people->next;
	if (code == 0)
		return;
	const struct sign_in_asked *made = find_asked(f, code);
	unsigned own = made != NULL ? made->page : 0;
	unsigned page = random_percent(chance(f), 75) ? own : some_page(f);
	bool good = is_good(f, code);
	int answer = make(f, SIGN_IN_WITH_CODE, code, page);
	made = find_asked(f, code); /* the list has grown */
	/* The one that nobody waited for may have used it. */
	bool is_used = made != NULL && made->session == before;
	if (answer == 1 && page != own)
		world_violate(&f->world, "code %" PRIu64 " is taken for another page", code);
	if (answer == 0 && good && !is_used && page == own)
		world_violate(&f->world,
			      "code %" PRIu64 ", which is recorded and not over, is "
			      "refused",
			      code);
	if (answer == 1)
		draws_happened(f, DRAW_SIGN_INS);
}

static void end_session(struct fuzz *f, bool own)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	uint64_t number = some_sign_in(f, false);
	CLEANUP(freep) char *id = str_printf("s%" PRIu64, number);
	Samoza__V1__SignInRecord record = SAMOZA__V1__SIGN_IN_RECORD__INIT;
	record.id = id;
	check_joins_bytes(number, hash);
	struct control_input input = {.type = CONTROL_SIGN_IN,
				      .sign_in = {.action = own ? SIGN_IN_OUT : SIGN_IN_END,
						  .proof = hash,
						  .record = &record}};
	world_log(&f->world, "STEP session %s ends", id);
	check_access_asked(f, &input);
	(void)ask(f, &input);
}

static void draw_one(struct fuzz *f)
{
	uint32_t draw = random_below(chance(f), 100);
	if (draw < 25)
		change_person(f);
	else if (draw < 55)
		(void)make(f, SIGN_IN_CODE, some_credential(f), some_page(f));
	else if (draw < 80)
		sign_in_with_code(f);
	else if (draw < 90)
		(void)make(f, SIGN_IN_CREDENTIAL, some_credential(f), 0);
	else
		end_session(f, draw < 95);
}

void draw_sign_ins(struct fuzz *f)
{
	if (!draws_percent(f, DRAW_SIGN_INS, 25) || check_sign_ins_of(f) == NULL)
		return;
	uint32_t count = 1 + random_below(chance(f), 8);
	for (uint32_t k = 0; k < count && f->world.violation == NULL &&
			     f->world.control != NULL && !f->world.zrms_dies;
	     k++)
		draw_one(f);
	if (f->world.violation == NULL)
		check_sign_ins_known(f);
}
