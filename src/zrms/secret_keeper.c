#include "zrms/secret_keeper.h"

#include <string.h>

#include "adapter/backup/passphrase.h"
#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/vector.h"
#include "zrms/api.h"
#include "zrms/secret/secret_passphrase.h"
#include "zrms/secret_rotation.h"
#include "zrms/secret_sharing.h"
#include "zrms/zrms.h"

enum {
	LOOK_MS = 100,		/* while something waits */
	MISSING_LOOK_MS = 2000, /* while a key is missing */
};

struct secret_keeper {
	struct zrms *zrms;
	struct loop_timer *timer;
	struct secret_sharing sharing;
	VECTOR(struct http_request *) waiting; /* until the key is shared */
	struct secret_rotation rotation;
	unsigned missing; /* as it was said last */
	int looked;	  /* what the last look into the file ended with */
	bool is_started;
};

static int64_t now_ms(const struct secret_keeper *k)
{
	return loop_now(&k->zrms->loop).mono_ms;
}

/* ---- what is missing ---- */

static unsigned missing(const struct zrms *zrms)
{
	return secret_vault_missing(zrms->vault, control_secrets(zrms->control));
}

/* "db-password, tls": those with a version that cannot be opened. The caller frees. */
static char *closed_names(const struct zrms *zrms)
{
	CLEANUP(freep)
	const struct secret **sorted = secrets_sorted(control_secrets(zrms->control));
	struct buffer names = BUFFER_INIT(4096);
	for (const struct secret **s = sorted; *s != NULL; s++)
		for (size_t k = 0; k < (*s)->record->n_versions; k++)
			if (!secret_vault_has(zrms->vault, (*s)->record->versions[k]->key)) {
				if (buffer_printf(&names, "%s%s", names.size > 0 ? ", " : "",
						  (*s)->record->name) < 0)
					return buffer_steal(&names);
				break;
			}
	return buffer_steal(&names);
}

static void say_missing(struct secret_keeper *k)
{
	unsigned count = missing(k->zrms);
	if (count == k->missing)
		return;
	k->missing = count;
	if (count == 0) {
		log_info("secret", "keys.found", LOG_S("file", k->zrms->vault->path));
		return;
	}
	CLEANUP(freep) char *names = closed_names(k->zrms);
	log_error("secret", "key.missing", LOG_S("file", k->zrms->vault->path),
		  LOG_U("keys", count), LOG_S("secrets", names),
		  LOG_S("then", "nobody gets their values: copy the file from another zrms of "
				"the cluster or from a backup with keys over it while this "
				"zrms runs (it adds the keys that it has), or set them again"));
}

static void rekeyed(struct secret_keeper *k)
{
	secret_sharing_rekeyed(&k->sharing);
	secret_keeper_wake(k);
}

/* Somebody may have laid the file there that has them. */
static int look(struct secret_keeper *k, struct error **err)
{
	bool is_new = false;
	int r = missing(k->zrms) > 0 ? secret_vault_look(k->zrms->vault, &is_new, err) : 0;
	if (is_new)
		rekeyed(k);
	return r;
}

int secret_keeper_can_seal(struct secret_keeper *k, struct error **err)
{
	struct secret_vault *vault = k->zrms->vault;
	/* What is sealed after another file was laid there has its key in that file, too. */
	int r = look(k, err);
	if (r < 0)
		return r;
	if (vault->keys != NULL)
		return secret_vault_settle(vault, err);
	if (HASH_COUNT(control_secrets(k->zrms->control)->by_name) > 0)
		return error_set(err, ERR_CONFLICT,
				 "the key with which secrets are sealed is not in %s: copy "
				 "that file from another zrms of the cluster or from a backup "
				 "with keys; without it, remove all secrets (secret rm "
				 "--force), and set them again",
				 vault->path);
	r = secret_vault_keep(vault, secret_keys_new(), err);
	if (r < 0)
		return r;
	log_info("secret", "key.made", LOG_S("file", vault->path));
	rekeyed(k);
	return 0;
}

/* ---- others ---- */

/* Nobody waits longer for it. */
static bool goes_on(const struct secret_keeper *k)
{
	CLEANUP(freep) char *lacking = NULL;
	if (k->zrms->stopping || secret_sharing_is_late(&k->sharing))
		return true;
	lacking = secret_sharing_lacking(&k->sharing);
	return lacking == NULL;
}

bool secret_keeper_shared(struct secret_keeper *k, struct http_request *request)
{
	if (goes_on(k))
		return true;
	vector_push(&k->waiting, request);
	secret_keeper_wake(k);
	return false;
}

