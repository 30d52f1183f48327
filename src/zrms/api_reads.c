#include "zrms/api_reads.h"

#include <utlist.h>

#include "base/memory.h"
#include "base/str.h"

static void refuse(struct zrms *zrms, struct http_request *request)
{
	CLEANUP(freep)
	char *message = str_printf(
		"zrms cannot write its store in %s now (is its disk full, or away?): what it "
		"would "
		"show is not durable yet; it tries again for a while, try again later",
		zrms->settings.dir);
	http_reply_failure(request, 503, "unavailable", message);
}

bool api_read_begin(struct zrms *zrms, struct api_read *read, struct http_request *request)
{
	if (store_is_failing(zrms->store)) {
		refuse(zrms, request);
		return false;
	}
	read->request = request;
	DL_APPEND(zrms->reads, read);
	return true;
}

bool api_read_end(struct zrms *zrms, struct api_read *read)
{
	if (read->request == NULL)
		return false;
	DL_DELETE(zrms->reads, read);
	return true;
}

void api_reads_refuse(struct zrms *zrms)
{
	struct api_read *read, *next;
	DL_FOREACH_SAFE (zrms->reads, read, next) {
		DL_DELETE(zrms->reads, read);
		refuse(zrms, read->request);
		read->request = NULL;
	}
}
