#include "zrms/artifacts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "proto/record.pb-c.h"

enum { DIGEST_CHARS = 64 };

struct artifact {
	UT_hash_handle hh;
	char digest[DIGEST_CHARS + 1];
	unsigned references; /* topologies and pins */
	bool stored;
};

/* What a topology needs, to let go of it when it is gone. */
struct topology_artifacts {
	UT_hash_handle hh;
	char *id;
	VECTOR(struct artifact *) needs; /* each once; one reference each */
};

struct artifacts {
	char *dir;	      /* "DIR/artifacts" */
	int dir_fd, files_fd; /* the folder and its sha256/ */
	struct artifact *all; /* by digest */
	struct topology_artifacts *topologies;
	uint64_t stored_total, removed_total;
};

static bool digest_is_valid(const char *digest)
{
	return digest != NULL && strlen(digest) == DIGEST_CHARS &&
	       strspn(digest, "0123456789abcdef") == DIGEST_CHARS;
}

/* ---- references ---- */

static struct artifact *artifact_find(struct artifacts *a, const char *digest)
{
	struct artifact *artifact = NULL;
	HASH_FIND(hh, a->all, digest, DIGEST_CHARS, artifact);
	return artifact;
}

static struct artifact *artifact_ref(struct artifacts *a, const char *digest)
{
	PRE(digest_is_valid(digest));
	struct artifact *artifact = artifact_find(a, digest);
	if (artifact == NULL) {
		artifact = mem_new(struct artifact);
		memcpy(artifact->digest, digest, DIGEST_CHARS);
		HASH_ADD(hh, a->all, digest, DIGEST_CHARS, artifact);
	}
	artifact->references++;
	return artifact;
}

static void artifact_unref(struct artifacts *a, struct artifact *artifact)
{
	INVARIANT(artifact->references > 0);
	if (--artifact->references > 0)
		return;
	/* In this thread: a pin taken right behind it must find the file gone, not going. */
	if (unlinkat(a->files_fd, artifact->digest, 0) == 0)
		a->removed_total++;
	HASH_DEL(a->all, artifact);
	free(artifact);
}

void artifact_pin(struct artifacts *a, const char *digest)
{
	(void)artifact_ref(a, digest);
}

void artifact_unpin(struct artifacts *a, const char *digest)
{
	artifact_unref(a, artifact_find(a, digest));
}

bool artifact_is_stored(struct artifacts *a, const char *digest)
{
	struct artifact *artifact = artifact_find(a, digest);
	return artifact != NULL && artifact->stored;
}

void artifact_mark_stored(struct artifacts *a, const char *digest)
{
	struct artifact *artifact = artifact_find(a, digest);
	PRE(artifact != NULL);
	if (!artifact->stored)
		a->stored_total++;
	artifact->stored = true;
}

/* ---- topologies ---- */

static void topology_need(struct artifacts *a, struct topology_artifacts *t, const char *digest)
{
	if (!digest_is_valid(digest))
		return;
	vector_push(&t->needs, artifact_ref(a, digest));
}

static void topology_needs(struct artifacts *a, struct topology_artifacts *t,
			   const Samoza__V1__TopologyRecord *record)
{
	for (size_t i = 0; i < record->n_artifacts; i++) {
		const Samoza__V1__SpaceArtifacts *space = record->artifacts[i];
		topology_need(a, t, space->module_digest);
		topology_need(a, t, space->native_digest);
		for (size_t k = 0; k < space->n_assets; k++)
			topology_need(a, t, space->assets[k]->digest);
		for (size_t k = 0; k < space->n_recipes; k++)
			topology_need(a, t, space->recipes[k]->digest);
	}
}

static void topology_free(struct artifacts *a, struct topology_artifacts *t)
{
	HASH_DEL(a->topologies, t);
	vector_done(&t->needs);
	free(t->id);
	free(t);
}

int artifacts_record(struct artifacts *a, enum record_kind kind, const char *id,
		     const void *data, size_t size, struct error **err)
{
	if (kind != RECORD_TOPOLOGY)
		return 0;
	struct topology_artifacts *t = NULL;
	HASH_FIND_STR(a->topologies, id, t);
	if (data == NULL) {
		if (t == NULL)
			return 0;
		vector_for_each (&t->needs, artifact)
			artifact_unref(a, *artifact);
		topology_free(a, t);
		return 0;
	}
	if (t != NULL)
		return 0; /* what a topology consists of never changes, only its state */
	Samoza__V1__TopologyRecord *record =
		samoza__v1__topology_record__unpack(NULL, size, data);
	if (record == NULL)
		return error_set(err, ERR_INVALID, "the record of topology %s cannot be read",
				 id);
	t = mem_new(struct topology_artifacts);
	t->id = mem_strdup(id);
	HASH_ADD_KEYPTR(hh, a->topologies, t->id, strlen(t->id), t);
	topology_needs(a, t, record);
	samoza__v1__topology_record__free_unpacked(record, NULL);
	return 0;
}

/* ---- at start ---- */

static int folder_each(int parent_fd, const char *name,
		       bool (*keep)(struct artifacts *a, const char *name), struct artifacts *a,
		       struct error **err)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (folder == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return error_errno(err, "cannot read %s/%s", a->dir, name);
	}
	int removed = 0;
	struct dirent *entry;
	while ((entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.' && !keep(a, entry->d_name) &&
		    unlinkat(fd, entry->d_name, 0) == 0)
			removed++;
	(void)closedir(folder);
	return removed;
}

