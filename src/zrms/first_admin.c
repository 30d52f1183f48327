#include "zrms/first_admin.h"

#include <sodium.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "adapter/token/token.h"
#include "base/str.h"
#include "zrms/api.h"

enum { HASH_HEX = 2 * TOKEN_HASH_SIZE };

static char *hash_path(const char *dir)
{
	return str_printf("%s/credentials/first-admin", dir);
}

int first_admin_make(const char *dir, char **ret_token, struct error **err)
{
	CLEANUP(freep) char *path = hash_path(dir);
	CLEANUP(token_freep) char *token = token_new(TOKEN_OF_PERSON);
	uint8_t hash[TOKEN_HASH_SIZE];
	char text[HASH_HEX + 1];
	token_hash(token, hash);
	(void)sodium_bin2hex(text, sizeof(text), hash, sizeof(hash));
	int r = pki_file_write(path, text, HASH_HEX, err);
	if (r == 0)
		*ret_token = steal_ptr(&token);
	return r;
}

/* ---- taking it ---- */

static void on_told(void *user, const struct reply *reply)
{
	struct zrms *zrms = user;
	CLEANUP(freep) char *path = hash_path(zrms->settings.dir);
	if (reply->code == ERR_CONFLICT)
		log_warn("zrms", "first.admin.exists", LOG_S("user", FIRST_ADMIN),
			 LOG_S("then", "the token that zrms init printed opens nothing: zshell "
				       "user token rotate " FIRST_ADMIN));
	else if (reply->code < 0)
		log_warn("zrms", "first.admin.refused", LOG_S("reason", reply->message));
	if (reply->code >= 0 || reply->code == ERR_CONFLICT)
		(void)unlink(path);
}

static int hash_read(const char *path, uint8_t hash[TOKEN_HASH_SIZE], struct error **err)
{
	CLEANUP(pki_secret_freep) char *text = NULL;
	size_t size = 0, bytes = 0;
	int r = pki_file_read(path, &text, &size, err);
	if (r < 0)
		return r;
	if (sodium_hex2bin(hash, TOKEN_HASH_SIZE, text, size, " \n", &bytes, NULL) < 0 ||
	    bytes != TOKEN_HASH_SIZE)
		return error_set(err, ERR_INVALID, "%s is broken", path);
	return 0;
}

void first_admin_take(struct zrms *zrms)
{
	CLEANUP(freep) char *path = hash_path(zrms->settings.dir);
	CLEANUP(error_freep) struct error *err = NULL;
	uint8_t hash[TOKEN_HASH_SIZE];
	int r = hash_read(path, hash, &err);
	if (r < 0) {
		if (r != ERR_NOT_FOUND)
			log_warn("zrms", "first.admin.unread", LOG_E(err));
		return;
	}
	if (control_principal(zrms->control, hash, loop_now(&zrms->loop).wall_ms) != NULL) {
		(void)unlink(path); /* it was taken, and zrms killed before the file was gone */
		return;
	}
	Samoza__V1__CredentialRecord record = SAMOZA__V1__CREDENTIAL_RECORD__INIT;
	record.name = (char *)(uintptr_t)FIRST_ADMIN;
	record.role = ACCESS_ADMIN;
	record.hash = (ProtobufCBinaryData){sizeof(hash), hash};
	struct control_input input = {
		.type = CONTROL_CREDENTIAL,
		.actor = "zrms init",
		.credential = {.action = CREDENTIAL_CREATE, .record = &record}};
	api_ask(zrms, &input, on_told, zrms);
}
