/*
 * What is left of an instance when its zrun has ended. Usually nothing: zrun ends all that it ran
 * first. But a zrun that is killed leaves its keeper (zrun/native/keeper.h), and below it a tree of
 * processes that takes a while to die. Until then the instance has not ended.
 *
 *   status file ── KEEPER ──► remains_read() ──► remains_end(), again and again ──► true
 */
#ifndef SAMOZA_ZHOST_PROCESS_REMAINS_H
#define SAMOZA_ZHOST_PROCESS_REMAINS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "zhost/state/instance_file.h"

struct remains {
	pid_t keeper; /* 0: there was none, and nothing can be left */
	uint64_t start;
	bool is_first;
	char group[INSTANCE_FILE_NAME_SIZE]; /* its control group */
};

/* Out of the status file of an instance, RUN/NAME.e. */
void remains_read(struct remains *r, int run_fd, const char *instance);
/* Kills what is left. True: nothing is. Never before its zrun has ended, which would report the
 * end of its processes as their failure. */
bool remains_end(const struct remains *r);

#endif
