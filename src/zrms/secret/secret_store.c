#include "zrms/secret/secret_store.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "adapter/backup/passphrase.h"
#include "adapter/pki/credentials.h"
#include "base/memory.h"
#include "base/str.h"

_Static_assert(SECRET_MAX_BYTES + SECRET_OVERHEAD <= SECRET_SEALED_MAX_BYTES,
	       "each value fits when it is sealed");

/* ---- the file ---- */

/* *ret_keys NULL: there is none. */
static int file_read(const struct secret_vault *v, struct secret_keys **ret_keys,
		     struct error **err)
{
	CLEANUP(pki_secret_freep) char *text = NULL;
	size_t size = 0;
	*ret_keys = NULL;
	if (access(v->path, F_OK) < 0 && errno == ENOENT)
		return 0;
	int r = pki_file_read(v->path, &text, &size, err);
	if (r < 0)
		return r;
	r = secret_keys_read(text, size, v->passphrase, ret_keys, err);
	if (r == ERR_DENIED)
		return error_wrap(err,
				  "%s (the systemd credential secrets-passphrase: "
				  "LoadCredential=secrets-passphrase:FILE)",
				  v->path);
	return r < 0 ? error_wrap(err, "%s", v->path) : 0;
}

/* No dump has keys or values: not even for a core_pattern that is a pipe, which is given one with 0. */
static void no_dumps(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_CORE, &limit) < 0)
		return;
	limit.rlim_max = limit.rlim_max < 1 ? limit.rlim_max : 1;
	limit.rlim_cur = limit.rlim_max;
	(void)!setrlimit(RLIMIT_CORE, &limit);
}

int secret_vault_open(const char *dir, const char *passphrase, struct secret_vault **ret_vault,
		      struct error **err)
{
	CLEANUP(secret_vault_freep) struct secret_vault *v = mem_new(struct secret_vault);
	no_dumps();
	v->path = str_printf("%s/" SECRET_KEYS_FILE, dir);
	v->passphrase = mem_strdup(passphrase);
	int r = file_read(v, &v->keys, err);
	if (r == 0)
		*ret_vault = steal_ptr(&v);
	return r;
}

void secret_vault_free(struct secret_vault *v)
{
	if (v == NULL)
		return;
	secret_keys_free(v->keys);
	passphrase_free(v->passphrase);
	free(v->path);
	free(v);
}

void secret_vault_freep(struct secret_vault **vault)
{
	secret_vault_free(*vault);
}

static int file_write(struct secret_vault *v, const struct secret_keys *keys,
		      struct error **err)
{
	CLEANUP(secret_text_freep) char *text = NULL;
	int r = secret_keys_write(keys, v->passphrase, &text, err);
	if (r == 0)
		r = pki_file_write(v->path, text, strlen(text), err);
	/* It may be the old one or the new one, and not durable. */
	v->is_unsure = r < 0;
	return r;
}

int secret_vault_keep(struct secret_vault *v, struct secret_keys *take_keys, struct error **err)
{
	CLEANUP(secret_keys_freep) struct secret_keys *keys = take_keys;
	int r = file_write(v, keys, err);
	if (r < 0)
		return r;
	secret_keys_free(v->keys);
	v->keys = steal_ptr(&keys);
	return 0;
}

int secret_vault_settle(struct secret_vault *v, struct error **err)
{
	if (!v->is_unsure || v->keys == NULL)
		return 0;
	int r = file_write(v, v->keys, err);
	return r < 0 ? error_wrap(err, "no secret is sealed before its key is safe on disk")
		     : 0;
}

int secret_vault_look(struct secret_vault *v, bool *ret_new, struct error **err)
{
	CLEANUP(secret_keys_freep) struct secret_keys *file = NULL;
	CLEANUP(secret_keys_freep) struct secret_keys *all = NULL;
	*ret_new = false;
	int r = file_read(v, &file, err);
	if (r < 0 || file == NULL)
		return r;
	if (v->keys != NULL && secret_keys_has_all(v->keys, file) &&
	    secret_keys_has_all(file, v->keys))
		return 0;
	all = secret_keys_copy(v->keys != NULL ? v->keys : file);
	if (!secret_keys_unite(all, file))
		return error_set(
			err, ERR_LIMIT,
			"with the keys that this zrms has, %s would have more than %d: "
			"set or remove the secrets of those that are missing",
			v->path, SECRET_KEYS_MAX);
	*ret_new = v->keys == NULL || !secret_keys_has_all(v->keys, all);
	/* These are in memory whether or not the file takes them: none of both may be lost. */
	r = secret_keys_has_all(file, all) ? 0 : file_write(v, all, err);
	secret_keys_free(v->keys);
	v->keys = steal_ptr(&all);
	return r;
}

/* ---- values ---- */

bool secret_vault_has(const struct secret_vault *v, const char *id)
{
	return v->keys != NULL && secret_keys_has(v->keys, id);
}

int secret_open_value(const struct secret_vault *v, const char *name,
		      const Samoza__V1__SecretVersion *version, char **ret_value,
		      size_t *ret_size, struct error **err)
{
	const struct secret_label label = {
		.name = name, .topologies = version->topologies, .number = version->number};
	if (!secret_vault_has(v, version->key))
		return error_set(err, ERR_NOT_FOUND,
				 "the secret %s is sealed with key %s, which is not in %s: "
				 "copy that file from another zrms of the cluster or from a "
				 "backup with keys, or set the secret again",
				 name, version->key, v->path);
	return secret_open(v->keys, version->key, &label, version->sealed.data,
			   version->sealed.len, ret_value, ret_size, err);
}

void secret_seal_value(const struct secret_vault *v, const char *name, const void *value,
		       size_t size, Samoza__V1__SecretVersion *version)
{
	const struct secret_label label = {
		.name = name, .topologies = version->topologies, .number = version->number};
	version->sealed.data = secret_seal(v->keys, &label, value, size, &version->sealed.len);
	version->key = mem_strdup(secret_keys_id(v->keys, 0));
}

const char **secret_keys_needed(const struct secrets *all)
{
	CLEANUP(freep) const struct secret **sorted = secrets_sorted(all);
	const char **ids = mem_new_array(const char *,
					 SECRET_VERSIONS *(size_t)HASH_COUNT(all->by_name) + 1);
	size_t count = 0;
	for (const struct secret **s = sorted; *s != NULL; s++)
		for (size_t k = 0; k < (*s)->record->n_versions; k++) {
			const char *id = (*s)->record->versions[k]->key;
			size_t at = 0;
			while (at < count && !str_equal(ids[at], id))
				at++;
			if (at == count)
				ids[count++] = id;
		}
	return ids;
}

unsigned secret_vault_missing(const struct secret_vault *v, const struct secrets *all)
{
	CLEANUP(freep) const char **needed = secret_keys_needed(all);
	unsigned count = 0;
	for (const char **id = needed; *id != NULL; id++)
		count += !secret_vault_has(v, *id);
	return count;
}
