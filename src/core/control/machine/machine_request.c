#include "core/control/machine/machine_request.h"

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/join.h"
#include "core/control/machine/driver_calls.h"
#include "core/control/machine/driver_lists.h"
#include "core/control/machine/making.h"
#include "core/control/zhost/zhosts.h"
#include "model/zhost.h"

/* ---- create ---- */

static bool is_setting(const Samoza__V1__LabelRecord *setting)
{
	size_t size = strlen(setting->name);
	return size > 0 && size <= 63 && strlen(setting->value) <= MACHINE_SETTING_BYTES &&
	       strspn(setting->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789._-") == size;
}

/* Drivers in shell read lines, and no escapes of JSON but those of quotes and backslashes. */
static int check_text(const char *what, Samoza__V1__LabelRecord *const *pairs, size_t count,
		      struct error **err)
{
	for (size_t k = 0; k < count; k++)
		for (const char *c = pairs[k]->value; *c != '\0'; c++)
			if ((unsigned char)*c < ' ' || *c == 0x7f)
				return error_set(
					err, ERR_INVALID,
					"the %s '%s' is not given to a driver: it has "
					"control characters; encode it, as with base64",
					what, pairs[k]->name);
	return 0;
}

static int check_settings(const Samoza__V1__MachineRecord *asked, struct error **err)
{
	if (asked->n_settings > MACHINE_SETTINGS_MAX)
		return error_set(err, ERR_LIMIT, "a driver is given at most %d settings",
				 MACHINE_SETTINGS_MAX);
	for (size_t k = 0; k < asked->n_settings; k++) {
		if (!is_setting(asked->settings[k]))
			return error_set(
				err, ERR_INVALID,
				"'%s' is no setting: expected NAME=VALUE, the name with "
				"letters, digits and ._-, the value of at most %d bytes",
				asked->settings[k]->name, MACHINE_SETTING_BYTES);
		for (size_t n = 0; n < k; n++)
			if (str_equal(asked->settings[k]->name, asked->settings[n]->name))
				return error_set(err, ERR_INVALID,
						 "the setting '%s' is given twice",
						 asked->settings[k]->name);
	}
	int r = join_token_check_labels(asked->labels, asked->n_labels, err);
	if (r == 0)
		r = check_text("setting", asked->settings, asked->n_settings, err);
	return r < 0 ? r : check_text("label", asked->labels, asked->n_labels, err);
}

static int check_driver(const struct control *c, const char *name, struct error **err)
{
	CLEANUP(freep) char *names = driver_names(c);
	if (driver_find(c, name) >= 0)
		return 0;
	if (str_is_empty(names))
		return error_set(err, ERR_INVALID,
				 "there is no driver '%s', nor any other: name drivers under "
				 "'machines' in the settings of zrms",
				 name);
	return error_set(err, ERR_INVALID, "there is no driver '%s': expected one of %s", name,
			 names);
}

static int check_name(const struct control *c, const char *name, struct error **err)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, name);
	const struct identity *identity = identities_find(&c->identities, name);
	if (!zhost_name_is_valid(name))
		return error_set(err, ERR_INVALID,
				 "'%s' is no name of a zhost: expected " ZHOST_NAME_EXPECTED,
				 name);
	if ((z != NULL && !z->removed) || (identity != NULL && !identity_is_removed(identity)))
		return error_set(err, ERR_CONFLICT,
				 "there is a zhost %s: choose another name, or remove that one",
				 name);
	return 0;
}

static int check_new(const struct control *c, const Samoza__V1__MachineRecord *asked,
		     struct error **err)
{
	int r = check_name(c, asked->name, err);
	if (r == 0 && HASH_COUNT(c->made.by_name) >= MACHINES_MAX)
		r = error_set(err, ERR_LIMIT, "drivers make at most %d machines of a cluster",
			      MACHINES_MAX);
	return r;
}

