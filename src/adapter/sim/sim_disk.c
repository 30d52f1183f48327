#include "adapter/sim/sim_disk.h"

#include <errno.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

/* ---- records ---- */

static void record_free(struct sim_record *r)
{
	free(r->key);
	free(r->data);
	free(r);
}

/* The kind as one character, then the id; not printed, as the random search asks after every step. The
 * caller frees. */
static char *key_of(int kind, const char *id)
{
	size_t size = strlen(id) + 1;
	char *key = mem_new_array(char, size + 1);
	key[0] = (char)('A' + kind);
	memcpy(key + 1, id, size);
	return key;
}

const struct sim_record *sim_disk_get(const struct sim_disk *disk, int kind, const char *id)
{
	CLEANUP(freep) char *key = key_of(kind, id);
	struct sim_record *r = NULL;
	HASH_FIND_STR(disk->records, key, r);
	return r;
}

void sim_disk_put(struct sim_disk *disk, int kind, const char *id, const void *data,
		  size_t size)
{
	struct sim_record *r = (struct sim_record *)sim_disk_get(disk, kind, id);
	if (data == NULL) {
		if (r != NULL) {
			HASH_DELETE(hh, disk->records, r);
			record_free(r);
			disk->removals++;
		}
		return;
	}
	if (r == NULL) {
		r = mem_new(struct sim_record);
		r->key = key_of(kind, id);
		r->kind = kind;
		r->id = r->key + 1;
		HASH_ADD_KEYPTR(hh, disk->records, r->key, strlen(r->key), r);
	}
	free(r->data);
	r->data = mem_memdup(data, size);
	r->size = size;
}

/* ---- events ---- */

void sim_disk_add_event(struct sim_disk *disk, const Samoza__V1__EventRecord *event)
{
	vector_push(&disk->events,
		    (Samoza__V1__EventRecord *)schema_message_copy(&event->base));
}

void sim_disk_add_audit(struct sim_disk *disk, const Samoza__V1__AuditRecord *line)
{
	vector_push(&disk->audit, (Samoza__V1__AuditRecord *)schema_message_copy(&line->base));
}

/* ---- values ---- */

/* memcmp() order, shorter first. */
static int compare_bytes(const void *a, size_t a_size, const void *b, size_t b_size)
{
	size_t size = a_size < b_size ? a_size : b_size;
	int r = size > 0 ? memcmp(a, b, size) : 0;
	if (r != 0)
		return r;
	return a_size < b_size ? -1 : a_size > b_size;
}

/* The first value that is not before the key. */
static size_t lower_bound(const struct sim_disk *disk, const char *owner, const void *key,
			  size_t key_size)
{
	size_t low = 0;
	size_t high = disk->values.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct sim_value *v = &disk->values.items[middle];
		int r = strcmp(v->owner, owner);
		if (r == 0)
			r = compare_bytes(v->key, v->key_size, key, key_size);
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct sim_disk *disk, size_t at, const struct kv_change *c)
{
	if (at >= disk->values.count)
		return false;
	const struct sim_value *v = &disk->values.items[at];
	return strcmp(v->owner, c->owner) == 0 &&
	       compare_bytes(v->key, v->key_size, c->key, c->key_size) == 0;
}

static void value_remove(struct sim_disk *disk, size_t at)
{
	struct sim_value *v = &disk->values.items[at];
	free(v->owner);
	free(v->key);
	free(v->value);
	vector_remove_at(&disk->values, at);
}

static void *copy_bytes(const void *data, size_t size)
{
	return mem_memdup(size > 0 ? data : "", size);
}

/* Bytes of an owner ("NAME/PATH"), or of all with a name ("NAME/"). */
static uint64_t use_of(const struct sim_disk *disk, const char *owner, bool is_group)
{
	size_t group = strcspn(owner, "/") + 1;
	uint64_t bytes = 0;
	vector_for_each (&disk->values, v)
		if (is_group ? strncmp(v->owner, owner, group) == 0
			     : str_equal(v->owner, owner))
			bytes += v->key_size + v->value_size;
	return bytes;
}

static bool is_above_quota(const struct sim_disk *disk, size_t at, const struct kv_change *c)
{
	const struct sim_value *old = is_at(disk, at, c) ? &disk->values.items[at] : NULL;
	uint64_t before = old != NULL ? old->key_size + old->value_size : 0;
	uint64_t after = c->key_size + c->value_size;
	if (after <= before)
		return false;
	return (c->quota_bytes > 0 &&
		use_of(disk, c->owner, false) - before + after > c->quota_bytes) ||
	       (c->group_quota_bytes > 0 &&
		use_of(disk, c->owner, true) - before + after > c->group_quota_bytes);
}

static void value_put(struct sim_disk *disk, size_t at, const struct kv_change *c)
{
	if (!is_at(disk, at, c)) {
		(void)vector_add(&disk->values);
		memmove(&disk->values.items[at + 1], &disk->values.items[at],
			(disk->values.count - at - 1) * sizeof(struct sim_value));
		disk->values.items[at] = (struct sim_value){
			.owner = mem_strdup(c->owner),
			.key = copy_bytes(c->key, c->key_size),
			.key_size = c->key_size,
		};
	}
	struct sim_value *v = &disk->values.items[at];
	free(v->value);
	v->value = copy_bytes(c->value, c->value_size);
	v->value_size = c->value_size;
}

static bool has_prefix(const struct sim_value *v, const struct kv_change *c)
{
	return strcmp(v->owner, c->owner) == 0 && v->key_size >= c->key_size &&
	       (c->key_size == 0 || memcmp(v->key, c->key, c->key_size) == 0);
}