static void waiting_continue(struct secret_keeper *k)
{
	if (k->waiting.count == 0 || !goes_on(k))
		return;
	CLEANUP(freep)
	char *lacking = k->zrms->stopping ? NULL : secret_sharing_lacking(&k->sharing);
	if (lacking != NULL)
		log_warn("secret", "key.not.shared", LOG_S("lacking", lacking),
			 LOG_S("then", "secrets are set all the same: should they lead "
				       "before they have it, they cannot open them"));
	while (k->waiting.count > 0) {
		struct http_request *request = k->waiting.items[k->waiting.count - 1];
		k->waiting.count--;
		http_handle_again(request);
	}
}

/* A version that is sealed with it is opened by it. */
static bool is_proved(const struct secret_keeper *k, const struct secret_keys *keys,
		      const char *id)
{
	const struct secret_vault tried = {.keys = (struct secret_keys *)(uintptr_t)keys,
					   .path = k->zrms->vault->path};
	const struct secret *s, *next;
	HASH_ITER (hh, control_secrets(k->zrms->control)->by_name, s, next)
		for (size_t i = 0; i < s->record->n_versions; i++) {
			const Samoza__V1__SecretVersion *version = s->record->versions[i];
			char *value = NULL;
			size_t size = 0;
			if (!str_equal(version->key, id))
				continue;
			int r = secret_open_value(&tried, s->record->name, version, &value,
						  &size, NULL);
			secret_wipe(value, size);
			free(value);
			return r == 0;
		}
	return false;
}

/* What records name and this one lacks: it was led over while it was away, or the store is one of before. The age of the key says
 * whether it seals from now on. */
static int take_missing(struct secret_keeper *k, const char *file, struct error **err)
{
	struct secret_vault *vault = k->zrms->vault;
	CLEANUP(secret_keys_freep) struct secret_keys *theirs = NULL;
	CLEANUP(secret_keys_freep) struct secret_keys *all = NULL;
	CLEANUP(freep)
	const char **needed = secret_keys_needed(control_secrets(k->zrms->control));
	bool any = false;
	int r = secret_keys_read(file, strlen(file), vault->passphrase, &theirs, err);
	if (r < 0)
		return r;
	all = secret_keys_copy(vault->keys != NULL ? vault->keys : theirs);
	for (const char **id = needed; *id != NULL; id++)
		if (!secret_vault_has(vault, *id) && secret_keys_has(theirs, *id) &&
		    is_proved(k, theirs, *id)) {
			any = true;
			/* Where this one has none, all of theirs are there already. */
			if (!secret_keys_has(all, *id) && !secret_keys_take(all, theirs, *id))
				return error_set(err, ERR_LIMIT,
						 "it would be more than %d keys: set or remove "
						 "the secrets of those that are missing",
						 SECRET_KEYS_MAX);
		}
	if (!any)
		return 0;
	r = secret_vault_keep(vault, steal_ptr(&all), err);
	if (r == 0)
		rekeyed(k);
	return r;
}

static bool lacks(char *const *ids, size_t count, const struct secret_keys *keys)
{
	for (size_t at = 0; at < secret_keys_count(keys); at++) {
		bool has = false;
		for (size_t i = 0; i < count && !has; i++)
			has = str_equal(ids[i], secret_keys_id(keys, at));
		if (!has)
			return true;
	}
	return false;
}

/* Of the file, which has been sealed already; of memory where it cannot be read. The caller frees. */
static char *file_text(const struct secret_vault *vault)
{
	CLEANUP(error_freep) struct error *err = NULL;
	char *text = NULL;
	size_t size = 0;
	if (!vault->is_unsure && pki_file_read(vault->path, &text, &size, &err) == 0)
		return text;
	if (err != NULL)
		log_warn("secret", "keys.unreadable", LOG_S("file", vault->path), LOG_E(err),
			 LOG_S("then", "others get the keys that this zrms has in memory"));
	if (secret_keys_write(vault->keys, vault->passphrase, &text, NULL) < 0)
		return NULL;
	return text;
}

static void view_fill(const struct secret_keeper *k,
		      const Samoza__V1__ZrmsIdentityRequest *asked,
		      Samoza__V1__ZrmsIdentityView *view)
{
	const struct secret_vault *vault = k->zrms->vault;
	CLEANUP(freep)
	const char **needed = secret_keys_needed(control_secrets(k->zrms->control));
	size_t count = 0;
	while (needed[count] != NULL)
		count++;
	view->secret_keys_needed = mem_new_array(char *, count + 1);
	for (; view->n_secret_keys_needed < count; view->n_secret_keys_needed++)
		view->secret_keys_needed[view->n_secret_keys_needed] =
			mem_strdup(needed[view->n_secret_keys_needed]);
	view->has_secret_keys_settled = true;
	view->secret_keys_settled =
		vault->keys != NULL && commit_driver_is_idle(k->zrms->commits);
	if (vault->keys == NULL)
		return;
	view->secret_keys = mem_new_array(char *, SECRET_KEYS_MAX);
	for (; view->n_secret_keys < secret_keys_count(vault->keys); view->n_secret_keys++)
		view->secret_keys[view->n_secret_keys] =
			mem_strdup(secret_keys_id(vault->keys, view->n_secret_keys));
	if (lacks(asked->secret_keys, asked->n_secret_keys, vault->keys))
		view->secret_key_file = file_text(vault);
}

