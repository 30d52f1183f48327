#include "core/place/state/description.h"

#include <stdlib.h>
#include <string.h>

void description_free(struct node_description *d)
{
	if (d == NULL)
		return;
	for (unsigned i = 0; i < d->labels.count; i++) {
		free((void *)d->labels.items[i].name);
		free((void *)d->labels.items[i].value);
	}
	free((void *)d->labels.items);
	for (uint32_t i = 0; i < d->capability_count; i++)
		free((void *)d->capabilities[i]);
	free(d->capabilities);
	for (uint32_t i = 0; i < d->device_count; i++) {
		free((void *)d->devices[i].kind);
		free((void *)d->devices[i].model);
	}
	free(d->devices);
	free(d);
}

struct node_description *description_copy(const struct zhost_spec *spec)
{
	struct node_description *d = mem_new(struct node_description);
	uint64_t memory = spec->memory_bytes;
	*d = (struct node_description){
		.cpu_offered = spec->cpu_millicores,
		.memory_offered = memory < AMOUNT_MAX ? (int64_t)memory : AMOUNT_MAX,
		.capability_count = spec->capability_count,
		.device_count = spec->device_count,
		.latitude = spec->latitude,
		.longitude = spec->longitude,
	};
	struct label *labels = mem_new_array(struct label, spec->labels.count + 1);
	for (unsigned i = 0; i < spec->labels.count; i++)
		labels[i] = (struct label){mem_strdup(spec->labels.items[i].name),
					   mem_strdup(spec->labels.items[i].value)};
	d->labels = (struct label_set){labels, spec->labels.count};
	d->capabilities = mem_new_array(const char *, spec->capability_count + 1);
	for (uint32_t i = 0; i < spec->capability_count; i++)
		d->capabilities[i] = mem_strdup(spec->capabilities[i]);
	d->devices = mem_new_array(struct zhost_device, spec->device_count + 1);
	for (uint32_t i = 0; i < spec->device_count; i++) {
		const struct zhost_device *from = &spec->devices[i];
		d->devices[i] = (struct zhost_device){
			mem_strdup(from->kind),
			mem_strdup(from->model != NULL ? from->model : ""), from->count,
			from->is_capability};
	}
	return d;
}

bool descriptions_have_equal_labels(const struct node_description *a,
				    const struct node_description *b)
{
	if (a->labels.count != b->labels.count)
		return false;
	for (unsigned i = 0; i < a->labels.count; i++) {
		const struct label *x = &a->labels.items[i], *y = &b->labels.items[i];
		if (strcmp(x->name, y->name) != 0 || strcmp(x->value, y->value) != 0)
			return false;
	}
	return true;
}

bool descriptions_have_equal_devices(const struct node_description *a,
				     const struct node_description *b)
{
	if (a->device_count != b->device_count)
		return false;
	for (uint32_t i = 0; i < a->device_count; i++) {
		const struct zhost_device *x = &a->devices[i], *y = &b->devices[i];
		if (x->count != y->count || x->is_capability != y->is_capability ||
		    strcmp(x->kind, y->kind) != 0 || strcmp(x->model, y->model) != 0)
			return false;
	}
	if (a->capability_count != b->capability_count)
		return false;
	for (uint32_t i = 0; i < a->capability_count; i++)
		if (strcmp(a->capabilities[i], b->capabilities[i]) != 0)
			return false;
	return true;
}

static bool is_exclusive(const struct node_description *d, const char *capability)
{
	for (uint32_t i = 0; i < d->device_count; i++)
		if (d->devices[i].is_capability && strcmp(d->devices[i].kind, capability) == 0)
			return true;
	return false;
}

/* A capability that is not exclusive here is a device of which there is always more. */
static void add_shared(struct place *p, struct place_node *node, const char *capability)
{
	if (capability_is_by_version(capability) || is_exclusive(node->description, capability))
		return;
	node->devices[node->device_count++] =
		(struct node_device){.kind = symbol_take(&p->symbols, capability),
				     .model = symbol_take(&p->symbols, ""),
				     .free = DEVICE_SHARED,
				     .is_capability = true,
				     .is_shared = true};
}

static uint32_t counted(const struct zhost_device *device, uint32_t most)
{
	return device->count < most ? device->count : most;
}

/* No more than DEVICES_MAX are counted; the capabilities are not among them. */
static size_t devices_of(const struct node_description *d)
{
	uint32_t total = 0;
	for (uint32_t i = 0; i < d->device_count; i++)
		if (!d->devices[i].is_capability)
			total += counted(&d->devices[i], DEVICES_MAX - total);
	return total;
}

void node_devices_init(struct place *p, struct place_node *node)
{
	const struct node_description *d = node->description;
	uint32_t left = DEVICES_MAX;
	node->devices = mem_new_array(struct node_device, devices_of(d) + d->device_count +
								  d->capability_count + 1);
	for (uint32_t i = 0; i < d->device_count; i++) {
		const struct zhost_device *from = &d->devices[i];
		uint32_t count = from->is_capability ? 1 : counted(from, left);
		left -= from->is_capability ? 0 : count;
		for (uint32_t k = 0; k < count; k++)
			node->devices[node->device_count++] = (struct node_device){
				.kind = symbol_take(&p->symbols, from->kind),
				.model = symbol_take(&p->symbols, from->model),
				.free = DEVICE_WHOLE,
				.is_capability = from->is_capability};
	}
	for (uint32_t i = 0; i < d->capability_count; i++)
		add_shared(p, node, d->capabilities[i]);
}

void node_devices_done(struct place *p, struct place_node *node)
{
	for (uint32_t i = 0; i < node->device_count; i++) {
		symbol_drop(&p->symbols, node->devices[i].kind);
		symbol_drop(&p->symbols, node->devices[i].model);
	}
	free(node->devices);
	node->devices = NULL;
	node->device_count = 0;
}
