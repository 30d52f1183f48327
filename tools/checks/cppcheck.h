/*
 * What cppcheck reads before each file: it does not parse uthash, utlist and the macros of our log.
 * Their headers are left out by their guards; here their macros are as simple as loops.
 */
#define SAMOZA_ADAPTER_LOG_LOG_H
#define SAMOZA_BASE_HASH_H
#define UTLIST_H
#define UINT32_C(x)			x##u
#define UINT64_C(x)			x##ull
#define INT64_C(x)			x##ll
#define HASH_ITER(hh, head, e, next)	for (e = head, next = 0; e != 0; e = next)
#define DL_FOREACH(head, e)		for (e = head; e != 0; e = e->next)
#define DL_FOREACH2(head, e, next)	for (e = head; e != 0; e = e->next)
#define DL_FOREACH_SAFE(head, e, after) for (e = head, after = 0; e != 0; e = after)
#define LL_FOREACH(head, e)		for (e = head; e != 0; e = e->next)
#define LL_FOREACH_SAFE(head, e, after) for (e = head, after = 0; e != 0; e = after)
/* Generated from the list of kinds in src/model/meson.build; one stands for all. */
#define SPACE_KINDS(X) X(wasm)
