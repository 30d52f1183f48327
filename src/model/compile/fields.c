/*
 * What one space declares: quantities, exports, probes, restart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/str.h"
#include "model/compile/findings.h"
#include "model/compile/passes.h"
#include "model/quantity.h"
#include "model/space_kind.h"
#include "model/zhost.h"

#define LONGEST_WINDOW_MS (UINT64_C(30) * 86400 * 1000)
#define LONGEST_ACTION_MS (UINT64_C(86400) * 1000)

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Copies a list of names, sorted; an element that occurs twice is a finding. */
static const char **copy_sorted(struct compile *c, unsigned space, const char *field,
				char *const *names, size_t count, unsigned *ret_count)
{
	const char **copy = arena_new_array(c->arena, const char *, count);
	unsigned kept = 0;

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strdup(c->arena, names[i]);
	if (count > 1)
		qsort(copy, count, sizeof(copy[0]), compare_names);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && strcmp(copy[kept - 1], copy[i]) == 0)
			finding(c, AT("spaces[%u].%s", space, field), "'%s' is listed twice",
				copy[i]);
		else
			copy[kept++] = copy[i];
	}
	*ret_count = kept;
	return copy;
}

uint32_t compile_written_duration(struct compile *c, struct place place, const char *text,
				  uint32_t fallback, uint64_t least, uint64_t most)
{
	struct error *err = NULL;
	uint64_t ms;

	if (duration_parse(text, &ms, &err) < 0) {
		finding_error(c, place, err);
		return fallback;
	}
	if (ms < least || ms > most) {
		char *low = duration_format(least), *high = duration_format(most);
		finding(c, place, "%s is out of range: %s to %s", text, low, high);
		free(low);
		free(high);
		return fallback;
	}
	return (uint32_t)ms;
}

static void compile_device(struct compile *c, unsigned space, size_t item,
			   const Samoza__V1__DeviceNeed *in, struct device_need *out)
{
	struct place place = AT("spaces[%u].resources.devices[%zu].share", space, item);
	struct error *err = NULL;
	uint32_t share;
	char field[64];

	out->kind = arena_strdup(c->arena, in->kind);
	out->count = in->count;
	if (out->count == 0)
		finding(c, AT("spaces[%u].resources.devices[%zu].count", space, item),
			"count must be at least 1");
	(void)snprintf(field, sizeof(field), "resources.devices[%zu].model", item);
	out->models = copy_sorted(c, space, field, in->model, in->n_model, &out->model_count);
	if (in->share == NULL)
		return;
	if (cpu_parse(in->share, &share, &err) < 0) {
		error_free(err);
		finding(c, place,
			"'%.60s' is not a share of a device: expected thousandths "
			"(500m) or a fraction (0.5)",
			in->share);
	} else if (share == 0 || share > 1000) {
		finding(c, place, "a share of a device is more than 0 and at most 1, not %s",
			in->share);
	} else {
		out->share_milli = share == 1000 ? 0 : share;
	}
}

static void compile_resources(struct compile *c, struct space *s,
			      const Samoza__V1__Resources *in)
{
	struct error *err = NULL;

	s->cpu_millicores = c->defaults.cpu_millicores;
	s->memory_bytes = c->defaults.memory_bytes;
	s->data_bytes = c->defaults.data_bytes;
	if (in == NULL)
		return;
	if (in->cpu != NULL && cpu_parse(in->cpu, &s->cpu_millicores, &err) < 0)
		finding_error(c, AT("spaces[%u].resources.cpu", s->index), steal_ptr(&err));
	else if (s->cpu_millicores == 0)
		finding(c, AT("spaces[%u].resources.cpu", s->index), "cpu must be more than 0");
	if (in->cpu_limit != NULL &&
	    cpu_parse(in->cpu_limit, &s->cpu_limit_millicores, &err) < 0)
		finding_error(c, AT("spaces[%u].resources.cpu_limit", s->index),
			      steal_ptr(&err));
	else if (in->cpu_limit != NULL && s->cpu_limit_millicores == 0)
		finding(c, AT("spaces[%u].resources.cpu_limit", s->index),
			"cpu_limit must be more than 0");
	if (in->memory != NULL && memory_parse(in->memory, &s->memory_bytes, &err) < 0)
		finding_error(c, AT("spaces[%u].resources.memory", s->index), steal_ptr(&err));
	else if (s->memory_bytes == 0)
		finding(c, AT("spaces[%u].resources.memory", s->index),
			"memory must be more than 0");
	if (in->data != NULL && memory_parse(in->data, &s->data_bytes, &err) < 0)
		finding_error(c, AT("spaces[%u].resources.data", s->index), steal_ptr(&err));
	else if (s->data_bytes == 0)
		finding(c, AT("spaces[%u].resources.data", s->index),
			"data must be more than 0; a space without data.write keeps none");
	s->devices = arena_new_array(c->arena, struct device_need, in->n_devices);
	s->device_count = (unsigned)in->n_devices;
	for (size_t i = 0; i < in->n_devices; i++)
		compile_device(c, s->index, i, in->devices[i], &s->devices[i]);
}

