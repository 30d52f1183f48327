#include "zsim/fuzz/check/across.h"

#include "base/str.h"
#include "zsim/fuzz/life/mirrored.h"
#include "zsim/fuzz/life/names.h"

static bool provides(const struct topology *t, const char *path, const char *name,
		     bool is_public)
{
	int index = names_find(t, path);
	if (index < 0)
		return false;
	const struct space *space = instance_space(t, (unsigned)index);
	bool found = str_equal(space->name, name);
	for (unsigned k = 0; k < space->provide_count; k++)
		found = found || str_equal(space->provides[k], name);
	return found && (space->is_public || !is_public);
}

/* In any version that was committed. */
static bool may_provide(const struct submitted *s, const char *path, const char *name)
{
	bool found = provides(s->topology, path, name, false);
	vector_for_each (&s->revisions, t)
		found = found || (*t != NULL && provides(*t, path, name, false));
	return found;
}

static struct across_provider provider_of(const struct fuzz *f, const struct submitted *s,
					  const struct mirrored *m, const char *path,
					  const char *name)
{
	const Samoza__V1__CopyRecord *serving = mirror_serving(f, m);
	bool is_public = serving != NULL &&
			 provides(fuzz_revision(s, serving->revision), path, name, true);
	return (struct across_provider){.instance = m,
					.of = s,
					.is_started = is_public &&
						      str_equal(m->state, "deployed-started"),
					.is_not_public = serving != NULL && !is_public};
}

void across_each(const struct fuzz *f, const struct import_decl *import,
		 void (*visit)(void *user, const struct across_provider *p), void *user)
{
	const char *name = import->from + strlen(import->topology) + 1;
	vector_for_each (&f->submitted, s) {
		if (!str_equal(s->name, import->topology))
			continue;
		CLEANUP(freep) char *prefix = str_printf("%s/", s->id);
		for (const struct mirrored *m = f->instances; m != NULL; m = m->hh.next) {
			const char *path = m->id + strlen(prefix);
			if (!str_has_prefix(m->id, prefix) || !may_provide(s, path, name))
				continue;
			const struct across_provider provider =
				provider_of(f, s, m, path, name);
			visit(user, &provider);
		}
	}
}

static void note_started(void *user, const struct across_provider *p)
{
	bool *found = user;
	*found |= p->is_started;
}

bool across_has_provider(const struct fuzz *f, const struct import_decl *import)
{
	bool found = false;
	across_each(f, import, note_started, &found);
	return found;
}
