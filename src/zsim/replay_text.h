/* What zsim replay prints of entries of a recording, and of a cluster as it was. */
#ifndef SAMOZA_ZSIM_REPLAY_TEXT_H
#define SAMOZA_ZSIM_REPLAY_TEXT_H

#include <stdint.h>

#include "core/record/replay.h"

/* What came in, or out. */
void replay_print_entry(const struct replay_entry *entry);
/* What is missing of a piece. */
void replay_print_gaps(const Samoza__V1__RecordedAbout *about);
/* Topologies, instances and zhosts, with reasons; of what has no place why no zhost takes it. */
void replay_print_cluster(const struct control *control, struct instant now);

#endif
