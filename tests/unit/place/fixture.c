#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "fixture.h"
#include "model/compile.h"
#include "schema/message.h"

static char *findings_text(const struct diagnostics *findings)
{
	struct buffer all = BUFFER_INIT(1 << 20);
	vector_for_each (&findings->list, d) {
		CLEANUP(freep) char *line = diagnostic_text(d);
		(void)buffer_printf(&all, "%s\n", line);
	}
	return buffer_steal(&all);
}

struct topology *topology_from(const char *name, const char *spaces, char **ret_findings)
{
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	CLEANUP(freep)
	char *text = str_printf("apiVersion: samoza/v1\nkind: Topology\n"
				"metadata: {name: %s}\nspaces:\n%s",
				name, spaces);
	struct topology *t = NULL;
	struct error *err = NULL;
	if (schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", text, strlen(text), 0,
			     &findings, &message, NULL, &err) < 0 ||
	    topology_compile((const Samoza__V1__Topology *)message, NULL, NULL, &findings, &t,
			     &err) < 0) {
		error_free(err);
		char *why = findings_text(&findings);
		if (ret_findings == NULL)
			fail_msg("%s\n%s", why, text);
		*ret_findings = why;
	}
	return t;
}

struct zhost_spec zhost_from(const char *text)
{
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	struct zhost_spec spec = {0};
	struct error *err = NULL;
	if (schema_read_yaml(&samoza__v1__zhost_spec__descriptor, "z.yaml", text, strlen(text),
			     0, NULL, &message, NULL, &err) < 0 ||
	    zhost_spec_compile((const Samoza__V1__ZhostSpec *)message, "", NULL, NULL, &spec,
			       &err) < 0)
		fail_msg("%s: %s", text, err->message);
	return spec;
}

uint32_t add_zhost(struct place *p, const char *text)
{
	struct zhost_spec spec = zhost_from(text);
	uint32_t zhost = place_zhost_set(p, &spec, true, false);
	zhost_spec_done(&spec);
	return zhost;
}

struct app app_of(struct place *p, struct topology *take_model, uint64_t order)
{
	struct app app = {
		.place = p,
		.model = take_model,
		.topology = place_topology_add(p, take_model, order),
		.units = mem_new_array(uint32_t, take_model->instance_count),
	};
	place_units_new(p, app.topology, app.units);
	return app;
}

struct app app_add(struct place *p, const char *name, const char *spaces)
{
	static uint64_t order;
	return app_of(p, topology_from(name, spaces, NULL), ++order);
}

void app_remove(struct app *app)
{
	for (unsigned i = 0; i < app->model->instance_count; i++)
		place_unit_free(app->place, app->units[i]);
	place_topology_remove(app->place, app->topology);
	app_done(app);
}

void app_done(struct app *app)
{
	topology_unref(app->model);
	free(app->units);
	*app = (struct app){0};
}

void attempt_init(struct attempt *a, const struct app *app)
{
	*a = (struct attempt){0};
	a->units = mem_new_array(struct place_unit_request, app->model->instance_count);
	for (unsigned i = 0; i < app->model->instance_count; i++) {
		uint32_t unit = app->units[i];
		if (unit != PLACE_NONE && place_where(app->place, unit) == PLACE_NONE)
			a->units[a->request.unit_count++].unit = unit;
	}
	a->request.units = a->units;
}

void attempt_done(struct attempt *a)
{
	free(a->units);
	place_result_done(&a->result);
}

char *place_all(const struct app *app)
{
	struct attempt a;
	attempt_init(&a, app);
	place_try(app->place, &a.request, &a.result);
	struct buffer text = BUFFER_INIT(1 << 20);
	for (unsigned i = 0, k = 0; a.result.complete && i < app->model->instance_count; i++) {
		if (k == a.request.unit_count || app->units[i] != a.units[k].unit)
			continue;
		(void)buffer_printf(&text, "%s%s=%s", k > 0 ? " " : "",
				    app->model->instances[i].path,
				    place_zhost_name(app->place, a.result.zhosts[k]));
		k++;
	}
	if (!a.result.complete)
		(void)buffer_add_string(&text, a.result.reason.sentence);
	attempt_done(&a);
	return buffer_steal(&text);
}

char *place_text(struct place *p, const char *name, const char *spaces)
{
	struct app app = app_add(p, name, spaces);
	char *text = place_all(&app);
	app_done(&app);
	return text;
}
