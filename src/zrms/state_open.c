#include "zrms/state_open.h"

#include "adapter/artifact/directory.h"
#include "adapter/log/log.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/api_reads.h"
#include "zrms/lead.h"
#include "zrms/read_ahead.h"
#include "zrms/recorder.h"
#include "zrms/restore.h"
#include "zrms/store_open.h"
#include "zrms/store_place.h"
#include "zrms/store_start.h"
#include "zrms/submission/uuid.h"

static int record_load(void *user, enum record_kind kind, const char *id, const void *data,
		       size_t size, struct error **err)
{
	struct zrms *zrms = user;
	int r = control_load(zrms->control, kind, data, size, err);
	if (r == 0)
		r = artifacts_record(zrms->artifacts, kind, id, data, size, err);
	return r < 0 ? error_wrap(err, "record %d '%s'", (int)kind, id) : 0;
}

/* DIR/artifacts/sha256/DIGEST; what is being written: DIR/artifacts/tmp-… */
int artifact_store_open(struct zrms *zrms, struct error **err)
{
	if (zrms->artifact_store != NULL) /* it stood by */
		return 0;
	CLEANUP(freep) char *temporary = str_printf("%s/artifacts", zrms->settings.dir);
	CLEANUP(freep) char *files = str_printf("%s/sha256", temporary);
	const struct artifact_directory_options options = {
		.files = files, .temporary = temporary, .prefix = "tmp-", .mode = 0644};
	int r = artifact_directory_open(&options, &zrms->artifact_store, err);
	if (r < 0)
		return r;
	zrms->artifacts = artifacts_new(zrms->artifact_store);
	zrms->looks = looks_new(&zrms->loop, zrms->artifacts);
	return 0;
}

/* An earlier version cannot read what this one writes: what it wrote is kept for a way back. */
static int convert_prepare(struct zrms *zrms, struct error **err)
{
	if (!control_is_to_convert(zrms->control))
		return 0;
	if (zrms->store->ops->keep_copy == NULL)
		return error_set(
			err, ERR_UNSUPPORTED,
			"the records are of format 1, and this store keeps no copy of them: "
			"start zrms once on them in sqlite:DIR");
	int r = zrms->store->ops->keep_copy(zrms->store, ".format1", err);
	if (r < 0)
		return error_wrap(err, "cannot copy the store before it is converted");
	log_info("store", "copied", LOG_S("why", "format 1 is to be converted"),
		 LOG_S("copy", "zrms.db.format1"));
	return 0;
}

/* What came after the backup is not known here. */
static void load_restored(struct zrms *zrms)
{
	int64_t after_ms, until_ms;
	control_load_gap(zrms->control);
	if (restore_times(zrms->settings.dir, &after_ms, &until_ms))
		control_load_restored(zrms->control, after_ms, until_ms);
}

/* The same of a store that was set back by other means (an etcd from a snapshot). */
static void load_set_back(const struct zrms *zrms)
{
	const struct store *store = zrms->store;
	log_warn("store", "restored", LOG_S("why", store->restored),
		 LOG_S("then", "epochs and numbers of events that may have been used are "
			       "skipped, and zhosts follow"));
	control_load_gap(zrms->control);
	if (store->restored_ms > 0)
		control_load_restored(zrms->control, store->restored_ms, clock_now().wall_ms);
}

/* After a downgrade. What it does not know it would drop: machines, users, keys. So it does not start. */
static int refuse_newer(const struct zrms *zrms, struct error **err, struct error *take_why)
{
	const char *dir = zrms->settings.dir;
	int r = error_set(err, ERR_UNSUPPORTED,
			  "%s; nothing was changed, and spaces go on. Install the version that "
			  "wrote it, or restore a backup that was made before the upgrade: "
			  "zrms restore FILE --dir %s --replace",
			  take_why->message, dir);
	error_free(take_why);
	return r;
}

/* It leads, among others: zhosts follow its term, and hear from it as long as nobody else can lead. */
static void take_lead(struct zrms *zrms)
{
	if (zrms->lead == NULL)
		return;
	control_set_term(zrms->control, lead_term(zrms->lead));
	control_set_promise(zrms->control, lead_promise_ms(zrms->lead));
}

static int open_and_load(struct zrms *zrms, struct error **err)
{
	struct control_config config;
	CLEANUP(freep) char *store = store_url_of(&zrms->settings);
	char cluster[UUID_SIZE];
	uuid_draw(cluster);
	const char *id = zrms->cluster != NULL ? zrms->cluster->id : cluster;
	int r = settings_control(&zrms->settings, &config, err);
	config.drivers = drivers_names(zrms->drivers);
	if (r == 0)
		r = store_of_settings_open(zrms, store, err);
	if (r == 0)
		r = artifact_store_open(zrms, err);
	if (r < 0)
		return r;
	zrms->store->audit = zrms->settings.audit;
	r = store_place_check(zrms->store, store, &zrms->settings, err);
	if (r < 0)
		return r;
	zrms->control = control_new(&config, id);
	zrms->recorder = recorder_new(zrms);
	CLEANUP(store_losses_done) struct store_losses losses = {0};
	r = store_start_inspect(zrms->store, store, zrms->settings.accept_loss, &losses, err);
	if (r < 0)
		return r;
	r = zrms->store->ops->load(zrms->store, record_load, zrms, err);
	read_ahead_free(steal_ptr(&zrms->read_ahead));
	if (r == 0)
		r = store_start_continue(zrms->control, &losses, err);
	if (r == 0 && restore_is_fresh(zrms->settings.dir))
		load_restored(zrms);
	else if (r == 0 && zrms->store->restored != NULL)
		load_set_back(zrms);
	take_lead(zrms);
	if (r < 0)
		return error_wrap(err, "cannot load %s", store);
	zrms->committed =
		committed_new(&zrms->loop, zrms->store, &config, api_reads_continue, zrms);
	r = convert_prepare(zrms, err);
	if (r < 0)
		return r;
	r = artifacts_collect(zrms->artifacts, err);
	if (r > 0)
		log_info("artifacts", "collected", LOG_I("removed", r));
	copies_lead(zrms->copies);
	return r < 0 ? r : 0;
}

int state_open(struct zrms *zrms, struct error **err)
{
	struct error *why = NULL;
	int r = open_and_load(zrms, &why);
	if (r == ERR_UNSUPPORTED)
		return refuse_newer(zrms, err, why);
	return r < 0 ? error_move(err, why) : r;
}

static void on_durable(void *user)
{
	const struct zrms *zrms = user;
	restore_done(zrms->settings.dir);
}

/* The first commit holds the gap: until it is durable, the next start has to make it, too. */
void state_opened(struct zrms *zrms)
{
	if (restore_is_fresh(zrms->settings.dir))
		commit_driver_after(zrms->commits, on_durable, zrms);
}
