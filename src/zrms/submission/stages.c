#include "zrms/submission/stages.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/uv/loop.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"
#include "core/access/access.h"
#include "zrms/submission/revision_record.h"
#include "zrms/submission/uuid.h"

enum { TRIM_AFTER_MS = 1000 };

/* ---- the machine ---- */

static void describe(const void *object, char *ret_name, size_t size)
{
	const struct submission *s = object;

	(void)snprintf(ret_name, size, "%s",
		       s->package != NULL ? s->package->digest : "upload");
}

static const char *invariant(const void *object, unsigned from, unsigned to)
{
	const struct submission *s = object;

	(void)from;
	if ((s->err != NULL) != (to == SUBMISSION_REFUSED))
		return "has an error exactly where it is refused";
	if (to != SUBMISSION_CHECKING && to != SUBMISSION_REFUSED && s->package == NULL)
		return "has an open package after its check";
	if (s->translating != 0)
		return "waits for no translation when a stage begins";
	if (to == SUBMISSION_STORING && s->options.dry_run)
		return "stores nothing in a dry run";
	return NULL;
}

#define TO(stage) STATE_MACHINE_BIT(SUBMISSION_##stage)
static const struct state_machine_state states[] = {
	[SUBMISSION_CHECKING] = {"checking",
				 TO(CHECKING) | TO(LOADING) | TO(STORING) | TO(DECIDING) |
					 TO(REFUSED),
				 0, STATE_MACHINE_INITIAL},
	[SUBMISSION_LOADING] = {"loading", TO(TRANSLATING) | TO(REFUSED)},
	[SUBMISSION_TRANSLATING] = {"translating", TO(STORING) | TO(DECIDING) | TO(REFUSED)},
	[SUBMISSION_STORING] = {"storing", TO(LOADING) | TO(SPREADING) | TO(REFUSED)},
	[SUBMISSION_SPREADING] = {"spreading", TO(DECIDING) | TO(REFUSED)},
	[SUBMISSION_DECIDING] = {"deciding", 0, 0, STATE_MACHINE_FINAL},
	[SUBMISSION_REFUSED] = {"refused", 0, 0, STATE_MACHINE_FINAL},
};
const struct state_machine_type submission_machine = {
	.name = "submission",
	.states = states,
	.count = ARRAY_SIZE(states),
	.describe = describe,
	.invariant = invariant,
};

static void submission_free(struct submission *s)
{
	struct submissions *all = s->all;

	vector_for_each (&s->pins, digest) {
		artifact_unpin(all->artifacts, *digest);
		free(*digest);
	}
	vector_done(&s->pins);
	vector_for_each (&s->modules, module)
		free(module->data);
	vector_done(&s->modules);
	vector_done(&s->files);
	mex_package_free(s->package);
	diagnostics_done(&s->findings);
	diagnostics_done(&s->given);
	values_done(&s->values);
	error_free(s->err);
	free(s->kept);
	free(s->name);
	trusted_keys_unref(s->trusted);
	closep(&s->upload.fd);
	free(s->upload.body);
	free(s);
	if (--all->active == 0)
		loop_timer_at(all->trim, loop_now(all->loop).mono_ms + TRIM_AFTER_MS);
}

/* ---- checking ---- */

/* The package is read from a file: a body in memory becomes a file in memory. */
static int upload_to_file(struct upload *u, struct error **err)
{
	size_t written = 0;

	if (u->body == NULL)
		return 0;
	u->fd = memfd_create("upload", MFD_CLOEXEC);
	if (u->fd < 0)
		return error_errno(err, "cannot store the upload");
	while (written < u->body_size) {
		ssize_t n = write(u->fd, u->body + written, u->body_size - written);

		if (n < 0 && errno != EINTR)
			return error_errno(err, "cannot store the upload");
		written += n > 0 ? (size_t)n : 0;
	}
	free(steal_ptr(&u->body));
	return 0;
}

