#include "core/control/state/secret_uses.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/control/state/state.h"

const char *secret_number_for(const struct control_application *a, const char *name)
{
	return secrets_number_for(&a->control->secrets, name, a->name);
}

uint64_t secret_version_for(const struct control_application *a, const char *name)
{
	return secret_number_for(a, name) != NULL
		       ? secrets_find(&a->control->secrets, name)->versions[0]->number
		       : 0;
}

const char *secret_missing(const struct control_application *a, const struct space *space)
{
	for (unsigned k = 0; k < space->secret_count; k++)
		if (secret_number_for(a, space->secrets[k].name) == NULL)
			return space->secrets[k].name;
	return NULL;
}

bool space_uses_secret(const struct space *space, const char *name)
{
	for (unsigned k = 0; k < space->secret_count; k++)
		if (str_equal(space->secrets[k].name, name))
			return true;
	return false;
}

/* ---- users ---- */

static const struct topology *topology_at(const struct control_application *a, size_t revision)
{
	return a->slots.declarations.items[revision]->topology;
}

/* One of the revisions before that one says so as well. */
static bool is_used_before(const struct control_application *a, size_t revision,
			   const char *space, const char *name)
{
	for (size_t r = 0; r < revision; r++) {
		const struct topology *t = topology_at(a, r);
		for (unsigned k = 0; t->has_settings && k < t->space_count; k++)
			if (str_equal(t->spaces[k].name, space) &&
			    space_uses_secret(&t->spaces[k], name))
				return true;
	}
	return false;
}

static void each_of_space(const struct control_application *a, size_t revision,
			  const struct space *space, secret_user_fn *each, void *user)
{
	for (unsigned k = 0; k < space->secret_count; k++) {
		const char *name = space->secrets[k].name;
		bool is_listed_twice = k > 0 && str_equal(name, space->secrets[k - 1].name);
		if (!is_listed_twice && !is_used_before(a, revision, space->name, name))
			each(user, name, a->name, space->name);
	}
}

void secret_each_user(const struct control *c, secret_user_fn *each, void *user)
{
	application_for_each (&c->applications, a) {
		if (a->state == TOPOLOGY_STOPPED)
			continue;
		for (size_t r = 0; r < a->slots.declarations.count; r++) {
			const struct topology *t = topology_at(a, r);
			for (unsigned k = 0; t->has_settings && k < t->space_count; k++)
				each_of_space(a, r, &t->spaces[k], each, user);
		}
	}
}

struct users {
	struct buffer text;
	const char *name, *pattern, *but;
};

static void add_user(void *user, const char *name, const char *topology, const char *space)
{
	struct users *users = user;
	if (!str_equal(name, users->name) ||
	    !access_pattern_matches(users->pattern, topology) ||
	    (users->but != NULL && access_pattern_matches(users->but, topology)))
		return;
	(void)buffer_printf(&users->text, "%s%s/%s", users->text.size > 0 ? ", " : "", topology,
			    space);
}

char *secret_users_text(const struct control *c, const char *name, const char *pattern,
			const char *but)
{
	struct users users = {BUFFER_INIT(4096), name, pattern, but};
	secret_each_user(c, add_user, &users);
	if (users.text.size > 0)
		return buffer_steal(&users.text);
	buffer_done(&users.text);
	return NULL;
}
