#include "zrun/native/native_secret_uses.h"

#include <string.h>

#include "zrun/native/native_state.h"
#include "zrun/runner/secret_set.h"

bool native_secret_use_next(const char *kind, const char **at, const char *until,
			    struct native_secret_use *ret)
{
	while (*at < until) {
		const char *pair = *at, *key = pair + strlen(pair) + 1;

		*at = key + strlen(key) + 1;
		if (strncmp(pair, kind, strlen(kind)) != 0)
			continue;
		*ret = (struct native_secret_use){pair + strlen(kind), key};
		return true;
	}
	return false;
}

bool native_secret_files_any(const struct native *n)
{
	const struct import_set *set = &n->instance->imports;
	const char *at = set->data;
	struct native_secret_use use;

	return native_secret_use_next(SECRET_FILE, &at, set->data + set->size, &use);
}

void native_secret_environment(const struct native *n, struct strings *to)
{
	const struct import_set *set = &n->instance->imports;
	const char *at = set->data, *value;
	struct native_secret_use use;
	size_t size;

	while (native_secret_use_next(SECRET_ENV, &at, set->data + set->size, &use))
		if ((value = secrets_value(use.key, &size)) != NULL)
			strings_add(to, use.name, value);
}

void native_secret_event(struct native *n, const struct keeper_event *event)
{
	if (event->done != (uint32_t)n->secrets.asked)
		return; /* to one that was too late */
	n->secrets.is_answered = true;
	n->secrets.status = event->status;
}
