/* Whom zrms notifies, and how that fares. */
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"

void api_notices_list(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (api_read_ready(zrms, request))
		api_send_view(zrms, request, &notices_view(zrms->notices)->base);
}

/* ---- a test ---- */

struct test {
	struct zrms *zrms;
	struct http_request *request;
	char *name;
	int64_t began_ms;
};

static void test_free(struct test *t)
{
	free(t->name);
	free(t);
}

static void on_sent(void *user, const struct notice_outcome *outcome)
{
	struct test *t = user;
	if (outcome->is_delivered) {
		Samoza__V1__NoticeTestView *v = mem_new(Samoza__V1__NoticeTestView);
		samoza__v1__notice_test_view__init(v);
		v->name = mem_strdup(t->name);
		v->where = mem_strdup(notices_where(t->zrms->notices, t->name));
		v->ms = (uint64_t)(loop_now(&t->zrms->loop).mono_ms - t->began_ms);
		api_send_view_now(t->request, 200, &v->base);
		schema_message_free(v);
	} else {
		struct error *err = NULL;
		(void)error_set(&err, ERR_UNAVAILABLE, "the test did not reach %s: %s", t->name,
				outcome->why);
		api_refuse(t->request, err);
	}
	test_free(t);
}

static void on_audited(void *user, const struct reply *reply)
{
	struct test *t = user;
	struct error *err = NULL;
	int r = reply->code;
	if (r < 0)
		(void)error_set(&err, (enum error_code)r, "%s", reply->message);
	else
		r = notices_check(t->zrms->notices, t->name, &err);
	if (r == 0) {
		notices_test(t->zrms->notices, t->name, on_sent, t);
		return;
	}
	api_refuse(t->request, err);
	test_free(t);
}

void api_notice_test(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *name = http_param(request, "name");
	struct error *err = NULL;
	if (notices_check(zrms->notices, name, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	if (api_refuse_while_failing(zrms, request))
		return;
	struct test *t = mem_new(struct test);
	*t = (struct test){zrms, request, mem_strdup(name), loop_now(&zrms->loop).mono_ms};
	struct control_input input = {.type = CONTROL_NOTICE_TEST,
				      .notice_test = {.target = t->name}};
	access_ask(request, &input);
	api_ask(zrms, &input, on_audited, t);
}
