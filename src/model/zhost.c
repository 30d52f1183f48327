#include "model/zhost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/quantity.h"
#include "schema/message.h"

void zhost_spec_done(struct zhost_spec *z)
{
	free(z->name);
	for (unsigned i = 0; i < z->labels.count; i++) {
		free((char *)z->labels.items[i].name);
		free((char *)z->labels.items[i].value);
	}
	free((struct label *)z->labels.items);
	for (unsigned i = 0; i < z->capability_count; i++)
		free((char *)z->capabilities[i]);
	free(z->capabilities);
	for (unsigned i = 0; i < z->device_count; i++) {
		free((char *)z->devices[i].kind);
		free((char *)z->devices[i].model);
	}
	free(z->devices);
	*z = (struct zhost_spec){0};
}

/* As earlier versions accepted it. */
static bool has_valid_characters(const char *name)
{
	size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789._-");

	return size > 0 && size <= ZHOST_NAME_MAX_BYTES && name[size] == '\0';
}

bool zhost_name_is_valid(const char *name)
{
	return has_valid_characters(name) && name[0] != '-';
}

bool capability_is_common(const char *capability)
{
	return str_has_prefix(capability, "sys.") || str_has_prefix(capability, "net.") ||
	       str_has_prefix(capability, "data.") || str_has_prefix(capability, "events.");
}

