#include "zhost/native/native_runtime.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "adapter/sandbox/cgroup.h"
#include "adapter/sandbox/filter.h"
#include "base/buffer.h"
#include "base/str.h"
#include "model/space_defaults.h"
#include "zhost/artifact/package_files.h"
#include "zhost/native/clearing.h"
#include "zhost/native/kept_data.h"
#include "zhost/native/native_devices.h"

#define RESERVE_MS 400 /* of an action's time: for zrun to kill and to report */
#define LIST_MAX   ((size_t)16 * 1024 * 1024)
/* Users of instances where zhost is root: below the numbers that systemd and others give to
 * containers, from 2^31 on. */
#define UID_FIRST  1900000000u
#define UID_COUNT  200000000u
#define UID_NOBODY 65534u

static const char *const recipes[] = {"deploy", "start", "update", "stop", "undeploy"};

struct native_runtime {
	const struct state_dir *dir;
	const char *zhost;
	void *filter;
	size_t filter_size;
	void *connects_filter; /* of a keeper that connects for its programs */
	size_t connects_filter_size;
	const struct closed_ports *closed;
	const struct zrms_addresses *zrms;
	bool has_users; /* the numbers above can be used */
	struct clearing *clearing;
	const Samoza__V1__ZhostSpec *offers; /* borrowed; NULL: nothing */
};

/* ---- files ---- */

static int write_list(struct native_runtime *n, const char *file_name, const struct buffer *b,
		      struct error **err)
{
	char name[INSTANCE_FILE_NAME_SIZE + 4];
	snprintf(name, sizeof(name), "%s.f", file_name);
	CLEANUP(closep)
	int fd = openat(n->dir->run_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, b->data, b->size) != (ssize_t)b->size)
		return error_errno(err, "cannot write the list of files");
	return 0;
}

int native_write_list(struct native_runtime *n, const char *file_name,
		      const Samoza__V1__InstanceSpec *spec, struct error **err)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(LIST_MAX);
	const Samoza__V1__AssetFile *f;
	int failed = 0;
	for (size_t i = 0; (f = package_file(spec, i)) != NULL; i++)
		failed |= buffer_printf(&b, "%s %s %s%s\n", f->executable ? "755" : "644",
					f->digest, i < spec->n_recipes ? "recipes/" : "",
					f->name);
	if (failed != 0)
		return error_set(err, ERR_LIMIT, "the package has too many files");
	return write_list(n, file_name, &b, err);
}

/* ---- settings ---- */

static void set(struct native_launch *l, const char *name, const char *value)
{
	variables_add(&l->settings, mem_strdup(name), value);
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

static void set_probe(struct native_launch *l, const struct native_action *a, const char *name,
		      const Samoza__V1__Probe *p)
{
	CLEANUP(freep) char *value = NULL;
	CLEANUP(freep) char *key = NULL;

	if (p == NULL)
		return;
	const struct space_defaults defaults = space_defaults();
	if (p->tcp != NULL)
		value = variables_port(p->tcp, a->exports, a->n_exports);
	else
		value = variables_replace(p->http != NULL ? p->http : p->command, a->exports,
					  a->n_exports);
	key = str_printf("%s.%s", name,
			 p->tcp != NULL	   ? "tcp"
			 : p->http != NULL ? "http"
					   : "command");
	set(l, key, value);
	free(key);
	key = str_printf("%s.interval_ms", name);
	set_text(l, key, "%u",
		 p->has_interval_ms ? p->interval_ms : defaults.probe_interval_ms);
	free(key);
	key = str_printf("%s.timeout_ms", name);
	set_text(l, key, "%u", p->has_timeout_ms ? p->timeout_ms : defaults.probe_timeout_ms);
	free(key);
	key = str_printf("%s.failures", name);
	set_text(l, key, "%u", p->has_failures ? p->failures : defaults.probe_failures);
}

static void set_times(struct native_launch *l, const struct native_action *a)
{
	uint64_t timeout =
		a->spec->has_action_timeout_ms && a->spec->action_timeout_ms > 0
			? a->spec->action_timeout_ms
			: space_defaults().action_timeout_ms; /* [formats.topology.recipes] */
	uint64_t reserve = timeout > 4 * (uint64_t)RESERVE_MS ? RESERVE_MS : timeout / 10;
	uint64_t gone = (uint64_t)a->spent_ms + reserve;

	set_text(l, "timeout_ms", "%" PRIu64, timeout);
	set_text(l, "left_ms", "%" PRIu64, timeout > gone ? timeout - gone : 1);
}

static void set_recipes(struct native_launch *l, const struct native_action *a)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1024);

	for (size_t k = 0; k < ARRAY_SIZE(recipes); k++)
		for (size_t i = 0; i < a->spec->n_recipes; i++)
			if (strcmp(a->spec->recipes[i]->name, recipes[k]) == 0)
				(void)!buffer_printf(&b, "%s%s", b.size > 0 ? " " : "",
						     recipes[k]);
	(void)!buffer_add(&b, "", 1);
	set(l, "recipes", b.data);
}