static bool keep_referred(struct artifacts *a, const char *name)
{
	struct artifact *artifact = digest_is_valid(name) ? artifact_find(a, name) : NULL;
	if (artifact != NULL)
		artifact->stored = true;
	return artifact != NULL;
}

static bool keep_folders(struct artifacts *a, const char *name)
{
	(void)a;
	return !str_has_prefix(name, "tmp-");
}

int artifacts_collect(struct artifacts *a, struct error **err)
{
	int removed = folder_each(a->dir_fd, ".", keep_folders, a, err);
	if (removed < 0)
		return removed;
	int files = folder_each(a->dir_fd, "sha256", keep_referred, a, err);
	return files < 0 ? files : removed + files;
}

/* ---- reading ---- */

int artifact_open(struct artifacts *a, const char *digest, int *ret_fd, uint64_t *ret_size,
		  struct error **err)
{
	struct artifact *artifact = digest_is_valid(digest) ? artifact_find(a, digest) : NULL;
	if (artifact == NULL)
		return error_set(err, ERR_NOT_FOUND, "no artifact %s", digest);
	CLEANUP(closep)
	int fd = openat(a->files_fd, digest, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat info;
	if (fd < 0 || fstat(fd, &info) < 0)
		return error_errno(err, "cannot open artifact %s", digest);
	*ret_size = (uint64_t)info.st_size;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

/* ---- writing, in any thread ---- */

static int temporary_open(const struct artifacts *a, char **ret_path, int *ret_fd,
			  struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/tmp-XXXXXX", a->dir);
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot make a file in %s", a->dir);
	*ret_path = steal_ptr(&path);
	*ret_fd = fd;
	return 0;
}

static int temporary_place(const struct artifacts *a, const char *path, int fd,
			   const char *digest, struct error **err)
{
	if (fchmod(fd, 0644) < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot write artifact %s", digest);
	if (renameat(AT_FDCWD, path, a->files_fd, digest) < 0)
		return error_errno(err, "cannot place artifact %s", digest);
	return 0;
}

int artifact_store_file(const struct artifacts *a, struct mex_package *package,
			const struct mex_file *file, struct error **err)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(closep) int fd = -1;
	int r = temporary_open(a, &path, &fd, err);
	if (r < 0)
		return r;
	r = mex_package_extract(package, file, fd, err);
	if (r == 0)
		r = temporary_place(a, path, fd, file->hash, err);
	if (r < 0)
		(void)unlink(path);
	return r;
}

int artifact_store_link(const struct artifacts *a, const char *path, const char *digest,
			struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return error_errno(err, "cannot read %s", path);
	if (linkat(AT_FDCWD, path, a->files_fd, digest, 0) < 0 && errno != EEXIST)
		return error_errno(err, "cannot place artifact %s", digest);
	return 0;
}

int artifact_store_sync(const struct artifacts *a, struct error **err)
{
	if (fsync(a->files_fd) < 0)
		return error_errno(err, "cannot sync %s/sha256", a->dir);
	return 0;
}

int file_digest(const char *path, char ret_digest[65], struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	crypto_hash_sha256_state state;
	(void)crypto_hash_sha256_init(&state);
	CLEANUP(freep) uint8_t *chunk = mem_calloc(1, 256 * 1024);
	ssize_t n;
	while ((n = read(fd, chunk, 256 * 1024)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot read %s", path);
		(void)crypto_hash_sha256_update(&state, chunk, (unsigned long long)n);
	}
	uint8_t hash[crypto_hash_sha256_BYTES];
	(void)crypto_hash_sha256_final(&state, hash);
	(void)sodium_bin2hex(ret_digest, 65, hash, sizeof hash);
	return 0;
}

/* ---- life ---- */

int artifacts_open(const char *dir, struct artifacts **ret_artifacts, struct error **err)
{
	struct artifacts *a = mem_new(struct artifacts);
	a->dir = mem_strdup(dir);
	a->files_fd = -1;
	a->dir_fd = -1;
	CLEANUP(freep) char *files = str_printf("%s/sha256", dir);
	if ((mkdir(dir, 0700) < 0 && errno != EEXIST) ||
	    (mkdir(files, 0700) < 0 && errno != EEXIST) ||
	    (a->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 ||
	    (a->files_fd = open(files, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		int r = error_errno(err, "cannot make %s", files);
		artifacts_free(a);
		return r;
	}
	*ret_artifacts = a;
	return 0;
}

void artifacts_free(struct artifacts *a)
{
	if (a == NULL)
		return;
	struct topology_artifacts *t, *next_t;
	HASH_ITER (hh, a->topologies, t, next_t)
		topology_free(a, t);
	struct artifact *artifact, *next;
	HASH_ITER (hh, a->all, artifact, next) {
		HASH_DEL(a->all, artifact);
		free(artifact);
	}
	closep(&a->dir_fd);
	closep(&a->files_fd);
	free(a->dir);
	free(a);
}

enum { REFERRED, REMOVED };
static const struct metric metrics[] = {
	[REFERRED] = {"zrms_artifacts", METRIC_GAUGE,
		      "Artifacts that a topology or a submission refers to."},
	[REMOVED] = {"zrms_artifacts_removed_total", METRIC_COUNTER, "Artifacts removed."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct artifacts *a = part;

	metric_set(to, REFERRED, HASH_COUNT(a->all));
	metric_set(to, REMOVED, a->removed_total);
}

const struct metric_source artifacts_metrics = METRIC_SOURCE(metrics, read_metrics);
