#include "zhost/native/native_runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/sandbox/cgroup.h"
#include "adapter/sandbox/filter.h"
#include "base/str.h"
#include "zhost/environment/variables.h"
#include "zhost/process/zrun_process.h"
#include "zhost/reconcile/reconcile.h"
#include "zrun/native/native_files.h"

#define TIMEOUT_MS 60000 /* [formats.topology.recipes] */
#define RESERVE_MS 400	 /* of an action's time: for zrun to kill, to tell, and to be heard */
#define EVICT_MS   2000
#define LIST_MAX   ((size_t)16 * 1024 * 1024)
#define PATHS_MAX  4096
/* Users of instances where zhost is root: nobody's numbers, below those that systemd and
 * others give to containers from 2^31 on. */
#define UID_FIRST  1900000000u
#define UID_COUNT  200000000u
#define UID_NOBODY 65534u

static const char *const recipes[] = {"deploy", "start", "update", "stop", "undeploy"};

struct native_runtime {
	void *filter;
	size_t filter_size;
	bool has_users; /* the numbers above can be used */
};

bool native_is(const Samoza__V1__InstanceSpec *spec)
{
	return spec->type == SAMOZA__V1__SPACE_TYPE__NATIVE;
}

const Samoza__V1__AssetFile *native_file(const Samoza__V1__InstanceSpec *spec, size_t index)
{
	if (index < spec->n_recipes)
		return spec->recipes[index];
	index -= spec->n_recipes;
	return index < spec->n_assets ? spec->assets[index] : NULL;
}

/* ---- files ---- */

static int write_list(const struct resident *r, const struct buffer *b, struct error **err)
{
	char name[INSTANCE_FILE_NAME_SIZE + 4];
	CLEANUP(closep) int fd = -1;

	snprintf(name, sizeof(name), "%s.f", r->run_name);
	fd = openat(r->zhost->state_dir.run_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);
	if (fd < 0 || write(fd, b->data, b->size) != (ssize_t)b->size)
		return error_errno(err, "cannot write the list of files");
	return 0;
}

int native_list(struct resident *r, struct error **err)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(LIST_MAX);
	const Samoza__V1__AssetFile *f;
	int failed = 0;

	for (size_t i = 0; (f = native_file(r->spec, i)) != NULL; i++)
		failed |= buffer_printf(&b, "%s %s %s%s\n", f->executable ? "755" : "644",
					f->digest, i < r->spec->n_recipes ? "recipes/" : "",
					f->name);
	if (failed != 0)
		return error_set(err, ERR_LIMIT, "the package has too many files");
	return write_list(r, &b, err);
}

/* ---- settings ---- */

static void set(struct native_launch *l, const char *name, const char *value)
{
	vector_push(&l->settings,
		    ((struct launch_variable){mem_strdup(name), mem_strdup(value)}));
}

__attribute__((format(printf, 3, 4))) static void
set_text(struct native_launch *l, const char *name, const char *format, ...)
{
	CLEANUP(freep) char *text = NULL;
	va_list args;

	va_start(args, format);
	text = str_vprintf(format, args);
	va_end(args);
	set(l, name, text);
}

static void set_probe(struct native_launch *l, const struct resident *r, const char *name,
		      const Samoza__V1__Probe *p)
{
	CLEANUP(freep) char *value = NULL;
	CLEANUP(freep) char *key = NULL;

	if (p == NULL)
		return;
	if (p->tcp != NULL)
		value = variables_port(p->tcp, r->exports, r->n_exports);
	else
		value = variables_replace(p->http != NULL ? p->http : p->command, r->exports,
					  r->n_exports);
	key = str_printf("%s.%s", name,
			 p->tcp != NULL	   ? "tcp"
			 : p->http != NULL ? "http"
					   : "command");
	set(l, key, value);
	free(key);
	key = str_printf("%s.interval_ms", name);
	set_text(l, key, "%u", p->has_interval_ms ? p->interval_ms : 10000u);
	free(key);
	key = str_printf("%s.timeout_ms", name);
	set_text(l, key, "%u", p->has_timeout_ms ? p->timeout_ms : 5000u);
	free(key);
	key = str_printf("%s.failures", name);
	set_text(l, key, "%u", p->has_failures ? p->failures : 3u);
}

static void set_times(struct native_launch *l, const struct resident *r)
{
	uint64_t timeout = r->spec->has_action_timeout_ms && r->spec->action_timeout_ms > 0
				   ? r->spec->action_timeout_ms
				   : TIMEOUT_MS;
	uint64_t reserve = timeout > 4 * (uint64_t)RESERVE_MS ? RESERVE_MS : timeout / 10;
	uint64_t gone = (uint64_t)(loop_now(&r->zhost->loop).mono_ms - r->begun_ms) + reserve;

	set_text(l, "timeout_ms", "%" PRIu64, timeout);
	set_text(l, "left_ms", "%" PRIu64, timeout > gone ? timeout - gone : 1);
}