/* Whether one of the patterns, with ',' between, has the name. */
static bool has_name(const char *patterns, const char *name)
{
	CLEANUP(freep) char *copy = mem_strdup(patterns);
	char *rest = NULL;

	for (char *pattern = strtok_r(copy, ",", &rest); pattern != NULL;
	     pattern = strtok_r(NULL, ",", &rest))
		if (access_pattern_matches(pattern, name))
			return true;
	return false;
}

/* A key may be trusted for some names only [machines.people.roles]. */
static void check_names(struct submission *s)
{
	const struct mex_package *p = s->package;
	const char *names =
		p->is_signed && p->is_trusted ? trust_names(s->trusted->keys, p->signer) : NULL;
	char key[KEY_TEXT_BYTES];

	if (names == NULL || has_name(names, p->topology->name))
		return;
	key_text(p->signer, key);
	(void)error_set(&s->err, ERR_DENIED,
			"the key %s is trusted for topologies named %s alone, and this one is "
			"named %s: sign it with another key, or change the file of the key in "
			"the trust directory of zrms",
			key, names[0] != '\0' ? names : "in no way", p->topology->name);
}

/* What is wrong with how values were given is one of the findings. */
static void add_given(struct submission *s)
{
	vector_for_each (&s->given.list, d)
		diagnostics_add(&s->findings, d->file, d->line, d->column, "%s", d->message);
	diagnostics_sort(&s->findings);
	error_free(s->err);
	s->err = NULL;
	(void)diagnostics_error(&s->findings, &s->err);
}

static void check_package(struct submission *s)
{
	/* Modules are checked in the next stage, where they are new. */
	const struct mex_options options = {.trust = s->trusted->keys,
					    .allow_unsigned = s->all->options.allow_unsigned,
					    .values = &s->values,
					    .name = s->name,
					    .peek = &s->peek};

	if (upload_to_file(&s->upload, &s->err) < 0)
		return;
	int r = mex_package_open_fd(s->upload.fd, &options, &s->findings, &s->package, &s->err);
	if ((r == 0 || r == ERR_INVALID) && diagnostics_any(&s->given))
		add_given(s);
	if (s->err == NULL)
		check_names(s);
}

/* The name is known now, and with it whether there are values that it keeps. */
static bool keeps_values(struct submission *s)
{
	const struct submit_listener *listener = s->all->listener;
	size_t before = s->values.list.count;

	if (s->kept != NULL || s->options.resets || !s->peek.has_parameters ||
	    listener->kept_values == NULL)
		return false;
	s->kept = listener->kept_values(s->all->user, s->request, s->peek.name, &s->values);
	return s->values.list.count > before;
}

static void forget_check(struct submission *s)
{
	mex_package_free(s->package);
	s->package = NULL;
	diagnostics_done(&s->findings);
	s->findings = (struct diagnostics){0};
	error_free(s->err);
	s->err = NULL;
}

static void pin(struct submission *s, const char *digest)
{
	artifact_pin(s->all->artifacts, digest);
	vector_push(&s->pins, mem_strdup(digest));
}

static void need_artifact(struct submission *s, const struct mex_file *file)
{
	pin(s, file->hash);
	vector_push(&s->files, file);
}

static void need_artifacts(struct submission *s)
{
	const struct mex_package *p = s->package;

	for (unsigned i = 0; i < p->topology->space_count; i++) {
		const struct mex_space *space = &p->spaces[i];

		for (unsigned k = 0; k < space->asset_count; k++)
			need_artifact(s, space->assets[k].file);
		for (unsigned k = 0; k < space->recipe_count; k++)
			need_artifact(s, space->recipes[k].file);
		for (unsigned k = 0; k < space->config_count; k++)
			pin(s, space->config[k].hash);
		if (space->module != NULL)
			need_artifact(s, space->module);
	}
}

/* Once the native code of every module is known. */
static enum submission_stage after_modules(struct submission *s)
{
	if (s->options.dry_run)
		return SUBMISSION_DECIDING;
	vector_for_each (&s->modules, module)
		pin(s, module->native.digest);
	return SUBMISSION_STORING;
}

