/*
 * The audit: one line for each change that somebody asked for, done or refused, in the same batch as what
 * follows from it. So neither can be there without the other after a crash.
 *
 *   input of a person ──► audit_begin: in words, as long as what it names is there
 *                              │
 *                              ▼ checked, handled, answered
 *                         audit_end ──► line: when, who, from where, what, the outcome, the revision
 *
 * What zrms refuses before it asks the core comes as CONTROL_REFUSED. What the system does by itself, what
 * zhosts say, and what only computes (dry runs) leave no line, but for a machine that a restored store takes back, and for tokens of instances
 * (api_tokens.h). A machine that joins leaves one, one that may
 * not leaves none: strangers would fill the audit. No line holds a secret: of what was sent it has names alone.
 *
 * Source: [machines.people.audit].
 */
#ifndef SAMOZA_CORE_CONTROL_AUDIT_H
#define SAMOZA_CORE_CONTROL_AUDIT_H

#include "core/control/state/input.h"

struct control;

#define AUDIT_DONE "done" /* AuditRecord.outcome; otherwise error_code_name() */

/* Before the input is handled: what is asked, in words; NULL: it leaves no line. The caller frees. */
char *audit_begin(struct control *c, const struct control_input *input);
/* After it: writes the line. `action`: of audit_begin(). */
void audit_end(struct control *c, const struct control_input *input, const char *action);
/* A line for what the system does by itself with the right of somebody; `topology`: the id of it. */
void audit_note(struct control *c, const char *topology, const char *action);

#endif