static int compare_exports(const void *a, const void *b)
{
	return strcmp(((const struct export_decl *)a)->name,
		      ((const struct export_decl *)b)->name);
}

static void compile_exports(struct compile *c, struct space *s, const Samoza__V1__Space *in)
{
	s->exports = arena_new_array(c->arena, struct export_decl, in->n_exports);
	for (size_t i = 0; i < in->n_exports; i++) {
		const char *value = in->exports[i]->value;
		s->exports[i] = (struct export_decl){
			.name = arena_strdup(c->arena, in->exports[i]->key),
			.value = arena_strdup(c->arena, value != NULL ? value : "")};
	}
	s->export_count = (unsigned)in->n_exports;
	if (s->export_count > 1)
		qsort(s->exports, s->export_count, sizeof(s->exports[0]), compare_exports);
}

static bool has_export(const struct space *s, const char *name)
{
	struct export_decl key = {.name = name};

	return s->export_count > 0 && bsearch(&key, s->exports, s->export_count,
					      sizeof(s->exports[0]), compare_exports) != NULL;
}

/* Each ${NAME} of a URL or of a command is an own export, or `ip`. */
static void check_references(struct compile *c, struct place place, const struct space *s,
			     const char *text)
{
	const char *p = text;

	while ((p = strstr(p, "${")) != NULL) {
		const char *end = strchr(p, '}');
		if (end == NULL) {
			finding(c, place, "'${' without '}'");
			return;
		}
		char *name = mem_strndup(p + 2, (size_t)(end - p - 2));
		if (!has_export(s, name) && strcmp(name, "ip") != 0)
			finding(c, place, "'%s' has no export '%s'", s->name, name);
		free(name);
		p = end + 1;
	}
}

/* "192.0.2.1" */
static bool is_ipv4(const char *text, size_t size)
{
	unsigned numbers = 0;
	const char *p = text, *end = text + size;

	for (; p < end; p++) {
		unsigned value = 0, digits = 0;
		for (; p < end && *p >= '0' && *p <= '9' && digits < 4; p++, digits++)
			value = value * 10 + (unsigned)(*p - '0');
		if (digits == 0 || digits > 3 || value > 255 || ++numbers > 4)
			return false;
		if (p == end)
			return numbers == 4;
		if (*p != '.')
			return false;
	}
	return false;
}

/* "2001:db8::1": the characters and a colon at least; zrun reads it in full. */
static bool is_ipv6(const char *text, size_t size)
{
	return size > 1 && memchr(text, ':', size) != NULL &&
	       strspn(text, "0123456789abcdefABCDEF:.") >= size;
}

static bool has_reference(const char *text, size_t size)
{
	const char *found = strstr(text, "${");

	return found != NULL && found < text + size;
}

static bool is_port(const char *text, size_t size)
{
	char digits[8];
	uint64_t port;

	if (size == 0 || size >= sizeof(digits))
		return false;
	memcpy(digits, text, size);
	digits[size] = '\0';
	return str_to_u64(digits, &port) == 0 && port >= 1 && port <= 65535;
}

/* A zrun resolves no names: the host of a probe's address is a number, `localhost`, or a value that
 * is known only at run time. */
static bool is_probe_url(const char *url)
{
	const char *host = url + strlen("http://"), *port = NULL;
	size_t size = strcspn(host, "/?#"), host_size = size;
	bool is_bracketed = host[0] == '[';
	const char *colon = is_bracketed ? memchr(host, ']', size) : memchr(host, ':', size);

	if (is_bracketed) {
		if (colon == NULL || (++colon < host + size && *colon != ':'))
			return false;
		if (colon == host + size)
			colon = NULL;
	}
	if (colon != NULL) {
		host_size = (size_t)(colon - host);
		port = colon + 1;
	}
	if (port != NULL && !has_reference(port, size - host_size - 1) &&
	    !is_port(port, size - host_size - 1))
		return false;
	if (has_reference(host, host_size))
		return true;
	if (is_bracketed)
		return host_size > 2 && is_ipv6(host + 1, host_size - 2);
	return is_ipv4(host, host_size) ||
	       (host_size == strlen("localhost") && memcmp(host, "localhost", host_size) == 0);
}

