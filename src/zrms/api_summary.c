/*
 * The whole cluster at a glance: a SummaryView, written a slice at a time (api_slices.h). Its head is of one moment; zhosts
 * and topologies follow, each with the events that it has seen.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/view/list_filter.h"
#include "core/control/view/summary.h"
#include "schema/json.h"
#include "zrms/api.h"
#include "zrms/api_handlers.h"
#include "zrms/api_reads.h"
#include "zrms/api_slices.h"
#include "zrms/mask.h"

/* Each slice looks at all zhosts that are left, and a part of columns has every label of its zhosts. */
enum { ZHOSTS_AT_ONCE = 128, TOPOLOGIES_AT_ONCE = 8 };

enum part { PART_HEAD, PART_ZHOSTS, PART_TOPOLOGIES };

struct summary {
	struct zrms *zrms;
	struct principal *reader; /* whose names limit it; NULL: none */
	struct list_filter filter;
	struct list_position position;
	enum part part;
	bool has_view; /* of this part */
};

static void summary_free(void *user)
{
	struct summary *s = user;
	list_filter_done(&s->filter);
	list_position_done(&s->position);
	access_principal_free(s->reader);
	free(s);
}

static void add(struct summary *s, struct buffer *slice, void *take_view)
{
	if (s->has_view)
		api_slice_add(slice, ",");
	s->has_view = true;
	api_slice_add_view(s->zrms, s->reader, slice, take_view);
}

static void begin_part(struct summary *s, enum part part)
{
	s->part = part;
	s->has_view = false;
	list_position_done(&s->position);
}

/* Lists that are empty end it: they are left out here, and follow. */
static void add_head(struct summary *s, struct buffer *slice)
{
	static const char none[] = ",\"zhosts\":[],\"topologies\":[]}";
	Samoza__V1__SummaryView *head = control_view_summary_head(
		api_control(s->zrms), &s->filter, loop_now(&s->zrms->loop).wall_ms);
	if (s->zrms->cluster != NULL)
		head->name = mem_strdup(s->zrms->cluster->name);
	mask_message(api_control(s->zrms), s->reader, &head->base);
	CLEANUP(freep) char *json = schema_write_json(&head->base, SCHEMA_JSON_COMPACT);
	samoza__v1__summary_view__free_unpacked(head, NULL);
	PRE(str_has_suffix(json, none));
	json[strlen(json) - strlen(none)] = '\0';
	api_slice_add(slice, json);
	api_slice_add(slice, ",\"zhosts\":[");
	begin_part(s, PART_ZHOSTS);
}

static void add_zhosts(struct summary *s, struct buffer *slice)
{
	Samoza__V1__SummaryZhostsView *zhosts =
		control_view_summary_zhosts(api_control(s->zrms), &s->position, ZHOSTS_AT_ONCE);
	if (zhosts != NULL) {
		add(s, slice, &zhosts->base);
		return;
	}
	api_slice_add(slice, "],\"topologies\":[");
	begin_part(s, PART_TOPOLOGIES);
}

/* True: that was the end. */
static bool add_topologies(struct summary *s, struct buffer *slice)
{
	ProtobufCMessage *views[TOPOLOGIES_AT_ONCE];
	size_t count = control_list_next(api_control(s->zrms), CONTROL_LIST_COUNTS, NULL,
					 &s->filter, &s->position, views, TOPOLOGIES_AT_ONCE);
	for (size_t k = 0; k < count; k++)
		add(s, slice, views[k]);
	if (count == TOPOLOGIES_AT_ONCE)
		return false;
	api_slice_add(slice, "]}");
	return true;
}

static bool summary_next(void *user, struct buffer *slice)
{
	struct summary *s = user;
	while (slice->size < API_SLICE_BYTES) {
		switch (s->part) {
		case PART_HEAD:
			add_head(s, slice);
			break;
		case PART_ZHOSTS:
			add_zhosts(s, slice);
			break;
		case PART_TOPOLOGIES:
			if (add_topologies(s, slice))
				return true;
			break;
		}
	}
	return false;
}

static const struct api_slices_writer summary_writer = {.next = summary_next,
							.free = summary_free};

void api_summary(void *context, struct http_request *request)
{
	struct zrms *zrms = context;
	if (!api_read_ready(zrms, request))
		return;
	struct summary *s = mem_new(struct summary);
	s->zrms = zrms;
	if (access_reader(request) != NULL)
		s->reader = access_principal_copy(access_reader(request));
	s->filter.reader = s->reader;
	api_slices_send(zrms, request, &summary_writer, s);
}
