/*
 * A site alone [change.loss.alone]: zhost has started and reaches no zrms, as after a power cut. After one
 * failure timeout it starts again what it was last told to run, as far as that may be: copies with
 * `loss.offline_start`, each when its mandatory imports are provided.
 *
 *     begin ──failure timeout──► alone ──first full set──► as always
 *       └──first full set, or zrms refuses───────────────► as always
 *
 * Where a provider is on this zhost, the importer waits until it is started, and gets its values of now.
 * Where it is elsewhere, the importer starts with the values that its record has, once the port of the
 * provider answers: the agent orders trials (ORDER_TRY), one for each address, again and again while it
 * is alone.
 *
 * A copy that has to wait says why (ORDER_WAITS, and `waited` in its reports). A zhost whose directory
 * comes from another machine never is alone: the other one may run the same.
 */
#ifndef SAMOZA_CORE_AGENT_ALONE_H
#define SAMOZA_CORE_AGENT_ALONE_H

#include "core/agent/internal.h"

/* With the first input, and whenever zrms comes nearer and goes again: from now on one failure timeout is
 * counted. */
void alone_watch(struct agent *agent);
/* zrms decides: it has sent a full set, has refused this zhost, or has removed it. */
void alone_end(struct agent *agent);

/* Without zrms: the copy may start now. Otherwise it is known what it waits for, and continues by itself. */
bool alone_may_start(struct agent *agent, struct agent_copy *copy);
/* It waits for `why` without zrms (taken over). */
void alone_wait(struct agent *agent, struct agent_copy *copy, char *why);
/* Without zrms: its providers have other values than its process knows. */
bool alone_wants_update(struct agent *agent, struct agent_copy *copy);

/* A trial has ended. True: something that waits may continue. */
bool alone_take_answer(struct agent *agent, const char *address, bool answers);
/* The next trials are due. */
void alone_try_again(struct agent *agent);
void alone_free(struct agent *agent);

#endif
