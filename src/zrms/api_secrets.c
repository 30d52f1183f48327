/* /v1/secrets: what spaces get and nobody reads. A value comes in one body, and goes nowhere but into what is sealed. */
#include <sodium.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/secrets.h"
#include "schema/json.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/secret_keeper.h"

/* ---- as they are shown ---- */

static Samoza__V1__SecretListView *list_of(const struct zrms *zrms,
					   const struct control *control,
					   const struct principal *reader, const char *name)
{
	Samoza__V1__SecretListView *list = control_view_secrets(control, reader, name);
	for (size_t k = 0; k < list->n_secrets; k++) {
		Samoza__V1__SecretView *v = list->secrets[k];
		v->has_key_missing = v->key_missing = !secret_vault_has(zrms->vault, v->key);
	}
	return list;
}

void api_secrets_list(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (!api_read_ready(zrms, request))
		return;
	api_send_view(zrms, request,
		      &list_of(zrms, api_control(zrms), access_reader(request), NULL)->base);
}

/* ---- set ---- */

/* Where it does not fit, no part of it is said: it may be of the value. NULL: refused. */
static Samoza__V1__SecretRequest *read_body(struct http_request *request)
{
	ProtobufCMessage *message = NULL;
	struct diagnostics findings = {0};
	int r = schema_read_json(&samoza__v1__secret_request__descriptor, NULL,
				 http_body_data(request), http_body_size(request), SCHEMA_WIPE,
				 &findings, &message, NULL);
	diagnostics_done(&findings);
	if (r < 0)
		http_reply_failure(request, 400, "invalid",
				   "the body is no request to set a secret: expected JSON with "
				   "name, topologies and value (in base64), and maybe force");
	return (Samoza__V1__SecretRequest *)message;
}

static void body_free(Samoza__V1__SecretRequest *asked)
{
	if (asked->value != NULL)
		secret_wipe(asked->value, strlen(asked->value));
	schema_message_free(&asked->base);
}

/* The caller wipes and frees it. */
static int value_of(const Samoza__V1__SecretRequest *asked, uint8_t **ret_value,
		    size_t *ret_size, struct error **err)
{
	size_t length = strlen(asked->value), size = 0;
	const char *after = NULL;
	uint8_t *value = mem_calloc(length + 1, 1);
	int r = sodium_base642bin(value, length + 1, asked->value, length, NULL, &size, &after,
				  sodium_base64_VARIANT_ORIGINAL);
	if (r != 0 || *after != '\0')
		r = error_set(err, ERR_INVALID, "the value is not base64 (RFC 4648, with '=')");
	else if (size == 0 || size > SECRET_MAX_BYTES)
		r = error_set(err, ERR_LIMIT,
			      "the value of a secret has 1 byte to %zu KiB: give the rest to "
			      "the space in another way",
			      SECRET_MAX_BYTES / 1024);
	if (r == 0) {
		*ret_value = value;
		*ret_size = size;
		return 0;
	}
	secret_wipe(value, length + 1);
	free(value);
	return r;
}

struct change {
	struct zrms *zrms;
	struct http_request *request;
	char *name;
};

static void answer(const struct change *change)
{
	Samoza__V1__SecretListView *list =
		list_of(change->zrms, change->zrms->control, access_reader(change->request),
			change->name);
	const Samoza__V1__SecretView *found = list->n_secrets > 0 ? list->secrets[0] : NULL;
	struct error *gone = NULL;
	if (found != NULL) {
		api_send_view_now(change->request, 200, &found->base);
	} else {
		(void)error_set(&gone, ERR_NOT_FOUND, "the secret %s", change->name);
		api_answer_gone(change->request, gone);
	}
	schema_message_free(&list->base);
}

static void on_told(void *user, const struct reply *reply)
{
	struct change *change = user;
	struct error *err = NULL;
	if (reply->code < 0) {
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
		api_refuse(change->request, err);
	} else {
		answer(change);
	}
	free(change->name);
	free(change);
}

static int set(struct zrms *zrms, struct http_request *request,
	       const Samoza__V1__SecretRequest *asked, struct error **err)
{
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	Samoza__V1__SecretVersion version = SAMOZA__V1__SECRET_VERSION__INIT;
	Samoza__V1__SecretVersion *versions[] = {&version};
	Samoza__V1__SecretRecord *records[] = {&record};
	uint8_t *value = NULL;
	size_t size = 0;
	int r = value_of(asked, &value, &size, err);
	if (r < 0)
		return r;
	record.name = asked->name;
	record.versions = versions;
	record.n_versions = 1;
	version.number = secrets_next(control_secrets(zrms->control), asked->name);
	version.topologies = asked->topologies;
	version.set_by = (char *)"";
	secret_seal_value(zrms->vault, asked->name, value, size, &version);
	secret_wipe(value, strlen(asked->value) + 1);
	free(value);
	struct control_input input = {.type = CONTROL_SECRET,
				      .secret = {.action = SECRET_SET,
						 .records = records,
						 .count = 1,
						 .force = asked->has_force && asked->force}};
	struct change *change = mem_new(struct change);
	*change = (struct change){zrms, request, mem_strdup(asked->name)};
	api_ask_for(zrms, request, &input, on_told, change);
	free(version.sealed.data);
	free(version.key);
	return 0;
}

void api_secret_set(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct error *err = NULL;
	if (api_refuse_while_failing(zrms, request))
		return;
	if (secret_keeper_can_seal(zrms->secret_keeper, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	if (!secret_keeper_shared(zrms->secret_keeper, request))
		return;
	Samoza__V1__SecretRequest *asked = read_body(request);
	if (asked == NULL)
		return;
	if (set(zrms, request, asked, &err) < 0)
		api_refuse(request, err);
	body_free(asked);
}

/* ---- remove ---- */

static void answer_removed(struct zrms *zrms, struct http_request *request,
			   const struct reply *reply)
{
	(void)zrms;
	(void)reply;
	api_send_done(request);
}

void api_secret_remove(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	Samoza__V1__SecretRecord *records[] = {&record};
	bool force = false;
	record.name = (char *)(uintptr_t)http_param(request, "name");
	if (!api_query_bool(request, "force", false, &force))
		return;
	struct control_input input = {.type = CONTROL_SECRET,
				      .secret = {.action = SECRET_REMOVE,
						 .records = records,
						 .count = 1,
						 .force = force}};
	api_change(zrms, request, &input, answer_removed);
}

/* ---- another key ---- */

void api_secrets_rotate(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (!api_refuse_while_failing(zrms, request))
		secret_keeper_rotate(zrms->secret_keeper, request);
}
