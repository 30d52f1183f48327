#include "zhost/edge/page_access.h"

#include <string.h>

#include <sodium.h>
#include <utlist.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "port/loop.h"

#define SEND_ROOM ((size_t)1024 * 1024) /* of the link: what waits on it otherwise goes first */
#define TICK_MS	  INT64_C(1000)

/* Somebody's secret for one page. */
struct known {
	UT_hash_handle hh, hh_ask;
	struct known *prev, *next; /* of its list */
	struct known_list *list;
	char *key, *topology, *space;
	uint8_t hash[TOKEN_HASH_SIZE];
	uint64_t ask; /* that is under way; 0: none */
	int64_t asked_ms;
	int64_t answered_ms; /* when zrms last said yes or no; 0: never */
	bool is_granted;     /* by that */
	int64_t until_ms;
	struct page_wait *waits;
};

/* The one that was longest unused first. */
struct known_list {
	struct known *first;
	unsigned count, most;
};

struct page_access {
	struct loop *loop;
	struct upstream *upstream;
	struct loop_timer *timer;
	struct known *all, *asked;
	/* Who makes secrets up does not push out those that are good. */
	struct known_list granted, others;
	uint64_t last_ask;
};

static int64_t now_ms(const struct page_access *a)
{
	return loop_now(a->loop).mono_ms;
}

/* ---- what is known ---- */

static void list_leave(struct known *k)
{
	DL_DELETE(k->list->first, k);
	k->list->count--;
}

static void list_enter(struct known_list *list, struct known *k)
{
	DL_APPEND(list->first, k);
	list->count++;
	k->list = list;
}

static void known_free(struct page_access *a, struct known *k)
{
	if (k->ask != 0)
		HASH_DELETE(hh_ask, a->asked, k);
	HASH_DEL(a->all, k);
	list_leave(k);
	free(k->key);
	free(k->topology);
	free(k->space);
	free(k);
}

/* false: each is waited for. */
static bool make_room(struct page_access *a, const struct known_list *list)
{
	struct known *k = list->first;
	if (list->count < list->most)
		return true;
	while (k != NULL && (k->waits != NULL || k->ask != 0))
		k = k->next;
	if (k == NULL)
		return false;
	known_free(a, k);
	return true;
}

/* By what zrms has just said of it. */
static void list_choose(struct page_access *a, struct known *k)
{
	struct known_list *list = k->is_granted ? &a->granted : &a->others;
	if (list == k->list || !make_room(a, list))
		return;
	list_leave(k);
	list_enter(list, k);
}

static struct known *known_new(struct page_access *a, const char *topology, const char *space,
			       const uint8_t hash[TOKEN_HASH_SIZE], char *take_key)
{
	struct known *k = mem_new(struct known);
	k->key = take_key;
	k->topology = mem_strdup(topology);
	k->space = mem_strdup(space);
	memcpy(k->hash, hash, sizeof(k->hash));
	HASH_ADD_KEYPTR(hh, a->all, k->key, strlen(k->key), k);
	list_enter(&a->others, k);
	return k;
}

/* NULL: there is no room. */
static struct known *known_get(struct page_access *a, const char *topology, const char *space,
			       const uint8_t hash[TOKEN_HASH_SIZE])
{
	char digits[2 * TOKEN_HASH_SIZE + 1];
	struct known *k = NULL;
	(void)sodium_bin2hex(digits, sizeof(digits), hash, TOKEN_HASH_SIZE);
	CLEANUP(freep) char *key = str_printf("%s/%s %s", topology, space, digits);
	HASH_FIND_STR(a->all, key, k);
	if (k == NULL)
		return make_room(a, &a->others)
			       ? known_new(a, topology, space, hash, steal_ptr(&key))
			       : NULL;
	struct known_list *list = k->list;
	list_leave(k);
	list_enter(list, k);
	return k;
}

static bool is_fresh(const struct page_access *a, const struct known *k)
{
	return k->answered_ms != 0 && now_ms(a) - k->answered_ms < PAGE_ACCESS_CHECK_MS;
}

static bool is_good_for(const struct page_access *a, const struct known *k, int64_t age_ms)
{
	return k->answered_ms != 0 && k->is_granted && now_ms(a) - k->answered_ms < age_ms &&
	       now_ms(a) < k->until_ms;
}

/* zrms does not answer. */
static enum page_verdict without_zrms(const struct page_access *a, const struct known *k)
{
	if (is_good_for(a, k, PAGE_ACCESS_KEPT_MS))
		return PAGE_GRANTED;
	return is_fresh(a, k) && !k->is_granted ? PAGE_REFUSED : PAGE_LATER;
}

static void wait_end(struct page_wait *wait, enum page_verdict verdict, int64_t for_ms)
{
	wait->fn(wait, verdict, for_ms);
	free(wait);
}

static void settle(struct page_access *a, struct known *k, enum page_verdict verdict)
{
	struct page_wait *waits = steal_ptr(&k->waits), *wait, *next;
	int64_t for_ms = k->until_ms == INT64_MAX ? 0 : k->until_ms - now_ms(a);
	if (k->ask != 0)
		HASH_DELETE(hh_ask, a->asked, k);
	k->ask = 0;
	DL_FOREACH_SAFE (waits, wait, next)
		wait_end(wait, verdict, for_ms);
}

