#include "core/control/notice/backup_age.h"

#include "base/str.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/record_writer.h"
#include "schema/message.h"

void backup_age_load(struct control *c, Samoza__V1__BackupAgeRecord *take)
{
	schema_message_free(c->backup_age);
	c->backup_age = take;
}

bool control_backup_is_old(const struct control *c, int64_t newest_ms, int64_t limit_ms,
			   int64_t wall_ms)
{
	int64_t since_ms = c->backup_age != NULL ? c->backup_age->since_ms : wall_ms;
	return limit_ms > 0 && wall_ms - (newest_ms != 0 ? newest_ms : since_ms) > limit_ms;
}

bool control_backup_age_is_new(const struct control *c, int64_t newest_ms, int64_t limit_ms,
			       int64_t wall_ms)
{
	if (c->backup_age == NULL)
		return limit_ms > 0;
	return limit_ms == 0 ||
	       c->backup_age->is_old != control_backup_is_old(c, newest_ms, limit_ms, wall_ms);
}

/* The caller frees. */
static char *cause_of(int64_t newest_ms, bool is_old)
{
	CLEANUP(freep) char *time = newest_ms != 0 ? iso8601_text(newest_ms) : NULL;
	if (time == NULL)
		return mem_strdup("no backup has been made");
	return str_printf("the newest backup is of %s%s", time,
			  is_old ? "; the log of zrms says why there is no newer one" : "");
}

void backup_age_seen(struct control *c, const struct control_input *input)
{
	int64_t newest_ms = input->backup_age.newest_ms, limit_ms = input->backup_age.limit_ms;
	bool is_watched = c->backup_age != NULL;
	bool is_old = control_backup_is_old(c, newest_ms, limit_ms, c->now.wall_ms);
	if (!control_backup_age_is_new(c, newest_ms, limit_ms, c->now.wall_ms))
		return;
	if (limit_ms == 0) {
		schema_message_free(c->backup_age);
		c->backup_age = NULL;
		records_delete_backup_age(c);
		return;
	}
	if (!is_watched) {
		c->backup_age = (Samoza__V1__BackupAgeRecord *)schema_message_new(
			&samoza__v1__backup_age_record__descriptor);
		c->backup_age->since_ms = c->now.wall_ms;
	}
	bool was_old = c->backup_age->is_old;
	c->backup_age->has_is_old = is_old;
	c->backup_age->is_old = is_old;
	records_write_backup_age(c);
	if (was_old == is_old)
		return;
	CLEANUP(freep) char *cause = cause_of(newest_ms, is_old);
	emit_event(&c->emitter, "backup", "cluster", was_old ? "old" : "recent",
		   is_old ? "old" : "recent", NULL, cause);
}
