/*
 * The last lines of instances that failed, as zrms keeps them: they are there when the zhost is not.
 *
 *   event: an instance failed ──► logs_open() ──► DIR/last-lines/TOPOLOGY-ID/HASH OF PATH      the newest 100, 64 KiB
 *   its zhost cannot be reached ◄── last_lines_find()
 *
 * For people, best effort: nothing depends on them. Of several zrms each has those of what failed while it led. The newest
 * LAST_LINES_FILES are kept; those of a topology go with it.
 *
 * Source: [observe.logs.budget].
 */
#ifndef SAMOZA_ZRMS_LAST_LINES_H
#define SAMOZA_ZRMS_LAST_LINES_H

#include "zrms/zrms.h"

#define LAST_LINES_COUNT 100
#define LAST_LINES_BYTES ((size_t)64 * 1024)
#define LAST_LINES_FILES 2000

struct last_lines;

/* `zrms` is borrowed. */
struct last_lines *last_lines_new(struct zrms *zrms);
/* Before logs_end_all(). NULL is fine. */
void last_lines_free(struct last_lines *all);

/* An event is durable. `all` NULL: zrms ends. */
void last_lines_event(struct last_lines *all, const Samoza__V1__EventRecord *event);

/* With `kept_of`, the time of the failure; NULL: there are none. samoza__v1__log_view__free_unpacked(). */
Samoza__V1__LogView *last_lines_find(const struct last_lines *all, const char *topology,
				     const char *path);

#endif
