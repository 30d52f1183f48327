#include "zrms/submit.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/wasm2c/module.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/str.h"
#include "zrms/topology_record.h"
#include "zrms/uuid.h"

enum { TRIM_AFTER_MS = 1000 };

/* The trusted keys as they were when somebody last looked; shared by the submissions that are
 * being checked with them. */
struct trusted {
	unsigned references;
	struct trust *keys;
	struct timespec folder_changed;
};

struct submissions {
	struct loop *loop;
	struct artifacts *artifacts;
	struct translations *translations; /* NULL: no translator */
	const char *platform, *translator_error;
	struct submit_options options;
	const struct submit_listener *listener;
	void *user;
	struct trusted *trusted;
	struct checked_module *checked; /* by digest */
	struct loop_timer *trim;
	unsigned active;
	uint64_t submitted_total, refused_total;
};

/* A module that was checked already, and the least memory that it was found to fit into. */
struct checked_module {
	UT_hash_handle hh;
	char digest[65];
	uint64_t memory_bytes;
};

struct module {
	const struct mex_file *file; /* in the space that has the least memory */
	uint64_t memory_bytes;	     /* of that space */
	uint8_t *data;		     /* loaded for check and translation */
	size_t size;
	struct native_code native;
	bool checked; /* as it is, for that memory */
	bool known;   /* its native code is */
};

struct submission {
	struct submissions *all;
	struct http_request *request;
	struct trusted *trusted;
	bool start, dry_run;
	int fd;	    /* the body, where it is in a file */
	char *body; /* or in memory */
	size_t body_size;
	uv_work_t work;
	void (*then)(struct submission *s); /* behind the thread's work */
	void (*step)(struct submission *s); /* in the thread */
	struct mex_package *package;
	struct diagnostics findings;
	struct error *err;
	VECTOR(struct module) modules; /* each once */
	size_t translating;
	VECTOR(const struct mex_file *) missing; /* artifacts to write */
	VECTOR(char *) pins;
};

/* ---- trust ---- */

static void trusted_unref(struct trusted *trusted)
{
	if (trusted == NULL || --trusted->references > 0)
		return;
	trust_free(trusted->keys);
	free(trusted);
}

static int trust_add_files(struct trust *keys, const char *files, struct error **err)
{
	int r = 0;
	while (files != NULL && *files != '\0' && r == 0) {
		size_t size = strcspn(files, ":");
		CLEANUP(freep) char *path = mem_strndup(files, size);
		if (size > 0)
			r = trust_add_file(keys, path, err);
		files += size + (files[size] == ':');
	}
	return r;
}

static struct timespec folder_time(const char *folder)
{
	struct stat info = {0};
	(void)stat(folder, &info);
	return info.st_mtim;
}

/* Keys that were added or taken away count from the next submission on. */
static int trusted_refresh(struct submissions *s, struct error **err)
{
	struct timespec changed = folder_time(s->options.trust_folder);
	if (s->trusted != NULL && changed.tv_sec == s->trusted->folder_changed.tv_sec &&
	    changed.tv_nsec == s->trusted->folder_changed.tv_nsec)
		return 0;
	struct trust *keys = trust_new();
	int r = trust_add_folder(keys, s->options.trust_folder, err);
	if (r == 0)
		r = trust_add_files(keys, s->options.trust_files, err);
	if (r < 0) {
		trust_free(keys);
		return r;
	}
	trusted_unref(s->trusted);
	s->trusted = mem_new(struct trusted);
	*s->trusted =
		(struct trusted){.references = 1, .keys = keys, .folder_changed = changed};
	return 0;
}

/* ---- a submission and its steps ---- */

static void submission_free(struct submission *s)
{
	vector_for_each (&s->pins, digest) {
		artifact_unpin(s->all->artifacts, *digest);
		free(*digest);
	}
	vector_done(&s->pins);
	vector_for_each (&s->modules, module)
		free(module->data);
	vector_done(&s->modules);
	vector_done(&s->missing);
	mex_package_free(s->package);
	diagnostics_done(&s->findings);
	error_free(s->err);
	trusted_unref(s->trusted);
	closep(&s->fd);
	free(s->body);
	if (--s->all->active == 0)
		loop_timer_at(s->all->trim, loop_now(s->all->loop).mono_ms + TRIM_AFTER_MS);
	free(s);
}

