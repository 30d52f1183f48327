#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "core/control/request/access_check.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/state.h"
#include "core/control/view/view_parts.h"
#include "model/topology.h"
#include "schema/message.h"

static Samoza__V1__UserView *user_view(const struct credential *credential)
{
	const struct principal *p = credential->principal;
	Samoza__V1__UserView *v =
		(Samoza__V1__UserView *)schema_message_new(&samoza__v1__user_view__descriptor);
	v->name = mem_strdup(p->name);
	v->role = mem_strdup(access_role_name(p->role));
	v->topologies = mem_new_array(char *, p->topology_count);
	for (; v->n_topologies < p->topology_count; v->n_topologies++)
		v->topologies[v->n_topologies] = mem_strdup(p->topologies[v->n_topologies]);
	v->created = iso8601_text(credential->created_ms);
	v->created_by = mem_strdup(credential->created_by);
	if (credential->expires_ms != 0)
		v->expires = iso8601_text(credential->expires_ms);
	if (credential->last_used_ms != 0)
		v->last_used = iso8601_text(credential->last_used_ms);
	return v;
}

Samoza__V1__UserListView *control_view_users(const struct control *c)
{
	Samoza__V1__UserListView *list = (Samoza__V1__UserListView *)schema_message_new(
		&samoza__v1__user_list_view__descriptor);
	struct credential **all = credentials_sorted(&c->credentials);
	list->users =
		mem_new_array(Samoza__V1__UserView *, HASH_CNT(by_id, c->credentials.by_id));
	for (struct credential **item = all; *item != NULL; item++)
		if ((*item)->principal->role != ACCESS_ZHOST && (*item)->copy == NULL)
			list->users[list->n_users++] = user_view(*item);
	free(all);
	return list;
}

static const struct credential *credential_of(const struct copy *copy)
{
	const struct control_application *a = copy->unit->application;
	CLEANUP(freep)
	char *id = str_printf("space/%s/%s@%" PRIu64, a->name, copy_path(copy),
			      copy->of_slot.epoch);
	return credentials_find(&a->control->credentials, id);
}

void view_space_api(const struct slot_control *sc, Samoza__V1__SpaceView *v)
{
	const struct space *space = slot_declared_space(sc->slot);
	const struct copy *copy = serving_copy(sc);
	const struct credential *credential = copy != NULL ? credential_of(copy) : NULL;
	const char *own = v->topology;
	bool has_names = space->api_topology_count > 0;
	const char *const *names = has_names ? space->api_topologies : &own;
	size_t count = has_names ? space->api_topology_count : 1;
	if (space->api == API_NONE)
		return;
	v->api = (Samoza__V1__ApiView *)schema_message_new(&samoza__v1__api_view__descriptor);
	v->api->role = mem_strdup(access_role_name(access_role_of_space(space->api)));
	v->api->topologies = mem_new_array(char *, count);
	for (; v->api->n_topologies < count; v->api->n_topologies++)
		v->api->topologies[v->api->n_topologies] =
			mem_strdup(names[v->api->n_topologies]);
	if (credential != NULL)
		v->api->since = iso8601_text(credential->created_ms);
}

int control_view_user(const struct control *c, const char *name,
		      Samoza__V1__UserView **ret_view, struct error **err)
{
	CLEANUP(freep) char *id = credential_id(ACCESS_VIEWER, name);
	const struct credential *credential = credentials_find(&c->credentials, id);
	if (credential == NULL)
		return error_set(err, ERR_NOT_FOUND, "no user %s", name);
	*ret_view = user_view(credential);
	return 0;
}

const struct principal *control_principal(const struct control *c,
					  const uint8_t hash[CREDENTIAL_HASH_SIZE],
					  int64_t wall_ms)
{
	const struct credential *found = credentials_find_hash(&c->credentials, hash, wall_ms);
	return found != NULL ? found->principal : NULL;
}

bool control_has_answered(const struct control *c, const char *principal, const char *key,
			  int64_t wall_ms)
{
	return idempotency_keys_find(&c->idempotency, principal, key, wall_ms) != NULL;
}

bool control_use_is_new(const struct control *c, const uint8_t hash[CREDENTIAL_HASH_SIZE],
			int64_t wall_ms)
{
	const struct credential *found = credentials_find_hash(&c->credentials, hash, wall_ms);
	return found != NULL && found->copy == NULL && credential_use_is_new(found, wall_ms);
}

/* ---- sign-ins ---- */

const Samoza__V1__SignInRecord *control_sign_in(const struct control *c,
						const uint8_t hash[CREDENTIAL_HASH_SIZE],
						bool is_code, const char *page, int64_t wall_ms)
{
	const struct sign_in *found = sign_ins_find(&c->sign_ins, hash, is_code, wall_ms);
	return found != NULL && sign_in_is_for(found, page) ? found->record : NULL;
}

static Samoza__V1__SessionView *session_view(const Samoza__V1__SignInRecord *r)
{
	Samoza__V1__SessionView *v = (Samoza__V1__SessionView *)schema_message_new(
		&samoza__v1__session_view__descriptor);
	v->id = mem_strdup(r->id);
	v->user = mem_strdup(r->user);
	v->created = iso8601_text(r->created_ms);
	v->expires = iso8601_text(r->expires_ms);
	v->address = mem_strdup(r->address);
	v->page = mem_strdup(r->page);
	return v;
}

Samoza__V1__SessionListView *control_view_sessions(const struct control *c, int64_t wall_ms)
{
	Samoza__V1__SessionListView *list = (Samoza__V1__SessionListView *)schema_message_new(
		&samoza__v1__session_list_view__descriptor);
	struct sign_in **all = sign_ins_sorted(&c->sign_ins);
	list->sessions =
		mem_new_array(Samoza__V1__SessionView *, HASH_COUNT(c->sign_ins.by_hash) + 1);
	for (struct sign_in **one = all; *one != NULL; one++)
		if (!(*one)->record->is_code && wall_ms < (*one)->record->expires_ms)
			list->sessions[list->n_sessions++] = session_view((*one)->record);
	free(all);
	return list;
}
