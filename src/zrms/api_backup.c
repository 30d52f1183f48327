/* GET /v1/backup: the file is made whole first, so that it has a size, and what is cut is noticed. */
#include "base/memory.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"

struct asked {
	struct zrms *zrms;
	struct http_request *request;
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

void api_backup(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	struct error *err = NULL;
	bool keys = true;
	if (!api_query_bool(request, "keys", true, &keys))
		return;
	struct asked *a = mem_new(struct asked);
	*a = (struct asked){zrms, request};
	if (backups_take(zrms->backups, keys, on_done, a, &err) == 0)
		return;
	free(a);
	api_refuse(request, err);
}
