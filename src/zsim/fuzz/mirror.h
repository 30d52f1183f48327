/*
 * Takes what is committed, and checks it: transitions, records, capacity.
 */
#ifndef SAMOZA_ZSIM_FUZZ_MIRROR_H
#define SAMOZA_ZSIM_FUZZ_MIRROR_H

struct data_answer;
struct outbox;

/* For world_hooks.committed; its user is the struct fuzz. */
void mirror_committed(void *user, const struct outbox *o, const struct data_answer *answers);

#endif