static void check_probe(struct compile *c, const char *field, const struct space *s,
			const struct probe *probe)
{
	uint64_t port;

	switch (probe->kind) {
	case PROBE_NONE:
		return;
	case PROBE_TCP:
		if (str_to_u64(probe->value, &port) == 0 ? port == 0 || port > 65535
							 : !has_export(s, probe->value))
			finding(c, AT("spaces[%u].%s.tcp", s->index, field),
				"'%.60s' is neither a port (1 to 65535) nor an export of '%s'",
				probe->value, s->name);
		return;
	case PROBE_HTTP:
		if (!str_has_prefix(probe->value, "http://"))
			finding(c, AT("spaces[%u].%s.http", s->index, field),
				"expected an address that begins with http://");
		else if (!is_probe_url(probe->value))
			finding(c, AT("spaces[%u].%s.http", s->index, field),
				"cannot probe '%.60s': expected http://ADDRESS:PORT/PATH with "
				"an "
				"address in numbers, or localhost; names are not resolved",
				probe->value);
		check_references(c, AT("spaces[%u].%s.http", s->index, field), s, probe->value);
		return;
	case PROBE_COMMAND:
		if (probe->value[0] == '\0')
			finding(c, AT("spaces[%u].%s.command", s->index, field),
				"an empty command");
		return;
	}
	IMPOSSIBLE("kind of probe");
}

static struct probe default_probe(const struct compile *c)
{
	return (struct probe){.interval_ms = c->defaults.probe_interval_ms,
			      .timeout_ms = c->defaults.probe_timeout_ms,
			      .failures = c->defaults.probe_failures};
}

static void compile_ready(struct compile *c, struct space *s, const Samoza__V1__ReadyProbe *in)
{
	s->ready = default_probe(c);
	if (in == NULL)
		return;
	switch (in->check_case) {
	case SAMOZA__V1__READY_PROBE__CHECK_TCP:
		s->ready.kind = PROBE_TCP;
		s->ready.value = arena_strdup(c->arena, in->tcp);
		break;
	case SAMOZA__V1__READY_PROBE__CHECK_HTTP:
		s->ready.kind = PROBE_HTTP;
		s->ready.value = arena_strdup(c->arena, in->http);
		break;
	case SAMOZA__V1__READY_PROBE__CHECK_COMMAND:
		s->ready.kind = PROBE_COMMAND;
		s->ready.value = arena_strdup(c->arena, in->command);
		break;
	case SAMOZA__V1__READY_PROBE__CHECK__NOT_SET:
	case _SAMOZA__V1__READY_PROBE__CHECK__CASE_IS_INT_SIZE:
	default:
		return;
	}
	check_probe(c, "ready", s, &s->ready);
}

static void compile_health(struct compile *c, struct space *s,
			   const Samoza__V1__HealthProbe *in)
{
	s->health = default_probe(c);
	if (in == NULL)
		return;
	switch (in->check_case) {
	case SAMOZA__V1__HEALTH_PROBE__CHECK_TCP:
		s->health.kind = PROBE_TCP;
		s->health.value = arena_strdup(c->arena, in->tcp);
		break;
	case SAMOZA__V1__HEALTH_PROBE__CHECK_HTTP:
		s->health.kind = PROBE_HTTP;
		s->health.value = arena_strdup(c->arena, in->http);
		break;
	case SAMOZA__V1__HEALTH_PROBE__CHECK_COMMAND:
		s->health.kind = PROBE_COMMAND;
		s->health.value = arena_strdup(c->arena, in->command);
		break;
	case SAMOZA__V1__HEALTH_PROBE__CHECK__NOT_SET:
	case _SAMOZA__V1__HEALTH_PROBE__CHECK__CASE_IS_INT_SIZE:
	default:
		return;
	}
	s->health.interval_ms =
		compile_duration(c, AT("spaces[%u].health.interval", s->index), in->interval,
				 s->health.interval_ms, 10, LONGEST_ACTION_MS);
	s->health.timeout_ms =
		compile_duration(c, AT("spaces[%u].health.timeout", s->index), in->timeout,
				 s->health.timeout_ms, 1, LONGEST_ACTION_MS);
	s->health.failures = in->failures;
	if (s->health.failures == 0)
		finding(c, AT("spaces[%u].health.failures", s->index),
			"failures must be at least 1");
	check_probe(c, "health", s, &s->health);
}

