#include "core/place/rule/texts.h"

#include "base/buffer.h"
#include "base/str.h"
#include "core/place/state/devices.h"
#include "core/place/state/labels.h"

const char *scope_text(const struct place *p, uint32_t column)
{
	return column == SCOPE_ZHOST ? "zhost"
				     : symbol_text(&p->symbols, p->columns.items[column].label);
}

const char *label_of_scope(const struct place *p, uint32_t column)
{
	return column == SCOPE_ZHOST ? NULL : scope_text(p, column);
}

char *affinity_text(const struct affinity *rule)
{
	if (rule->self)
		return mem_strdup("self");
	return rule->topology != NULL ? str_printf("%s/%s", rule->topology, rule->space)
				      : mem_strdup(rule->space);
}

char *company_text(const struct place *p, uint32_t column, uint32_t zhost, uint32_t count)
{
	uint32_t domain = domain_of(p, column, zhost);
	if (domain == DOMAIN_NONE)
		return str_printf("no label %s", scope_text(p, column));
	if (column == SCOPE_ZHOST)
		return count == 0 ? mem_strdup("none there") : str_printf("%u there", count);
	return count == 0 ? str_printf("none in %s", domain_text(p, column, domain))
			  : str_printf("%u in %s", count, domain_text(p, column, domain));
}

static char *decimal(double value)
{
	char *text = str_printf("%.1f", value);
	if (str_has_suffix(text, ".0"))
		text[strlen(text) - 2] = '\0';
	return text;
}

char *quantity_text(enum place_quantity quantity, int64_t amount)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	if (amount < 0)
		amount = 0;
	if (quantity == PLACE_MILLICORES)
		return amount % 1000 == 0 || amount >= 1000000
			       ? str_printf("%lld", (long long)(amount / 1000))
			       : str_printf("%.3g", (double)amount / 1000);
	if (quantity != PLACE_BYTES)
		return str_printf("%lld", (long long)amount);
	double value = (double)amount;
	size_t unit = 0;
	while (value >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		value /= 1024;
		unit++;
	}
	CLEANUP(freep) char *number = decimal(value);
	return str_printf("%s %s", number, units[unit]);
}

char *device_request_text(const struct place *p, const struct device_request *r)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(SIZE_MAX);
	(void)buffer_printf(&text, "%u %s", r->count, symbol_text(&p->symbols, r->kind));
	for (uint32_t i = 0; i < r->model_count; i++)
		(void)buffer_printf(&text, "%s%s%s", i == 0 ? " (" : ", ",
				    symbol_text(&p->symbols, r->models[i]),
				    i + 1 == r->model_count ? ")" : "");
	if (r->milli < (int32_t)DEVICE_WHOLE)
		(void)buffer_printf(&text, ", %dm of each", r->milli);
	return buffer_steal(&text);
}

char *amount_failure(struct place_failure *ret, enum place_quantity quantity, int64_t needs,
		     int64_t free_now)
{
	ret->quantity = quantity;
	ret->needs = needs;
	ret->free = free_now;
	CLEANUP(freep) char *a = quantity_text(quantity, needs);
	CLEANUP(freep) char *b = quantity_text(quantity, free_now);
	return str_printf("needs %s, %s free", a, b);
}

char *capacity_sentence(const struct filter *f, const struct requirement *r)
{
	return mem_strdup("insufficient capacity on remaining zhosts");
}

/* ---- details of rule 6 ---- */

/* More would not be read. */
#define DEVICES_SHOWN 8u

static void add_most_devices(const struct filter *f, const struct device_request *request,
			     const struct remaining *left, struct buffer *text)
{
	const struct place *p = f->place;
	uint32_t most = 0, where = left->zhosts[0];
	for (uint32_t i = 0; i < left->count; i++) {
		uint32_t now = devices_free(node_at(p, left->zhosts[i]), request);
		if (now > most) {
			most = now;
			where = left->zhosts[i];
		}
	}
	(void)buffer_printf(text, ", %u %s (%s)", most, symbol_text(&p->symbols, request->kind),
			    node_name(p, where));
}

/* Of a capability only what some zhost offers to one at a time, and has not free. */
static bool is_shown(const struct filter *f, const struct device_request *request,
		     const struct remaining *left)
{
	for (uint32_t i = 0; i < left->count && request->is_capability; i++)
		if (devices_free(node_at(f->place, left->zhosts[i]), request) == 0)
			return true;
	return !request->is_capability;
}

/* "cpu 2, memory 512 MiB, 1 gpu; at most cpu 1.5 (n1), memory 128 MiB (n2), 0 gpu (n1) free" */
char *capacity_detail(const struct filter *f, const char *path, const struct remaining *left)
{
	const struct place *p = f->place;
	const struct demand *d = f->need->demand;
	uint32_t cpu = left->zhosts[0], memory = left->zhosts[0];
	for (uint32_t i = 1; i < left->count; i++) {
		const struct place_node *node = node_at(p, left->zhosts[i]);
		if (node->cpu_free > node_at(p, cpu)->cpu_free)
			cpu = left->zhosts[i];
		if (node->memory_free > node_at(p, memory)->memory_free)
			memory = left->zhosts[i];
	}
	CLEANUP(freep) char *cpu_need = quantity_text(PLACE_MILLICORES, d->cpu);
	CLEANUP(freep) char *memory_need = quantity_text(PLACE_BYTES, d->memory);
	CLEANUP(freep)
	char *cpu_most = quantity_text(PLACE_MILLICORES, node_at(p, cpu)->cpu_free);
	CLEANUP(freep)
	char *memory_most = quantity_text(PLACE_BYTES, node_at(p, memory)->memory_free);
	uint32_t shown = d->request_count < DEVICES_SHOWN ? d->request_count : DEVICES_SHOWN;
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(SIZE_MAX);
	(void)buffer_printf(&text, "%s needs cpu %s, memory %s", path, cpu_need, memory_need);
	for (uint32_t i = 0; i < shown; i++) {
		if (!is_shown(f, &d->requests[i], left))
			continue;
		CLEANUP(freep) char *request = device_request_text(p, &d->requests[i]);
		(void)buffer_printf(&text, ", %s", request);
	}
	(void)buffer_printf(&text, "; at most cpu %s (%s), memory %s (%s)", cpu_most,
			    node_name(p, cpu), memory_most, node_name(p, memory));
	for (uint32_t i = 0; i < shown; i++)
		if (is_shown(f, &d->requests[i], left))
			add_most_devices(f, &d->requests[i], left, &text);
	(void)buffer_printf(&text, " free on %u zhost%s that pass%s the other rules",
			    left->count, str_plural(left->count), left->count == 1 ? "es" : "");
	return buffer_steal(&text);
}
