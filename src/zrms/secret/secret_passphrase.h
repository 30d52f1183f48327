/*
 * The passphrase with which the keys of secrets are sealed on disk:
 *
 *   $CREDENTIALS_DIRECTORY/secrets-passphrase (systemd: LoadCredential=), else none
 *
 * Source: [workloads.configuration.secrets].
 */
#ifndef SAMOZA_ZRMS_SECRET_PASSPHRASE_H
#define SAMOZA_ZRMS_SECRET_PASSPHRASE_H

#include "base/error.h"

/* NULL: none was given. passphrase_free(). ERR_INVALID: it is too short. */
int secret_passphrase_find(char **ret_passphrase, struct error **err) must_check;

#endif