static void create(struct control *c, const struct control_input *input)
{
	Samoza__V1__MachineRecord record = *input->machine.record;
	CLEANUP(freep) char *key = driver_key_new(c);
	CLEANUP(freep)
	char *cause = str_printf("asked for by %s, with driver %s", c->actor, record.driver);
	record.key = key;
	record.state = SAMOZA__V1__MADE_STATE__MADE_CREATING;
	record.created_by = (char *)(uintptr_t)c->actor;
	record.since_ms = c->now.wall_ms;
	record.error = NULL;
	record.n_tokens = 0;
	struct made_zhost *m = made_zhost_new(&c->made, &record);
	m->changed = true;
	making_event(c, m, state_name(STATE_NOT_DEPLOYED), state_name(STATE_DEPLOYING), cause);
	making_create(c, m, input->machine.token);
}

static bool same(Samoza__V1__LabelRecord *const *a, size_t count_a,
		 Samoza__V1__LabelRecord *const *b, size_t count_b)
{
	if (count_a != count_b)
		return false;
	for (size_t k = 0; k < count_a; k++) {
		bool found = false;
		for (size_t n = 0; n < count_b; n++)
			found |= str_equal(a[k]->name, b[n]->name) &&
				 str_equal(a[k]->value, b[n]->value);
		if (!found)
			return false;
	}
	return true;
}

static bool is_same(const Samoza__V1__MachineRecord *a, const Samoza__V1__MachineRecord *b)
{
	return str_equal(a->driver, b->driver) &&
	       same(a->settings, a->n_settings, b->settings, b->n_settings) &&
	       same(a->labels, a->n_labels, b->labels, b->n_labels);
}

/* There is one already. */
static int repeat(struct control *c, struct made_zhost *m, const struct control_input *input,
		  struct error **err)
{
	if (made_zhost_is_leaving(m))
		return error_set(err, ERR_CONFLICT,
				 "zhost %s is being destroyed: its name is free when that has "
				 "ended",
				 m->record->name);
	if (!is_same(m->record, input->machine.record))
		return error_set(
			err, ERR_CONFLICT,
			"zhost %s is made with other settings, labels or another driver: "
			"destroy it first, or choose another name",
			m->record->name);
	if (m->state != MADE_FAILED)
		return 0;
	CLEANUP(freep) char *cause = str_printf("tried again by %s", c->actor);
	making_create_again(c, m, cause, input->machine.token);
	return 0;
}

static int request_create(struct control *c, const struct control_input *input,
			  struct error **err)
{
	const Samoza__V1__MachineRecord *asked = input->machine.record;
	struct made_zhost *m = made_zhost_find(&c->made, asked->name);
	int r = check_driver(c, asked->driver, err);
	if (r == 0)
		r = check_settings(asked, err);
	if (r == 0 && m != NULL)
		return repeat(c, m, input, err);
	if (r == 0)
		r = check_new(c, asked, err);
	if (r == 0)
		create(c, input);
	return r;
}

/* ---- destroy ---- */

static int request_destroy(struct control *c, const struct control_input *input,
			   struct error **err)
{
	const char *name = input->machine.record->name;
	struct made_zhost *m = made_zhost_find(&c->made, name);
	const struct control_zhost *z = zhost_find(&c->zhosts, name);
	bool is_there = z != NULL && !z->removed;
	bool drains = input->machine.drain;
	if (m == NULL && !is_there)
		return error_set(err, ERR_NOT_FOUND, "no zhost %s", name);
	if (m == NULL)
		return error_set(err, ERR_CONFLICT,
				 "no driver has made zhost %s: it can be removed from the "
				 "cluster, and its machine is ended by who set it up",
				 name);
	if (m->state == MADE_STANDING && is_there && z->copy_count > 0 &&
	    z->state != ZHOST_PROBLEM && !drains)
		return error_set(
			err, ERR_CONFLICT,
			"%u %s placed on %s; ask for a drain, which hands %s over first",
			z->copy_count, z->copy_count == 1 ? "instance is" : "instances are",
			name, z->copy_count == 1 ? "it" : "them");
	if (made_zhost_is_leaving(m) && m->state != MADE_STUCK)
		return 0;
	CLEANUP(freep) char *cause = str_printf("destroy asked for by %s", c->actor);
	making_destroy(c, m, drains, cause);
	return 0;
}