static enum submission_stage after_checking(struct submission *s)
{
	need_artifacts(s);
	submission_modules_find(s);
	if (submission_modules_recall(s))
		return after_modules(s);
	if (s->all->translations != NULL)
		return SUBMISSION_LOADING;
	(void)error_set(&s->err, ERR_UNAVAILABLE,
			"cannot translate modules on this machine: %s",
			s->all->translator_error);
	return SUBMISSION_REFUSED;
}

/* ---- loading and translating (modules.c) ---- */

static enum submission_stage after_loading(struct submission *s)
{
	(void)s;
	return SUBMISSION_TRANSLATING;
}

/* ---- storing ---- */

/* What the cache does not have as it was made is made again. */
static int store_native(struct submission *s, struct submitted_module *module)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int r;

	if (artifacts_holds(s->all->artifacts, module->native.digest))
		return 0;
	r = artifacts_adopt(s->all->artifacts, module->native.path, module->native.digest,
			    &err);
	if (r == 0)
		return 0;
	if (s->is_again || (r != ERR_INVALID && r != ERR_NOT_FOUND)) {
		s->err = steal_ptr(&err);
		return r;
	}
	log_warn("module", "damaged", LOG_S("module", module->file->hash), LOG_E(err),
		 LOG_S("then", "it is translated again"));
	(void)unlink(module->native.path);
	module->is_known = false;
	return 0;
}

static int store_config(struct submission *s, const struct mex_space *space)
{
	const struct artifacts *a = s->all->artifacts;
	int r = 0;

	for (unsigned k = 0; k < space->config_count && r == 0; k++) {
		const struct mex_config *config = &space->config[k];

		if (artifacts_holds(a, config->hash))
			continue;
		r = artifacts_put_text(a, config->hash, config->text, config->size, &s->err);
		s->written++;
	}
	return r;
}

/* What the store holds is read, and written only where it is lost or damaged: this is how a
 * submission brings it back. */
static void store_artifacts(struct submission *s)
{
	const struct artifacts *a = s->all->artifacts;
	int r = 0;

	vector_for_each (&s->files, file)
		if (r == 0 && !artifacts_holds(a, (*file)->hash)) {
			r = artifacts_put_package_file(a, s->package, *file, &s->err);
			s->written++;
		}
	for (unsigned i = 0; i < s->package->topology->space_count && r == 0; i++)
		r = store_config(s, &s->package->spaces[i]);
	vector_for_each (&s->modules, module)
		if (r == 0)
			r = store_native(s, module);
	if (r == 0)
		(void)!artifacts_sync(a, &s->err);
	if (s->err != NULL) /* whatever it was, it was not the fault of the package */
		s->err->code = ERR_IO;
}

static enum submission_stage after_storing(struct submission *s)
{
	vector_for_each (&s->modules, module)
		if (!module->is_known) {
			s->is_again = true;
			return SUBMISSION_LOADING;
		}
	vector_for_each (&s->pins, digest)
		artifact_mark_stored(s->all->artifacts, *digest);
	return SUBMISSION_SPREADING;
}

/* ---- spreading ---- */

static enum submission_stage after_spreading(struct submission *s)
{
	(void)s;
	return SUBMISSION_DECIDING;
}

/* ---- deciding ---- */

static void hand_over(struct submission *s)
{
	char id[UUID_SIZE];
	Samoza__V1__RevisionRecord *record =
		revision_record_new(s->package, submission_native_digest, s, s->all->platform);

	uuid_draw(id);
	/* A key may have gone while modules were translated: the core is to know. */
	(void)!submissions_look_at_keys(s->all, NULL);
	const struct control_submit submit = {.id = id,
					      .topology = s->package->topology,
					      .record = record,
					      .kept = s->kept,
					      .options = s->options};
	s->all->submitted_total++;
	/* The pins stay until the core's record refers to the artifacts: until it has decided. */
	s->all->listener->on_ready(s->all->user, s->request, s, &submit);
	revision_record_free(record);
}

