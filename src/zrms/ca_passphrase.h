/*
 * The passphrase with which the keys of the certificate authorities are sealed on disk:
 *
 *   --ca-passphrase-file FILE, else $CREDENTIALS_DIRECTORY/ca-passphrase (systemd: LoadCredential=), else none
 *
 * Source: [machines.identity.init].
 */
#ifndef SAMOZA_ZRMS_CA_PASSPHRASE_H
#define SAMOZA_ZRMS_CA_PASSPHRASE_H

#include "base/error.h"

struct settings;

/* NULL: none was given. pki_secret_free(). ERR_INVALID: it is too short. */
int ca_passphrase_find(const struct settings *settings, char **ret_passphrase,
		       struct error **err) must_check;

#endif
