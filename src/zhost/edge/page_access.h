/*
 * Who may see the pages of spaces with `access: token`: zrms says so, and what it has said is good for a while.
 *
 *   hash of what is shown ──► known for less than CHECK_MS? ──► at once
 *                                   │ no
 *                                   ▼
 *                             PAGE_ASK ──► zrms ──► granted, refused
 *                                   │ no answer: zrms is away
 *                                   ▼
 *                             granted within the last KEPT_MS? yes: granted. no: not now
 *
 * So what zrms has taken back ends after CHECK_MS where zrms is there, and an outage of zrms ends no page that is in
 * use. Only hashes are kept and sent.
 *
 * Source: [formats.topology.access].
 */
#ifndef SAMOZA_ZHOST_EDGE_PAGE_ACCESS_H
#define SAMOZA_ZHOST_EDGE_PAGE_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "adapter/token/token.h"
#include "proto/wire.pb-c.h"
#include "zhost/uplink/upstream.h"

#define PAGE_ACCESS_CHECK_MS  INT64_C(10000)
#define PAGE_ACCESS_KEPT_MS   (INT64_C(15) * 60 * 1000)
#define PAGE_ACCESS_ANSWER_MS INT64_C(5000)
/* That are known; the one that was longest unused gives way. Those that are not, or not yet, granted are counted apart:
 * anybody can show them. */
enum { PAGE_ACCESS_MAX = 4096, PAGE_ACCESS_OTHERS_MAX = 1024 };

struct page_access;
struct loop;

enum page_verdict {
	PAGE_GRANTED,
	PAGE_REFUSED,
	PAGE_LATER, /* zrms cannot be asked */
};

/* Somebody who waits for a verdict: the first member of what the caller has on the heap; freed with free(), after
 * its function, or without it at the end. */
struct page_wait {
	void (*fn)(struct page_wait *wait, enum page_verdict verdict, int64_t for_ms);
	struct page_wait *next, *prev;
};

/* Both borrowed. */
struct page_access *page_access_new(struct loop *loop, struct upstream *upstream);
void page_access_free(struct page_access *a);

/* May call the function at once. */
void page_access_check(struct page_access *a, const char *topology, const char *space,
		       const uint8_t hash[TOKEN_HASH_SIZE], struct page_wait *take_wait);
/* The code becomes the session with that hash. `address`: whose browser it is. */
void page_access_sign_in(struct page_access *a, const char *topology, const char *space,
			 const uint8_t hash[TOKEN_HASH_SIZE],
			 const uint8_t code[TOKEN_HASH_SIZE], const char *address,
			 struct page_wait *take_wait);
/* Whether it is still good, as far as is known; asks again where that is long ago. */
bool page_access_holds(struct page_access *a, const char *topology, const char *space,
		       const uint8_t hash[TOKEN_HASH_SIZE]);
/* Of zrms. */
void page_access_take(struct page_access *a, const Samoza__V1__PageAnswer *answer);

#endif
