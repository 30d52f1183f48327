#include "core/control/request/access_check.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/application/applications.h"
#include "core/control/state/state.h"
#include "core/control/zhost/zhosts.h"
#include "model/topology.h"

/* To sign in, a code or a token is the proof; to sign out, the session is. */
static enum access_role needed_to_sign_in(enum sign_in_action action)
{
	switch (action) {
	case SIGN_IN_CODE:
		return ACCESS_VIEWER;
	case SIGN_IN_END:
		return ACCESS_ADMIN;
	case SIGN_IN_CREDENTIAL:
	case SIGN_IN_WITH_CODE:
	case SIGN_IN_OUT:
		return ACCESS_NOBODY;
	}
	IMPOSSIBLE("an action of an unknown type");
}

enum access_role access_needed(const struct control_input *input)
{
	switch (input->type) {
	case CONTROL_SUBMIT:
	case CONTROL_TOPOLOGY:
	case CONTROL_GOAL:
	case CONTROL_MOVE:
	case CONTROL_EXEC:
	case CONTROL_ROLLOUT:
	case CONTROL_ROLLBACK:
	case CONTROL_SCALE:
		return ACCESS_OPERATOR;
	case CONTROL_ZHOST:
	case CONTROL_REBALANCE:
	case CONTROL_CREDENTIAL:
	case CONTROL_TOKEN:
	case CONTROL_NOTICE_TEST:
	case CONTROL_LEADER_MOVE:
	case CONTROL_ZRMS_FORGET:
	case CONTROL_AUTHORITY:
	case CONTROL_SIGNING_KEY:
	case CONTROL_BACKUP:
	case CONTROL_MACHINE:
		return ACCESS_ADMIN;
	case CONTROL_REPEAT: /* of what it was allowed to do */
		return ACCESS_VIEWER;
	case CONTROL_SIGN_IN:
		return needed_to_sign_in(input->sign_in.action);
	case CONTROL_SECRET:
		return input->secret.action == SECRET_RESEAL ? ACCESS_ADMIN : ACCESS_OPERATOR;
	case CONTROL_HELLO:
	case CONTROL_REPORT:
	case CONTROL_HEARTBEAT:
	case CONTROL_DATA:
	case CONTROL_FORGOTTEN:
	case CONTROL_MESH_APPLIED:
	case CONTROL_API_TOKEN:
		return ACCESS_ZHOST;
	case CONTROL_JOIN:   /* the secret of the token is the proof */
	case CONTROL_RENEW:  /* the key is */
	case CONTROL_CLOSED: /* nobody asks for these: they have happened */
	case CONTROL_HELLO_ANSWERED:
	case CONTROL_DATA_FULL:
	case CONTROL_DRIVER:
	case CONTROL_NOTICE_TARGETS:
	case CONTROL_NOTICE_SENT:
	case CONTROL_BACKUP_AGE:
	case CONTROL_REFUSED:
	case CONTROL_TICK:
		return ACCESS_NOBODY;
	}
	IMPOSSIBLE("an input of an unknown type");
}

