#include "zshell/command/list.h"

#include <string.h>

#include "adapter/client/view.h"
#include "base/buffer.h"
#include "base/str.h"
#include "proto/view.pb-c.h"

/* [shell.rest.filter]; "running" is the word for people. */
const char *const topology_states[] = {"pending", "running", "degraded",
				       "stopped", "failed",  NULL};
const char *const instance_states[] = {
	"running",	    "failed",	   "not-deployed",	   "deploying",
	"deployed-stopped", "unresolved",  "waiting-for-ancestor", "starting",
	"stopping",	    "undeploying", "deployed-started",	   NULL};
const char *const zhost_states[] = {"running",	 "problem",	"not-deployed",
				    "deploying", "undeploying", "deployed-started",
				    NULL};

static const char *state_of(const struct list_options *given,
			    const ProtobufCMessageDescriptor *type)
{
	bool topologies = type == &samoza__v1__topology_list_view__descriptor;

	return !topologies && str_equal(given->state, "running") ? "deployed-started"
								 : given->state;
}

static void add(struct buffer *path, const char *name, const char *value)
{
	CLEANUP(freep) char *pair = NULL;

	if (value == NULL)
		return;
	pair = api_path(name, value, NULL);
	(void)buffer_printf(path, "%s%s", strchr(path->data, '?') != NULL ? "&" : "?", pair);
}

int list_get(struct shell *shell, const char *path, const struct list_options *given,
	     const ProtobufCMessageDescriptor *type, void **ret_list, struct error **err)
{
	CLEANUP(buffer_done) struct buffer whole = BUFFER_INIT(1 << 16);
	CLEANUP(view_freep) void *list = NULL;
	int r = buffer_add_string(&whole, path);

	if (r == 0 && given != NULL) {
		add(&whole, "state=", state_of(given, type));
		add(&whole, "zhost=", given->zhost);
		add(&whole, "topology=", given->topology);
		add(&whole, "label=", given->label);
	}
	if (r == 0)
		r = api_get(shell->api, whole.data, type, &list, err);
	if (r < 0)
		return r;
	output_page(&shell->output);
	if (shell->output.format != OUTPUT_TABLE)
		output_message(&shell->output, list);
	else
		*ret_list = steal_ptr(&list);
	return 0;
}
