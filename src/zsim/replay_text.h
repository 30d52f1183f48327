/* What zsim replay prints of entries of a recording, and of a cluster as it was. */
#ifndef SAMOZA_ZSIM_REPLAY_TEXT_H
#define SAMOZA_ZSIM_REPLAY_TEXT_H

#include <stdint.h>

#include "core/record/replay.h"

/* "2026-11-28T14:30:00Z", "2026-11-28T14:30:00.250Z"; wall clock. ERR_INVALID. */
int replay_time_parse(const char *text, int64_t *ret_wall_ms, struct error **err) must_check;
/* What came in, or out. */
void replay_print_entry(const struct replay_entry *entry);
/* Topologies, instances and zhosts, with reasons; of what has no place why no zhost takes it. */
void replay_print_cluster(const struct control *control, struct instant now);

#endif
