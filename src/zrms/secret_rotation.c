#include "zrms/secret_rotation.h"

#include <string.h>

#include "adapter/log/log.h"
#include "base/check.h"
#include "base/str.h"
#include "base/vector.h"
#include "proto/view.pb-c.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/secret_sharing.h"
#include "zrms/zrms.h"

/* A transaction of etcd takes 1.5 MiB and 128 operations. */
enum { PIECE_SECRETS = 32, PIECE_BYTES = 512 * 1024 };

typedef VECTOR(Samoza__V1__SecretRecord *) piece_vector;

/* Has a look at once. */
static void wake(const struct secret_rotation *r)
{
	loop_timer_at(r->timer, loop_now(&r->zrms->loop).mono_ms);
}

static unsigned missing(const struct zrms *zrms)
{
	return secret_vault_missing(zrms->vault, control_secrets(zrms->control));
}

/* ---- the end ---- */

static void clear(struct secret_rotation *r)
{
	*r = (struct secret_rotation){
		.zrms = r->zrms, .sharing = r->sharing, .timer = r->timer};
}

static void answer(struct secret_rotation *r)
{
	Samoza__V1__SecretKeyView view = SAMOZA__V1__SECRET_KEY_VIEW__INIT;
	view.key = (char *)(uintptr_t)secret_keys_id(r->zrms->vault->keys, 0);
	view.sealed = r->sealed;
	log_info("secret", "key.rotated", LOG_S("key", view.key), LOG_U("sealed", r->sealed));
	if (r->request != NULL && !r->is_first_another)
		api_send_view_now(r->request, 200, &view.base);
}

static void end(struct secret_rotation *r, struct error *take_why)
{
	struct http_request *request = r->request;
	bool begins = take_why == NULL && r->is_first_another;
	if (take_why == NULL)
		answer(r);
	else
		log_warn("secret", "key.not.rotated", LOG_E(take_why));
	clear(r);
	r->is_stuck = take_why != NULL;
	if (begins)
		secret_rotation_begin(r, request);
	else if (request != NULL && take_why != NULL)
		api_refuse(request, take_why);
	else
		error_free(take_why);
}

/* ---- pieces ---- */

/* The value is in memory no longer than this. */
static int reseal(const struct secret_vault *vault, const char *name,
		  Samoza__V1__SecretVersion *version, struct error **err)
{
	char *value = NULL;
	size_t size = 0;
	int r = secret_open_value(vault, name, version, &value, &size, err);
	if (r < 0)
		return r;
	free(version->sealed.data);
	free(version->key);
	secret_seal_value(vault, name, value, size, version);
	secret_wipe(value, size);
	free(value);
	return 0;
}

static bool is_old(const struct secret_vault *vault, const char *id)
{
	return !str_equal(id, secret_keys_id(vault->keys, 0)) && secret_vault_has(vault, id);
}

static int add_secret(const struct secret_vault *vault, const Samoza__V1__SecretRecord *record,
		      piece_vector *piece, size_t *bytes, uint64_t *count, struct error **err)
{
	Samoza__V1__SecretRecord *copy = NULL;
	int r = 0;
	for (size_t k = 0; r == 0 && k < record->n_versions; k++) {
		if (!is_old(vault, record->versions[k]->key))
			continue;
		if (copy == NULL)
			copy = (Samoza__V1__SecretRecord *)schema_message_copy(&record->base);
		r = reseal(vault, record->name, copy->versions[k], err);
		*bytes += copy->versions[k]->sealed.len;
		(*count)++;
	}
	if (copy != NULL)
		vector_push(piece, copy);
	return r;
}

/* The next ones that have an old key; none where all have the new one. */
static int piece_make(const struct secret_rotation *r, piece_vector *piece, uint64_t *ret_count,
		      struct error **err)
{
	CLEANUP(freep)
	const struct secret **all = secrets_sorted(control_secrets(r->zrms->control));
	size_t bytes = 0;
	int result = 0;
	for (const struct secret **s = all; result == 0 && *s != NULL; s++) {
		if (piece->count >= PIECE_SECRETS || bytes >= PIECE_BYTES)
			break;
		result =
			add_secret(r->zrms->vault, (*s)->record, piece, &bytes, ret_count, err);
	}
	return result;
}

static void piece_done(piece_vector *piece)
{
	vector_for_each (piece, record)
		schema_message_free(*record);
	vector_done(piece);
}

/* It is durable. */
static void on_told(void *user, const struct reply *reply)
{
	struct secret_rotation *r = user;
	struct error *err = NULL;
	r->is_asked = false;
	if (reply->code < 0) {
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
		end(r, err);
		return;
	}
	wake(r);
}

static void piece_ask(struct secret_rotation *r, const piece_vector *piece, uint64_t count)
{
	struct control_input input = {.type = CONTROL_SECRET,
				      .secret = {.action = SECRET_RESEAL,
						 .records = piece->items,
						 .count = piece->count}};
	input.actor = "zrms";
	/* One line of the audit for each, by who asks; what a life before has left is zrms' own. */
	bool is_asked_for = r->request != NULL && !r->is_first_another;
	if (is_asked_for)
		access_ask(r->request, &input);
	input.key.text = NULL; /* asked again, it goes on where it is */
	r->is_asked = true;
	r->is_noted |= is_asked_for;
	r->sealed += count;
	api_ask(r->zrms, &input, on_told, r);
}

/* ---- the keys of before ---- */