static void submission_refuse(struct submission *s)
{
	VECTOR(char *) details = {0};
	vector_for_each (&s->findings.list, finding)
		vector_push(&details, diagnostic_text(finding));
	s->all->refused_total++;
	s->all->listener->refused(s->all->user, s->request, s->err, details.items,
				  details.count);
	vector_for_each (&details, line)
		free(*line);
	vector_done(&details);
	submission_free(s);
}

static void step_work(uv_work_t *work)
{
	struct submission *s = container_of(work, struct submission, work);
	s->step(s);
}

static void step_worked(uv_work_t *work, int status)
{
	(void)status;
	struct submission *s = container_of(work, struct submission, work);
	if (s->err != NULL)
		submission_refuse(s);
	else
		s->then(s);
}

/* `step` in a thread, then `then` in the loop unless it set s->err. */
static void submission_thread(struct submission *s, void (*step)(struct submission *s),
			      void (*then)(struct submission *s))
{
	s->step = step;
	s->then = then;
	int r = uv_queue_work(loop_uv(s->all->loop), &s->work, step_work, step_worked);
	INVARIANT(r == 0);
}

static void submission_pin(struct submission *s, const char *digest)
{
	artifact_pin(s->all->artifacts, digest);
	vector_push(&s->pins, mem_strdup(digest));
}

/* ---- 4. to the core ---- */

static const char *native_of(void *user, const char *module_digest)
{
	const struct submission *s = user;
	vector_for_each (&s->modules, module)
		if (strcmp(module->file->hash, module_digest) == 0)
			return module->native.digest;
	return NULL;
}

static void submission_hand_over(struct submission *s)
{
	char id[UUID_SIZE];
	uuid_draw(id);
	Samoza__V1__TopologyRecord *record =
		topology_record_new(s->package, native_of, s, s->all->platform);
	const struct control_submit submit = {.id = id,
					      .topology = s->package->topology,
					      .record = record,
					      .start = s->start,
					      .dry_run = s->dry_run};
	s->all->submitted_total++;
	/* The pins stay until the core's record refers to the artifacts. */
	http_set_user(s->request, s);
	s->all->listener->submit(s->all->user, s->request, &submit);
	topology_record_free(record);
}

void submissions_decided(struct submissions *all, struct http_request *request)
{
	(void)all;
	struct submission *s = http_user(request);
	http_set_user(request, NULL);
	submission_free(s);
}

/* ---- 3. artifacts ---- */

static void store_step(struct submission *s)
{
	const struct artifacts *a = s->all->artifacts;
	int r = 0;
	vector_for_each (&s->missing, file)
		if (r == 0)
			r = artifact_store_file(a, s->package, *file, &s->err);
	vector_for_each (&s->modules, module)
		if (r == 0)
			r = artifact_store_link(a, module->native.path, module->native.digest,
						&s->err);
	if (r == 0)
		(void)!artifact_store_sync(a, &s->err);
	if (s->err != NULL) /* whatever it was, it was not the package's fault */
		s->err->code = ERR_IO;
}

static void stored(struct submission *s)
{
	vector_for_each (&s->pins, digest)
		artifact_mark_stored(s->all->artifacts, *digest);
	submission_hand_over(s);
}

static void submission_store(struct submission *s)
{
	if (s->dry_run) { /* nothing is kept */
		submission_hand_over(s);
		return;
	}
	bool complete = s->missing.count == 0;
	vector_for_each (&s->modules, module) {
		submission_pin(s, module->native.digest);
		if (!artifact_is_stored(s->all->artifacts, module->native.digest))
			complete = false;
	}
	if (complete)
		submission_hand_over(s);
	else
		submission_thread(s, store_step, stored);
}

/* ---- 2. modules ---- */

/* Every module that is refused is named, not only the first. */
static void module_load(struct submission *s, struct module *module)
{
	struct module_info info;
	struct error *fault = NULL;
	if (module->checked && module->known)
		return;
	if (mex_package_load(s->package, module->file, &module->data, &module->size, &s->err) <
	    0)
		return;
	if (module_check(module->data, module->size, module->memory_bytes, &info, &fault) < 0)
		diagnostics_add(&s->findings, module->file->path, 0, 0, "%s", fault->message);
	error_free(fault);
}