void machine_request(struct control *c, const struct control_input *input)
{
	struct error *err = NULL;
	int r = input->machine.action == MACHINE_CREATE ? request_create(c, input, &err)
							: request_destroy(c, input, &err);
	(void)r;
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
}

/* ---- their zhosts ---- */

static int request_remove(struct control *c, struct made_zhost *m, struct error **err)
{
	if (m->state != MADE_FAILED && m->state != MADE_STUCK)
		return error_set(
			err, ERR_CONFLICT,
			"a driver has made zhost %s, and would keep its machine: destroy "
			"it instead",
			m->record->name);
	CLEANUP(freep)
	char *cause = str_printf("removed from the cluster by %s, whatever driver %s keeps of "
				 "the machine %s",
				 c->actor, m->record->driver, m->record->key);
	return making_forget(c, m, cause, err);
}

bool machine_takes_zhost_request(struct control *c, const struct control_input *input)
{
	struct made_zhost *m = made_zhost_find(&c->made, input->zhost.name);
	struct error *err = NULL;
	if (m == NULL)
		return false;
	if (input->zhost.action == ZHOST_REMOVE)
		(void)request_remove(c, m, &err);
	else if (input->zhost.action == ZHOST_UNCORDON && m->state > MADE_DRAINING)
		(void)error_set(&err, ERR_CONFLICT, "zhost %s is being destroyed",
				m->record->name);
	else
		return false;
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
	return true;
}

/* ---- who comes under their names ---- */

static bool has_token(const struct made_zhost *m, const char *token)
{
	for (size_t k = 0; k < m->record->n_tokens; k++)
		if (str_equal(m->record->tokens[k], token))
			return true;
	return false;
}

/* Why nobody may come under that name but who has one of its tokens; NULL: that does not count. */
static const char *why_kept(const struct control *c, const struct made_zhost *m)
{
	const struct control_zhost *z = zhost_find(&c->zhosts, m->record->name);
	if (z != NULL && !z->removed)
		return NULL;
	return made_zhost_is_leaving(m) ? "is being destroyed" : "is being made by a driver";
}

bool machine_admits_join(struct control *c, const struct control_input *input)
{
	const struct made_zhost *m = made_zhost_find(&c->made, input->join->name);
	const char *why = m != NULL ? why_kept(c, m) : NULL;
	if (why == NULL || (!made_zhost_is_leaving(m) && has_token(m, input->join->token)))
		return true;
	struct error *err = NULL;
	(void)error_set(&err, ERR_CONFLICT, "zhost %s %s: join under another --name",
			input->join->name, why);
	emit_reply(&c->emitter, input->request, err, NULL, NULL, NULL);
	return false;
}

bool machine_admits_hello(struct control *c, const struct control_input *input)
{
	const char *name = input->hello.message->spec->name;
	const struct made_zhost *m = made_zhost_find(&c->made, name);
	const char *why = m != NULL ? why_kept(c, m) : NULL;
	const struct identity *identity = identities_find(&c->identities, name);
	if (why == NULL)
		return true;
	bool is_its_own = input->hello.key == NULL || identity == NULL ||
			  has_token(m, identity->record->token);
	if (!made_zhost_is_leaving(m) && is_its_own)
		return true;
	CLEANUP(freep)
	char *reason = str_printf("zhost %s %s; choose another --name", name, why);
	zhost_refuse(c, input->hello.link_id, reason);
	return false;
}
