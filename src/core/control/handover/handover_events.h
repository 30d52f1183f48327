/*
 * What events say of a handover beyond the moves of its copies: that its successor has failed and why, and that
 * it is over.
 */
#ifndef SAMOZA_CORE_CONTROL_HANDOVER_EVENTS_H
#define SAMOZA_CORE_CONTROL_HANDOVER_EVENTS_H

struct control;
struct slot_control;

/* Why the successor of that unit fails now: "api: start: exit status 3"; the caller frees. */
char *handover_failure(const struct slot_control *root);
/* The successor is about to leave, and the incumbent serves on, or again. Nothing where there is none, or where
 * the application is stopped. */
void handover_emit_failure(struct control *c, const struct slot_control *root);
/* The copy that was left has gone. */
void handover_emit_end(struct control *c, const struct slot_control *root);

#endif