static bool is_needed(const struct zrms *zrms, const char *id)
{
	CLEANUP(freep)
	const char **needed = secret_keys_needed(control_secrets(zrms->control));
	for (const char **one = needed; *one != NULL; one++)
		if (str_equal(*one, id))
			return true;
	return false;
}

static int drop_old(const struct zrms *zrms, struct error **err)
{
	struct secret_vault *vault = zrms->vault;
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_copy(vault->keys);
	bool any = false;
	for (size_t at = secret_keys_count(keys); at-- > 1;) {
		CLEANUP(freep) char *id = mem_strdup(secret_keys_id(keys, at));
		if (!is_needed(zrms, id))
			any |= secret_keys_drop(keys, id);
	}
	return any ? secret_vault_keep(vault, steal_ptr(&keys), err) : 0;
}

/* Everything that the core knows is durable: no record names an old key, or one that cannot be opened. */
static void on_durable(void *user)
{
	struct secret_rotation *r = user;
	struct error *err = NULL;
	r->is_asked = false;
	(void)drop_old(r->zrms, &err);
	end(r, err);
}

/* ---- one step after the other ---- */

/* The new key goes again, where nothing was sealed with it. */
static void give_up(struct secret_rotation *r, const char *lacking)
{
	struct secret_vault *vault = r->zrms->vault;
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_copy(vault->keys);
	struct error *err = NULL;
	CLEANUP(freep) char *id = mem_strdup(secret_keys_id(keys, 0));
	(void)secret_keys_drop(keys, id);
	if (secret_vault_keep(vault, steal_ptr(&keys), &err) == 0)
		(void)error_set(&err, ERR_UNAVAILABLE,
				"the new key did not reach %s, which would lead without it: "
				"nothing was changed; try again when it is back and of this "
				"version, or let the cluster forget it (cluster zrms forget)",
				lacking);
	end(r, err);
}

/* True: it goes on. */
static bool share(struct secret_rotation *r)
{
	CLEANUP(freep) char *lacking = secret_sharing_lacking(r->sharing);
	const char *id = secret_keys_id(r->zrms->vault->keys, 0);
	r->is_sealing = lacking == NULL || is_needed(r->zrms, id);
	if (r->is_sealing || !(secret_sharing_is_late(r->sharing) || r->zrms->stopping))
		return r->is_sealing;
	give_up(r, lacking);
	return false;
}

static void seal(struct secret_rotation *r)
{
	piece_vector piece = {0};
	struct error *err = NULL;
	uint64_t count = 0;
	bool is_to_note = r->request != NULL && !r->is_first_another && !r->is_noted;
	if (secret_vault_settle(r->zrms->vault, &err) < 0 ||
	    piece_make(r, &piece, &count, &err) < 0) {
		end(r, err);
	} else if (count > 0 || is_to_note) {
		piece_ask(r, &piece, count);
	} else {
		r->is_asked = true;
		commit_driver_after(r->zrms->commits, on_durable, r);
	}
	piece_done(&piece);
}

/* What a life before has left, or what could not be ended: first that, and then another key for who asks. */
static bool is_left(const struct secret_vault *vault)
{
	return vault->keys != NULL && secret_keys_count(vault->keys) > 1;
}

bool secret_rotation_step(struct secret_rotation *r)
{
	const struct secret_vault *vault = r->zrms->vault;
	if (r->is_asked)
		return false; /* its answer goes on */
	if (!r->is_under_way) {
		/* Where a key is missing, what is here may be older than it: nothing is sealed with that. */
		if (!is_left(vault) || r->is_stuck || missing(r->zrms) > 0)
			return false;
		r->is_under_way = true;
		log_info("secret", "key.rotation.resumed",
			 LOG_S("key", secret_keys_id(vault->keys, 0)));
	}
	if (r->zrms->stopping && r->request == NULL)
		return false;
	if (r->is_sealing || share(r))
		seal(r);
	return r->is_under_way && !r->is_asked;
}

static int begin_check(const struct secret_rotation *r, struct error **err)
{
	const struct zrms *zrms = r->zrms;
	unsigned count = missing(zrms);
	if (r->is_under_way)
		return error_set(err, ERR_CONFLICT,
				 "secrets are being sealed with another key: ask again when it "
				 "is done");
	if (count > 0)
		return error_set(err, ERR_CONFLICT,
				 "%u key%s of secrets %s not in %s, so they cannot be opened: "
				 "copy that file from another zrms of the cluster, or set or "
				 "remove those secrets (secret list shows them)",
				 count, str_plural(count), count == 1 ? "is" : "are",
				 zrms->vault->path);
	return 0;
}

void secret_rotation_begin(struct secret_rotation *r, struct http_request *request)
{
	struct zrms *zrms = r->zrms;
	struct error *err = NULL;
	if (r->is_under_way && r->request == NULL) {
		r->request = request;
		r->is_first_another = true;
		return;
	}
	int result = begin_check(r, &err);
	bool is_first_another = result == 0 && is_left(zrms->vault);
	if (result == 0 && !is_first_another) {
		struct secret_keys *keys = secret_keys_copy(zrms->vault->keys);
		secret_keys_add(keys);
		result = secret_vault_keep(zrms->vault, keys, &err);
	}
	if (result < 0) {
		api_refuse(request, err);
		return;
	}
	clear(r);
	r->request = request;
	r->is_under_way = true;
	r->is_first_another = is_first_another;
	secret_sharing_rekeyed(r->sharing);
	wake(r);
}
