#include "zsim/scenario/packages.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/application/revision_values.h"
#include "core/application/submission_effect.h"
#include "model/compile.h"
#include "model/parameter/rename.h"
#include "schema/message.h"

/* options.restart_attempts takes the place of the default [scenario.meaning.defaults]. */
void package_fill(const struct scenario *s, Samoza__V1__Topology *t)
{
	if (t->version == NULL)
		t->version = mem_strdup(VERSION_NONE);
	for (size_t k = 0; k < t->n_spaces; k++) {
		if (t->spaces[k]->restart == NULL) {
			t->spaces[k]->restart = mem_new(Samoza__V1__Restart);
			samoza__v1__restart__init(t->spaces[k]->restart);
		}
		if (t->spaces[k]->restart->has_attempts)
			continue;
		t->spaces[k]->restart->has_attempts = true;
		t->spaces[k]->restart->attempts = s->options.restart_attempts;
	}
}

bool package_find(const struct scenario *s, const Samoza__V1__SubmitStep *step,
		  size_t *ret_index)
{
	for (size_t i = 0; i < s->message->n_topologies; i++) {
		const Samoza__V1__Topology *t = s->message->topologies[i];
		if (strcmp(t->metadata->name, step->name) != 0 ||
		    (step->version != NULL && strcmp(t->version, step->version) != 0))
			continue;
		*ret_index = i;
		return true;
	}
	return false;
}

/* What zrms keeps of a package: version, digest and artifacts stand for files that a scenario has not. */
static Samoza__V1__RevisionRecord *record_new(Samoza__V1__Topology *take_topology)
{
	Samoza__V1__Topology *t = take_topology;
	Samoza__V1__RevisionRecord *r = mem_new(Samoza__V1__RevisionRecord);
	samoza__v1__revision_record__init(r);
	r->application = mem_strdup("");
	r->topology = t;
	r->version = mem_strdup(t->version);
	/* Each entry of the file is a package. */
	r->package_digest = str_printf("%s %s", t->metadata->name, t->version);
	schema_set_string(&t->version, NULL, NULL);
	r->rollout = t->rollout;
	t->rollout = NULL;
	r->artifacts = mem_new_array(Samoza__V1__SpaceArtifacts *, t->n_spaces);
	for (size_t k = 0; k < t->n_spaces; k++) {
		Samoza__V1__Space *space = t->spaces[k];
		if (space->build == NULL)
			continue;
		Samoza__V1__SpaceArtifacts *a = mem_new(Samoza__V1__SpaceArtifacts);
		samoza__v1__space_artifacts__init(a);
		a->space = mem_strdup(space->name);
		a->module_digest = mem_strdup(space->build);
		r->artifacts[r->n_artifacts++] = a;
		schema_set_string(&space->build, NULL, NULL);
	}
	return r;
}

/* All findings in one text. */
static char *all_of(struct diagnostics *findings)
{
	struct buffer text = BUFFER_INIT(1 << 20);
	diagnostics_sort(findings);
	vector_for_each (&findings->list, finding) {
		CLEANUP(freep) char *line = diagnostic_text(finding);
		(void)buffer_printf(&text, "%s%s", text.size > 0 ? "; " : "", line);
	}
	return buffer_steal(&text);
}

/* Its entry, with `parameters`; NULL after findings. */
static Samoza__V1__Topology *read_entry(const struct scenario *s, const char *path,
					const struct parameters *parameters,
					struct diagnostics *findings)
{
	CLEANUP(error_freep) struct error *among_the_findings = NULL;
	ProtobufCMessage *message = NULL;
	if (schema_read_part(s->positions, path, &samoza__v1__topology__descriptor,
			     SCHEMA_PARTIAL | SCHEMA_SCENARIO,
			     parameters_substitution(parameters), findings, &message,
			     &among_the_findings) < 0)
		return NULL;
	Samoza__V1__Topology *t = (Samoza__V1__Topology *)message;
	package_fill(s, t);
	parameters_drop(t);
	return t;
}

bool package_make(const struct scenario *s, size_t index, const Samoza__V1__SubmitStep *step,
		  const struct control *control, struct package *ret_package,
		  char **ret_refusal)
{
	CLEANUP(values_done) struct values values = {0};
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(freep) char *kept = NULL;
	CLEANUP(freep) char *path = str_printf("topologies[%zu]", index);
	if (control != NULL && !step->reset_values)
		kept = control_kept_values(control, step->as != NULL ? step->as : step->name,
					   &values);
	for (size_t k = 0; k < step->n_values; k++) {
		CLEANUP(freep)
		char *set = str_printf("%s=%s", step->values[k]->key, step->values[k]->value);
		values_add_set(&values, set, &findings);
	}
	CLEANUP(parameters_freep)
	struct parameters *parameters = parameters_new(&values, false, path);
	Samoza__V1__Topology *t = read_entry(s, path, parameters, &findings);
	struct package p = {.record = t != NULL ? record_new(t) : NULL};
	if (t != NULL && step->as != NULL)
		topology_rename(t, step->as, &findings);
	if (diagnostics_any(&findings)) {
		*ret_refusal = all_of(&findings);
		package_done(&p);
		return false;
	}
	CLEANUP(error_freep) struct error *err = NULL;
	revision_values_set(p.record, parameters);
	if (topology_compile(t, NULL, NULL, NULL, &p.topology, &err) < 0) {
		*ret_refusal = mem_strdup(err->message);
		package_done(&p);
		return false;
	}
	p.kept = steal_ptr(&kept);
	*ret_package = p;
	return true;
}

void package_done(struct package *p)
{
	topology_unref(p->topology);
	schema_message_free(p->record);
	free(p->kept);
}
