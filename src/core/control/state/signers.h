/*
 * Who has signed what runs: the key of a revision is part of its record.
 */
#ifndef SAMOZA_CORE_CONTROL_SIGNERS_H
#define SAMOZA_CORE_CONTROL_SIGNERS_H

#include <stdint.h>

#include "core/control/state/application.h"

struct control;

/* What the key of a revision is called; NULL: nobody has signed it, or it is not known who. Borrowed. */
const char *signer_name(const struct control *c, const struct revision *r);
/* Whether it may sign no longer: it was removed, or the file of it is gone. */
bool signer_is_removed(const struct control *c, const struct revision *r);
/* Whether it may sign what has that name, if anybody knows the key. */
bool signer_signs(const struct control *c, const struct revision *r, const char *name);
/* Whether something of the application runs, or is to, that the key has signed. */
bool signer_runs(const struct control_application *a, const uint8_t *key);
/* The names of such applications, the oldest first: "shop, blog and 3 more"; NULL: there are none. The caller frees. */
char *signer_runs_text(const struct control *c, const uint8_t *key);

#endif
