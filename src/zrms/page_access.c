#include "zrms/page_access.h"

#include <sodium.h>
#include <string.h>

#include "adapter/token/token.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/sign_ins.h"
#include "zrms/access.h"
#include "zrms/api.h"
#include "zrms/links.h"
#include "zrms/zrms.h"

enum {
	ID_BYTES = 8,	   /* of the hash */
	WAITING_MAX = 256, /* sign-ins that wait for their commits, of all zhosts */
	ADDRESS_MAX = 64,
	PAGE_TEXT_MAX = 160, /* of two names */
};

static int64_t wall_ms(struct zrms *zrms)
{
	return loop_now(&zrms->loop).wall_ms;
}

/* `until_ms` 0: it does not end by itself. */
static void answer(struct zrms *zrms, uint64_t link_id, uint64_t ask, bool granted,
		   int64_t until_ms)
{
	Samoza__V1__PageAnswer a = SAMOZA__V1__PAGE_ANSWER__INIT;
	int64_t left_ms = until_ms - wall_ms(zrms);
	a.ask = ask;
	a.granted = granted && (until_ms == 0 || left_ms > 0);
	a.has_for_ms = a.granted && until_ms != 0;
	a.for_ms = a.has_for_ms ? (uint64_t)left_ms : 0;
	(void)!links_send_frame(zrms->links, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ANSWER,
				&a.base, NULL);
}

static void answer_later(struct zrms *zrms, uint64_t link_id, uint64_t ask)
{
	Samoza__V1__PageAnswer a = SAMOZA__V1__PAGE_ANSWER__INIT;
	a.ask = ask;
	a.has_later = a.later = true;
	(void)!links_send_frame(zrms->links, link_id, SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ANSWER,
				&a.base, NULL);
}

/* A person or program, and the topology exists for it. */
static bool may_see(const struct principal *p, const char *topology)
{
	return p != NULL && p->role != ACCESS_ZHOST && access_sees(p, topology);
}

/* ---- a secret that is shown ---- */

static void look_up(struct zrms *zrms, uint64_t link_id, const Samoza__V1__PageAsk *ask,
		    const char *page)
{
	const Samoza__V1__SignInRecord *session =
		control_sign_in(zrms->control, ask->hash.data, false, page, wall_ms(zrms));
	const struct principal *p = access_credential(
		zrms, session != NULL ? session->credential.data : ask->hash.data);
	bool granted =
		may_see(p, ask->topology) && (session != NULL || p->role == ACCESS_VIEWER);
	answer(zrms, link_id, ask->ask, granted, session != NULL ? session->expires_ms : 0);
}

/* ---- a code that becomes a session ---- */

struct page_sign_in {
	struct zrms *zrms;
	uint64_t link_id, ask;
	char *page;
	uint8_t hash[TOKEN_HASH_SIZE];
};

static void on_signed_in(void *user, const struct reply *reply)
{
	struct page_sign_in *n = user;
	const Samoza__V1__SignInRecord *made =
		reply->code < 0 ? NULL
				: control_sign_in(n->zrms->control, n->hash, false, n->page,
						  wall_ms(n->zrms));
	n->zrms->page_sign_ins--;
	answer(n->zrms, n->link_id, n->ask, made != NULL, made != NULL ? made->expires_ms : 0);
	free(n->page);
	free(n);
}

static void sign_in(struct zrms *zrms, uint64_t link_id, const char *zhost,
		    const Samoza__V1__PageAsk *ask, const char *page)
{
	const Samoza__V1__SignInRecord *code =
		control_sign_in(zrms->control, ask->code.data, true, page, wall_ms(zrms));
	const struct principal *p =
		code != NULL ? access_credential(zrms, code->credential.data) : NULL;
	CLEANUP(freep) char *request = str_printf("page %s at zhost %s", page, zhost);
	CLEANUP(freep) char *address = mem_strdup(ask->address);
	if (address != NULL && strlen(address) > ADDRESS_MAX)
		address[ADDRESS_MAX] = '\0';
	if (!may_see(p, ask->topology)) {
		access_refused_at_zedge(
			zrms, address, request,
			"the sign-in code is not known here: it was used, is over, "
			"or is for another page");
		answer(zrms, link_id, ask->ask, false, 0);
		return;
	}
	if (zrms->page_sign_ins >= WAITING_MAX || store_is_failing(zrms->store)) {
		answer_later(zrms, link_id, ask->ask);
		return;
	}
	char id[2 * ID_BYTES + 1];
	uint8_t credential[CREDENTIAL_HASH_SIZE]; /* the code ends with its use */
	memcpy(credential, code->credential.data, sizeof(credential));
	struct page_sign_in *n = mem_new(struct page_sign_in);
	*n = (struct page_sign_in){
		.zrms = zrms, .link_id = link_id, .ask = ask->ask, .page = mem_strdup(page)};
	memcpy(n->hash, ask->hash.data, sizeof(n->hash));
	(void)sodium_bin2hex(id, sizeof(id), n->hash, ID_BYTES);
	Samoza__V1__SignInRecord record = SAMOZA__V1__SIGN_IN_RECORD__INIT;
	record.id = id;
	record.hash = (ProtobufCBinaryData){sizeof(n->hash), n->hash};
	record.page = n->page;
	record.address = address;
	struct control_input input = {.type = CONTROL_SIGN_IN,
				      .principal = p,
				      .actor = p->name,
				      .origin = {.address = address, .request = request},
				      .sign_in = {.action = SIGN_IN_WITH_CODE,
						  .proof = ask->code.data,
						  .local = access_local_hash(zrms, credential),
						  .record = &record}};
	zrms->page_sign_ins++;
	api_ask(zrms, &input, on_signed_in, n);
}

void page_access_ask(struct zrms *zrms, uint64_t link_id, const char *zhost,
		     const Samoza__V1__PageAsk *ask)
{
	CLEANUP(freep) char *page = str_printf("%s/%s", ask->topology, ask->space);
	if (strlen(page) > PAGE_TEXT_MAX || ask->hash.len != TOKEN_HASH_SIZE ||
	    (ask->has_code && ask->code.len != TOKEN_HASH_SIZE))
		answer(zrms, link_id, ask->ask, false, 0);
	else if (ask->has_code)
		sign_in(zrms, link_id, zhost, ask, page);
	else
		look_up(zrms, link_id, ask, page);
}
