/* Records by kind and id, in memory. */
#include "zsim/store.h"

#include "base/memory.h"
#include "base/str.h"

static void stored_free(struct stored *r)
{
	free(r->key);
	free(r->data);
	free(r);
}

void store_done(struct store *s)
{
	struct stored *r = NULL;
	struct stored *next = NULL;
	HASH_ITER (hh, s->records, r, next) {
		HASH_DELETE(hh, s->records, r);
		stored_free(r);
	}
}

const struct stored *store_get(const struct store *s, int kind, const char *id)
{
	CLEANUP(freep) char *key = str_printf("%d %s", kind, id);
	struct stored *r = NULL;
	HASH_FIND_STR(s->records, key, r);
	return r;
}

void store_put(struct store *s, int kind, const char *id, const void *data, size_t size)
{
	struct stored *r = (struct stored *)store_get(s, kind, id);
	if (data == NULL) {
		if (r != NULL) {
			HASH_DELETE(hh, s->records, r);
			stored_free(r);
		}
		return;
	}
	if (r == NULL) {
		r = mem_new(struct stored);
		r->key = str_printf("%d %s", kind, id);
		r->kind = kind;
		r->id = strchr(r->key, ' ') + 1;
		HASH_ADD_KEYPTR(hh, s->records, r->key, strlen(r->key), r);
	}
	free(r->data);
	r->data = mem_memdup(data, size);
	r->size = size;
}