/* Its own user; once it has a directory, the owner of that. What it has kept may be of a topology
 * that had the name before. */
static uid_t user_of(const struct native_runtime *n, const struct native_action *a,
		     const struct native_launch *l)
{
	CLEANUP(freep) char *data = str_printf("%s/data", l->directory);
	CLEANUP(freep) char *id = str_printf("%s/%s", n->dir->identity, a->slot_id);
	struct stat st;
	if (a->action != ACTION_DEPLOY && stat(data, &st) == 0 && st.st_uid != 0)
		return st.st_uid;
	if (l->kept != NULL && stat(l->kept, &st) == 0 && st.st_uid != 0)
		return st.st_uid;
	return n->has_users ? UID_FIRST + (uid_t)(str_hash(id) % UID_COUNT) : UID_NOBODY;
}

static void set_all(struct native_launch *l, struct native_runtime *n,
		    const struct native_action *a, uid_t user)
{
	set(l, "action", agent_action_name(a->action));
	set(l, "folder", l->directory);
	set(l, "hidden", n->dir->path);
	set(l, "group", a->file_name);
	set(l, "foreground", a->spec->foreground ? "1" : "0");
	set_text(l, "uid", "%u", (unsigned)user);
	if (l->kept != NULL)
		set(l, "kept", l->kept);
	set_times(l, a);
	set_recipes(l, a);
	set_text(l, "list", "%s/run/%s.f", n->dir->path, a->file_name);
	set_text(l, "cache", "%s/cache", n->dir->path);
	set_text(l, "cpu_millicores", "%u", a->spec->cpu_millicores);
	set_text(l, "cpu_limit_millicores", "%u", a->spec->cpu_limit_millicores);
	set_text(l, "memory_bytes", "%" PRIu64, a->spec->memory_bytes);
	set(l, "reload", a->spec->reload == SAMOZA__V1__RELOAD__RELOAD_SIGNAL ? "signal" : "");
	if (a->action == ACTION_START) {
		set_probe(l, a, "ready", a->spec->ready);
		set_probe(l, a, "health", a->spec->health);
	}
}

/* Whom its programs are to believe, where zrms is reached with TLS. */
static int set_authorities(struct native_launch *l, const struct native_runtime *n,
			   struct error **err)
{
	CLEANUP(freep)
	char *path = str_printf("%s/credentials/" PKI_AUTHORITIES_FILE, n->dir->path);
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(PKI_FILE_MAX);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t size = 0;
	while (fd >= 0) {
		char *at = buffer_reserve(&text, 4096);
		size = at != NULL ? read(fd, at, 4096) : -1;
		if (size <= 0)
			break;
		buffer_grew(&text, (size_t)size);
	}
	if (fd < 0 || size < 0 || buffer_add(&text, "", 1) < 0)
		return error_errno(err, "cannot read %s", path);
	set(l, "api_authorities", text.data);
	return 0;
}

/* Where zrms is, and the token; for a start. */
static int set_api(struct native_launch *l, const struct native_runtime *n,
		   const struct native_action *a, struct error **err)
{
	if (a->action != ACTION_START || !a->has_api || a->api_token == NULL)
		return 0;
	const struct stream_address at = zrms_addresses_now(n->zrms);
	bool is_six = strchr(at.host, ':') != NULL;
	set_text(l, "api_url", "%s://%s%s%s:%u", n->zrms->is_secure ? "https" : "http",
		 is_six ? "[" : "", at.host, is_six ? "]" : "", (unsigned)at.port);
	set(l, "api_token", a->api_token);
	return n->zrms->is_secure ? set_authorities(l, n, err) : 0;
}

/* Whether there are any. */
static bool set_closed(struct native_launch *l, const struct native_runtime *n,
		       const struct native_action *a)
{
	CLEANUP(freep) char *text = closed_ports_text(n->closed, a->has_api);
	set(l, "closed", text);
	return text[0] != '\0';
}

/* ---- launching ---- */

const char *native_directory(const struct native_runtime *n)
{
	return n->dir->path;
}

static void fill_environment(struct native_launch *l, const struct native_runtime *n,
			     const struct native_action *a)
{
	variables_identity(&l->environment, a->key, a->spec, n->zhost);
	variables_exports(&l->environment, a->exports, a->n_exports);
	vector_for_each (a->ancestors, v)
		variables_add(&l->environment, mem_strdup(v->name), v->value);
}

/* Under which it keeps data: the name that it had first. */
static const char *data_path(const struct native_action *a)
{
	const char *slash =
		a->spec->data_owner != NULL ? strchr(a->spec->data_owner, '/') : NULL;
	return slash != NULL ? slash + 1 : a->key->path;
}

