#include "zsim/fuzz/check/check_sign_ins.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "schema/message.h"
#include "zsim/fuzz/check/check_joins.h"
#include "zsim/fuzz/life/fuzz.h"

#define CODE_MOST_MS	INT64_C(600000)
#define SESSION_MOST_MS INT64_C(43200000)

const char *const sign_in_pages[SIGN_IN_PAGES] = {NULL, "t1/web", "t1/admin", "t2/web"};

/* SIGN_IN_PAGES: none of them. */
static unsigned page_number(const char *page)
{
	unsigned number = 0;
	while (number < SIGN_IN_PAGES && !str_equal(sign_in_pages[number], page))
		number++;
	return number;
}

static uint64_t number_of(const ProtobufCBinaryData *bytes)
{
	uint64_t number = 0;
	if (bytes->len >= sizeof(number))
		memcpy(&number, bytes->data, sizeof(number));
	return number;
}

struct people *check_sign_ins_of(struct fuzz *f)
{
	if (f->people == NULL && draws_have(f, DRAW_SIGN_INS)) {
		f->people = mem_new(struct people);
		f->people->next = 1;
	}
	return f->people;
}

void check_sign_ins_done(struct fuzz *f)
{
	if (f->people == NULL)
		return;
	vector_done(&f->people->asked);
	vector_done(&f->people->recorded);
	free(steal_ptr(&f->people));
}

const struct sign_in_seen *check_sign_ins_recorded(const struct people *people, uint64_t number)
{
	vector_for_each (&people->recorded, r)
		if (r->number == number)
			return r;
	return NULL;
}

static struct sign_in_asked *find_asked(struct people *people, uint64_t made)
{
	vector_for_each (&people->asked, a)
		if (a->made == made)
			return a;
	return NULL;
}

/* ---- what is recorded ---- */

static void take_credential(struct fuzz *f, const struct record_change *change)
{
	ProtobufCMessage *message = NULL;
	unsigned who = (unsigned)(change->id[strlen("user/u")] - '0');
	if (!str_has_prefix(change->id, "user/u") || who >= SIGN_IN_PEOPLE)
		return;
	f->people->credentials[who] = 0;
	if (change->data == NULL ||
	    schema_message_unpack(&samoza__v1__credential_record__descriptor, change->data,
				  change->size, &message, NULL) < 0)
		return;
	f->people->credentials[who] =
		number_of(&((Samoza__V1__CredentialRecord *)message)->hash);
	schema_message_free(message);
}

/* A session whose code is used from now on. */
static void use_code(struct fuzz *f, const struct sign_in_seen *r, uint64_t code)
{
	struct sign_in_asked *made = find_asked(f->people, code);
	if (made == NULL || !made->is_code || made->proof != r->credential)
		world_violate(&f->world,
			      "session %" PRIu64
			      " is recorded by a code that was not made with "
			      "its credential",
			      r->number);
	else if (made->page != r->page)
		world_violate(&f->world,
			      "code %" PRIu64 " for %s became session %" PRIu64 " for another "
			      "page",
			      code, made->page == 0 ? "zrms" : sign_in_pages[made->page],
			      r->number);
	else if (made->session != 0 && made->session != r->number)
		world_violate(&f->world,
			      "code %" PRIu64 " became session %" PRIu64 ", and %" PRIu64
			      ", too",
			      code, made->session, r->number);
	else
		made->session = r->number;
}

static void judge(struct fuzz *f, const struct sign_in_seen *r)
{
	const struct sign_in_asked *a = find_asked(f->people, r->number);
	if (a == NULL || a->is_code != r->is_code)
		world_violate(&f->world,
			      "sign-in %" PRIu64 " is recorded, for which nobody asked",
			      r->number);
	else if (a->page != r->page)
		world_violate(&f->world,
			      "sign-in %" PRIu64 " is recorded for another page than was asked",
			      r->number);
	else if (a->by_code)
		use_code(f, r, a->proof);
	else if (a->proof != r->credential)
		world_violate(&f->world,
			      "sign-in %" PRIu64 " is recorded for a credential that was not "
			      "shown",
			      r->number);
}

