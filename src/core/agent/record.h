/* Records of copies: write and load. */
#ifndef SAMOZA_CORE_AGENT_RECORD_H
#define SAMOZA_CORE_AGENT_RECORD_H

#include "core/agent/internal.h"

void record_write(struct agent *agent, struct agent_copy *copy);

#endif
