#include "zsim/fuzz/check/kept_from.h"

#include "zsim/fuzz/life/fuzz.h"

static void add(struct kept_from *from, const struct submitted *s, uint32_t number)
{
	const Samoza__V1__RevisionRecord *record = number >= 1 && number <= s->packages.count
							   ? s->packages.items[number - 1]
							   : NULL;
	for (size_t k = 0; k < from->count && record != NULL; k++)
		if (from->records[k] == record)
			record = NULL;
	if (record != NULL)
		from->records[from->count++] = record;
}

struct kept_from kept_from(const struct fuzz *f, const struct submitted *s, uint32_t number)
{
	struct kept_from from = {0};
	bool is_led = s->rollout.target > 0 &&
		      s->rollout.state != SAMOZA__V1__ROLLOUT_STATE__ROLLOUT_STATE_RETURNING;
	bool is_second = s->taken == f->commits;
	if (is_second)
		add(&from, s, number - 1);
	else if (is_led)
		add(&from, s, s->rollout.target);
	if (s->went_back == f->commits || (!is_second && !is_led))
		add(&from, s, s->rollout.target > 0 ? s->rollout.from : s->served);
	return from;
}
