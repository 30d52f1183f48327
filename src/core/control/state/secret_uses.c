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

void secret_each_user(const struct control *c, const char *name, const char *pattern,
		      void (*each)(void *user, const char *topology, const char *space),
		      void *user)
{
	application_for_each (&c->applications, a) {
		if (a->state == TOPOLOGY_STOPPED || !access_pattern_matches(pattern, a->name))
			continue;
		const struct topology *t = a->topology;
		for (unsigned k = 0; k < t->space_count; k++)
			if (space_uses_secret(&t->spaces[k], name))
				each(user, a->name, t->spaces[k].name);
	}
}

struct users {
	struct buffer text;
	const char *but;
};

static void add_user(void *user, const char *topology, const char *space)
{
	struct users *users = user;
	if (users->but != NULL && access_pattern_matches(users->but, topology))
		return;
	(void)buffer_printf(&users->text, "%s%s/%s", users->text.size > 0 ? ", " : "", topology,
			    space);
}

char *secret_users_text(const struct control *c, const char *name, const char *pattern,
			const char *but)
{
	struct users users = {.text = BUFFER_INIT(4096), .but = but};
	secret_each_user(c, name, pattern, add_user, &users);
	if (users.text.size > 0)
		return buffer_steal(&users.text);
	buffer_done(&users.text);
	return NULL;
}
