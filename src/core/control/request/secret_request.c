#include "core/control/request/secret_request.h"

#include <inttypes.h>
#include <stdint.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/access/secrets.h"
#include "core/control/state/record_writer.h"
#include "core/control/state/secret_uses.h"
#include "core/control/state/state.h"
#include "core/control/state/unit_reload.h"
#include "schema/message.h"

/* ---- what follows ---- */

static bool declares_use(const struct control_application *a, const char *name)
{
	vector_for_each (&a->slots.declarations, d)
		for (unsigned k = 0;
		     (*d)->topology->has_settings && k < (*d)->topology->space_count; k++)
			if (space_uses_secret(&(*d)->topology->spaces[k], name))
				return true;
	return false;
}

/* Its zhost gets the specification once more, under the same generation: nothing else is asked of it. */
static void look_at_slot(struct slot_control *sc, const char *name)
{
	bool uses = space_uses_secret(slot_declared_space(sc->slot), name);
	slot_copy_for_each (sc->of_path, item) {
		struct copy *copy = container_of(item, struct copy, of_slot);
		if (copy_is_retired(copy) || !space_uses_secret(copy->declared->space, name))
			continue;
		uses = true;
		copy->sent_epoch = 0;
		mark_copy(copy, COPY_ORDER);
		unit_reload_mark_copy(copy);
	}
	if (!uses)
		return;
	slot_publish_facts(sc);
	lifecycle_push(sc->slot);
}

/* It was set, or removed: all who may have it, or might before (`before`: the pattern, NULL where it was not set), get to know of
 * the version of now, and start, wait or are handed over. Those that run keep what they have meanwhile. */
static void secret_changed(struct control *c, const char *name, const char *before)
{
	const Samoza__V1__SecretRecord *record = secrets_find(&c->secrets, name);
	const char *now = record != NULL ? record->versions[0]->topologies : NULL;
	application_for_each (&c->applications, a) {
		bool may = (now != NULL && access_pattern_matches(now, a->name)) ||
			   (before != NULL && access_pattern_matches(before, a->name));
		if (!may || !declares_use(a, name))
			continue;
		vector_for_each (&a->slot_controls, sc)
			look_at_slot(*sc, name);
	}
}

/* ---- set ---- */

static int check_new(const struct control *c, const Samoza__V1__SecretRecord *asked,
		     struct error **err)
{
	const Samoza__V1__SecretVersion *version = asked->versions[0];
	if (!secret_name_is_valid(asked->name))
		return error_set(err, ERR_INVALID,
				 "'%s' is no name of a secret: expected " SECRET_NAME_EXPECTED,
				 asked->name);
	if (!access_pattern_is_valid(version->topologies))
		return error_set(err, ERR_INVALID,
				 "'%s' is no pattern of names of topologies: "
				 "expected " ACCESS_PATTERN_EXPECTED,
				 version->topologies);
	if (version->sealed.len == 0 || version->sealed.len > SECRET_SEALED_MAX_BYTES)
		return error_set(err, ERR_LIMIT,
				 "the value of a secret has 1 byte to %zu KiB: give the rest "
				 "to the space in another way",
				 SECRET_MAX_BYTES / 1024);
	if (secrets_find(&c->secrets, asked->name) == NULL &&
	    HASH_COUNT(c->secrets.by_name) >= SECRETS_MAX)
		return error_set(err, ERR_LIMIT,
				 "there are %d secrets: remove those that nobody uses first",
				 SECRETS_MAX);
	if (version->number != secrets_next(&c->secrets, asked->name))
		return error_set(err, ERR_STALE,
				 "the secret %s was changed in the same moment; look at it, "
				 "and set it again",
				 asked->name);
	return 0;
}

/* The version before it is kept, and no older one. */
static int put_version(struct control *c, const Samoza__V1__SecretRecord *asked,
		       struct error **err)
{
	const Samoza__V1__SecretRecord *known = secrets_find(&c->secrets, asked->name);
	Samoza__V1__SecretVersion newest = *asked->versions[0];
	Samoza__V1__SecretVersion *versions[SECRET_VERSIONS] = {&newest};
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	newest.set_ms = c->now.wall_ms;
	newest.set_by = (char *)(uintptr_t)c->actor;
	if (known != NULL)
		versions[1] = known->versions[0];
	record.name = asked->name;
	record.versions = versions;
	record.n_versions = known != NULL ? 2 : 1;
	return secrets_put(&c->secrets, &record, err);
}