static void load_step(struct submission *s)
{
	for (size_t i = 0; i < s->modules.count && s->err == NULL; i++)
		module_load(s, &s->modules.items[i]);
	if (s->err == NULL && diagnostics_any(&s->findings))
		(void)!diagnostics_error(&s->findings, &s->err);
}

static void module_remember(struct submissions *all, const struct module *module)
{
	struct checked_module *c = NULL;
	HASH_FIND_STR(all->checked, module->file->hash, c);
	if (c == NULL) {
		c = mem_new(struct checked_module);
		memcpy(c->digest, module->file->hash, sizeof c->digest);
		c->memory_bytes = module->memory_bytes;
		HASH_ADD_STR(all->checked, digest, c);
	}
	if (module->memory_bytes < c->memory_bytes)
		c->memory_bytes = module->memory_bytes;
}

/* The last module that is waited for ends the wait, however it went. */
static void module_done(struct submission *s)
{
	if (--s->translating > 0)
		return;
	if (s->err != NULL)
		submission_refuse(s);
	else
		submission_store(s);
}

struct module_wait {
	struct submission *submission;
	size_t index;
};

static void module_translated(void *user, int code, const struct error *error,
			      const struct native_code *native)
{
	struct module_wait *wait = user;
	struct submission *s = wait->submission;
	struct module *module = &s->modules.items[wait->index];
	free(wait);
	if (code == 0) {
		module->native = *native;
		module->known = true;
	} else if (s->err == NULL) {
		(void)error_set(&s->err, error->code, "%s: %s", module->file->path,
				error->message);
	}
	module_done(s);
}

static void modules_translate(struct submission *s)
{
	s->translating = 1; /* until all are asked for */
	for (size_t i = 0; i < s->modules.count; i++) {
		struct module *module = &s->modules.items[i];
		module_remember(s->all, module);
		if (module->known)
			continue;
		struct module_wait *wait = mem_new(struct module_wait);
		*wait = (struct module_wait){.submission = s, .index = i};
		s->translating++;
		translations_ask(s->all->translations, module->file->hash,
				 steal_ptr(&module->data), module->size, module->memory_bytes,
				 module_translated, wait);
	}
	module_done(s);
}

static struct module *module_find(struct submission *s, const char *digest)
{
	vector_for_each (&s->modules, module)
		if (strcmp(module->file->hash, digest) == 0)
			return module;
	return NULL;
}

static void module_add(struct submission *s, const struct mex_file *file, uint64_t memory_bytes)
{
	struct module *module = module_find(s, file->hash);
	if (module == NULL) {
		module = vector_add(&s->modules);
		module->file = file;
		module->memory_bytes = memory_bytes;
	} else if (memory_bytes < module->memory_bytes) {
		module->file = file;
		module->memory_bytes = memory_bytes;
	}
}

/* What is known of the modules from submissions before. True: of all of them everything. */
static bool modules_recall(struct submission *s)
{
	bool all = true;
	vector_for_each (&s->modules, module) {
		struct checked_module *c = NULL;
		HASH_FIND_STR(s->all->checked, module->file->hash, c);
		module->checked = c != NULL && module->memory_bytes >= c->memory_bytes;
		const struct native_code *native =
			s->all->translations != NULL
				? translations_known(s->all->translations, module->file->hash)
				: NULL;
		module->known = native != NULL;
		if (native != NULL)
			module->native = *native;
		all = all && module->checked && module->known;
	}
	return all;
}

static void artifact_need(struct submission *s, const struct mex_file *file)
{
	submission_pin(s, file->hash);
	if (!artifact_is_stored(s->all->artifacts, file->hash))
		vector_push(&s->missing, file);
}

static void checked(struct submission *s)
{
	const struct mex_package *p = s->package;
	for (unsigned i = 0; i < p->topology->space_count; i++) {
		const struct mex_space *space = &p->spaces[i];
		for (unsigned k = 0; k < space->asset_count; k++)
			artifact_need(s, space->assets[k].file);
		for (unsigned k = 0; k < space->recipe_count; k++)
			artifact_need(s, space->recipes[k].file);
		if (space->module == NULL)
			continue;
		artifact_need(s, space->module);
		module_add(s, space->module, p->topology->spaces[i].memory_bytes);
	}
	if (modules_recall(s)) {
		submission_store(s);
		return;
	}
	if (s->all->translations == NULL) {
		(void)error_set(&s->err, ERR_UNAVAILABLE,
				"cannot translate modules on this machine: %s",
				s->all->translator_error);
		submission_refuse(s);
		return;
	}
	submission_thread(s, load_step, modules_translate);
}

