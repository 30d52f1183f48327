#include "zrms/store_watch.h"

#include "adapter/log/log.h"
#include "zrms/api_reads.h"

static void on_failing(struct zrms *zrms)
{
	api_reads_park(zrms);
	committed_begin(zrms->committed);
	subscribers_say(zrms->subscribers,
			"zrms cannot write its store now (is its disk full, or away?): what "
			"happens is shown when it is durable; zrms tries again for a while",
			true);
	log_error("store", "failing", LOG_S("dir", zrms->settings.dir),
		  LOG_S("then", "changes are refused, because nothing is answered that is not "
				"durable, and reads see what is durable; it tries again for "
				"30 s, then zrms exits"));
}

static void on_recovered(struct zrms *zrms)
{
	committed_end(zrms->committed);
	api_reads_continue(zrms);
	subscribers_say(zrms->subscribers, "zrms writes its store again", false);
	log_info("store", "recovered", LOG_S("dir", zrms->settings.dir));
}

static void on_tight(struct zrms *zrms, bool is_tight)
{
	if (is_tight)
		log_error("store", "disk.full", LOG_S("dir", zrms->settings.dir),
			  LOG_S("then", "nothing new is accepted; stop, rm and rm --data work; "
					"free at least 8 MiB there"));
	else
		log_info("store", "disk.roomy", LOG_S("dir", zrms->settings.dir));
}

bool store_watch(void *user)
{
	struct zrms *zrms = user;
	if (zrms->store == NULL)
		return false;
	bool is_failing = store_is_failing(zrms->store);
	bool is_tight = store_is_tight(zrms->store);
	if (is_failing && !zrms->is_failing)
		on_failing(zrms);
	if (!is_failing && zrms->is_failing)
		on_recovered(zrms);
	if (is_tight != zrms->is_tight)
		on_tight(zrms, is_tight);
	zrms->is_failing = is_failing;
	zrms->is_tight = is_tight;
	return false;
}