/* For other topologies than before: those that lose it are named. */
static int check_users(const struct control *c, const Samoza__V1__SecretRecord *asked,
		       struct error **err)
{
	const Samoza__V1__SecretRecord *known = secrets_find(&c->secrets, asked->name);
	const char *topologies = asked->versions[0]->topologies;
	CLEANUP(freep)
	char *users = known != NULL
			      ? secret_users_text(c, asked->name,
						  known->versions[0]->topologies, topologies)
			      : NULL;
	if (users == NULL)
		return 0;
	return error_set(err, ERR_CONFLICT,
			 "the secret %s is used by %s, which '%s' does not match: choose "
			 "another name for the new one, or take it away with --force",
			 asked->name, users, topologies);
}

static int set(struct control *c, const Samoza__V1__SecretRecord *asked, bool force,
	       struct error **err)
{
	int r = check_new(c, asked, err);
	if (r == 0 && !force)
		r = check_users(c, asked, err);
	const Samoza__V1__SecretRecord *known = secrets_find(&c->secrets, asked->name);
	bool is_known = known != NULL;
	CLEANUP(freep)
	char *before = is_known ? mem_strdup(known->versions[0]->topologies) : NULL;
	if (r == 0)
		r = put_version(c, asked, err);
	if (r < 0)
		return r;
	records_write_secret(c, secrets_find(&c->secrets, asked->name));
	secret_changed(c, asked->name, before);
	CLEANUP(freep)
	char *cause = str_printf("version %" PRIu64 " set by %s for topologies named %s",
				 asked->versions[0]->number, c->actor,
				 asked->versions[0]->topologies);
	emit_event(&c->emitter, "secret", asked->name, is_known ? "set" : NULL, "set", NULL,
		   cause);
	return 0;
}

/* ---- remove ---- */

static int remove_secret(struct control *c, const char *name, bool force, struct error **err)
{
	const Samoza__V1__SecretRecord *known = secrets_find(&c->secrets, name);
	if (known == NULL)
		return error_set(err, ERR_NOT_FOUND, "no secret %s", name);
	CLEANUP(freep)
	char *users = secret_users_text(c, name, known->versions[0]->topologies, NULL);
	if (users != NULL && !force)
		return error_set(err, ERR_CONFLICT,
				 "the secret %s is used by %s: what runs keeps it, and does "
				 "not start again without it; remove it with --force",
				 name, users);
	CLEANUP(freep) char *cause = str_printf("removed by %s", c->actor);
	CLEANUP(freep) char *before = mem_strdup(known->versions[0]->topologies);
	secrets_remove(&c->secrets, name);
	records_delete_secret(c, name);
	secret_changed(c, name, before);
	emit_event(&c->emitter, "secret", name, "set", NULL, NULL, cause);
	return 0;
}

/* ---- another key ---- */

static bool reseal_version(Samoza__V1__SecretRecord *record,
			   const Samoza__V1__SecretVersion *asked)
{
	for (size_t k = 0; k < record->n_versions; k++) {
		Samoza__V1__SecretVersion *version = record->versions[k];
		if (version->number != asked->number)
			continue;
		free(version->sealed.data);
		version->sealed.data = mem_memdup(asked->sealed.data, asked->sealed.len);
		version->sealed.len = asked->sealed.len;
		schema_set_string(&version->key, NULL, asked->key);
		return true;
	}
	return false;
}

/* The value is the same, and so nobody else takes notice. What was set or removed since it was read stays as it is. */
static int reseal(struct control *c, const Samoza__V1__SecretRecord *asked, struct error **err)
{
	const Samoza__V1__SecretRecord *known = secrets_find(&c->secrets, asked->name);
	if (known == NULL)
		return 0;
	Samoza__V1__SecretRecord *record =
		(Samoza__V1__SecretRecord *)schema_message_copy(&known->base);
	bool changed = false;
	for (size_t k = 0; k < asked->n_versions; k++)
		changed |= reseal_version(record, asked->versions[k]);
	int r = changed ? secrets_put(&c->secrets, record, err) : 0;
	if (changed && r == 0)
		records_write_secret(c, secrets_find(&c->secrets, asked->name));
	schema_message_free(&record->base);
	return r;
}

void secret_request(struct control *c, const struct control_input *input)
{
	Samoza__V1__SecretRecord *const *asked = input->secret.records;
	struct error *err = NULL;
	int r = 0;
	switch (input->secret.action) {
	case SECRET_SET:
		r = set(c, asked[0], input->secret.force, &err);
		break;
	case SECRET_REMOVE:
		r = remove_secret(c, asked[0]->name, input->secret.force, &err);
		break;
	case SECRET_RESEAL:
		for (size_t k = 0; k < input->secret.count && r == 0; k++)
			r = reseal(c, asked[k], &err);
		break;
	}
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}
