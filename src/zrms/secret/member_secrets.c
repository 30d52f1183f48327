#include "zrms/secret/member_secrets.h"

#include <string.h>

#include "adapter/backup/passphrase.h"
#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/secret/secret_passphrase.h"
#include "zrms/secret/secret_store.h"

struct member_secrets {
	struct secret_vault *vault; /* NULL: its file cannot be read */
	bool is_wanted;		    /* by the leader: the file */
	bool was_sent;		    /* the last time */
	char *said;		    /* what is wrong, as it was logged; NULL: nothing */
};

struct member_secrets *member_secrets_new(const char *dir)
{
	struct member_secrets *m = mem_new(struct member_secrets);
	CLEANUP(passphrase_freep) char *passphrase = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	int r = secret_passphrase_find(&passphrase, &err);
	if (r == 0)
		r = secret_vault_open(dir, passphrase, &m->vault, &err);
	if (r < 0)
		log_error("secret", "keys.unreadable", LOG_E(err),
			  LOG_S("then", "this zrms cannot lead before it is mended"));
	return m;
}

void member_secrets_free(struct member_secrets *m)
{
	if (m == NULL)
		return;
	secret_vault_free(m->vault);
	free(m->said);
	free(m);
}

bool member_secrets_has_none(const struct member_secrets *m)
{
	return m->vault != NULL && m->vault->keys == NULL;
}

/* ---- asking ---- */

void member_secrets_ask(struct member_secrets *m, Samoza__V1__ZrmsIdentityRequest *body)
{
	size_t size = 0;
	/* What is not safe on disk is not said to be here. */
	if (m->vault == NULL || m->vault->keys == NULL || m->vault->is_unsure)
		return;
	body->secret_keys = mem_new_array(char *, SECRET_KEYS_MAX);
	for (; body->n_secret_keys < secret_keys_count(m->vault->keys); body->n_secret_keys++)
		body->secret_keys[body->n_secret_keys] =
			(char *)(uintptr_t)secret_keys_id(m->vault->keys, body->n_secret_keys);
	if (m->is_wanted)
		(void)!pki_file_read(m->vault->path, &body->secret_key_file, &size, NULL);
	m->was_sent = m->is_wanted;
}

void member_secrets_asked(struct member_secrets *m, Samoza__V1__ZrmsIdentityRequest *body)
{
	(void)m;
	free(body->secret_keys);
	pki_secret_free(body->secret_key_file);
}

/* ---- taking ---- */

static bool has_id(char *const *ids, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal(ids[i], id))
			return true;
	return false;
}

/* Whether the leader needs it, and has not got it. */
static bool is_wanted(const Samoza__V1__ZrmsIdentityView *view, const char *id)
{
	return has_id(view->secret_keys_needed, view->n_secret_keys_needed, id) &&
	       !has_id(view->secret_keys, view->n_secret_keys, id);
}

static bool may_go(const Samoza__V1__ZrmsIdentityView *view, const char *id)
{
	return view->has_secret_keys_settled && view->secret_keys_settled &&
	       !has_id(view->secret_keys, view->n_secret_keys, id) &&
	       !has_id(view->secret_keys_needed, view->n_secret_keys_needed, id);
}

static bool has_all_of(const struct secret_keys *keys, const Samoza__V1__ZrmsIdentityView *view)
{
	for (size_t i = 0; i < view->n_secret_keys; i++)
		if (!secret_keys_has(keys, view->secret_keys[i]))
			return false;
	return view->n_secret_keys > 0;
}

/* Without what is needed no longer; one always stays, as a file without any is none. True: something went. */
static bool forget(struct secret_keys *keys, const Samoza__V1__ZrmsIdentityView *view)
{
	bool any = false;
	for (size_t at = secret_keys_count(keys); at-- > 0;) {
		CLEANUP(freep) char *id = mem_strdup(secret_keys_id(keys, at));
		if (secret_keys_count(keys) > 1 && may_go(view, id))
			any |= secret_keys_drop(keys, id);
	}
	return any;
}

static int keys_follow(const struct member_secrets *m, const Samoza__V1__ZrmsIdentityView *view,
		       bool *ret_changed, struct error **err)
{
	struct secret_vault *vault = m->vault;
	CLEANUP(secret_keys_freep) struct secret_keys *theirs = NULL;
	CLEANUP(secret_keys_freep) struct secret_keys *keys = NULL;
	const char *file = view->secret_key_file;
	int r = file != NULL
			? secret_keys_read(file, strlen(file), vault->passphrase, &theirs, err)
			: 0;
	if (r < 0)
		return error_wrap(err, "the keys of secrets of the leader");
	if (vault->keys == NULL && theirs == NULL)
		return 0;
	keys = secret_keys_copy(vault->keys != NULL ? vault->keys : theirs);
	bool changed = vault->keys == NULL || vault->is_unsure;
	bool fits = theirs == NULL || secret_keys_unite(keys, theirs);
	/* Only who has all that the leader has knows what is needed no longer; or it makes room. */
	if (has_all_of(keys, view) || !fits)
		changed |= forget(keys, view);
	if (!fits && !secret_keys_unite(keys, theirs))
		return error_set(err, ERR_LIMIT,
				 "with those of the leader it would be more than %d keys of "
				 "secrets: rotate them there (secret rotate-key)",
				 SECRET_KEYS_MAX);
	if (vault->keys != NULL)
		changed |= !secret_keys_has_all(vault->keys, keys);
	if (!changed)
		return 0;
	r = secret_vault_keep(vault, steal_ptr(&keys), err);
	*ret_changed = r == 0;
	return r;
}

/* Once, as it is tried again with each question. */
static void say(struct member_secrets *m, const struct error *err)
{
	const char *text = err != NULL ? err->message : NULL;
	if (str_equal(text, m->said))
		return;
	if (text != NULL)
		log_error("secret", "keys.not.copied", LOG_E(err),
			  LOG_S("then",
				"it is tried again; should this zrms lead, it cannot open "
				"secrets"));
	free(m->said);
	m->said = mem_strdup(text);
}

bool member_secrets_take(struct member_secrets *m, const Samoza__V1__ZrmsIdentityView *view)
{
	CLEANUP(error_freep) struct error *err = NULL;
	bool changed = false;
	if (m->vault == NULL)
		return false;
	(void)!keys_follow(m, view, &changed, &err);
	say(m, err);
	if (changed)
		log_info("secret", "keys.copied", LOG_S("file", m->vault->path));
	m->is_wanted = false;
	for (size_t k = 0; m->vault->keys != NULL && k < secret_keys_count(m->vault->keys); k++)
		m->is_wanted |= is_wanted(view, secret_keys_id(m->vault->keys, k));
	bool again = changed || (m->is_wanted && !m->was_sent);
	m->was_sent &= m->is_wanted;
	return again;
}