static void values_list(const struct sim_disk *disk, const struct kv_change *c,
			struct data_answer *answer)
{
	size_t limit = c->limit_bytes != 0 ? c->limit_bytes : KV_PAGE_BYTES;
	limit = limit < KV_PAGE_MAX ? limit : KV_PAGE_MAX;
	bool from_cursor = c->cursor != NULL &&
			   compare_bytes(c->cursor, c->cursor_size, c->key, c->key_size) >= 0;
	size_t at = from_cursor ? lower_bound(disk, c->owner, c->cursor, c->cursor_size)
				: lower_bound(disk, c->owner, c->key, c->key_size);
	size_t used = 0;
	for (; at < disk->values.count && has_prefix(&disk->values.items[at], c); at++) {
		const struct sim_value *v = &disk->values.items[at];
		if (from_cursor &&
		    compare_bytes(v->key, v->key_size, c->cursor, c->cursor_size) == 0)
			continue;
		used += v->key_size + 4;
		if (used > limit) {
			answer->more = true;
			answer->status = answer->key_count == 0 ? -EMSGSIZE : 0;
			return;
		}
		answer->keys =
			mem_resize(answer->keys, answer->key_count + 1, sizeof(*answer->keys));
		answer->keys[answer->key_count++] = (ProtobufCBinaryData){
			.len = v->key_size, .data = copy_bytes(v->key, v->key_size)};
	}
}

static void values_forget(struct sim_disk *disk, const char *owner)
{
	size_t size = strlen(owner);
	for (size_t at = disk->values.count; at-- > 0;) {
		const char *other = disk->values.items[at].owner;
		if (strncmp(other, owner, size) == 0 &&
		    (other[size] == '\0' || other[size] == '/'))
			value_remove(disk, at);
	}
}

void sim_disk_apply(struct sim_disk *disk, const struct kv_change *c,
		    struct data_answer *ret_answer)
{
	*ret_answer = (struct data_answer){0};
	if (c->key_size > KV_KEY_MAX || c->value_size > KV_VALUE_MAX) {
		ret_answer->status = -EINVAL;
		return;
	}
	size_t at = lower_bound(disk, c->owner, c->key, c->key_size);
	switch (c->operation) {
	case KV_GET:
		if (!is_at(disk, at, c)) {
			ret_answer->status = -ENOENT;
			return;
		}
		ret_answer->value_size = disk->values.items[at].value_size;
		ret_answer->value =
			copy_bytes(disk->values.items[at].value, ret_answer->value_size);
		return;
	case KV_PUT:
		if (is_above_quota(disk, at, c))
			ret_answer->status = -ENOSPC;
		else
			value_put(disk, at, c);
		return;
	case KV_DELETE:
		if (is_at(disk, at, c))
			value_remove(disk, at);
		return;
	case KV_LIST:
		values_list(disk, c, ret_answer);
		return;
	case KV_FORGET:
		values_forget(disk, c->owner);
		return;
	}
	IMPOSSIBLE("no such operation");
}

int sim_disk_each_value(const struct sim_disk *disk, const char *owner, kv_each_fn *each,
			void *user, struct error **err)
{
	int r = 0;
	for (size_t at = lower_bound(disk, owner, NULL, 0); r >= 0 && at < disk->values.count;
	     at++) {
		const struct sim_value *v = &disk->values.items[at];
		if (strcmp(v->owner, owner) != 0)
			break;
		r = each(user, v->key, v->key_size, v->value, v->value_size, err);
	}
	return r < 0 ? r : 0;
}

/* ---- copies ---- */

struct sim_disk *sim_disk_find_copy(const struct sim_disk *disk, const char *suffix)
{
	vector_for_each (&disk->copies, copy)
		if (str_equal(copy->suffix, suffix))
			return copy->disk;
	return NULL;
}

void sim_disk_copy(const struct sim_disk *disk, struct sim_disk *ret_other)
{
	sim_disk_for_each (disk, r)
		sim_disk_put(ret_other, r->kind, r->id, r->data, r->size);
	vector_for_each (&disk->events, e)
		sim_disk_add_event(ret_other, *e);
	vector_for_each (&disk->audit, line)
		sim_disk_add_audit(ret_other, *line);
	vector_for_each (&disk->values, v) {
		struct data_answer answer;
		sim_disk_apply(ret_other,
			       &(struct kv_change){.operation = KV_PUT,
						   .owner = v->owner,
						   .key = v->key,
						   .key_size = v->key_size,
						   .value = v->value,
						   .value_size = v->value_size},
			       &answer);
	}
}

void sim_disk_keep_copy(struct sim_disk *disk, const char *suffix)
{
	struct sim_disk *kept = sim_disk_find_copy(disk, suffix);
	if (kept == NULL) {
		kept = mem_new(struct sim_disk);
		*vector_add(&disk->copies) = (struct sim_copy){mem_strdup(suffix), kept};
	}
	sim_disk_done(kept);
	*kept = (struct sim_disk){0};
	sim_disk_copy(disk, kept);
}

/* ---- all ---- */

void sim_disk_done(struct sim_disk *disk)
{
	struct sim_record *r = NULL;
	struct sim_record *next = NULL;
	HASH_ITER (hh, disk->records, r, next) {
		HASH_DELETE(hh, disk->records, r);
		record_free(r);
	}
	vector_for_each (&disk->events, e)
		samoza__v1__event_record__free_unpacked(*e, NULL);
	vector_done(&disk->events);
	vector_for_each (&disk->audit, line)
		samoza__v1__audit_record__free_unpacked(*line, NULL);
	vector_done(&disk->audit);
	while (disk->values.count > 0)
		value_remove(disk, disk->values.count - 1);
	vector_done(&disk->values);
	vector_for_each (&disk->copies, copy) {
		sim_disk_done(copy->disk);
		free(copy->disk);
		free(copy->suffix);
	}
	vector_done(&disk->copies);
}
