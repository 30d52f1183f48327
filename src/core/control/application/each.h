/*
 * Instances of spaces with `count: each`, one for each zhost that fits.
 *
 *                  passes rules 2 to 4                no place there: it waits for it, and for nothing else
 *   (no zhost) ─────────────────────────► agent@n1 ◄──────────────────────────────────────┐
 *                                            │  └───────────────────► placed on n1 ────────┘
 *                                            │ the zhost is removed, breaks rule 2 or 3, or is emptied by a drain
 *                                            ▼
 *                                          leaves (members.h)
 *
 * In a flush the instances of one space appear at a time, and are placed before the next are judged: rule 4 looks
 * at what is placed. Which ones there are follows from the zhosts and the revisions; that one has appeared, from
 * its record.
 *
 * Source: [change.counts.each].
 */
#ifndef SAMOZA_CORE_CONTROL_EACH_H
#define SAMOZA_CORE_CONTROL_EACH_H

#include <stdbool.h>

struct control;

/* Something has changed since instances appeared, or went, the last time. */
bool each_is_due(const struct control *c);
/* Makes appear and leave what does now: of each application the instances of one space. */
void each_run(struct control *c);
/* Nothing has changed, as far as a checkpoint is concerned. */
void each_forget_changes(struct control *c);

#endif
