#include "core/access/sign_ins.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

void sign_ins_remove(struct sign_ins *all, struct sign_in *one)
{
	HASH_DEL(all->by_hash, one);
	schema_message_free(one->record);
	free(one);
}

void sign_ins_done(struct sign_ins *all)
{
	while (all->by_hash != NULL)
		sign_ins_remove(all, all->by_hash);
}

static struct sign_in *find(const struct sign_ins *all, const uint8_t *hash)
{
	struct sign_in *found = NULL;
	HASH_FIND(hh, all->by_hash, hash, CREDENTIAL_HASH_SIZE, found);
	return found;
}

static bool is_sound(const Samoza__V1__SignInRecord *r)
{
	return r->hash.len == CREDENTIAL_HASH_SIZE &&
	       r->credential.len == CREDENTIAL_HASH_SIZE &&
	       (r->is_code || r->page != NULL ||
		(r->has_word && r->word.len == CREDENTIAL_HASH_SIZE));
}

int sign_ins_put(struct sign_ins *all, const Samoza__V1__SignInRecord *record,
		 struct error **err)
{
	if (!is_sound(record))
		return error_set(err, ERR_INVALID,
				 "the sign-in %s is not one that this zrms knows", record->id);
	if (find(all, record->hash.data) != NULL || sign_ins_find_id(all, record->id) != NULL)
		return error_set(err, ERR_CONFLICT, "there is a sign-in %s", record->id);
	struct sign_in *one = mem_new(struct sign_in);
	one->record = (Samoza__V1__SignInRecord *)schema_message_copy(&record->base);
	memcpy(one->hash, record->hash.data, CREDENTIAL_HASH_SIZE);
	HASH_ADD(hh, all->by_hash, hash, CREDENTIAL_HASH_SIZE, one);
	return 0;
}

struct sign_in *sign_ins_find(const struct sign_ins *all,
			      const uint8_t hash[CREDENTIAL_HASH_SIZE], bool is_code,
			      int64_t wall_ms)
{
	struct sign_in *one = find(all, hash);
	return one != NULL && one->record->is_code == is_code &&
			       wall_ms < one->record->expires_ms
		       ? one
		       : NULL;
}

bool sign_in_is_for(const struct sign_in *one, const char *page)
{
	const char *own = one->record->page;
	return own == NULL || page == NULL ? own == page : strcmp(own, page) == 0;
}

struct sign_in *sign_ins_find_id(const struct sign_ins *all, const char *id)
{
	struct sign_in *one = all->by_hash;
	while (one != NULL && !str_equal(one->record->id, id))
		one = one->hh.next;
	return one;
}

static int compare(const struct sign_in *a, const struct sign_in *b)
{
	if (a->record->created_ms != b->record->created_ms)
		return a->record->created_ms < b->record->created_ms ? -1 : 1;
	return strcmp(a->record->id, b->record->id);
}

struct sign_in *sign_ins_oldest(const struct sign_ins *all,
				const uint8_t credential[CREDENTIAL_HASH_SIZE], bool is_code,
				unsigned *ret_count)
{
	struct sign_in *oldest = NULL;
	*ret_count = 0;
	for (struct sign_in *one = all->by_hash; one != NULL; one = one->hh.next) {
		if (one->record->is_code != is_code ||
		    memcmp(one->record->credential.data, credential, CREDENTIAL_HASH_SIZE) != 0)
			continue;
		++*ret_count;
		if (oldest == NULL || compare(one, oldest) < 0)
			oldest = one;
	}
	return oldest;
}

static int compare_age(const void *a, const void *b)
{
	return compare(*(struct sign_in *const *)a, *(struct sign_in *const *)b);
}

struct sign_in **sign_ins_sorted(const struct sign_ins *all)
{
	size_t count = 0;
	struct sign_in **list = mem_new_array(struct sign_in *, HASH_COUNT(all->by_hash) + 1);
	for (struct sign_in *one = all->by_hash; one != NULL; one = one->hh.next)
		list[count++] = one;
	qsort(list, count, sizeof(struct sign_in *), compare_age);
	return list;
}
