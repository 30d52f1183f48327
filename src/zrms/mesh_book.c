#include "zrms/mesh_book.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/control/view/mesh_contact.h"

/* A zhost that others have asked for. */
struct asked {
	char *name;
	uint64_t told; /* sum of what they were told last */
	VECTOR(uint64_t) links;
	UT_hash_handle hh;
};

/* How many names were asked for on a link. */
struct asker {
	uint64_t link_id;
	size_t count;
	UT_hash_handle hh;
};

struct mesh_book {
	struct links *links;
	const struct control *control;
	struct asked *asked;
	struct asker *askers;
};

struct mesh_book *mesh_book_new(struct links *links, const struct control *control)
{
	struct mesh_book *book = mem_new(struct mesh_book);
	book->links = links;
	book->control = control;
	return book;
}

/* ---- who has asked ---- */

static struct asker *asker_of(const struct mesh_book *book, uint64_t link_id)
{
	struct asker *asker;
	HASH_FIND(hh, book->askers, &link_id, sizeof(link_id), asker);
	return asker;
}

static void asker_free(struct mesh_book *book, struct asker *asker)
{
	HASH_DEL(book->askers, asker);
	free(asker);
}

/* One name less on that link. */
static void asker_lose(struct mesh_book *book, uint64_t link_id)
{
	struct asker *asker = asker_of(book, link_id);
	if (asker != NULL && --asker->count == 0)
		asker_free(book, asker);
}

static void asked_free(struct mesh_book *book, struct asked *asked)
{
	HASH_DEL(book->asked, asked);
	vector_done(&asked->links);
	free(asked->name);
	free(asked);
}

static struct asked *asked_of(const struct mesh_book *book, const char *name)
{
	struct asked *asked;
	HASH_FIND_STR(book->asked, name, asked);
	return asked;
}

/* False: it may ask for no more. */
static bool note(struct mesh_book *book, const char *name, uint64_t link_id)
{
	struct asked *asked = asked_of(book, name);
	struct asker *asker = asker_of(book, link_id);
	if (asked != NULL)
		vector_for_each (&asked->links, link)
			if (*link == link_id)
				return true;
	if (asker != NULL && asker->count >= MESH_BOOK_ASKED_MAX)
		return false;
	if (asker == NULL) {
		asker = mem_new(struct asker);
		asker->link_id = link_id;
		HASH_ADD(hh, book->askers, link_id, sizeof(link_id), asker);
	}
	asker->count++;
	if (asked == NULL) {
		asked = mem_new(struct asked);
		asked->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, book->asked, asked->name, strlen(asked->name), asked);
	}
	vector_push(&asked->links, link_id);
	return true;
}

void mesh_book_link_gone(struct mesh_book *book, uint64_t link_id)
{
	struct asker *asker = asker_of(book, link_id);
	struct asked *asked, *next;
	if (asker == NULL)
		return;
	HASH_ITER (hh, book->asked, asked, next) {
		for (size_t i = asked->links.count; i-- > 0;)
			if (asked->links.items[i] == link_id)
				vector_remove_at(&asked->links, i);
		if (asked->links.count == 0)
			asked_free(book, asked);
	}
	asker_free(book, asker);
}

void mesh_book_free(struct mesh_book *book)
{
	if (book == NULL)
		return;
	while (book->asked != NULL)
		asked_free(book, book->asked);
	while (book->askers != NULL)
		asker_free(book, book->askers);
	free(book);
}

/* ---- what they are told ---- */

static uint64_t sum_of(const struct mesh_contact *contact)
{
	uint64_t sum = contact->address != NULL ? str_hash(contact->address) : 0;
	for (unsigned i = 0; i < contact->key_count; i++)
		for (unsigned k = 0; k < IDENTITY_KEY_SIZE; k++)
			sum = (sum ^ contact->keys[i][k]) * UINT64_C(0x100000001b3);
	return sum;
}

/* False: there is no such zhost. */
static bool tell(const struct mesh_book *book, const char *name, const uint64_t *link_ids,
		 size_t count)
{
	Samoza__V1__MeshZhost zhost = SAMOZA__V1__MESH_ZHOST__INIT, *list[] = {&zhost};
	Samoza__V1__MeshZhosts message = SAMOZA__V1__MESH_ZHOSTS__INIT;
	ProtobufCBinaryData keys[2];
	struct mesh_contact contact = {0};
	bool is_known = control_mesh_contact(book->control, name, &contact);
	zhost.name = (char *)(uintptr_t)name;
	zhost.address = (char *)(uintptr_t)contact.address;
	zhost.has_gone = zhost.gone = !is_known;
	for (unsigned i = 0; i < contact.key_count; i++)
		keys[i] = (ProtobufCBinaryData){.data = contact.keys[i],
						.len = IDENTITY_KEY_SIZE};
	zhost.keys = keys;
	zhost.n_keys = contact.key_count;
	message.zhosts = list;
	message.n_zhosts = 1;
	/* A link that is full is closed by what may not be lost; then it asks again. */
	for (size_t i = 0; i < count; i++)
		(void)!links_send_frame(book->links, link_ids[i],
					SAMOZA__V1__FRAME_TYPE__FRAME_MESH_ZHOSTS,
					&message.base, NULL);
	return is_known;
}

int mesh_book_ask(struct mesh_book *book, uint64_t link_id, const Samoza__V1__MeshAsk *ask,
		  struct error **err)
{
	if (ask->n_zhosts > MESH_BOOK_ASKED_MAX)
		return error_set(err, ERR_LIMIT,
				 "it asks for %zu zhosts (at most %d are allowed)",
				 ask->n_zhosts, MESH_BOOK_ASKED_MAX);
	for (size_t i = 0; i < ask->n_zhosts; i++)
		if (tell(book, ask->zhosts[i], &link_id, 1))
			(void)note(book, ask->zhosts[i], link_id);
	return 0;
}

void mesh_book_changed(struct mesh_book *book, const char *zhost)
{
	struct asked *asked = asked_of(book, zhost);
	struct mesh_contact contact;
	if (asked != NULL && control_mesh_contact(book->control, zhost, &contact)) {
		if (asked->told == sum_of(&contact))
			return;
		asked->told = sum_of(&contact);
	}
	if (asked == NULL || tell(book, zhost, asked->links.items, asked->links.count))
		return;
	vector_for_each (&asked->links, link)
		asker_lose(book, *link);
	asked_free(book, asked);
}
