/*
 * Requests that add and remove keys that sign packages (core/access/signing_keys.h), and what of it a submission needs.
 */
#ifndef SAMOZA_CORE_CONTROL_SIGNING_KEY_REQUEST_H
#define SAMOZA_CORE_CONTROL_SIGNING_KEY_REQUEST_H

#include "core/control/state/input.h"

struct control;

void signing_key_request(struct control *c, const struct control_input *input);
/* Whether who has signed it, if anybody has, may sign what has that name. ERR_DENIED. */
int signing_key_check_submission(const struct control *c, const struct control_submit *s,
				 struct error **err) must_check;
/* Notes what the key is called that has signed it. */
void signing_key_name_signer(const struct control *c, Samoza__V1__RevisionRecord *record);

#endif
