/* Records of copies: write and load. */
#ifndef SAMOZA_CORE_AGENT_RECORD_H
#define SAMOZA_CORE_AGENT_RECORD_H

#include "core/agent/internal.h"

/* Once all are loaded: those of format 1 are completed, and written again under their new ids. */
void records_convert(struct agent *agent);
void record_write(struct agent *agent, struct agent_copy *copy);

#endif
