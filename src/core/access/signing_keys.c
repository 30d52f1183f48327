#include "core/access/signing_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "schema/message.h"

char *signing_key_id(const uint8_t key[SIGNING_KEY_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	char *id = mem_new_array(char, 2 * SIGNING_KEY_SIZE + 1);
	for (size_t k = 0; k < SIGNING_KEY_SIZE; k++) {
		id[2 * k] = digits[key[k] >> 4];
		id[2 * k + 1] = digits[key[k] & 15];
	}
	return id;
}

/* ---- the tables ---- */

static struct signing_key *find_in(struct signing_key *table,
				   const uint8_t key[SIGNING_KEY_SIZE])
{
	struct signing_key *found = NULL;
	HASH_FIND(hh, table, key, SIGNING_KEY_SIZE, found);
	return found;
}

static void clear(struct signing_key **table)
{
	struct signing_key *one, *next;
	HASH_ITER (hh, *table, one, next) {
		HASH_DEL(*table, one);
		schema_message_free(one->record);
		free(one);
	}
}

void signing_keys_done(struct signing_keys *all)
{
	clear(&all->recorded);
	clear(&all->in_files);
}

static void put(struct signing_key **table, const Samoza__V1__SigningKeyRecord *record)
{
	Samoza__V1__SigningKeyRecord *copy =
		(Samoza__V1__SigningKeyRecord *)schema_message_copy(&record->base);
	struct signing_key *one = find_in(*table, copy->key.data);
	if (one != NULL) {
		schema_message_free(one->record);
		one->record = copy;
		return;
	}
	one = mem_new(struct signing_key);
	one->record = copy;
	memcpy(one->key, copy->key.data, SIGNING_KEY_SIZE);
	HASH_ADD(hh, *table, key, SIGNING_KEY_SIZE, one);
}

int signing_keys_put(struct signing_keys *all, const Samoza__V1__SigningKeyRecord *record,
		     struct error **err)
{
	if (record->key.len != SIGNING_KEY_SIZE || str_is_empty(record->name))
		return error_set(err, ERR_INVALID,
				 "the record of key '%s' is not one that this zrms knows",
				 record->name);
	put(&all->recorded, record);
	all->changes++;
	return 0;
}

void signing_keys_set_files(struct signing_keys *all,
			    Samoza__V1__SigningKeyRecord *const *files, size_t count)
{
	clear(&all->in_files);
	for (size_t k = 0; k < count; k++)
		if (files[k]->key.len == SIGNING_KEY_SIZE)
			put(&all->in_files, files[k]);
}

/* ---- reading ---- */

const Samoza__V1__SigningKeyRecord *signing_keys_find(const struct signing_keys *all,
						      const uint8_t key[SIGNING_KEY_SIZE])
{
	const struct signing_key *found = find_in(all->recorded, key);
	if (found == NULL)
		found = find_in(all->in_files, key);
	return found != NULL ? found->record : NULL;
}

bool signing_key_is_trusted(const Samoza__V1__SigningKeyRecord *record)
{
	return !record->has_removed_ms;
}

static int compare_keys(const void *pa, const void *pb)
{
	const struct signing_key *a = *(const struct signing_key *const *)pa;
	const struct signing_key *b = *(const struct signing_key *const *)pb;
	int by_name = strcmp(a->record->name, b->record->name);
	return by_name != 0 ? by_name : memcmp(a->key, b->key, SIGNING_KEY_SIZE);
}

const struct signing_key **signing_keys_sorted(const struct signing_keys *all)
{
	const struct signing_key **list = mem_new_array(
		const struct signing_key *,
		HASH_COUNT(all->recorded) + HASH_COUNT(all->in_files) + (size_t)1);
	size_t count = 0;
	for (const struct signing_key *k = all->recorded; k != NULL; k = k->hh.next)
		list[count++] = k;
	for (const struct signing_key *k = all->in_files; k != NULL; k = k->hh.next)
		if (find_in(all->recorded, k->key) == NULL)
			list[count++] = k;
	qsort(list, count, sizeof(*list), compare_keys);
	return list;
}

/* The order of tables is that of their making: the list is sorted, so that the same one is found everywhere. */
const Samoza__V1__SigningKeyRecord *signing_keys_named(const struct signing_keys *all,
						       const char *name)
{
	CLEANUP(freep) const struct signing_key **sorted = signing_keys_sorted(all);
	const Samoza__V1__SigningKeyRecord *in_file = NULL;
	for (const struct signing_key **k = sorted; *k != NULL; k++) {
		if (!str_equal((*k)->record->name, name) ||
		    !signing_key_is_trusted((*k)->record))
			continue;
		if (find_in(all->recorded, (*k)->key) != NULL)
			return (*k)->record;
		if (in_file == NULL)
			in_file = (*k)->record;
	}
	return in_file;
}

/* ---- deciding ---- */

bool signing_key_signs(const Samoza__V1__SigningKeyRecord *record, const char *topology)
{
	for (size_t k = 0; k < record->n_topologies; k++)
		if (access_pattern_matches(record->topologies[k], topology))
			return true;
	return !record->limited;
}

static char *patterns_text(const Samoza__V1__SigningKeyRecord *record)
{
	struct buffer out = BUFFER_INIT(SIZE_MAX);
	for (size_t k = 0; k < record->n_topologies; k++)
		(void)buffer_printf(&out, "%s%s", k > 0 ? "," : "", record->topologies[k]);
	if (record->n_topologies == 0)
		(void)buffer_printf(&out, "in no way");
	return buffer_steal(&out);
}

int signing_keys_check(const struct signing_keys *all, const uint8_t key[SIGNING_KEY_SIZE],
		       const char *topology, struct error **err)
{
	const Samoza__V1__SigningKeyRecord *record = signing_keys_find(all, key);
	if (record == NULL)
		return error_set(err, ERR_DENIED,
				 "the package is signed by a key that is not trusted");
	if (!signing_key_is_trusted(record))
		return error_set(err, ERR_DENIED,
				 "the package is signed by %s, a key that is no longer "
				 "trusted: %s has removed it; sign it with another key",
				 record->name, record->removed_by);
	if (signing_key_signs(record, topology))
		return 0;
	CLEANUP(freep) char *names = patterns_text(record);
	return error_set(err, ERR_DENIED,
			 "the key %s is trusted for topologies named %s alone, and this one is "
			 "named %s: sign it with another key, or change what that one is "
			 "trusted for",
			 record->name, names, topology);
}
