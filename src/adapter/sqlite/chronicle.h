/*
 * Events in a file of their own, of which the newest HISTORY_KEPT are kept: a copy of what a store elsewhere gave out, for
 * longer than that keeps it.
 *
 *   event(seq, topology, data, sum)   as in the store (history.h)
 *   held(first, last)                 runs of numbers of which every event that there ever was is in it
 *
 * Numbers alone do not tell whether anything is missing: some are skipped. So what it has is said by `held`, and a gap is
 * what lies between two runs, or before the first.
 *
 * From any thread: calls block, one at a time. It is a copy, so a power cut may take the last of it.
 */
#ifndef SAMOZA_ADAPTER_SQLITE_CHRONICLE_H
#define SAMOZA_ADAPTER_SQLITE_CHRONICLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "proto/record.pb-c.h"

struct chronicle;

/* A file that is damaged is put aside as PATH.damaged, and a new one is begun (*ret_damaged). */
int chronicle_open(const char *path, struct chronicle **ret_chronicle, bool *ret_damaged,
		   struct error **err) must_check;
/* NULL is fine. */
void chronicle_close(struct chronicle *chronicle);

/* What is asked for: numbers in (after, until], at most `limit` events. */
struct chronicle_range {
	uint64_t after, until;
	const char *topology; /* NULL: of all */
	uint32_t limit;
};
typedef void chronicle_take_fn(void *to, Samoza__V1__EventRecord *take_event);
/* In order, whether there are gaps or not. *ret_more: there are more than `limit`. Damaged ones are left out. */
int chronicle_list(struct chronicle *chronicle, const struct chronicle_range *range,
		   chronicle_take_fn *take, void *to, bool *ret_more,
		   struct error **err) must_check;
/* The beginning of the first run after `after`; the caller frees with free_unpacked(). Absent: nothing up to `until`. */
int chronicle_page(struct chronicle *chronicle, uint64_t after, uint64_t until, uint32_t limit,
		   Samoza__V1__EventPage **ret_page, struct error **err) must_check;

/* 0: none. */
int chronicle_newest(struct chronicle *chronicle, uint64_t *ret_seq,
		     struct error **err) must_check;
/* Whether it has exactly this one. */
int chronicle_has(struct chronicle *chronicle, const Samoza__V1__EventRecord *event,
		  bool *ret_has, struct error **err) must_check;
/* Between the newest run and the one before it, or the first number that is kept: (after, until) without both ends. False:
 * none. */
int chronicle_gap(struct chronicle *chronicle, uint64_t *ret_after, uint64_t *ret_until,
		  bool *ret_is_gap, struct error **err) must_check;

/* These are all that there ever were from `first` to `last`; they replace what it has under their numbers. */
int chronicle_put(struct chronicle *chronicle, uint64_t first, uint64_t last,
		  Samoza__V1__EventRecord *const *events, size_t count,
		  struct error **err) must_check;
/* All from `first` on: they are of a history that was undone. */
int chronicle_forget(struct chronicle *chronicle, uint64_t first,
		     struct error **err) must_check;

#endif