static void set_recipes(struct native_launch *l, const struct resident *r)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1024);

	for (size_t k = 0; k < ARRAY_SIZE(recipes); k++)
		for (size_t i = 0; i < r->spec->n_recipes; i++)
			if (strcmp(r->spec->recipes[i]->name, recipes[k]) == 0)
				(void)!buffer_printf(&b, "%s%s", b.size > 0 ? " " : "",
						     recipes[k]);
	(void)!buffer_add(&b, "", 1);
	set(l, "recipes", b.data);
}

/* Its own user; that of its folder, once there is one. */
static uid_t user_of(const struct resident *r, const char *folder)
{
	CLEANUP(freep) char *data = str_printf("%s/data", folder);
	CLEANUP(freep) char *id = str_printf("%s/%s", r->zhost->state_dir.identity, r->id);
	struct stat st;

	if (r->kind != ACTION_DEPLOY && stat(data, &st) == 0 && st.st_uid != 0)
		return st.st_uid;
	return r->zhost->native->has_users ? UID_FIRST + (uid_t)(str_hash(id) % UID_COUNT)
					   : UID_NOBODY;
}

/* ---- environment ---- */

static void add_ancestors(variable_vector *to, struct resident *r)
{
	const char *parent = r->spec->parent;
	struct resident *a;

	/* Each parent's path is shorter than its child's: this ends. */
	while (parent != NULL &&
	       (a = resident_find(r->zhost, r->key->topology, parent)) != NULL) {
		Samoza__V1__Variable **exports;
		bool changed;

		if (ports_fill(r->zhost->ports, a->id, a->spec->exports, a->spec->n_exports,
			       &exports, &changed, NULL) == 0) {
			if (changed)
				reconcile_ports(r->zhost->reconcile, a->id);
			variables_ancestor(to, a->spec->space, a->key->path, exports,
					   a->spec->n_exports);
			ports_exports_free(exports, a->spec->n_exports);
		}
		if (a->spec->parent != NULL && strlen(a->spec->parent) >= strlen(parent))
			return;
		parent = a->spec->parent;
	}
}

static void fill_environment(struct native_launch *l, struct resident *r)
{
	variable_vector v = {0};

	variables_identity(&v, r->key, r->spec, r->zhost->settings.name);
	variables_exports(&v, r->exports, r->n_exports);
	add_ancestors(&v, r);
	vector_for_each (&v, i)
		vector_push(&l->environment, ((struct launch_variable){i->name, i->value}));
	vector_done(&v);
}

/* Those of a start are filled already; the other actions see the same ones. */
static int fill_exports(struct resident *r, struct error **err)
{
	bool changed;
	int result;

	if (r->exports != NULL)
		return 0;
	result = ports_fill(r->zhost->ports, r->id, r->spec->exports, r->spec->n_exports,
			    &r->exports, &changed, err);
	if (result < 0)
		return result;
	r->n_exports = r->spec->n_exports;
	if (changed)
		reconcile_ports(r->zhost->reconcile, r->id);
	return 0;
}

/* ---- launching ---- */

/* One that an earlier zhost began and nobody waits for any more: deploy and undeploy are begun
 * again after a restart. */
static void evict(struct resident *r)
{
	char name[INSTANCE_FILE_NAME_SIZE + 4];
	CLEANUP(closep) int fd = -1;
	CLEANUP(closep) int pidfd = -1;
	pid_t pid;

	snprintf(name, sizeof(name), "%s.s", r->run_name);
	if (launch_connect(r->zhost->state_dir.run_fd, name, &fd, NULL) < 0 ||
	    launch_adopt(fd, &pid, &pidfd, NULL) < 0)
		return;
	log_warn("spaces", "process.evicted", LOG_S("path", r->key->path), LOG_U("pid", pid));
	launch_kill(pidfd);
	(void)poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, EVICT_MS);
}

int native_prepare(struct resident *r, struct error **err)
{
	evict(r);
	return fill_exports(r, err);
}

int native_launch_init(struct native_launch *l, struct resident *r, struct launch_request *q,
		       struct error **err)
{
	const struct zhost *z = r->zhost;
	CLEANUP(freep)
	char *folder = str_printf("%s/spaces/%s", z->state_dir.path, r->run_name);
	int result = fill_exports(r, err);