static void compile_times(struct compile *c, struct space *s, const Samoza__V1__Space *in)
{
	s->restart_attempts = c->options != NULL && c->options->has_restart_attempts
				      ? c->options->restart_attempts
				      : c->defaults.restart_attempts;
	if (in->restart != NULL && in->restart->has_attempts)
		s->restart_attempts = in->restart->attempts;
	s->restart_window_ms =
		compile_duration(c, AT("spaces[%u].restart.window", s->index),
				 in->restart != NULL ? in->restart->window : NULL,
				 c->defaults.restart_window_ms, 1, LONGEST_WINDOW_MS);
	s->stop_grace_ms = compile_duration(c, AT("spaces[%u].stop.grace", s->index),
					    in->stop != NULL ? in->stop->grace : NULL,
					    c->defaults.stop_grace_ms, 0, LONGEST_ACTION_MS);
	s->action_timeout_ms =
		compile_duration(c, AT("spaces[%u].recipes.timeout", s->index),
				 in->recipes != NULL ? in->recipes->timeout : NULL,
				 c->defaults.action_timeout_ms, 1, LONGEST_ACTION_MS);
}

enum {
	LOG_BYTES_MIN = 64 * 1024,
	LOG_BYTES_MAX = 1024 * 1024 * 1024,
	LOG_RATE_MIN = 1024,
	LOG_RATE_MAX = 64 * 1024,
	LOG_KEEP_MIN_MS = 60 * 1000,
};

static void compile_log_bytes(struct compile *c, const struct space *s, const char *field,
			      const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	struct error *err = NULL;
	if (text != NULL && memory_parse(text, ret, &err) < 0) {
		finding_error(c, AT("spaces[%u].logs.%s", s->index, field), steal_ptr(&err));
	} else if (*ret < min || *ret > max) {
		CLEANUP(freep) char *least = memory_format(min);
		CLEANUP(freep) char *most = memory_format(max);
		finding(c, AT("spaces[%u].logs.%s", s->index, field),
			"logs.%s must be from %s to %s", field, least, most);
	}
}

static void compile_logs(struct compile *c, struct space *s, const Samoza__V1__Logs *in)
{
	struct error *err = NULL;
	s->log_bytes = c->defaults.log_bytes;
	s->log_keep_ms = c->defaults.log_keep_ms;
	s->log_rate = c->defaults.log_rate;
	if (in == NULL)
		return;
	compile_log_bytes(c, s, "size", in->size, LOG_BYTES_MIN, LOG_BYTES_MAX, &s->log_bytes);
	compile_log_bytes(c, s, "rate", in->rate, LOG_RATE_MIN, LOG_RATE_MAX, &s->log_rate);
	if (in->keep != NULL && duration_parse(in->keep, &s->log_keep_ms, &err) < 0)
		finding_error(c, AT("spaces[%u].logs.keep", s->index), steal_ptr(&err));
	else if (s->log_keep_ms < LOG_KEEP_MIN_MS)
		finding(c, AT("spaces[%u].logs.keep", s->index),
			"logs.keep must be at least 1m");
}

static void compile_loss(struct compile *c, struct space *s, const Samoza__V1__Loss *in)
{
	const char *after = in != NULL ? in->replace_after : NULL;
	s->replace_after_ms =
		str_equal(after, "never")
			? SPACE_REPLACE_NEVER
			: compile_duration(c, AT("spaces[%u].loss.replace_after", s->index),
					   after, 0, 0, LONGEST_WINDOW_MS);
	const char *stop = in != NULL ? in->stop_after : NULL;
	if (!str_equal(stop, "never"))
		s->stop_after_ms =
			compile_duration(c, AT("spaces[%u].loss.stop_after", s->index), stop, 0,
					 1, LONGEST_WINDOW_MS);
}

static bool has_capability(const struct space *s, const char *capability)
{
	for (unsigned k = 0; k < s->capability_count; k++)
		if (strcmp(s->capabilities[k], capability) == 0)
			return true;
	return false;
}

