#include "core/access/join_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "model/zhost.h"
#include "schema/message.h"

struct issued_token *join_tokens_find(const struct join_tokens *all, const char *id)
{
	struct issued_token *found = NULL;
	HASH_FIND_STR(all->by_id, id, found);
	return found;
}

void join_tokens_remove(struct join_tokens *all, struct issued_token *token)
{
	HASH_DEL(all->by_id, token);
	schema_message_free(token->record);
	free(token);
}

void join_tokens_done(struct join_tokens *all)
{
	while (all->by_id != NULL)
		join_tokens_remove(all, all->by_id);
}

int join_tokens_put(struct join_tokens *all, const Samoza__V1__JoinTokenRecord *record,
		    struct error **err)
{
	if (record->hash.len != JOIN_TOKEN_HASH_SIZE || record->used > record->uses)
		return error_set(err, ERR_INVALID,
				 "the join token %s is not one that this zrms knows",
				 record->id);
	struct issued_token *token = mem_new(struct issued_token);
	token->record = (Samoza__V1__JoinTokenRecord *)schema_message_copy(&record->base);
	struct issued_token *before = join_tokens_find(all, record->id);
	if (before != NULL)
		join_tokens_remove(all, before);
	HASH_ADD_KEYPTR(hh, all->by_id, token->record->id, strlen(token->record->id), token);
	return 0;
}

/* In a time that does not depend on what differs. */
static bool is_equal(const uint8_t *a, const uint8_t *b)
{
	uint8_t differs = 0;
	for (size_t k = 0; k < JOIN_TOKEN_HASH_SIZE; k++)
		differs = (uint8_t)(differs | (a[k] ^ b[k]));
	return differs == 0;
}

struct issued_token *join_tokens_find_secret(const struct join_tokens *all, const char *id,
					     const uint8_t hash[JOIN_TOKEN_HASH_SIZE])
{
	static const uint8_t nobodys[JOIN_TOKEN_HASH_SIZE];
	struct issued_token *token = join_tokens_find(all, id);
	bool is_right = is_equal(token != NULL ? token->record->hash.data : nobodys, hash);
	return is_right ? token : NULL;
}

static int compare_age(const void *pa, const void *pb)
{
	uint64_t a = (*(struct issued_token *const *)pa)->record->number;
	uint64_t b = (*(struct issued_token *const *)pb)->record->number;
	return (a > b) - (a < b);
}

struct issued_token **join_tokens_sorted(const struct join_tokens *all)
{
	size_t count = 0;
	struct issued_token **list =
		mem_new_array(struct issued_token *, HASH_COUNT(all->by_id) + 1);
	for (struct issued_token *one = all->by_id; one != NULL; one = one->hh.next)
		list[count++] = one;
	qsort(list, count, sizeof(struct issued_token *), compare_age);
	return list;
}

#define PATTERN_MAX 63

bool join_token_pattern_is_valid(const char *pattern)
{
	size_t size = strlen(pattern);
	return size > 0 && size <= PATTERN_MAX && pattern[0] != '-' &&
	       strspn(pattern, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			       "0123456789._-*") == size;
}

/* ---- labels ---- */

/* As in a zhost's own settings (ZhostSpec.labels). */
#define LABEL_NAME_MAX	63
#define LABEL_VALUE_MAX 255
#define LABELS_MAX	100

/* Not the one that every zhost has: its name. */
static bool is_label(const Samoza__V1__LabelRecord *label)
{
	size_t size = strlen(label->name);
	return size > 0 && size <= LABEL_NAME_MAX && strlen(label->value) <= LABEL_VALUE_MAX &&
	       strspn(label->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789._/-") == size &&
	       !str_equal(label->name, ZHOST_LABEL);
}

int join_token_check_labels(Samoza__V1__LabelRecord *const *labels, size_t count,
			    struct error **err)
{
	if (count > LABELS_MAX)
		return error_set(err, ERR_LIMIT, "a join token gives at most %d labels",
				 LABELS_MAX);
	for (size_t k = 0; k < count; k++) {
		const Samoza__V1__LabelRecord *label = labels[k];
		if (!is_label(label))
			return error_set(err, ERR_INVALID,
					 "'%s' is no label: expected NAME=VALUE, the name with "
					 "letters, digits and ._/-, and not 'zhost', which is "
					 "the name of each",
					 label->name);
		for (size_t n = 0; n < k; n++)
			if (str_equal(label->name, labels[n]->name))
				return error_set(err, ERR_INVALID,
						 "the label '%s' is given twice", label->name);
	}
	return 0;
}
