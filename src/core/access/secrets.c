#include "core/access/secrets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fingerprint.h"
#include "base/memory.h"
#include "core/access/access.h"
#include "schema/message.h"

#define NAME_MAX_BYTES 63

bool secret_name_is_valid(const char *name)
{
	size_t size = strlen(name);
	return size > 0 && size <= NAME_MAX_BYTES && name[0] != '-' && name[size - 1] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

/* ---- the table ---- */

static struct secret *find(const struct secrets *all, const char *name)
{
	struct secret *found = NULL;
	HASH_FIND_STR(all->by_name, name, found);
	return found;
}

static void drop(struct secrets *all, struct secret *one)
{
	HASH_DEL(all->by_name, one);
	schema_message_free(one->record);
	free(one);
}

void secrets_done(struct secrets *all)
{
	struct secret *one, *next;
	HASH_ITER (hh, all->by_name, one, next)
		drop(all, one);
}

static bool is_sound(const Samoza__V1__SecretRecord *record)
{
	if (!secret_name_is_valid(record->name) || record->n_versions == 0 ||
	    record->n_versions > SECRET_VERSIONS)
		return false;
	for (size_t k = 0; k < record->n_versions; k++)
		if (record->versions[k]->number == 0 ||
		    !access_pattern_is_valid(record->versions[k]->topologies) ||
		    (k > 0 && record->versions[k]->number >= record->versions[k - 1]->number))
			return false;
	return true;
}

int secrets_put(struct secrets *all, const Samoza__V1__SecretRecord *record, struct error **err)
{
	if (!is_sound(record))
		return error_set(err, ERR_INVALID,
				 "the record of secret '%s' is not one that this zrms knows",
				 record->name);
	struct secret *one = find(all, record->name);
	Samoza__V1__SecretRecord *copy =
		(Samoza__V1__SecretRecord *)schema_message_copy(&record->base);
	if (one == NULL) {
		one = mem_new(struct secret);
	} else {
		HASH_DEL(all->by_name, one);
		schema_message_free(one->record);
	}
	one->record = copy;
	(void)snprintf(one->number, sizeof(one->number), "%" PRIu64, copy->versions[0]->number);
	HASH_ADD_KEYPTR(hh, all->by_name, copy->name, strlen(copy->name), one);
	return 0;
}

void secrets_remove(struct secrets *all, const char *name)
{
	struct secret *one = find(all, name);
	if (one == NULL)
		return;
	if (one->record->versions[0]->number > all->floor)
		all->floor = one->record->versions[0]->number;
	drop(all, one);
}

/* ---- reading ---- */

const Samoza__V1__SecretRecord *secrets_find(const struct secrets *all, const char *name)
{
	const struct secret *found = find(all, name);
	return found != NULL ? found->record : NULL;
}

const char *secrets_number_for(const struct secrets *all, const char *name,
			       const char *topology)
{
	const struct secret *found = find(all, name);
	if (found == NULL ||
	    !access_pattern_matches(found->record->versions[0]->topologies, topology))
		return NULL;
	return found->number;
}

uint64_t secrets_next(const struct secrets *all, const char *name)
{
	const struct secret *found = find(all, name);
	uint64_t newest = found != NULL ? found->record->versions[0]->number : 0;
	return 1 + (newest > all->floor ? newest : all->floor);
}

void secrets_skip(struct secrets *all, uint64_t gap)
{
	for (const struct secret *s = all->by_name; s != NULL; s = s->hh.next)
		if (s->record->versions[0]->number > all->floor)
			all->floor = s->record->versions[0]->number;
	all->floor += gap;
}

static int compare_names(const void *pa, const void *pb)
{
	const struct secret *const *a = pa, *const *b = pb;
	return strcmp((*a)->record->name, (*b)->record->name);
}

const struct secret **secrets_sorted(const struct secrets *all)
{
	const struct secret **list =
		mem_new_array(const struct secret *, HASH_COUNT(all->by_name) + (size_t)1);
	size_t count = 0;
	for (const struct secret *s = all->by_name; s != NULL; s = s->hh.next)
		list[count++] = s;
	if (count > 1)
		qsort(list, count, sizeof(*list), compare_names);
	return list;
}

/* ---- recordings ---- */

/* Less than anything that is sealed has, so that it is known. */
#define MASKED_BYTES 8

void secret_mask(Samoza__V1__SecretRecord *record)
{
	for (size_t k = 0; k < record->n_versions; k++) {
		ProtobufCBinaryData *sealed = &record->versions[k]->sealed;
		if (sealed->len <= MASKED_BYTES)
			continue;
		uint64_t sum = fingerprint(FINGERPRINT_NONE, sealed->data, sealed->len);
		for (unsigned i = 0; i < MASKED_BYTES; i++)
			sealed->data[i] = (uint8_t)(sum >> (8 * i));
		sealed->len = MASKED_BYTES;
	}
}