/* [change.handover.kind] PRE: type, capabilities, exclusive and storage are known. */
static void compile_handover(struct compile *c, struct space *s, const Samoza__V1__Space *in)
{
	bool writes = has_capability(s, "data.write");
	s->stops_first = s->exclusive || writes || s->storage == STORAGE_LOCAL ||
			 space_kind_of_type(s->type)->has_recipes;
	if (!in->has_handover)
		return;
	s->stops_first = in->handover == SAMOZA__V1__HANDOVER__HANDOVER_STOP_FIRST;
	if (!s->stops_first && (s->exclusive || writes))
		finding(c, AT("spaces[%u].handover", s->index),
			"handover: start-first does not go with %s, because both copies would "
			"run at the same time; remove one of the two",
			s->exclusive ? "exclusive: true" : "the capability data.write");
}

/* [formats.topology.access] PRE: the type is known. */
static void compile_access(struct compile *c, struct space *s, const Samoza__V1__Space *in)
{
	if (!in->has_access)
		return;
	s->asks_token = in->access == SAMOZA__V1__PAGE_ACCESS__ACCESS_TOKEN;
	if (!space_kind_of_type(s->type)->has_pages)
		finding(c, AT("spaces[%u].access", s->index),
			"access says who may see pages, and a space of type %s has none; "
			"remove it, or make the space UI",
			space_type_name(s->type));
}

/* [formats.topology.api] PRE: type and capabilities are known. */
static void compile_api(struct compile *c, struct space *s, const Samoza__V1__ClusterApi *in)
{
	bool is_declared = has_capability(s, CAPABILITY_CLUSTER_API);
	if (is_declared && !space_kind_of_type(s->type)->has_recipes)
		finding(c, AT("spaces[%u].capabilities", s->index),
			CAPABILITY_CLUSTER_API " is for programs with recipes, and a space of "
					       "type %s has none; remove it, or make the space "
					       "NATIVE",
			space_type_name(s->type));
	else if (in != NULL && !is_declared)
		finding(c, AT("spaces[%u].api", s->index),
			"api says what an instance may do with zrms, which it does not reach; "
			"remove it, or add " CAPABILITY_CLUSTER_API " to the capabilities");
	if (!is_declared)
		return;
	s->api = in != NULL && in->has_role && in->role == SAMOZA__V1__API_ROLE__API_OPERATOR
			 ? API_OPERATOR
			 : API_VIEWER;
	if (in != NULL)
		s->api_topologies = copy_sorted(c, s->index, "api.topologies", in->topologies,
						in->n_topologies, &s->api_topology_count);
}

static enum space_type type_of(struct compile *c, unsigned index, const Samoza__V1__Space *in)
{
	if (in->has_type && space_kind_of(in->type) != NULL)
		return (enum space_type)in->type;
	CLEANUP(freep) char *types = space_kind_type_list();
	finding(c, AT("spaces[%u]", index), "space '%s' needs a type: %s",
		in->name != NULL ? in->name : "", types);
	return SPACE_CALL;
}

void compile_fields(struct compile *c)
{
	for (unsigned i = 0; i < c->t->space_count; i++) {
		const Samoza__V1__Space *in = c->in->spaces[i];
		struct space *s = &c->t->spaces[i];

		s->type = type_of(c, i, in);
		s->capabilities = copy_sorted(c, i, "capabilities", in->capabilities,
					      in->n_capabilities, &s->capability_count);
		compile_resources(c, s, in->resources);
		compile_placement(c, s, in->placement);
		compile_exports(c, s, in);
		s->exclusive = in->has_exclusive && in->exclusive;
		s->optional = in->has_optional && in->optional;
		s->is_public = in->has_public_ && in->public_;
		compile_access(c, s, in);
		compile_api(c, s, in->api);
		if (in->has_storage && in->storage == SAMOZA__V1__STORAGE_KIND__STORAGE_LOCAL)
			s->storage = STORAGE_LOCAL;
		compile_handover(c, s, in);
		compile_times(c, s, in);
		compile_loss(c, s, in->loss);
		compile_logs(c, s, in->logs);
		s->max_unavailable =
			in->disruption != NULL && in->disruption->has_max_unavailable
				? in->disruption->max_unavailable
				: 1;
		if (in->run != NULL && in->run->has_mode &&
		    in->run->mode == SAMOZA__V1__RUN_MODE__RUN_FOREGROUND)
			s->run_mode = RUN_FOREGROUND;
		compile_ready(c, s, in->ready);
		compile_health(c, s, in->health);
	}
}