const char *access_topology(const struct control_input *input)
{
	switch (input->type) {
	case CONTROL_TOPOLOGY:
		return input->topology.id;
	case CONTROL_GOAL:
		return input->goal.id;
	case CONTROL_MOVE:
		return input->move.id;
	case CONTROL_EXEC:
		return input->exec.id;
	case CONTROL_ROLLOUT:
		return input->rollout.id;
	case CONTROL_ROLLBACK:
		return input->rollback.id;
	case CONTROL_SCALE:
		return input->scale.id;
	case CONTROL_SUBMIT:
	case CONTROL_ZHOST:
	case CONTROL_REBALANCE:
	case CONTROL_CREDENTIAL:
	case CONTROL_SIGN_IN:
	case CONTROL_TOKEN:
	case CONTROL_AUTHORITY:
	case CONTROL_SIGNING_KEY:
	case CONTROL_SECRET:
	case CONTROL_BACKUP:
	case CONTROL_LEADER_MOVE:
	case CONTROL_NOTICE_TEST:
	case CONTROL_NOTICE_TARGETS:
	case CONTROL_NOTICE_SENT:
	case CONTROL_BACKUP_AGE:
	case CONTROL_ZRMS_FORGET:
	case CONTROL_JOIN:
	case CONTROL_RENEW:
	case CONTROL_HELLO:
	case CONTROL_REPORT:
	case CONTROL_HEARTBEAT:
	case CONTROL_HELLO_ANSWERED:
	case CONTROL_CLOSED:
	case CONTROL_DATA:
	case CONTROL_DATA_FULL:
	case CONTROL_FORGOTTEN:
	case CONTROL_MESH_APPLIED:
	case CONTROL_API_TOKEN:
	case CONTROL_MACHINE:
	case CONTROL_DRIVER:
	case CONTROL_REPEAT:
	case CONTROL_REFUSED:
	case CONTROL_TICK:
		return NULL;
	}
	IMPOSSIBLE("an input of an unknown type");
}

static bool refuse(struct control *c, const struct control_input *input, struct error *take_err)
{
	emit_reply(&c->emitter, input->request, take_err, NULL, NULL, NULL);
	return false;
}

static bool refuse_role(struct control *c, const struct control_input *input,
			enum access_role needed)
{
	const struct principal *p = input->principal;
	struct error *err = NULL;
	(void)error_set(&err, ERR_DENIED, "%s is %s %s: this needs %s", p->name,
			p->role == ACCESS_OPERATOR || p->role == ACCESS_ADMIN ? "an" : "a",
			access_role_name(p->role), access_role_name(needed));
	return refuse(c, input, err);
}

/* Another topology from which it imports, and which the principal may not see; NULL: there is none. */
static const char *hidden_provider(const struct principal *p, const struct topology *topology)
{
	for (unsigned k = 0; k < topology->space_count; k++) {
		const struct space *space = &topology->spaces[k];
		for (unsigned i = 0; i < space->import_count; i++) {
			const char *other = space->imports[i].topology;
			if (other != NULL && !access_sees(p, other))
				return other;
		}
	}
	return NULL;
}

enum access_role access_role_of_space(enum space_api api)
{
	switch (api) {
	case API_NONE:
		return ACCESS_NOBODY;
	case API_VIEWER:
		return ACCESS_VIEWER;
	case API_OPERATOR:
		return ACCESS_OPERATOR;
	}
	IMPOSSIBLE("an unknown right of a space");
}

int access_check_grant(const struct principal *p, const struct space *space, const char *name,
		       struct error **err)
{
	bool has_names = space->api_topology_count > 0;
	const char *const *names = has_names ? space->api_topologies : &name;
	size_t count = has_names ? space->api_topology_count : 1;
	enum access_role role = access_role_of_space(space->api);
	if (p == NULL || space->api == API_NONE || access_covers_grant(p, role, names, count))
		return 0;
	CLEANUP(freep) char *text = access_names_text(names, count);
	return error_set(err, ERR_DENIED,
			 "%s has less than the space %s asks for (the role %s for topologies "
			 "named %s), and may give nobody more than it has",
			 p->name, space->name, access_role_name(role), text);
}

int access_check_grants(const struct principal *p, const struct topology *topology,
			const char *name, struct error **err)
{
	int r = 0;
	for (unsigned k = 0; k < topology->space_count && r == 0; k++)
		r = access_check_grant(p, &topology->spaces[k], name, err);
	return r;
}

/* Its name, and those of all from which it imports [change.imports.public]. */
static bool check_submission(struct control *c, const struct control_input *input)
{
	const struct principal *p = input->principal;
	const struct topology *topology = input->submit.topology;
	const char *hidden = hidden_provider(p, topology);
	struct error *err = NULL;
	if (!access_sees(p, topology->name))
		(void)error_set(&err, ERR_DENIED, "%s may not submit topologies named %s",
				p->name, topology->name);
	else if (hidden != NULL)
		(void)error_set(
			&err, ERR_DENIED,
			"%s may not import from topologies named %s, which it cannot see",
			p->name, hidden);
	else
		(void)!access_check_grants(p, topology, topology->name, &err);
	return err == NULL || refuse(c, input, err);
}