/* For an undeploy only where there is one. */
static int find_kept(struct native_launch *l, const struct native_runtime *n,
		     const struct native_action *a, uid_t *ret_user, struct error **err)
{
	const char *topology = a->spec->topology_name;
	struct stat st;
	l->kept = kept_data_find(n->dir->path, topology, data_path(a),
				 clearing_counts_from(n->clearing, topology));
	*ret_user = user_of(n, a, l);
	if (l->kept == NULL)
		return a->action == ACTION_UNDEPLOY
			       ? 0
			       : kept_data_make(n->dir->path, topology, data_path(a),
						a->key->epoch, *ret_user, &l->kept, err);
	/* Its making was interrupted. */
	if (geteuid() == 0 && stat(l->kept, &st) == 0 && st.st_uid == 0 &&
	    chown(l->kept, *ret_user, (gid_t)*ret_user) < 0)
		return error_errno(err, "cannot give %s to its instance", l->kept);
	return 0;
}

int native_launch_init(struct native_launch *l, struct native_runtime *n,
		       const struct native_action *a, struct launch_request *q,
		       struct error **err)
{
	uid_t user;
	*l = (struct native_launch){
		.directory = str_printf("%s/spaces/%s", n->dir->path, a->file_name)};
	int r = find_kept(l, n, a, &user, err);
	if (r < 0) {
		native_launch_done(l);
		return r;
	}
	set_all(l, n, a, user);
	r = set_api(l, n, a, err);
	if (r < 0) {
		native_launch_done(l);
		return r;
	}
	fill_environment(l, n, a);
	r = native_devices_add(n->offers, a->spec, a->action == ACTION_START, &l->settings,
			       &l->environment, err);
	if (r < 0) {
		native_launch_done(l);
		return r;
	}
	q->module_path = l->directory;
	q->environment = variables_for_launch(&l->environment);
	q->environment_count = l->environment.count;
	if (set_closed(l, n, a)) {
		q->seccomp_program = n->connects_filter;
		q->seccomp_size = n->connects_filter_size;
	} else {
		q->seccomp_program = n->filter;
		q->seccomp_size = n->filter_size;
	}
	q->settings = variables_for_launch(&l->settings);
	q->settings_count = l->settings.count;
	return 0;
}

/* The token is to be in no memory that is used for something else. */
static void wipe(struct native_launch *l)
{
	vector_for_each (&l->settings, v)
		if (str_equal(v->name, "api_token"))
			sodium_memzero(v->value, strlen(v->value));
}

void native_launch_done(struct native_launch *l)
{
	wipe(l);
	variables_done(&l->settings);
	variables_done(&l->environment);
	free(l->directory);
	free(l->kept);
}

void native_ended(const char *file_name)
{
	cgroup_remove(file_name);
}

/* ---- directories of instances that are no longer here ---- */

void native_forget(struct native_runtime *n, const char *topology, uint64_t epoch)
{
	clearing_forget(n->clearing, topology, epoch);
}

bool native_forgets(const struct native_runtime *n, const char *topology)
{
	return clearing_forgets(n->clearing, topology);
}

void native_forget_settled(struct native_runtime *n, const char *topology)
{
	clearing_settle(n->clearing, topology);
}

/* Renamed at once, so that no instance uses them again; removed in a thread. */
void native_sweep(struct native_runtime *n, bool (*is_used)(void *user, const char *file_name),
		  void *user)
{
	cgroup_sweep();
	CLEANUP(freep) char *spaces = str_printf("%s/spaces", n->dir->path);
	path_vector directories = {0};
	DIR *dir = opendir(spaces);
	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    is_used(user, e->d_name))
			continue;
		CLEANUP(freep)
		char *gone = str_printf("%s%s", e->d_name[0] == '.' ? "" : ".", e->d_name);
		if (strcmp(gone, e->d_name) != 0 &&
		    renameat(dirfd(dir), e->d_name, dirfd(dir), gone) < 0)
			continue;
		vector_push(&directories, str_printf("%s/%s", spaces, gone));
	}
	if (dir != NULL)
		(void)closedir(dir);
	kept_data_gone(n->dir->path, &directories);
	if (directories.count > 0)
		log_info("zhost", "swept", LOG_U("directories", directories.count));
	vector_for_each (&directories, directory)
		clearing_remove(n->clearing, *directory);
	vector_done(&directories);
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

int native_runtime_new(struct loop *loop, const struct state_dir *dir, const char *zhost,
		       const struct closed_ports *closed, const struct zrms_addresses *zrms,
		       struct native_runtime **ret_runtime, struct error **err)
{
	struct native_runtime *n = mem_new(struct native_runtime);
	n->clearing = clearing_new(loop, dir->path);
	n->dir = dir;
	n->zhost = zhost;
	n->has_users = has_users();
	n->closed = closed;
	n->zrms = zrms;
	int r = sandbox_native_filter_new(&n->filter, &n->filter_size, err);
	if (r == 0)
		r = sandbox_connects_filter_new(&n->connects_filter, &n->connects_filter_size,
						err);
	if (r < 0) {
		native_runtime_free(n);
		return r;
	}
	*ret_runtime = n;
	return 0;
}

void native_runtime_offer(struct native_runtime *n, const Samoza__V1__ZhostSpec *spec)
{
	n->offers = spec;
}

void native_runtime_free(struct native_runtime *n)
{
	if (n == NULL)
		return;
	clearing_free(n->clearing);
	free(n->filter);
	free(n->connects_filter);
	free(n);
}
