#include "core/control/notice/notice_targets.h"

#include "base/str.h"
#include "core/control/state/record_writer.h"
#include "schema/message.h"

/* Where the name is, or would be. */
static size_t place_of(const struct control *c, const char *name)
{
	size_t k = 0;
	while (k < c->notice_targets.count &&
	       str_compare(c->notice_targets.items[k]->name, name) < 0)
		k++;
	return k;
}

static Samoza__V1__NoticeTargetRecord *find(const struct control *c, const char *name)
{
	size_t k = place_of(c, name);
	return k < c->notice_targets.count && str_equal(c->notice_targets.items[k]->name, name)
		       ? c->notice_targets.items[k]
		       : NULL;
}

const Samoza__V1__NoticeTargetRecord *control_notice_target(const struct control *c,
							    const char *name)
{
	return find(c, name);
}

void notice_targets_load(struct control *c, Samoza__V1__NoticeTargetRecord *take)
{
	size_t k = place_of(c, take->name);
	(void)vector_add(&c->notice_targets);
	for (size_t n = c->notice_targets.count - 1; n > k; n--)
		c->notice_targets.items[n] = c->notice_targets.items[n - 1];
	c->notice_targets.items[k] = take;
}

void notice_targets_done(struct control *c)
{
	vector_for_each (&c->notice_targets, target)
		schema_message_free(*target);
	vector_done(&c->notice_targets);
	schema_message_free(c->backup_age);
}

static bool is_named(const struct control_input *input, const char *name)
{
	for (size_t k = 0; k < input->notice_targets.count; k++)
		if (str_equal(input->notice_targets.names[k], name))
			return true;
	return false;
}

static void begin(struct control *c, const char *name)
{
	Samoza__V1__NoticeTargetRecord *target =
		(Samoza__V1__NoticeTargetRecord *)schema_message_new(
			&samoza__v1__notice_target_record__descriptor);
	target->name = mem_strdup(name);
	target->position = control_newest_event(c);
	notice_targets_load(c, target);
	records_write_notice_target(c, target);
}

static void come_back(struct control *c, Samoza__V1__NoticeTargetRecord *target)
{
	bool changes = target->has_absent_since_ms;
	target->has_absent_since_ms = false;
	target->absent_since_ms = 0;
	/* The numbers of a store that has lost its newest events are used again. */
	if (target->position > control_newest_event(c)) {
		target->position = control_newest_event(c);
		changes = true;
	}
	if (changes)
		records_write_notice_target(c, target);
}

/* False: it is forgotten. */
static bool stay_away(struct control *c, Samoza__V1__NoticeTargetRecord *target)
{
	if (!target->has_absent_since_ms) {
		target->has_absent_since_ms = true;
		target->absent_since_ms = c->now.wall_ms;
		records_write_notice_target(c, target);
		return true;
	}
	if (c->now.wall_ms - target->absent_since_ms < CONTROL_NOTICE_ABSENT_MS)
		return true;
	records_delete_notice_target(c, target->name);
	return false;
}

void notice_targets_named(struct control *c, const struct control_input *input)
{
	for (size_t k = 0; k < c->notice_targets.count;) {
		Samoza__V1__NoticeTargetRecord *target = c->notice_targets.items[k];
		if (is_named(input, target->name)) {
			come_back(c, target);
		} else if (!stay_away(c, target)) {
			schema_message_free(target);
			vector_remove_at(&c->notice_targets, k);
			continue;
		}
		k++;
	}
	for (size_t k = 0; k < input->notice_targets.count; k++)
		if (find(c, input->notice_targets.names[k]) == NULL)
			begin(c, input->notice_targets.names[k]);
}

void notice_targets_sent(struct control *c, const struct control_input *input)
{
	Samoza__V1__NoticeTargetRecord *target = find(c, input->notice_sent.target);
	if (target == NULL || input->notice_sent.position < target->position ||
	    input->notice_sent.position > control_newest_event(c))
		return;
	target->position = input->notice_sent.position;
	target->has_dropped = input->notice_sent.dropped > 0;
	target->dropped = input->notice_sent.dropped;
	if (input->notice_sent.delivered) {
		target->has_delivered_ms = true;
		target->delivered_ms = c->now.wall_ms;
	}
	records_write_notice_target(c, target);
}

size_t control_notice_targets_absent(const struct control *c)
{
	size_t count = 0;
	vector_for_each (&c->notice_targets, target)
		count += (*target)->has_absent_since_ms ? 1 : 0;
	return count;
}