void submission_decided(struct submission *s)
{
	PRE(s->stage == SUBMISSION_DECIDING);
	if (!s->options.plan)
		histogram_add(&s->all->time, loop_mono_us(s->all->loop) - s->begun_us);
	submission_free(s);
}

bool submission_is_plan(const struct submission *s)
{
	return s->options.plan;
}

/* ---- refused ---- */

static void refuse(struct submission *s)
{
	VECTOR(char *) details = {0};

	vector_for_each (&s->findings.list, finding)
		vector_push(&details, diagnostic_text(finding));
	s->all->refused_total++;
	s->all->listener->on_refused(s->all->user, s->request, s->err, details.items,
				     details.count);
	vector_for_each (&details, line)
		free(*line);
	vector_done(&details);
	submission_free(s);
}

/* ---- the table ---- */

static void stage_done(struct submission *s);

static void translate(struct submission *s)
{
	submission_modules_translate(s, stage_done);
}

static void on_spread(void *user, const struct error *why)
{
	struct submission *s = user;

	if (why != NULL)
		(void)error_set(&s->err, (enum error_code)why->code, "%s", why->message);
	stage_done(s);
}

static void spread(struct submission *s)
{
	const struct submit_listener *listener = s->all->listener;

	if (listener->spread == NULL)
		stage_done(s);
	else
		listener->spread(s->all->user, s->pins.items, s->pins.count, on_spread, s);
}

static const struct stage {
	/* In a worker thread; or, where there is none, in the loop. The latter leads to
	 * stage_done() by itself, unless the stage is the last. */
	void (*in_thread)(struct submission *s);
	void (*in_loop)(struct submission *s);
	/* In the loop, after success: the stage that follows. */
	enum submission_stage (*next)(struct submission *s);
} stages[] = {
	[SUBMISSION_CHECKING] = {.in_thread = check_package, .next = after_checking},
	[SUBMISSION_LOADING] = {.in_thread = submission_modules_load, .next = after_loading},
	[SUBMISSION_TRANSLATING] = {.in_loop = translate, .next = after_modules},
	[SUBMISSION_STORING] = {.in_thread = store_artifacts, .next = after_storing},
	[SUBMISSION_SPREADING] = {.in_loop = spread, .next = after_spreading},
	[SUBMISSION_DECIDING] = {.in_loop = hand_over},
	[SUBMISSION_REFUSED] = {.in_loop = refuse},
};

static void run_in_thread(uv_work_t *work)
{
	struct submission *s = container_of(work, struct submission, work);

	stages[s->stage].in_thread(s);
}

static void on_thread_done(uv_work_t *work, int status)
{
	(void)status;
	stage_done(container_of(work, struct submission, work));
}

static void run_stage(struct submission *s)
{
	const struct stage *stage = &stages[s->stage];

	if (stage->in_loop != NULL) {
		stage->in_loop(s);
		return;
	}
	int r = uv_queue_work(loop_uv(s->all->loop), &s->work, run_in_thread, on_thread_done);
	INVARIANT(r == 0);
}

/* The gate. */
static void enter(struct submission *s, enum submission_stage stage)
{
	state_machine_move(&submission_machine, s, &s->stage, stage);
	run_stage(s);
}

/* The present stage is over: begins the next one, or refuses the submission where it has set
 * s->err. `s` may be freed. */
static void stage_done(struct submission *s)
{
	if (s->stage == SUBMISSION_CHECKING && keeps_values(s)) {
		forget_check(s);
		enter(s, SUBMISSION_CHECKING);
		return;
	}
	enum submission_stage next =
		s->err != NULL ? SUBMISSION_REFUSED : stages[s->stage].next(s);

	enter(s, next);
}

void submission_begin(struct submission *s)
{
	state_machine_begin(&submission_machine, s, &s->stage, SUBMISSION_CHECKING);
	run_stage(s);
}
