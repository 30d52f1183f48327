#include "zrms/store_place.h"

#include <time.h>

#include "adapter/log/log.h"
#include "zrms/restore.h"

static int refuse_filling(const struct store_mark *mark, const char *url, struct error **err)
{
	return error_set(err, ERR_CONFLICT,
			 "%s is being filled from %s, which was not finished: give 'zrms store "
			 "migrate --from %s --to %s' again",
			 url, mark->other, mark->other, url);
}

static int refuse_moved(const struct store_mark *mark, const char *url, struct error **err)
{
	char when[32];
	struct tm utc;
	time_t seconds = (time_t)(mark->wall_ms / 1000);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
	return error_set(err, ERR_CONFLICT,
			 "what is in %s was moved to %s at %s (zrms store migrate), and is "
			 "older than what is there: start zrms with --store %s, or move it "
			 "back; --force starts on it all the same, as on a restored backup",
			 url, mark->other, when, mark->other);
}

/* First it is a restored directory, then its content is here: a kill between them leaves it moved. */
static int take_back(struct store *store, const struct store_mark *mark,
		     const struct settings *settings, struct error **err)
{
	static const struct store_mark here = {.place = STORE_HERE, .move = "", .other = ""};
	log_warn("store", "moved.forced", LOG_S("to", mark->other),
		 LOG_S("then", "what happened there since then is not known here"));
	int r = restore_begin(settings->dir, mark->wall_ms, err);
	return r == 0 ? store->ops->moving->set_mark(store, &here, err) : r;
}

int store_place_check(struct store *store, const char *url, const struct settings *settings,
		      struct error **err)
{
	if (store->ops->moving == NULL)
		return 0;
	struct store_mark mark = store->ops->moving->mark(store);
	if (mark.place == STORE_FILLING)
		return refuse_filling(&mark, url, err);
	if (mark.place == STORE_MOVED)
		return settings->force ? take_back(store, &mark, settings, err)
				       : refuse_moved(&mark, url, err);
	return 0;
}