/* Of a name that is not its own, a principal learns no more than that there is none. */
static bool check_topology(struct control *c, const struct control_input *input)
{
	const char *id = access_topology(input);
	const struct control_application *a =
		id != NULL ? application_by_id(&c->applications, id) : NULL;
	struct error *err = NULL;
	if (input->type == CONTROL_SUBMIT)
		return check_submission(c, input);
	if (a == NULL || access_sees(input->principal, a->name))
		return true;
	(void)error_set(&err, ERR_NOT_FOUND, "no topology %s", id);
	return refuse(c, input, err);
}

static bool may_change_secret(const struct principal *p, const char *topologies)
{
	return access_covers_grant(p, ACCESS_OPERATOR, &topologies, 1);
}

/* So that nobody uses up the names of all. */
static bool has_room_for_secret(const struct control *c, const struct principal *p)
{
	size_t count = 0;
	const struct secret *s, *next;
	if (p->topology_count == 0)
		return true;
	HASH_ITER (hh, c->secrets.by_name, s, next)
		count += may_change_secret(p, s->record->versions[0]->topologies);
	return count < SECRETS_LIMITED_MAX;
}

/* Who is limited to names changes secrets of theirs alone: what it is for now, and what it is to be for. */
static bool check_secret(struct control *c, const struct control_input *input)
{
	const Samoza__V1__SecretRecord *asked = input->secret.records[0];
	const Samoza__V1__SecretRecord *known = secrets_find(&c->secrets, asked->name);
	const struct principal *p = input->principal;
	bool is_hidden = known != NULL && !may_change_secret(p, known->versions[0]->topologies);
	struct error *err = NULL;
	if (input->secret.action == SECRET_REMOVE && is_hidden)
		(void)error_set(&err, ERR_NOT_FOUND, "no secret %s", asked->name);
	else if (is_hidden)
		(void)error_set(&err, ERR_DENIED,
				"the secret %s is one of topologies that %s may not change: "
				"choose another name",
				asked->name, p->name);
	else if (input->secret.action == SECRET_SET && asked->n_versions > 0 &&
		 !may_change_secret(p, asked->versions[0]->topologies))
		(void)error_set(&err, ERR_DENIED,
				"%s may not set secrets for topologies named %s", p->name,
				asked->versions[0]->topologies);
	else if (input->secret.action == SECRET_SET && known == NULL &&
		 !has_room_for_secret(c, p))
		(void)error_set(&err, ERR_LIMIT,
				"there are %d secrets for topologies of %s: remove those that "
				"nobody uses first",
				SECRETS_LIMITED_MAX, p->name);
	return err == NULL || refuse(c, input, err);
}

/* A zhost speaks for itself alone; later frames are bound to the name by the link. */
static bool check_zhost(struct control *c, const struct control_input *input)
{
	const struct principal *p = input->principal;
	const char *name =
		input->type == CONTROL_HELLO ? input->hello.message->spec->name : NULL;
	if (name == NULL || p->role != ACCESS_ZHOST || str_equal(p->name, name))
		return true;
	CLEANUP(freep)
	char *why = str_printf("what it shows is that of zhost %s: it cannot join as %s",
			       p->name, name);
	zhost_refuse(c, input->hello.link_id, why);
	return false;
}

bool access_check(struct control *c, const struct control_input *input)
{
	enum access_role needed = access_needed(input);
	if (input->principal == NULL || needed == ACCESS_NOBODY)
		return true;
	if (needed == ACCESS_ZHOST)
		return check_zhost(c, input);
	if (!access_covers(input->principal->role, needed))
		return refuse_role(c, input, needed);
	if (needed != ACCESS_OPERATOR)
		return true;
	return input->type == CONTROL_SECRET ? check_secret(c, input)
					     : check_topology(c, input);
}
