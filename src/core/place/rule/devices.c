/* Rule 6: the free devices of a zhost cover the unit, shares included. */
#include "core/place/state/devices.h"
#include "base/str.h"
#include "core/place/rule/rules.h"

static void compile(struct filter *f, const struct space *s)
{
	if (s == NULL && f->need->demand->request_count > 0)
		filter_add(f, &rule_devices);
}

static bool holds(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const struct place_node *node = node_at(f->place, zhost);
	return devices_fit(node->devices, node->device_count, f->need->demand, NULL);
}

static char *what(const struct filter *f, const struct requirement *r)
{
	return mem_strdup("devices");
}

static uint32_t lacking(const struct filter *f, const struct device_request *r, uint32_t zhost)
{
	const struct place_node *node = node_at(f->place, zhost);
	uint32_t free_now = devices_free(node, r);
	return free_now < r->count &&
			       device_request_concerns(node->devices, node->device_count, r)
		       ? r->count - free_now
		       : 0;
}

static char *append(char *take_text, const char *separator, char *take_more)
{
	if (take_text == NULL)
		return take_more;
	char *longer = str_printf("%s%s%s", take_text, separator, take_more);
	free(take_text);
	free(take_more);
	return longer;
}

static char *failure(const struct filter *f, const struct requirement *r, uint32_t zhost,
		     struct place_failure *ret)
{
	const struct demand *d = f->need->demand;
	char *text = NULL;
	for (uint32_t i = 0; i < d->request_count; i++) {
		uint32_t free_now = devices_free(node_at(f->place, zhost), &d->requests[i]);
		if (lacking(f, &d->requests[i], zhost) == 0)
			continue;
		CLEANUP(freep) char *request = device_request_text(f->place, &d->requests[i]);
		text = append(text, "; ", str_printf("needs %s, %u free", request, free_now));
		if (d->request_count == 1) {
			ret->quantity = PLACE_DEVICES;
			ret->needs = d->requests[i].count;
			ret->free = free_now;
		}
	}
	return text != NULL ? text : mem_strdup("not enough for all together");
}

static char *smallest_change(const struct filter *f, const struct requirement *r,
			     uint32_t zhost)
{
	const struct demand *d = f->need->demand;
	char *text = NULL;
	for (uint32_t i = 0; i < d->request_count; i++) {
		const struct device_request *request = &d->requests[i];
		uint32_t more = lacking(f, request, zhost);
		if (more > 0)
			text = append(
				text, " and ",
				str_printf("%u %s more", more,
					   symbol_text(&f->place->symbols, request->kind)));
	}
	return text != NULL ? text : mem_strdup("more devices");
}

static double missing(const struct filter *f, const struct requirement *r, uint32_t zhost)
{
	const struct demand *d = f->need->demand;
	uint32_t missing = 0, total = 1;
	for (uint32_t i = 0; i < d->request_count; i++) {
		missing += lacking(f, &d->requests[i], zhost);
		total += d->requests[i].count;
	}
	return (double)missing / (double)total;
}

const struct place_rule rule_devices = {
	.number = PLACE_RULE_CAPACITY,
	.name = "devices",
	.code = FAILURE_CAPACITY,
	.decision = RULE_BUILT_IN,
	.wakes_on = WAKE_ROOM,
	.compile = compile,
	.holds = holds,
	.what = what,
	.failure = failure,
	.sentence = capacity_sentence,
	.detail = capacity_detail,
	.smallest_change = smallest_change,
	.missing = missing,
};
