#include "base/memory.h"
#include "base/str.h"
#include "port/exec.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"

/* Between the answer 101 and its stream. */
struct exec_upgrade {
	struct zrms *zrms;
	struct asker *who;
	char *topology, *path;
};

static void on_upgraded(void *user, struct stream *stream)
{
	struct exec_upgrade *u = user;
	execs_add(u->zrms->execs, u->who, u->topology, u->path, stream);
	free(u->topology);
	free(u->path);
	free(u);
}

void api_space_exec(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	const char *id, *path = http_param(request, "path");
	struct error *err = NULL;
	if (!api_resolve(zrms, request, http_param(request, "id"), &id))
		return;
	if (execs_check(zrms->execs, id, path, &err) < 0) {
		api_refuse(request, err);
		return;
	}
	if (api_refuse_while_failing(zrms, request))
		return;
	if (!http_wants_upgrade(request, EXEC_PROTOCOL)) {
		http_add_header(request, "Upgrade", EXEC_PROTOCOL);
		http_reply_failure(request, 426, "invalid",
				   "expected the header Upgrade: " EXEC_PROTOCOL);
		return;
	}
	struct exec_upgrade *u = mem_new(struct exec_upgrade);
	*u = (struct exec_upgrade){zrms, asker_copy(access_asker(request)), mem_strdup(id),
				   mem_strdup(path)};
	http_reply_upgrade(request, EXEC_PROTOCOL, on_upgraded, u);
}
