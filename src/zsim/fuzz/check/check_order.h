/*
 * In a grouped stop importers stop before their providers [lifecycle.group.stop-order].
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_ORDER_H
#define SAMOZA_ZSIM_FUZZ_CHECK_ORDER_H

#include <stdbool.h>
#include <stdint.h>

struct fuzz;
struct submitted;

/* `first` stops before `then` does. */
struct stop_pair {
	char *application, *first, *then; /* id and paths */
	bool is_asked; /* the group is not committed yet, as far as is known */
};

/* What may have begun to stop before the next group is asked. */
struct unanswered_stop {
	char *application, *path; /* id; and what is below the path */
};

/* A grouped stop is about to be asked: of the whole application, or of `path` and what is below it. */
void check_order_ask(struct fuzz *f, const struct submitted *s, const char *path);
void check_order_answered(struct fuzz *f, bool is_granted);
/* zrms is about to start: it goes on with the stops that were under way. */
void check_order_start(struct fuzz *f);
/* What is at `path` and below (NULL: everything of it) is stopped for another reason: no order holds for it any longer. */
void check_order_forget(struct fuzz *f, const struct submitted *s, const char *path);
/* A stop of `path` and what is below it was asked, and nobody has the answer: what of it stops may do so
 * before a later group is asked, which cannot be seen before its commit. */
void check_order_unanswered(struct fuzz *f, const struct submitted *s, const char *path);
/* It begins to stop. */
void check_order_stop(struct fuzz *f, const struct submitted *s, const char *path);
/* It is in another state: one that has stopped has left its group, also if its zhost starts it again. */
void check_order_moved(struct fuzz *f, const char *application, const char *path);
/* A commit is taken: who has stopped, or is to start again, holds nobody up. */
void check_order_committed(struct fuzz *f);
void check_order_done(struct fuzz *f);

#endif
