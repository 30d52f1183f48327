/*
 * What happens to a zhost is an event of its own, and once more one of each topology that has something
 * there.
 *
 *     zhost n1: deployed-started -> problem         in the same commit:
 *         of t1, of t3: the same                    those with copies on n1, by name
 */
#ifndef SAMOZA_ZSIM_FUZZ_CHECK_HEARD_H
#define SAMOZA_ZSIM_FUZZ_CHECK_HEARD_H

struct fuzz;
struct outbox;

/* A copy that had a record. */
struct copy_before {
	char *id; /* "APPLICATION-ID/PATH#EPOCH" */
	char *application, *zhost;
};

/* Before the commit is taken: keeps who has copies where. */
void check_heard_before(struct fuzz *f, const struct outbox *o);
/* After it. */
void check_heard_after(struct fuzz *f, const struct outbox *o);

#endif
