#include "zhost/join/join.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "base/str.h"
#include "zhost/join/ask.h"
#include "zhost/state/state_dir.h"
#include "zhost/uplink/identity.h"
#include "zhost/uplink/zrms_addresses.h"

struct joining {
	const char *dir, *name;
	bool replace;
	char *directory;   /* DIR/credentials */
	char *key_path;	   /* of the key until it has joined */
	char *joined_path; /* of the id of the token with which it has */
	struct join_token token;
	struct pki_key *key;
};

static void joining_done(struct joining *j)
{
	pki_key_free(j->key);
	join_token_done(&j->token);
	free(j->directory);
	free(j->key_path);
	free(j->joined_path);
}

/* ---- what is there ---- */

static bool is_of_token(const struct pki_trust *trust, const struct join_token *token)
{
	for (size_t k = 0; k < pki_trust_count(trust); k++)
		for (size_t n = 0; n < token->pin_count; n++) {
			struct pki_pin pin = pki_trust_pin(trust, k);
			if (pki_pin_equal(&pin, &token->pins[n]))
				return true;
		}
	return false;
}

/* So that a command can be given again when it has done its work: with --replace, and also when the authorities are
 * others by now. */
static bool has_joined_with(const struct joining *j)
{
	CLEANUP(pki_secret_freep) char *id = NULL;
	size_t size = 0;
	return pki_file_read(j->joined_path, &id, &size, NULL) == 0 &&
	       size == strlen(j->token.id) && memcmp(id, j->token.id, size) == 0;
}

/* 1: it has joined this cluster. */
static int has_joined(const struct joining *j, struct error **err)
{
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	if (!identity_is_there(j->dir))
		return 0;
	if (j->replace || has_joined_with(j))
		return has_joined_with(j);
	int r = pki_credentials_load(j->directory, &c, err);
	if (r < 0)
		return r;
	if (is_of_token(c.trust, &j->token))
		return 1;
	return error_set(err, ERR_CONFLICT,
			 "this machine has joined another cluster, whose authorities are in "
			 "%s: give --replace to leave that one, or another --dir",
			 j->directory);
}

static int key_find(struct joining *j, struct error **err)
{
	CLEANUP(error_freep) struct error *missing = NULL;
	CLEANUP(pki_secret_freep) char *pem = NULL;
	size_t size = 0;
	int r = pki_file_read(j->key_path, &pem, &size, &missing);
	if (r == 0)
		return pki_key_read(pem, size, NULL, &j->key, err);
	if (r != ERR_NOT_FOUND)
		return error_move(err, steal_ptr(&missing));
	r = pki_key_new(&j->key, err);
	if (r < 0)
		return r;
	pem = pki_key_write(j->key, NULL);
	return pki_file_write(j->key_path, pem, strlen(pem), err);
}

/* ---- what comes ---- */

static int64_t wall_ms(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Whom to believe is the word of zrms, which was believed by the pins of the token: they may be of an authority that a rotation
 * has dropped since. */
static int answer_check(const struct joining *j, const struct pki_certificate *certificate,
			struct error **err)
{
	CLEANUP(pki_identity_done) struct pki_identity who = {0};
	int r = pki_certificate_identity(certificate, &who, err);
	if (r < 0)
		return r;
	if (!pki_certificate_is_of(certificate, j->key) || !str_equal(who.role, "zhost") ||
	    !str_equal(who.name, j->name))
		return error_set(err, ERR_INVALID,
				 "zrms answers with a certificate for another key or name");
	return pki_issued_check(&who, wall_ms(), "give the same command again", err);
}

static int answer_store(const struct joining *j, const Samoza__V1__JoinView *view,
			struct error **err)
{
	CLEANUP(pki_trust_freep) struct pki_trust *trust = NULL;
	CLEANUP(pki_certificate_freep) struct pki_certificate *certificate = NULL;
	int r = pki_trust_read(view->authorities, strlen(view->authorities), &trust, err);
	if (r == 0)
		r = pki_certificate_read(view->certificate, strlen(view->certificate),
					 &certificate, err);
	if (r == 0)
		r = answer_check(j, certificate, err);
	if (r == 0)
		r = pki_authorities_store(j->directory, trust, err);
	if (r == 0)
		r = zrms_addresses_store(j->dir, (const char *const *)j->token.addresses,
					 j->token.address_count, err);
	if (r == 0)
		r = pki_identity_store(j->directory, j->key, certificate, err);
	if (r == 0)
		r = pki_file_write(j->joined_path, j->token.id, strlen(j->token.id), err);
	if (r < 0)
		return r;
	(void)unlink(j->key_path); /* it stands in identity.pem; one that stays is used again */
	log_info("join", "joined", LOG_S("cluster", view->cluster), LOG_S("zhost", view->name),
		 LOG_S("until", view->expires));
	return 0;
}

static int join(struct joining *j, struct error **err)
{
	Samoza__V1__JoinView *view = NULL;
	int r = has_joined(j, err);
	if (r != 0) {
		if (r > 0)
			log_info("join", "joined.before", LOG_S("directory", j->directory));
		return r < 0 ? r : 0;
	}
	if (mkdir(j->directory, 0700) < 0 && errno != EEXIST)
		return error_errno(err, "cannot make %s", j->directory);
	r = key_find(j, err);
	if (r == 0)
		r = join_ask(&j->token, j->name, j->replace, j->key, &view, err);
	if (r < 0)
		return r;
	r = answer_store(j, view, err);
	samoza__v1__join_view__free_unpacked(view, NULL);
	return r;
}

int join_cluster(const char *dir, const char *name, const char *word, bool replace,
		 struct error **err)
{
	struct state_dir state;
	CLEANUP(joining_done)
	struct joining j = {.dir = dir,
			    .name = name,
			    .replace = replace,
			    .directory = str_printf("%s/credentials", dir),
			    .key_path = str_printf("%s/credentials/joining.pem", dir),
			    .joined_path = str_printf("%s/credentials/joined-with", dir)};
	int r = join_token_read(word, &j.token, err);
	if (r < 0)
		return error_wrap(err, "--join");
	r = state_dir_open(&state, dir, err); /* one at a time */
	if (r == 0)
		r = join(&j, err);
	state_dir_close(&state);
	return r < 0 ? error_wrap(err, "this machine has not joined") : 0;
}