bool capability_is_by_version(const char *capability)
{
	return str_equal(capability, CAPABILITY_PAGE_ACCESS) ||
	       str_equal(capability, CAPABILITY_CLUSTER_API) ||
	       str_equal(capability, CAPABILITY_SETTINGS) ||
	       str_equal(capability, CAPABILITY_SECRETS);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool zhost_spec_offers(const struct zhost_spec *z, const char *capability)
{
	if (capability_is_common(capability))
		return true;
	return z->capability_count > 0 &&
	       bsearch(&capability, z->capabilities, z->capability_count,
		       sizeof(z->capabilities[0]), compare_names) != NULL;
}

double distance_m(double latitude_a, double longitude_a, double latitude_b, double longitude_b)
{
	const double earth_radius_m = 6371008.8, degree = M_PI / 180;
	double half_latitude = sin((latitude_b - latitude_a) * degree / 2);
	double half_longitude = sin((longitude_b - longitude_a) * degree / 2);
	double h = half_latitude * half_latitude + cos(latitude_a * degree) *
							   cos(latitude_b * degree) *
							   half_longitude * half_longitude;

	/* Rounding may carry h past 1 for opposite points. */
	return 2 * earth_radius_m * asin(sqrt(h > 1 ? 1 : h));
}

/* ---- From the message ---- */

struct reader {
	const struct schema_positions *positions;
	const char *path; /* of the zhost in its file */
	struct diagnostics *findings;
	unsigned finding_count;
};

__attribute__((format(printf, 3, 4))) static void
add_finding(struct reader *reader, const char *field, const char *format, ...)
{
	const char *dot = reader->path[0] != '\0' && field[0] != '\0' ? "." : "";
	struct schema_position at =
		schema_position_of(reader->positions, "%s%s%s", reader->path, dot, field);
	va_list args;

	va_start(args, format);
	char *message = str_vprintf(format, args);
	va_end(args);
	if (at.line > 0)
		diagnostics_add(reader->findings, at.file, at.line, at.column, "%s", message);
	else
		diagnostics_add(reader->findings, NULL, 0, 0, "%s%s%s: %s", reader->path, dot,
				field, message);
	free(message);
	reader->finding_count++;
}

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

static void read_labels(struct reader *reader, const Samoza__V1__ZhostSpec *in,
			struct zhost_spec *z)
{
	struct label *labels = mem_new_array(struct label, in->n_labels + 3);
	unsigned count = 0, kept = 0;

	if (!str_is_empty(in->region))
		labels[count++] = (struct label){mem_strdup("region"), mem_strdup(in->region)};
	if (!str_is_empty(in->kind))
		labels[count++] = (struct label){mem_strdup("kind"), mem_strdup(in->kind)};
	if (!str_is_empty(in->name))
		labels[count++] = (struct label){mem_strdup(ZHOST_LABEL), mem_strdup(in->name)};
	for (size_t i = 0; i < in->n_labels; i++) {
		const char *value = in->labels[i]->value;
		if (strcmp(in->labels[i]->key, ZHOST_LABEL) == 0)
			continue;
		labels[count++] = (struct label){mem_strdup(in->labels[i]->key),
						 mem_strdup(value != NULL ? value : "")};
	}
	qsort(labels, count, sizeof(labels[0]), compare_labels);
	for (unsigned i = 0; i < count; i++) {
		if (kept > 0 && strcmp(labels[kept - 1].name, labels[i].name) == 0) {
			if (strcmp(labels[kept - 1].value, labels[i].value) != 0)
				add_finding(reader, "labels",
					    "label '%s' has two values: '%s' and '%s'",
					    labels[i].name, labels[kept - 1].value,
					    labels[i].value);
			free((char *)labels[i].name);
			free((char *)labels[i].value);
		} else {
			labels[kept++] = labels[i];
		}
	}
	z->labels = (struct label_set){.items = labels, .count = kept};
}

/* ---- capabilities ---- */

enum { OFFERS_MAX = 1000, MISSING_MAX_BYTES = 255 };

const Samoza__V1__CapabilityOffer *zhost_spec_offer(const Samoza__V1__ZhostSpec *spec,
						    const char *capability)
{
	for (size_t i = 0; i < spec->n_offers; i++)
		if (strcmp(spec->offers[i]->name, capability) == 0)
			return spec->offers[i];
	return NULL;
}

static bool is_withdrawn(const Samoza__V1__ZhostSpec *spec, const char *capability)
{
	const Samoza__V1__CapabilityOffer *offer = zhost_spec_offer(spec, capability);
	return offer != NULL && offer->missing != NULL;
}

/* Names that it offers for now, sorted, each once. The names are borrowed, the array is the caller's. */
static const char **offered_names(const Samoza__V1__ZhostSpec *in, unsigned *ret_count)
{
	const char **all = mem_new_array(const char *, in->n_capabilities + in->n_offers + 1);
	unsigned count = 0, kept = 0;

	for (size_t i = 0; i < in->n_capabilities; i++)
		if (!is_withdrawn(in, in->capabilities[i]))
			all[count++] = in->capabilities[i];
	for (size_t i = 0; i < in->n_offers; i++)
		if (!is_withdrawn(in, in->offers[i]->name))
			all[count++] = in->offers[i]->name;
	qsort(all, count, sizeof(all[0]), compare_names);
	for (unsigned i = 0; i < count; i++)
		if (kept == 0 || strcmp(all[kept - 1], all[i]) != 0)
			all[kept++] = all[i];
	*ret_count = kept;
	return all;
}

void zhost_spec_name_capabilities(Samoza__V1__ZhostSpec *spec)
{
	unsigned count = 0;
	const char **names = offered_names(spec, &count);
	char **copies = mem_new_array(char *, count + 1);

	for (unsigned i = 0; i < count; i++)
		copies[i] = mem_strdup(names[i]);
	free(names);
	for (size_t i = 0; i < spec->n_capabilities; i++)
		free(spec->capabilities[i]);
	free(spec->capabilities);
	spec->capabilities = copies;
	spec->n_capabilities = count;
}

static void read_capabilities(const Samoza__V1__ZhostSpec *in, struct zhost_spec *z)
{
	unsigned count = 0;

	z->capabilities = offered_names(in, &count);
	for (unsigned i = 0; i < count; i++)
		if (!capability_is_common(z->capabilities[i]))
			z->capabilities[z->capability_count++] = mem_strdup(z->capabilities[i]);
}

static bool has_parent_step(const char *path)
{
	return strstr(path, "/../") != NULL || str_has_suffix(path, "/..");
}

/* What `{` begins is the number of a device, or nothing that would be filled in. */
static bool has_other_brace(const char *text, const char *known)
{
	for (const char *at = strchr(text, '{'); at != NULL; at = strchr(at + 1, '{'))
		if (strncmp(at, known, strlen(known)) != 0)
			return true;
	return false;
}

static void check_device_nodes(struct reader *reader, const Samoza__V1__ZhostSpec *in)
{
	for (size_t i = 0; i < in->n_devices; i++) {
		for (size_t k = 0; k < in->devices[i]->n_nodes; k++) {
			const char *node = in->devices[i]->nodes[k];
			char field[64];
			(void)snprintf(field, sizeof(field), "devices[%zu].nodes[%zu]", i, k);
			if (has_parent_step(node))
				add_finding(reader, field, "%s leads out of its directory",
					    node);
			if (has_other_brace(node, "{index}"))
				add_finding(reader, field,
					    "%s: only {index} is filled in, the number of "
					    "the device",
					    node);
		}
	}
}

static void check_offers(struct reader *reader, const Samoza__V1__ZhostSpec *in)
{
	if (in->n_offers > OFFERS_MAX) {
		add_finding(reader, "capabilities", "more than %d capabilities", OFFERS_MAX);
		return;
	}
	for (size_t i = 0; i < in->n_offers; i++) {
		const Samoza__V1__CapabilityOffer *offer = in->offers[i];
		char field[48];
		(void)snprintf(field, sizeof(field), "capabilities[%zu]", i);
		bool gives = offer->n_devices > 0 || offer->n_groups > 0 || offer->exclusive;
		if (capability_is_common(offer->name) && gives)
			add_finding(reader, field,
				    "every zhost offers %s: it gives nothing else, and is "
				    "for everyone",
				    offer->name);
		for (size_t k = 0; k < offer->n_devices; k++)
			if (has_parent_step(offer->devices[k]))
				add_finding(reader, field, "%s leads out of its directory",
					    offer->devices[k]);
		if (offer->missing != NULL && strlen(offer->missing) > MISSING_MAX_BYTES)
			add_finding(reader, field, "what it misses has more than %d bytes",
				    MISSING_MAX_BYTES);
		if (!schema_message_equal(&offer->base,
					  &zhost_spec_offer(in, offer->name)->base))
			add_finding(reader, field,
				    "capability %s is there twice, and not alike: keep one",
				    offer->name);
		for (size_t k = 0; offer->exclusive && k < in->n_devices; k++)
			if (strcmp(in->devices[k]->kind, offer->name) == 0)
				add_finding(reader, field,
					    "%s is exclusive, and the kind of a device: give "
					    "one of them another name",
					    offer->name);
	}
}

/* Those that one instance at a time may have, and which are there. */
static void read_exclusive(const Samoza__V1__ZhostSpec *in, struct zhost_spec *z)
{
	for (size_t i = 0; i < in->n_offers; i++) {
		const Samoza__V1__CapabilityOffer *offer = in->offers[i];
		if (offer->exclusive && offer->missing == NULL &&
		    !capability_is_common(offer->name) &&
		    zhost_spec_offer(in, offer->name) == offer)
			z->devices[z->device_count++] =
				(struct zhost_device){.kind = mem_strdup(offer->name),
						      .model = mem_strdup(""),
						      .count = 1,
						      .is_capability = true};
	}
}

static void read_amounts(struct reader *reader, const Samoza__V1__ZhostSpec *in,
			 struct zhost_spec *z)
{
	struct error *err = NULL;

	z->has_cpu = in->cpu != NULL;
	if (z->has_cpu && cpu_parse(in->cpu, &z->cpu_millicores, &err) < 0) {
		add_finding(reader, "cpu", "%s", err->message);
		error_free(steal_ptr(&err));
	}
	z->has_memory = in->memory != NULL;
	if (z->has_memory && memory_parse(in->memory, &z->memory_bytes, &err) < 0) {
		add_finding(reader, "memory", "%s", err->message);
		error_free(steal_ptr(&err));
	}
	z->devices = mem_new_array(struct zhost_device, in->n_devices + in->n_offers + 1);
	for (size_t i = 0; i < in->n_devices; i++) {
		const Samoza__V1__DeviceOffer *device = in->devices[i];
		z->devices[z->device_count++] = (struct zhost_device){
			.kind = mem_strdup(device->kind),
			.model = mem_strdup(device->model != NULL ? device->model : ""),
			.count = device->count};
	}
	read_exclusive(in, z);
	if (in->has_latitude != in->has_longitude)
		add_finding(reader, in->has_latitude ? "latitude" : "longitude",
			    "latitude and longitude belong together");
	z->has_position = in->has_latitude && in->has_longitude;
	z->latitude = in->has_latitude ? in->latitude : 0;
	z->longitude = in->has_longitude ? in->longitude : 0;
}

int zhost_spec_compile(const Samoza__V1__ZhostSpec *in, const char *path,
		       const struct schema_positions *positions, struct diagnostics *findings,
		       struct zhost_spec *ret_zhost, struct error **err)
{
	struct diagnostics own = {0};
	struct reader reader = {
		.positions = positions, .path = path != NULL ? path : "", .findings = &own};
	struct zhost_spec z = {.name = mem_strdup(in->name)};
	int r = 0;

	if (!has_valid_characters(in->name))
		add_finding(&reader, "name",
			    "invalid zhost name '%s': expected 1 to 63 characters of A-Z, a-z, "
			    "0-9, '.', '_' and '-'",
			    in->name);
	read_amounts(&reader, in, &z);
	read_labels(&reader, in, &z);
	read_capabilities(in, &z);
	check_offers(&reader, in);
	check_device_nodes(&reader, in);
	if (reader.finding_count == 0) {
		*ret_zhost = z;
	} else {
		zhost_spec_done(&z);
		diagnostics_sort(&own);
		r = diagnostics_error(&own, err);
		if (findings != NULL) {
			vector_for_each (&own.list, d)
				diagnostics_add(findings, d->file, d->line, d->column, "%s",
						d->message);
		}
	}
	diagnostics_done(&own);
	return r;
}