/* ---- asking ---- */

/* false: it cannot be asked. `code` NULL: about what is shown. */
static bool ask(struct page_access *a, struct known *k, const uint8_t *code,
		const char *address)
{
	Samoza__V1__PageAsk message = SAMOZA__V1__PAGE_ASK__INIT;
	message.ask = ++a->last_ask;
	message.topology = k->topology;
	message.space = k->space;
	message.hash = (ProtobufCBinaryData){sizeof(k->hash), k->hash};
	message.has_code = code != NULL;
	message.code = (ProtobufCBinaryData){code != NULL ? TOKEN_HASH_SIZE : 0,
					     (uint8_t *)(uintptr_t)code};
	message.address = (char *)(uintptr_t)address;
	if (upstream_try_send(a->upstream, SAMOZA__V1__FRAME_TYPE__FRAME_PAGE_ASK,
			      &message.base, SEND_ROOM) != 0)
		return false;
	k->ask = message.ask;
	k->asked_ms = now_ms(a);
	HASH_ADD(hh_ask, a->asked, ask, sizeof(k->ask), k);
	return true;
}

void page_access_check(struct page_access *a, const char *topology, const char *space,
		       const uint8_t hash[TOKEN_HASH_SIZE], struct page_wait *take_wait)
{
	struct known *k = known_get(a, topology, space, hash);
	if (k == NULL) {
		wait_end(take_wait, PAGE_LATER, 0);
		return;
	}
	DL_APPEND(k->waits, take_wait);
	if (is_good_for(a, k, PAGE_ACCESS_CHECK_MS) && k->ask == 0)
		settle(a, k, PAGE_GRANTED);
	else if (is_fresh(a, k) && !k->is_granted && k->ask == 0)
		settle(a, k, PAGE_REFUSED);
	else if (k->ask == 0 && !ask(a, k, NULL, NULL))
		settle(a, k, without_zrms(a, k));
}

void page_access_sign_in(struct page_access *a, const char *topology, const char *space,
			 const uint8_t hash[TOKEN_HASH_SIZE],
			 const uint8_t code[TOKEN_HASH_SIZE], const char *address,
			 struct page_wait *take_wait)
{
	struct known *k = known_get(a, topology, space, hash);
	if (k == NULL) {
		wait_end(take_wait, PAGE_LATER, 0);
		return;
	}
	DL_APPEND(k->waits, take_wait);
	if (!ask(a, k, code, address))
		settle(a, k, PAGE_LATER);
}

bool page_access_holds(struct page_access *a, const char *topology, const char *space,
		       const uint8_t hash[TOKEN_HASH_SIZE])
{
	struct known *k = known_get(a, topology, space, hash);
	if (k == NULL)
		return false;
	if (k->ask == 0 && !is_fresh(a, k))
		(void)ask(a, k, NULL, NULL);
	return is_good_for(a, k, PAGE_ACCESS_KEPT_MS);
}

void page_access_take(struct page_access *a, const Samoza__V1__PageAnswer *answer)
{
	struct known *k = NULL;
	HASH_FIND(hh_ask, a->asked, &answer->ask, sizeof(answer->ask), k);
	if (k == NULL)
		return; /* too late */
	if (answer->has_later && answer->later) {
		settle(a, k, without_zrms(a, k));
		return;
	}
	k->answered_ms = now_ms(a);
	k->is_granted = answer->granted;
	k->until_ms = answer->has_for_ms && answer->for_ms < INT64_MAX / 2
			      ? now_ms(a) + (int64_t)answer->for_ms
			      : INT64_MAX;
	list_choose(a, k);
	settle(a, k, k->is_granted ? PAGE_GRANTED : PAGE_REFUSED);
}

/* ---- life ---- */

static void on_tick(void *user)
{
	struct page_access *a = user;
	struct known *k, *next;
	HASH_ITER (hh_ask, a->asked, k, next)
		if (now_ms(a) - k->asked_ms >= PAGE_ACCESS_ANSWER_MS)
			settle(a, k, without_zrms(a, k));
	loop_timer_at(a->timer, now_ms(a) + TICK_MS);
}

struct page_access *page_access_new(struct loop *loop, struct upstream *upstream)
{
	struct page_access *a = mem_new(struct page_access);
	a->loop = loop;
	a->upstream = upstream;
	a->granted.most = PAGE_ACCESS_MAX;
	a->others.most = PAGE_ACCESS_OTHERS_MAX;
	a->timer = loop_timer_new(loop, on_tick, a);
	on_tick(a);
	return a;
}

void page_access_free(struct page_access *a)
{
	struct known *k, *next;
	if (a == NULL)
		return;
	loop_timer_free(a->timer);
	HASH_ITER (hh, a->all, k, next) {
		struct page_wait *wait, *later;
		DL_FOREACH_SAFE (k->waits, wait, later)
			free(wait);
		known_free(a, k);
	}
	free(a);
}