void secret_keeper_member(struct secret_keeper *k, const Samoza__V1__ZrmsIdentityRequest *asked,
			  Samoza__V1__ZrmsIdentityView *view)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (asked->name == NULL) /* of an earlier version */
		return;
	secret_sharing_note(&k->sharing, asked->name, asked->secret_keys, asked->n_secret_keys);
	if (asked->secret_key_file != NULL && take_missing(k, asked->secret_key_file, &err) < 0)
		log_warn("secret", "key.not.taken", LOG_S("from", asked->name), LOG_E(err));
	say_missing(k);
	view_fill(k, asked, view);
}

void secret_keeper_view_done(Samoza__V1__ZrmsIdentityView *view)
{
	for (size_t i = 0; i < view->n_secret_keys; i++)
		free(view->secret_keys[i]);
	free(view->secret_keys);
	for (size_t i = 0; i < view->n_secret_keys_needed; i++)
		free(view->secret_keys_needed[i]);
	free(view->secret_keys_needed);
	pki_secret_free(view->secret_key_file);
}

void secret_keeper_rotate(struct secret_keeper *k, struct http_request *request)
{
	struct error *err = NULL;
	if (secret_keeper_can_seal(k, &err) < 0)
		api_refuse(request, err);
	else
		secret_rotation_begin(&k->rotation, request);
}

/* ---- life ---- */

static void on_time(void *user)
{
	struct secret_keeper *k = user;
	CLEANUP(error_freep) struct error *err = NULL;
	int looked = look(k, &err);
	if (looked < 0 && looked != k->looked)
		log_error("secret", "keys.not.read", LOG_E(err),
			  LOG_S("then", "it is tried again, and no secret is set before"));
	k->looked = looked;
	say_missing(k);
	waiting_continue(k);
	bool soon = secret_rotation_step(&k->rotation) || k->waiting.count > 0;
	if (soon || k->missing > 0)
		loop_timer_at(k->timer, now_ms(k) + (soon ? LOOK_MS : MISSING_LOOK_MS));
}

void secret_keeper_wake(struct secret_keeper *k)
{
	if (k->is_started)
		loop_timer_at(k->timer, now_ms(k) + 1);
}

int secret_keeper_open(struct zrms *zrms, struct error **err)
{
	CLEANUP(passphrase_freep) char *passphrase = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	int r = secret_passphrase_find(&passphrase, err);
	if (r == 0)
		r = secret_vault_open(zrms->settings.dir, passphrase, &zrms->vault, err);
	if (r < 0)
		return r;
	struct secret_keeper *k = mem_new(struct secret_keeper);
	k->zrms = zrms;
	k->timer = loop_timer_new(&zrms->loop, on_time, k);
	k->sharing.zrms = zrms;
	secret_sharing_rekeyed(&k->sharing);
	k->rotation = (struct secret_rotation){
		.zrms = zrms, .sharing = &k->sharing, .timer = k->timer};
	zrms->secret_keeper = k;
	/* Where it cannot be written, the first that is set tries again. */
	if (HASH_COUNT(control_secrets(zrms->control)->by_name) == 0 &&
	    secret_keeper_can_seal(k, &why) < 0)
		log_warn("secret", "key.not.made", LOG_E(why));
	say_missing(k);
	return 0;
}

void secret_keeper_start(struct secret_keeper *k)
{
	k->is_started = true;
	secret_keeper_wake(k);
}

void secret_keeper_free(struct secret_keeper *k)
{
	if (k == NULL)
		return;
	secret_sharing_done(&k->sharing);
	vector_done(&k->waiting);
	loop_timer_free(k->timer);
	free(k);
}

/* ---- metrics ---- */

static const struct metric metrics[] = {
	{"zrms_secret_keys_missing", METRIC_GAUGE,
	 "Keys with which secrets are sealed and that are not on this zrms."},
	{"zrms_secret_key_lacking_members", METRIC_GAUGE,
	 "Other zrms without the key that seals secrets: should they lead, they cannot open "
	 "these."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct zrms *zrms = part;
	bool has_key = zrms->secret_keeper != NULL && zrms->vault->keys != NULL;
	metric_set(to, 0, missing(zrms));
	metric_set(to, 1,
		   has_key ? secret_sharing_lacking_count(&zrms->secret_keeper->sharing) : 0);
}

const struct metric_source secret_metrics = METRIC_SOURCE(metrics, read_metrics);
