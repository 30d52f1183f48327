#include "zshell/command/cluster_wait.h"

#include "adapter/client/view.h"
#include "base/memory.h"
#include "model/quantity.h"
#include "zshell/command/common.h"

#define ASK_TIMEOUT_MS 60000

static int on_event(void *data, const struct api_event *event, struct error **err)
{
	struct cluster_wait *w = data;
	CLEANUP(view_freep) Samoza__V1__EventView *view = NULL;
	CLEANUP(error_freep) struct error *why = NULL;
	if (event != NULL) {
		int r = view_read(&samoza__v1__event_view__descriptor, event->data, event->size,
				  (ProtobufCMessage **)&view, err);
		if (r < 0)
			return error_wrap(err, "cannot read the event stream");
		if (!w->concerns(w->data, view))
			return 0;
	}
	int r = w->look(w->data, w->progress, &w->done, &why);
	/* zrms does not answer now: the stream breaks as well, and is resumed. */
	if (r < 0 && r != ERR_UNAVAILABLE && r != ERR_TIMEOUT)
		return error_move(err, steal_ptr(&why));
	return w->done ? API_STREAM_END : 0;
}

static void on_loss(void *data, const char *why)
{
	const struct cluster_wait *w = data;
	output_note(&w->shell->output, "lost the connection to zrms (%s); reconnecting ...",
		    why);
}

static int follow(struct cluster_wait *w, uint64_t after, int64_t wait_ms, struct error **err)
{
	CLEANUP(error_freep) struct error *why = NULL;
	const struct api_stream stream = {
		.path = "/v1/events?stream=1",
		.resume = "after",
		.after = after,
		.deadline_mono_ms = mono_now_ms() + wait_ms,
		.handle = on_event,
		.data = w,
		.lost = on_loss,
	};
	int r = api_follow(w->shell->api, &stream, &why);
	if (r < 0 && r != ERR_TIMEOUT)
		return error_move(err, steal_ptr(&why));
	/* zrms decides, if it still answers. */
	if (r == ERR_TIMEOUT)
		(void)!w->look(w->data, w->progress, &w->done, NULL);
	return 0;
}

int cluster_wait(struct cluster_wait *w, uint64_t after, int64_t wait_ms, struct error **err)
{
	const struct output *o = &w->shell->output;
	if (!o->names_only)
		w->progress = output_progress_new(o, w->moved);
	api_set_timeout(w->shell->api, ASK_TIMEOUT_MS);
	int r = follow(w, after, wait_ms, err);
	api_set_timeout(w->shell->api, 0);
	output_progress_free(steal_ptr(&w->progress));
	if (r < 0 || w->done)
		return r;
	CLEANUP(freep) char *time = duration_format((uint64_t)wait_ms);
	output_note(o, "Not done after %s; %s continues: `zshell %s` shows it.", time, w->what,
		    w->how);
	return 0;
}
