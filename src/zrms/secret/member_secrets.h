/*
 * The keys of secrets of a zrms that stands by: with each question to the leader (member_identity.h) it says which it has, and takes
 * what it lacks, so that it can open values when it leads.
 *
 *   has ──► leader ──► those that it has, and those that records name ─┬─► what is in neither goes
 *                                                                      └─► the leader lacks one that is here: the next question
 *                                                                          brings it
 * Source: [workloads.configuration.secrets], [machines.replicated.standby].
 */
#ifndef SAMOZA_ZRMS_MEMBER_SECRETS_H
#define SAMOZA_ZRMS_MEMBER_SECRETS_H

#include <stdbool.h>

#include "proto/view.pb-c.h"

struct member_secrets;

/* What it has on disk; where that cannot be read, it says so, and takes nothing. */
struct member_secrets *member_secrets_new(const char *dir);
void member_secrets_free(struct member_secrets *member);

/* Adds what it has; borrowed until member_secrets_asked(). */
void member_secrets_ask(struct member_secrets *member, Samoza__V1__ZrmsIdentityRequest *body);
void member_secrets_asked(struct member_secrets *member, Samoza__V1__ZrmsIdentityRequest *body);
/* What the leader has said. True: it is to hear at once what there is now. What cannot be taken, as a file that is sealed with
 * another passphrase, is logged. */
bool member_secrets_take(struct member_secrets *member,
			 const Samoza__V1__ZrmsIdentityView *view);
/* None at all, as at first. */
bool member_secrets_has_none(const struct member_secrets *member);

#endif
