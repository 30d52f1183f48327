/* Keys that sign packages. */
#include <stdlib.h>
#include <string.h>

#include "adapter/archive/trust.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/submission/submissions.h"

_Static_assert(KEY_BYTES == SIGNING_KEY_SIZE, "the core keeps keys as they are");

/* The core has digits; people compare with the line of a file. */
static void show_key(Samoza__V1__SigningKeyView *v)
{
	uint8_t bytes[KEY_BYTES] = {0};
	char text[KEY_TEXT_BYTES];
	for (size_t k = 0; k < KEY_BYTES && strlen(v->key) == 2 * (size_t)KEY_BYTES; k++) {
		const char digits[] = {v->key[2 * k], v->key[2 * k + 1], '\0'};
		bytes[k] = (uint8_t)strtoul(digits, NULL, 16);
	}
	key_text(bytes, text);
	free(v->key);
	v->key = str_printf("ed25519 %s", text);
}

static Samoza__V1__SigningKeyListView *list_of(const struct control *control)
{
	Samoza__V1__SigningKeyListView *list = control_view_signing_keys(control);
	for (size_t k = 0; k < list->n_keys; k++)
		show_key(list->keys[k]);
	return list;
}

/* They may have been changed by hand. Where one cannot be read, submissions are refused; keys are removed nevertheless. */
static void look_at_files(struct zrms *zrms)
{
	(void)!submissions_look_at_keys(zrms->submissions, NULL);
}

void api_trust_list(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (!api_read_ready(zrms, request))
		return;
	look_at_files(zrms);
	api_send_view(zrms, request, &list_of(api_control(zrms))->base);
}

/* ---- changes ---- */

struct change {
	struct zrms *zrms;
	struct http_request *request;
	char *name;
	char *key; /* removed: its digits, as another one may have the name by now */
	unsigned status;
};

static void change_free(struct change *change)
{
	free(change->name);
	free(change->key);
	free(change);
}

static bool is_meant(const struct change *change, const Samoza__V1__SigningKeyView *v)
{
	return change->key != NULL
		       ? str_equal(v->key, change->key)
		       : str_equal(v->name, change->name) && str_equal(v->state, "trusted");
}

static void answer(const struct change *change)
{
	Samoza__V1__SigningKeyListView *list = control_view_signing_keys(change->zrms->control);
	Samoza__V1__SigningKeyView *found = NULL;
	for (size_t k = 0; k < list->n_keys && found == NULL; k++)
		if (is_meant(change, list->keys[k]))
			found = list->keys[k];
	if (found != NULL) {
		show_key(found);
		api_send_view_now(change->request, change->status, &found->base);
	} else {
		struct error *err = NULL;
		(void)error_set(&err, ERR_CONFLICT, "it was changed again in the same moment");
		api_refuse(change->request, err);
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
	change_free(change);
}

static void ask(struct zrms *zrms, struct http_request *request, enum signing_key_action action,
		const Samoza__V1__SigningKeyRecord *record)
{
	look_at_files(zrms);
	struct control_input input = {.type = CONTROL_SIGNING_KEY,
				      .signing_key = {.action = action, .record = record}};
	const Samoza__V1__SigningKeyRecord *known =
		action == SIGNING_KEY_REMOVE
			? signing_keys_named(control_signing_keys(zrms->control), record->name)
			: NULL;
	struct change *change = mem_new(struct change);
	*change = (struct change){.zrms = zrms,
				  .request = request,
				  .name = mem_strdup(record->name),
				  .key = known != NULL ? signing_key_id(known->key.data) : NULL,
				  .status = action == SIGNING_KEY_ADD ? 201 : 200};
	api_ask_for(zrms, request, &input, on_told, change);
}

/* Those of the line, or of the request; both would be one too many. */
static bool read_names(struct http_request *request, const Samoza__V1__SigningKeyRequest *asked,
		       char *line_names, Samoza__V1__SigningKeyRecord *record)
{
	char *rest = NULL;
	record->topologies = mem_new_array(
		char *,
		asked->n_topologies + (line_names != NULL ? strlen(line_names) : 0) + 1);
	for (char *word = line_names != NULL ? strtok_r(line_names, ",", &rest) : NULL;
	     word != NULL; word = strtok_r(NULL, ",", &rest))
		record->topologies[record->n_topologies++] = word;
	if (line_names != NULL && (asked->n_topologies > 0 || record->n_topologies == 0)) {
		http_reply_failure(
			request, 422, "invalid",
			record->n_topologies == 0
				? "the line of the key is limited to no topology at all"
				: "the line of the key has names of topologies, and so "
				  "has the request: expected one of them");
		return false;
	}
	for (size_t k = 0; k < asked->n_topologies; k++)
		record->topologies[record->n_topologies++] = asked->topologies[k];
	return true;
}

void api_trust_add(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct error *err = NULL;
	CLEANUP(freep) char *names = NULL;
	uint8_t key[KEY_BYTES];
	Samoza__V1__SigningKeyRecord record = SAMOZA__V1__SIGNING_KEY_RECORD__INIT;
	Samoza__V1__SigningKeyRequest *asked = (Samoza__V1__SigningKeyRequest *)api_read_body(
		request, &samoza__v1__signing_key_request__descriptor);
	if (asked == NULL)
		return;
	record.name = asked->name;
	record.key = (ProtobufCBinaryData){sizeof(key), key};
	if (public_key_parse(asked->key, key, &names, &err) < 0)
		api_refuse(request, err);
	else if (read_names(request, asked, names, &record) &&
		 !api_refuse_while_failing(zrms, request))
		ask(zrms, request, SIGNING_KEY_ADD, &record);
	free(record.topologies);
	samoza__v1__signing_key_request__free_unpacked(asked, NULL);
}

void api_trust_remove(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	Samoza__V1__SigningKeyRecord record = SAMOZA__V1__SIGNING_KEY_RECORD__INIT;
	record.name = (char *)(uintptr_t)http_param(request, "name");
	if (!api_refuse_while_failing(zrms, request))
		ask(zrms, request, SIGNING_KEY_REMOVE, &record);
}