static void take_sign_in(struct fuzz *f, const struct record_change *change)
{
	struct people *people = f->people;
	uint64_t number = strtoull(change->id + 1, NULL, 10);
	ProtobufCMessage *message = NULL;
	size_t at = 0;
	while (at < people->recorded.count && people->recorded.items[at].number != number)
		at++;
	if (at < people->recorded.count)
		vector_remove_at(&people->recorded, at);
	if (change->data == NULL)
		return;
	if (schema_message_unpack(&samoza__v1__sign_in_record__descriptor, change->data,
				  change->size, &message, NULL) < 0) {
		world_violate(&f->world, "the record of sign-in %s is broken", change->id);
		return;
	}
	const Samoza__V1__SignInRecord *r = (Samoza__V1__SignInRecord *)message;
	struct sign_in_seen seen = {.number = number,
				    .credential = number_of(&r->credential),
				    .is_code = r->is_code,
				    .expires_ms = r->expires_ms,
				    .page = page_number(r->page)};
	if (r->expires_ms - r->created_ms > (r->is_code ? CODE_MOST_MS : SESSION_MOST_MS))
		world_violate(&f->world, "sign-in %s is good for too long", change->id);
	schema_message_free(message);
	vector_push(&people->recorded, seen);
	judge(f, &seen);
}

static bool is_credential(const struct people *people, uint64_t number)
{
	bool found = false;
	for (unsigned k = 0; k < SIGN_IN_PEOPLE; k++)
		found |= people->credentials[k] == number;
	return found;
}

static void check_recorded(struct fuzz *f)
{
	vector_for_each (&f->people->recorded, r) {
		if (!is_credential(f->people, r->credential))
			world_violate(&f->world,
				      "sign-in %" PRIu64
				      " is recorded of a credential that was "
				      "replaced or removed",
				      r->number);
		const struct sign_in_asked *a = find_asked(f->people, r->number);
		if (a != NULL && a->is_code && a->session != 0)
			world_violate(&f->world,
				      "code %" PRIu64 " is recorded, and has become session "
				      "%" PRIu64,
				      r->number, a->session);
	}
}

void check_sign_ins_committed(struct fuzz *f, const struct outbox *o)
{
	bool changed = false;
	if (f->people == NULL)
		return;
	vector_for_each (&o->records, change) {
		changed |= change->kind == RECORD_CREDENTIAL || change->kind == RECORD_SIGN_IN;
		if (change->kind == RECORD_CREDENTIAL)
			take_credential(f, change);
		else if (change->kind == RECORD_SIGN_IN)
			take_sign_in(f, change);
	}
	if (changed && f->world.violation == NULL)
		check_recorded(f);
}

/* ---- who is let in ---- */

static void check_known_at(struct fuzz *f, const struct sign_in_asked *a,
			   const uint8_t hash[CREDENTIAL_HASH_SIZE], unsigned page)
{
	const struct control *c = f->world.control;
	int64_t wall_ms = world_instant(&f->world).wall_ms;
	const Samoza__V1__SignInRecord *r =
		control_sign_in(c, hash, a->is_code, sign_in_pages[page], wall_ms);
	if (r == NULL)
		return;
	/* At the beginning of time nothing is over. */
	if (control_principal(c, r->credential.data, 0) == NULL)
		world_violate(&f->world,
			      "zrms knows sign-in %" PRIu64 ", and not its credential",
			      a->made);
	else if (page != a->page)
		world_violate(&f->world, "sign-in %" PRIu64 " for %s is good at %s", a->made,
			      a->page == 0 ? "zrms" : sign_in_pages[a->page],
			      page == 0 ? "zrms" : sign_in_pages[page]);
	else if (r->expires_ms <= wall_ms)
		world_violate(&f->world, "sign-in %" PRIu64 " is good when it is over",
			      a->made);
}

void check_sign_ins_known(struct fuzz *f)
{
	uint8_t hash[CREDENTIAL_HASH_SIZE];
	const struct control *c = f->world.control;
	if (f->people == NULL || c == NULL)
		return;
	vector_for_each (&f->people->asked, a) {
		check_joins_bytes(a->made, hash);
		for (unsigned page = 0; page < SIGN_IN_PAGES; page++)
			check_known_at(f, a, hash, page);
	}
}
