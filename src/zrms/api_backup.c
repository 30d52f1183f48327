/*
 * GET /v1/backup: the audit has who asked before the file is made. The file is made whole first, so that it has a
 * size, and what is cut is noticed.
 */
#include "base/memory.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"

struct asked {
	struct zrms *zrms;
	struct http_request *request;
	bool keys;
};

static void on_done(void *user, int fd, uint64_t size, const struct error *error)
{
	struct asked *a = user;
	if (error != NULL) {
		struct error *err = NULL;
		(void)error_set(&err, error->code, "cannot make a backup: %s", error->message);
		api_refuse(a->request, err);
	} else {
		http_reply_file(a->request, 200, "application/octet-stream", fd, size);
	}
	free(a);
}

static void on_told(void *user, const struct reply *reply)
{
	struct asked *a = user;
	struct error *err = NULL;
	int r = reply->code;
	if (r < 0)
		(void)error_set(&err, (enum error_code)r, "%s", reply->message);
	else
		r = backups_take(a->zrms->backups, a->keys, on_done, a, &err);
	if (r == 0)
		return;
	api_refuse(a->request, err);
	free(a);
}

void api_backup(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	bool keys = true;
	if (!api_query_bool(request, "keys", true, &keys) ||
	    api_refuse_while_failing(zrms, request))
		return;
	struct asked *a = mem_new(struct asked);
	*a = (struct asked){zrms, request, keys};
	struct control_input input = {.type = CONTROL_BACKUP, .backup = {.keys = keys}};
	access_ask(request, &input);
	api_ask(zrms, &input, on_told, a);
}
