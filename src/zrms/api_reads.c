#include "zrms/api_reads.h"

#include <utlist.h>

#include "base/memory.h"
#include "base/str.h"

/* A request whose handler is called again. */
struct api_parked {
	struct http_request *request;
	struct api_parked *next, *prev;
};

static void refuse(struct zrms *zrms, struct http_request *request)
{
	CLEANUP(freep)
	char *message = str_printf("zrms cannot write its store in %s now, and cannot read it "
				   "either (is %s away?): "
				   "it tries again for a while, try again later",
				   zrms->lead != NULL ? "etcd" : zrms->settings.dir,
				   zrms->lead != NULL ? "a majority of it" : "its disk");
	http_reply_failure(request, 503, "unavailable", message);
}

static void park(struct zrms *zrms, struct http_request *request)
{
	struct api_parked *parked = mem_new(struct api_parked);
	parked->request = request;
	DL_APPEND(zrms->parked, parked);
}

bool api_read_ready(struct zrms *zrms, struct http_request *request)
{
	/* store_watch() has seen that it fails; before that, they wait for the commit. */
	switch (committed_state(zrms->committed)) {
	case COMMITTED_READING:
		park(zrms, request);
		return false;
	case COMMITTED_FAILED:
		refuse(zrms, request);
		return false;
	case COMMITTED_NONE:
	case COMMITTED_READY:
		break;
	}
	return true;
}

bool api_control_is_durable(const struct zrms *zrms)
{
	return committed_control(zrms->committed) != NULL;
}

const struct control *api_control(const struct zrms *zrms)
{
	const struct control *durable = committed_control(zrms->committed);
	return durable != NULL ? durable : zrms->control;
}

void api_read_notice(struct http_request *request)
{
	http_add_header(request, "Samoza-Notice",
			"zrms cannot write its store now (is its disk full, or away?): this is "
			"what was durable when it last could, and changes are refused");
}

void api_read_begin(struct zrms *zrms, struct api_read *read, struct http_request *request)
{
	read->request = request;
	DL_APPEND(zrms->reads, read);
}

bool api_read_end(struct zrms *zrms, struct api_read *read)
{
	if (read->request == NULL)
		return false;
	DL_DELETE(zrms->reads, read);
	return true;
}

void api_reads_park(struct zrms *zrms)
{
	struct api_read *read, *next;
	DL_FOREACH_SAFE (zrms->reads, read, next) {
		DL_DELETE(zrms->reads, read);
		park(zrms, read->request);
		read->request = NULL;
	}
}

void api_reads_continue(void *user)
{
	struct zrms *zrms = user;
	struct api_parked *parked, *next, *all = zrms->parked;
	zrms->parked = NULL;
	DL_FOREACH_SAFE (all, parked, next) {
		http_handle_again(parked->request);
		free(parked);
	}
}

void api_reads_refuse(struct zrms *zrms, void (*refuse_one)(struct http_request *request))
{
	struct api_parked *parked, *next, *all = zrms->parked;
	zrms->parked = NULL;
	DL_FOREACH_SAFE (all, parked, next) {
		refuse_one(parked->request);
		free(parked);
	}
}

void api_reads_end(struct zrms *zrms)
{
	committed_end(zrms->committed);
	struct api_parked *parked, *next;
	DL_FOREACH_SAFE (zrms->parked, parked, next)
		free(parked);
	zrms->parked = NULL;
}
