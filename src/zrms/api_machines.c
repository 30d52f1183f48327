/* POST /v1/zhosts and its end: machines that drivers make. */
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/drivers.h"

static void answer_made(struct zrms *zrms, struct http_request *request,
			const struct reply *reply, const char *name)
{
	Samoza__V1__ZhostView *view = NULL;
	struct error *err = NULL;
	(void)reply;
	if (control_view_zhost(zrms->control, name, &view, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	api_send_view_now(request, 202, &view->base);
	schema_message_free(view);
}

/* ---- create ---- */

struct creation {
	struct zrms *zrms;
	struct http_request *request;
	char *name;
};

static void on_created(void *user, const struct reply *reply)
{
	struct creation *creation = user;
	struct error *err = NULL;
	if (reply->code < 0) {
		(void)error_set(&err, (enum error_code)reply->code, "%s", reply->message);
		api_refuse(creation->request, err);
	} else {
		answer_made(creation->zrms, creation->request, reply, creation->name);
	}
	free(creation->name);
	free(creation);
}

/* The caller frees the list, which holds all. */
static Samoza__V1__LabelRecord **pairs_of(Samoza__V1__VariableView *const *from, size_t count)
{
	Samoza__V1__LabelRecord **list =
		mem_calloc(1, (count + 1) * (sizeof(Samoza__V1__LabelRecord *) +
					     sizeof(Samoza__V1__LabelRecord)));
	Samoza__V1__LabelRecord *records =
		(Samoza__V1__LabelRecord *)(void *)(list + count + 1);
	for (size_t k = 0; k < count; k++) {
		samoza__v1__label_record__init(&records[k]);
		records[k].name = from[k]->name;
		records[k].value = from[k]->value;
		list[k] = &records[k];
	}
	return list;
}

static void ask_for_machine(struct zrms *zrms, struct http_request *request,
			    const Samoza__V1__MachineRequest *asked)
{
	struct error *err = NULL;
	struct control_input input = {.type = CONTROL_MACHINE};
	if (drivers_token(zrms->drivers, &input.machine.token, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	CLEANUP(freep)
	Samoza__V1__LabelRecord **settings = pairs_of(asked->settings, asked->n_settings);
	CLEANUP(freep)
	Samoza__V1__LabelRecord **labels = pairs_of(asked->labels, asked->n_labels);
	Samoza__V1__MachineRecord record = SAMOZA__V1__MACHINE_RECORD__INIT;
	record.name = asked->name;
	record.driver = asked->driver;
	record.settings = settings;
	record.n_settings = asked->n_settings;
	record.labels = labels;
	record.n_labels = asked->n_labels;
	input.machine.action = MACHINE_CREATE;
	input.machine.record = &record;
	struct creation *creation = mem_new(struct creation);
	*creation = (struct creation){
		.zrms = zrms, .request = request, .name = mem_strdup(asked->name)};
	api_ask_for(zrms, request, &input, on_created, creation);
}

void api_zhost_create(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	Samoza__V1__MachineRequest *asked = (Samoza__V1__MachineRequest *)api_read_body(
		request, &samoza__v1__machine_request__descriptor);
	if (asked == NULL)
		return;
	if (!api_refuse_while_failing(zrms, request))
		ask_for_machine(zrms, request, asked);
	samoza__v1__machine_request__free_unpacked(asked, NULL);
}

/* ---- destroy ---- */

static void answer_destroyed(struct zrms *zrms, struct http_request *request,
			     const struct reply *reply)
{
	answer_made(zrms, request, reply, http_param(request, "name"));
}

void api_zhost_destroy(void *context, struct http_request *request)
{
	Samoza__V1__DestroyRequest *asked = (Samoza__V1__DestroyRequest *)api_read_body(
		request, &samoza__v1__destroy_request__descriptor);
	if (asked == NULL)
		return;
	Samoza__V1__MachineRecord record = SAMOZA__V1__MACHINE_RECORD__INIT;
	record.name = (char *)(uintptr_t)http_param(request, "name");
	struct control_input input = {.type = CONTROL_MACHINE,
				      .machine = {.action = MACHINE_DESTROY,
						  .record = &record,
						  .drain = asked->drain}};
	api_change(context, request, &input, answer_destroyed);
	samoza__v1__destroy_request__free_unpacked(asked, NULL);
}