/* ---- 1. open and check ---- */

/* The package is read from a file: a body in memory becomes one in memory. */
static int body_file(struct submission *s, struct error **err)
{
	if (s->fd >= 0)
		return 0;
	s->fd = memfd_create("upload", MFD_CLOEXEC);
	if (s->fd < 0)
		return error_errno(err, "cannot keep the upload");
	size_t done = 0;
	while (done < s->body_size) {
		ssize_t n = write(s->fd, s->body + done, s->body_size - done);
		if (n < 0 && errno != EINTR)
			return error_errno(err, "cannot keep the upload");
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void check_step(struct submission *s)
{
	if (body_file(s, &s->err) < 0)
		return;
	/* Modules are checked behind it, where they are new: load_step(). */
	const struct mex_options options = {.trust = s->trusted->keys,
					    .allow_unsigned = s->all->options.allow_unsigned};
	(void)!mex_package_open_fd(s->fd, &options, &s->findings, &s->package, &s->err);
	free(steal_ptr(&s->body));
}

void submissions_add(struct submissions *all, struct http_request *request, bool start,
		     bool dry_run)
{
	struct submission *s = mem_new(struct submission);
	s->all = all;
	s->request = request;
	s->start = start;
	s->dry_run = dry_run;
	s->fd = -1;
	all->active++;
	s->body_size = http_body_size(request);
	s->body = http_body_take(request);
	if (s->body == NULL && (s->fd = dup(http_body_fd(request))) < 0)
		(void)error_errno(&s->err, "cannot read the upload");
	if (s->err != NULL || trusted_refresh(all, &s->err) < 0) {
		submission_refuse(s);
		return;
	}
	s->trusted = all->trusted;
	s->trusted->references++;
	submission_thread(s, check_step, checked);
}

/* Packages are large and short-lived: after a burst the memory goes back to the system. */
static void trim_memory(void *user)
{
	struct submissions *s = user;
	if (s->active == 0)
		(void)malloc_trim(0);
}

/* ---- life ---- */

int submissions_new(struct loop *loop, struct artifacts *artifacts,
		    struct translations *translations, const char *platform,
		    const char *translator_error, const struct submit_options *options,
		    const struct submit_listener *listener, void *user,
		    struct submissions **ret_submissions, struct error **err)
{
	struct submissions *s = mem_new(struct submissions);
	s->loop = loop;
	s->artifacts = artifacts;
	s->translations = translations;
	s->platform = platform;
	s->translator_error = translator_error;
	s->options = *options;
	s->listener = listener;
	s->user = user;
	int r = trusted_refresh(s, err);
	if (r < 0) {
		free(s);
		return r;
	}
	s->trim = loop_timer_new(loop, trim_memory, s);
	*ret_submissions = s;
	return 0;
}

bool submissions_is_quiet(const struct submissions *s)
{
	return s->active == 0;
}

void submissions_free(struct submissions *s)
{
	if (s == NULL)
		return;
	PRE(submissions_is_quiet(s));
	loop_timer_free(s->trim);
	trusted_unref(s->trusted);
	struct checked_module *c, *next;
	HASH_ITER (hh, s->checked, c, next) {
		HASH_DEL(s->checked, c);
		free(c);
	}
	free(s);
}

void submissions_metrics(const struct submissions *s, struct buffer *out)
{
	(void)buffer_printf(
		out,
		"# HELP zrms_submissions_total Packages that passed every check.\n"
		"# TYPE zrms_submissions_total counter\nzrms_submissions_total %llu\n"
		"# HELP zrms_submissions_refused_total Packages that were refused.\n"
		"# TYPE zrms_submissions_refused_total counter\n"
		"zrms_submissions_refused_total %llu\n"
		"# HELP zrms_submissions_active Packages that are being checked.\n"
		"# TYPE zrms_submissions_active gauge\nzrms_submissions_active %u\n",
		(unsigned long long)s->submitted_total, (unsigned long long)s->refused_total,
		s->active);
}
