/*
 * What a recording tells, as a scenario (docs/scenarios.md): the cluster with which it begins, what people asked for, and what
 * happened to zhosts and processes, one step for each; in the end, what of it went wrong is expected.
 *
 *     birth or checkpoint ──► zhosts, topologies, submit …
 *     inputs ───────────────► steps, with the time between them
 *     the end ──────────────► expect: what failed, or else that everything is as it was
 *
 * What the language has no step for is left out: whether the same follows is seen by running it (shrink.h).
 */
#ifndef SAMOZA_ZSIM_STORY_H
#define SAMOZA_ZSIM_STORY_H

#include "core/record/replay.h"
#include "proto/scenario.pb-c.h"

struct story;

struct story *story_new(void);
void story_free(struct story *story);
/* Before and after replay_do(); `control`: as it is then, or NULL. */
void story_before(struct story *story, struct control *control,
		  const struct replay_entry *entry);
void story_after(struct story *story, struct control *control,
		 const struct replay_entry *entry);
/* As of then; the caller frees it with schema_message_free(). Its last step is the expectation. NULL: nothing has begun. */
Samoza__V1__Scenario *story_end(struct story *story, struct control *control,
				struct instant now);

#endif
