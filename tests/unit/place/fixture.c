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

uint32_t add_topology(struct place *p, const char *name, const char *spaces)
{
	static uint64_t order;
	struct topology *t = topology_from(name, spaces, NULL);
	uint32_t handle = place_topology_add(p, t, ++order);
	topology_unref(t);
	return handle;
}

void attempt_init(struct attempt *a, struct place *p, const struct topology *model,
		  uint32_t topology)
{
	*a = (struct attempt){.request.topology = topology};
	a->wants = mem_new_array(struct place_want, model->instance_count);
	for (unsigned i = 0; i < model->instance_count;
	     i += model->instances[i].subtree_count) {
		if (place_where(p, topology, i) == PLACE_NONE)
			a->wants[a->request.want_count++] = (struct place_want){.instance = i};
	}
	a->request.wants = a->wants;
}

void attempt_done(struct attempt *a)
{
	free(a->wants);
	place_result_done(&a->result);
}

char *place_all(struct place *p, uint32_t topology, const struct topology *model)
{
	struct attempt a;
	attempt_init(&a, p, model, topology);
	place_try(p, &a.request, &a.result);
	struct buffer text = BUFFER_INIT(1 << 20);
	for (size_t i = 0; a.result.complete && i < a.request.want_count; i++)
		(void)buffer_printf(&text, "%s%s=%s", i > 0 ? " " : "",
				    model->instances[a.wants[i].instance].path,
				    place_zhost_name(p, a.result.zhosts[i]));
	if (!a.result.complete)
		(void)buffer_add_string(&text, a.result.reason.sentence);
	attempt_done(&a);
	return buffer_steal(&text);
}

char *place_text(struct place *p, const char *name, const char *spaces)
{
	static uint64_t order = 1000000;
	struct topology *t = topology_from(name, spaces, NULL);
	uint32_t handle = place_topology_add(p, t, ++order);
	char *text = place_all(p, handle, t);
	topology_unref(t);
	return text;
}
