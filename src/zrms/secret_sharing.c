#include "zrms/secret_sharing.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/lead.h"
#include "zrms/zrms.h"

enum {
	SHARE_MS = 12000, /* others ask each five seconds */
	MEMBERS_MAX = 64,
};

/* What another one has said that it has. */
struct secret_member {
	UT_hash_handle hh;
	char *name, *ids; /* "ID ID " */
};

static int64_t now_ms(const struct secret_sharing *s)
{
	return loop_now(&s->zrms->loop).mono_ms;
}

void secret_sharing_rekeyed(struct secret_sharing *s)
{
	s->rekeyed_ms = now_ms(s);
}

bool secret_sharing_is_late(const struct secret_sharing *s)
{
	return now_ms(s) >= s->rekeyed_ms + SHARE_MS;
}

static bool has_said(const struct secret_sharing *s, const char *name, const char *id)
{
	struct secret_member *m = NULL;
	HASH_FIND_STR(s->members, name, m);
	return m != NULL && strstr(m->ids, id) != NULL;
}

/* Their names, "b, c", and how many; NULL, 0: none. */
static char *lacking(const struct secret_sharing *s, unsigned *ret_count)
{
	const struct zrms *zrms = s->zrms;
	struct buffer names = BUFFER_INIT(4096);
	size_t count = 0;
	*ret_count = 0;
	if (zrms->lead == NULL ||
	    zrms->cluster == NULL) /* they cannot ask without certificates */
		return NULL;
	const struct leader *seen = lead_seen(zrms->lead);
	const struct election_member *members = leader_members(seen, &count);
	const char *id = secret_keys_id(zrms->vault->keys, 0);
	for (size_t i = 0; i < count; i++)
		if (!str_equal(members[i].name, leader_name(seen)) &&
		    !has_said(s, members[i].name, id)) {
			(void)buffer_printf(&names, "%s%s", names.size > 0 ? ", " : "",
					    members[i].name);
			(*ret_count)++;
		}
	return names.size > 0 ? buffer_steal(&names) : NULL;
}

char *secret_sharing_lacking(const struct secret_sharing *s)
{
	unsigned count = 0;
	return lacking(s, &count);
}

unsigned secret_sharing_lacking_count(const struct secret_sharing *s)
{
	unsigned count = 0;
	free(lacking(s, &count));
	return count;
}

void secret_sharing_note(struct secret_sharing *s, const char *name, char *const *ids,
			 size_t count)
{
	struct buffer text = BUFFER_INIT(4096);
	struct secret_member *m = NULL;
	HASH_FIND_STR(s->members, name, m);
	if (m == NULL && HASH_COUNT(s->members) >= MEMBERS_MAX)
		return;
	if (m == NULL) {
		m = mem_new(struct secret_member);
		m->name = mem_strdup(name);
		HASH_ADD_KEYPTR(hh, s->members, m->name, strlen(m->name), m);
	}
	for (size_t i = 0; i < count; i++)
		(void)buffer_printf(&text, "%s ", ids[i]);
	free(m->ids);
	m->ids = buffer_steal(&text);
}

void secret_sharing_done(struct secret_sharing *s)
{
	struct secret_member *m, *next;
	HASH_ITER (hh, s->members, m, next) {
		HASH_DEL(s->members, m);
		free(m->name);
		free(m->ids);
		free(m);
	}
}