	*l = (struct native_launch){0};
	if (result < 0)
		return result;
	set(l, "action", agent_action_name(r->kind));
	set(l, "folder", folder);
	set(l, "hidden", z->state_dir.path);
	set(l, "group", r->run_name);
	set(l, "foreground", r->spec->foreground ? "1" : "0");
	set_text(l, "uid", "%u", (unsigned)user_of(r, folder));
	set_times(l, r);
	set_recipes(l, r);
	set_text(l, "list", "%s/run/%s.f", z->state_dir.path, r->run_name);
	set_text(l, "cache", "%s/cache", z->state_dir.path);
	set_text(l, "cpu_millicores", "%u", r->spec->cpu_millicores);
	set_text(l, "memory_bytes", "%" PRIu64, r->spec->memory_bytes);
	if (r->kind == ACTION_START) {
		set_probe(l, r, "ready", r->spec->ready);
		set_probe(l, r, "health", r->spec->health);
	}
	fill_environment(l, r);
	q->settings = l->settings.items;
	q->settings_count = l->settings.count;
	q->environment = l->environment.items;
	q->environment_count = l->environment.count;
	q->seccomp_program = z->native->filter;
	q->seccomp_size = z->native->filter_size;
	free(r->module_path);
	r->module_path = steal_ptr(&folder);
	q->module_path = r->module_path;
	return 0;
}

void native_ended(const struct resident *r)
{
	cgroup_remove(r->run_name);
}

static void free_variables(struct launch_variable *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((char *)(uintptr_t)items[i].name);
		free((char *)(uintptr_t)items[i].value);
	}
}

void native_launch_done(struct native_launch *l)
{
	free_variables(l->settings.items, l->settings.count);
	free_variables(l->environment.items, l->environment.count);
	vector_done(&l->settings);
	vector_done(&l->environment);
}

/* ---- life ---- */

/* Whether this namespace of users has the numbers: a container may have few. */
static bool has_users(void)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned inside, outside, count;
	bool found = map == NULL;

	while (map != NULL && fscanf(map, "%u %u %u", &inside, &outside, &count) == 3)
		found |= inside <= UID_FIRST && count >= UID_FIRST - inside + UID_COUNT;
	if (map != NULL)
		(void)fclose(map);
	return found;
}

struct removal {
	uv_work_t work;
	VECTOR(char *) folders;
};

static void remove_folders(uv_work_t *work)
{
	struct removal *r = work->data;
	char text[300];

	vector_for_each (&r->folders, folder)
		(void)native_remove(*folder, text, sizeof(text));
}

static void removed(uv_work_t *work, int status)
{
	struct removal *r = work->data;

	(void)status;
	vector_for_each (&r->folders, folder)
		free(*folder);
	vector_done(&r->folders);
	free(r);
}

static bool is_used(const struct zhost *z, const char *name)
{
	for (const struct resident *r = z->residents; r != NULL; r = r->hh.next)
		if (strcmp(r->run_name, name) == 0)
			return true;
	return false;
}

/* Folders of instances that are no more. Renamed at once, so that nobody begins in them again;
 * removed in a thread. */
static void sweep(struct zhost *z)
{
	CLEANUP(freep) char *spaces = str_printf("%s/spaces", z->state_dir.path);
	struct removal *r = mem_new(struct removal);
	DIR *dir = opendir(spaces);

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		CLEANUP(freep) char *gone = NULL;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    is_used(z, e->d_name))
			continue;
		gone = str_printf("%s%s", e->d_name[0] == '.' ? "" : ".", e->d_name);
		if (strcmp(gone, e->d_name) != 0 &&
		    renameat(dirfd(dir), e->d_name, dirfd(dir), gone) < 0)
			continue;
		vector_push(&r->folders, str_printf("%s/%s", spaces, gone));
	}
	if (dir != NULL)
		(void)closedir(dir);
	r->work.data = r;
	if (r->folders.count > 0)
		log_info("zhost", "swept", LOG_U("folders", r->folders.count));
	if (r->folders.count == 0 ||
	    uv_queue_work(loop_uv(&z->loop), &r->work, remove_folders, removed) != 0)
		removed(&r->work, 0);
}

int native_begin(struct zhost *z, struct error **err)
{
	struct native_runtime *d = z->native = mem_new(struct native_runtime);
	int r = sandbox_native_filter_new(&d->filter, &d->filter_size, err);

	if (r < 0)
		return r;
	d->has_users = has_users();
	cgroup_sweep();
	sweep(z);
	return 0;
}

void native_end(struct zhost *z)
{
	if (z->native == NULL)
		return;
	free(z->native->filter);
	free(z->native);
	z->native = NULL;
}
