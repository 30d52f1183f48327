#include "zrms/submission/submissions.h"

#include <malloc.h>
#include <string.h>

#include "adapter/uv/loop.h"
#include "base/check.h"
#include "zrms/submission/stages.h"

static void submission_drop(struct submission *s)
{
	closep(&s->upload.fd);
	values_done(&s->values);
	diagnostics_done(&s->given);
	free(s->upload.body);
	free(s->name);
	free(s);
}

static void take_values(struct submission *s, const struct submit_values *v)
{
	CLEANUP(freep) char *sets = mem_strdup(v->sets != NULL ? v->sets : "");
	char *rest = NULL;

	s->name = mem_strdup(v->name);
	for (char *set = strtok_r(sets, "\n", &rest); set != NULL;
	     set = strtok_r(NULL, "\n", &rest))
		values_add_set(&s->values, set, &s->given);
	if (v->file != NULL)
		values_add_file(&s->values, v->file_name != NULL ? v->file_name : "values",
				v->file, strlen(v->file), &s->given);
}

void submissions_add(struct submissions *all, const struct upload *upload, void *request,
		     const struct submission_options *options,
		     const struct submit_values *values)
{
	struct submission *s = mem_new(struct submission);
	struct error *err = NULL;

	*s = (struct submission){.all = all,
				 .request = request,
				 .options = *options,
				 .upload = *upload,
				 .begun_us = loop_mono_us(all->loop)};
	if (submissions_look_at_keys(all, &err) < 0) {
		all->refused_total++;
		all->listener->on_refused(all->user, request, err, NULL, 0);
		error_free(err);
		submission_drop(s);
		return;
	}
	if (values != NULL)
		take_values(s, values);
	s->trusted = trusted_keys_ref(all->trusted);
	all->active++;
	submission_begin(s);
}

/* Packages are large and short-lived: after a burst the memory goes back to the system. */
static void trim_memory(void *user)
{
	struct submissions *s = user;

	if (s->active == 0)
		(void)malloc_trim(0);
}

int submissions_new(struct loop *loop, struct artifacts *artifacts,
		    struct translations *translations, const char *platform,
		    const char *translator_error, const struct submit_options *options,
		    const struct submit_listener *listener, void *user,
		    struct submissions **ret_submissions, struct error **err)
{
	struct submissions *s = mem_new(struct submissions);
	int r;

	*s = (struct submissions){.loop = loop,
				  .artifacts = artifacts,
				  .translations = translations,
				  .platform = platform,
				  .translator_error = translator_error,
				  .options = *options,
				  .listener = listener,
				  .user = user};
	r = submissions_read_keys(s, err);
	if (r < 0) {
		free(s);
		return r;
	}
	s->trim = loop_timer_new(loop, trim_memory, s);
	*ret_submissions = s;
	return 0;
}

bool submissions_is_idle(const struct submissions *s)
{
	return s->active == 0;
}

void submissions_free(struct submissions *s)
{
	if (s == NULL)
		return;
	PRE(submissions_is_idle(s));
	loop_timer_free(s->trim);
	trusted_keys_unref(s->trusted);
	trusted_keys_unref(s->told);
	checked_modules_free(s);
	free(s);
}

enum { SUBMITTED, REFUSED, ACTIVE, TIME };
static const struct metric metrics[] = {
	[SUBMITTED] = {"zrms_submissions_total", METRIC_COUNTER,
		       "Packages that passed every check."},
	[REFUSED] = {"zrms_submissions_refused_total", METRIC_COUNTER,
		     "Packages that were refused."},
	[ACTIVE] = {"zrms_submissions_active", METRIC_GAUGE,
		    "Packages in a stage between upload and answer."},
	[TIME] = {"zrms_submit_seconds", METRIC_HISTOGRAM,
		  "Time from a whole package to the durable decision on it."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct submissions *s = part;

	metric_set(to, SUBMITTED, s->submitted_total);
	metric_set(to, REFUSED, s->refused_total);
	metric_set(to, ACTIVE, s->active);
	metric_add_histogram(to, TIME, NULL, &s->time);
}

const struct metric_source submissions_metrics = METRIC_SOURCE(metrics, read_metrics);
