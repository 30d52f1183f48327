#include "zbench/package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/archive/pack.h"
#include "adapter/archive/package.h"
#include "base/str.h"
#include "zbench/keeper.h"

#define MEX_MAX ((size_t)256 << 20)

/* ---------------------------------------------------------------- files */

static int read_file(const char *path, struct buffer *ret, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct buffer content = BUFFER_INIT(MEX_MAX);
	ssize_t n = 0;

	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	do {
		char *room = buffer_reserve(&content, 65536);

		n = room != NULL ? read(fd, room, 65536) : -1;
		if (n > 0)
			buffer_grew(&content, (size_t)n);
	} while (n > 0);
	if (n < 0) {
		buffer_done(&content);
		return error_errno(err, "cannot read %s", path);
	}
	*ret = content;
	return 0;
}

static int write_file(const char *path, const void *data, size_t size, struct error **err)
{
	FILE *file = fopen(path, "we");
	bool fine = file != NULL && fwrite(data, 1, size, file) == size;

	if (file != NULL && fclose(file) != 0)
		fine = false;
	return fine ? 0 : error_errno(err, "cannot write %s", path);
}

static int copy_file(const char *from, const char *to, struct error **err)
{
	CLEANUP(buffer_done) struct buffer content = {0};
	int r = read_file(from, &content, err);

	return r == 0 ? write_file(to, content.data, content.size, err) : r;
}

static int make_directory(const char *path, struct error **err)
{
	return mkdir(path, 0700) < 0 && errno != EEXIST
		       ? error_errno(err, "cannot make %s", path)
		       : 0;
}

/* ---------------------------------------------------------------- key */

/* Makes it at first; the caller frees. */
static int key_path(const struct bench *bench, char **ret_path, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/key", bench->scratch);
	int r = access(path, R_OK) == 0 ? 0 : secret_key_create(path, err);

	if (r == 0)
		*ret_path = steal_ptr(&path);
	return r;
}

int package_trust(const struct bench *bench, const char *directory, struct error **err)
{
	CLEANUP(freep) char *key = NULL;
	int r = key_path(bench, &key, err);

	if (r < 0)
		return r;
	CLEANUP(freep) char *from = str_printf("%s.pub", key);
	CLEANUP(freep) char *to = str_printf("%s/zbench.pub", directory);
	return copy_file(from, to, err);
}

/* ---------------------------------------------------------------- source directory */

static int write_manifest(const char *directory, const char *name,
			  const struct package *package, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/manifest.yaml", directory);
	CLEANUP(freep)
	char *text = str_printf("apiVersion: samoza/v1\n"
				"kind: MEX\n"
				"metadata: {name: %s, version: %s, publisher: zbench}\n"
				"spec: {topology: topology.yaml}\n"
				"%s%s\n",
				name, package->version != NULL ? package->version : "1.0.0",
				package->rollout != NULL ? "rollout: " : "",
				package->rollout != NULL ? package->rollout : "");

	return write_file(path, text, strlen(text), err);
}

static int write_topology(const char *directory, const char *name,
			  const struct package *package, struct error **err)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(1 << 20);
	CLEANUP(freep) char *path = str_printf("%s/topology.yaml", directory);
	int r = buffer_printf(&text,
			      "apiVersion: samoza/v1\nkind: Topology\n"
			      "metadata: {name: %s}\nspaces:\n",
			      name);

	for (const struct package_space *s = package->spaces; s->name != NULL && r == 0; s++)
		r = buffer_printf(&text, "  - {name: %s, type: %s%s%s}\n", s->name, s->type,
				  s->more[0] != '\0' ? ", " : "", s->more);
	if (r == 0)
		r = buffer_printf(&text, "paths: [%s]\n", package->paths);
	if (r < 0)
		return error_set(err, ERR_LIMIT, "the topology is too large");
	return write_file(path, text.data, text.size, err);
}

static int write_space(const struct bench *bench, const char *directory,
		       const struct package_space *s, struct error **err)
{
	bool page = str_equal(s->type, "UI"), native = str_equal(s->type, "NATIVE");
	CLEANUP(freep) char *space = str_printf("%s/spaces/%s", directory, s->name);
	CLEANUP(freep)
	char *files = str_printf("%s%s", space, page ? "" : native ? "/recipes" : "/src");
	CLEANUP(freep) char *from = str_printf("%s/%s", bench->guests, s->source);
	CLEANUP(freep)
	char *to = str_printf("%s/%s", files,
			      page     ? "index.html"
			      : native ? "start"
				       : "main.c"); /* a space may have another source next */
	int r = make_directory(space, err);

	if (r == 0)
		r = make_directory(files, err);
	if (r == 0)
		r = copy_file(from, to, err);
	if (r == 0 && native && chmod(to, 0755) < 0)
		r = error_errno(err, "cannot make %s executable", to);
	return r;
}

static int write_sources(const struct bench *bench, const struct package *package,
			 const char *directory, struct error **err)
{
	CLEANUP(freep) char *spaces = str_printf("%s/spaces", directory);
	int r = make_directory(directory, err);

	if (r == 0)
		r = make_directory(spaces, err);
	if (r == 0)
		r = write_manifest(directory, package->name, package, err);
	if (r == 0)
		r = write_topology(directory, package->name, package, err);
	for (const struct package_space *s = package->spaces; s->name != NULL && r == 0; s++)
		r = write_space(bench, directory, s, err);
	return r;
}

/* ---------------------------------------------------------------- building */

/* SCRATCH/NAME.mex; the caller frees. */
static int build(const struct bench *bench, const struct package *package, char **ret_path,
		 struct error **err)
{
	CLEANUP(freep) char *directory = str_printf("%s/%s", bench->scratch, package->name);
	CLEANUP(freep) char *output = str_printf("%s.mex", directory);
	CLEANUP(freep) char *log = str_printf("%s.log", directory);
	CLEANUP(freep) char *mex = str_printf("%s/mex", bench->bin);
	CLEANUP(freep) char *key = NULL;
	pid_t pid;
	int r = key_path(bench, &key, err);

	if (r == 0)
		r = write_sources(bench, package, directory, err);
	if (r == 0)
		r = keeper_spawn((char *const[]){mex, "build", directory, "-o", output, "--key",
						 key, "--no-translate", NULL},
				 log, &pid, err);
	if (r == 0)
		r = keeper_wait(pid, "mex build", log, err);
	if (r == 0)
		*ret_path = steal_ptr(&output);
	return r;
}

int package_build(const struct bench *bench, const struct package *package,
		  struct buffer *ret_mex, struct error **err)
{
	CLEANUP(freep) char *path = NULL;
	int r = build(bench, package, &path, err);

	return r == 0 ? read_file(path, ret_mex, err) : r;
}

/* Packs the directory under another name. */
static int pack_as(const struct bench *bench, const struct package *package,
		   const char *directory, const char *name, const struct pack_options *options,
		   struct buffer *ret_mex, struct error **err)
{
	CLEANUP(mex_package_freep) struct mex_package *opened = NULL;
	CLEANUP(freep) char *output = str_printf("%s/renamed.mex", bench->scratch);
	struct mex_options open = {0};
	int r = write_manifest(directory, name, package, err);

	if (r == 0)
		r = write_topology(directory, name, package, err);
	if (r == 0)
		r = mex_package_open_directory(directory, &open, NULL, &opened, err);
	if (r == 0)
		r = mex_pack(opened, options, output, err);
	return r == 0 ? read_file(output, ret_mex, err) : r;
}

/* The compiled modules of a built package, as files for packing. */
struct modules {
	VECTOR(struct pack_file) files;
};

static void modules_done(struct modules *m)
{
	vector_for_each (&m->files, file) {
		free((char *)(uintptr_t)file->path);
		free((char *)(uintptr_t)file->disk_path);
	}
	vector_done(&m->files);
}

static int extract_modules(const struct package *package, const char *directory,
			   const char *mex, struct modules *m, struct error **err)
{
	CLEANUP(mex_package_freep) struct mex_package *built = NULL;
	struct mex_options options = {.any_signer = true};
	int r = mex_package_open(mex, &options, NULL, &built, err);

	for (const struct package_space *s = package->spaces; s->name != NULL && r == 0; s++) {
		CLEANUP(freep) char *path = str_printf("spaces/%s/core.wasm", s->name);
		CLEANUP(freep) char *disk = str_printf("%s/%s.wasm", directory, s->name);
		CLEANUP(freep) uint8_t *data = NULL;
		const struct mex_file *file = mex_package_find(built, path);
		size_t size = 0;

		if (file == NULL)
			continue;
		r = mex_package_load(built, file, &data, &size, err);
		if (r == 0)
			r = write_file(disk, data, size, err);
		if (r == 0)
			vector_push(&m->files,
				    ((struct pack_file){.path = steal_ptr(&path),
							.disk_path = steal_ptr(&disk)}));
	}
	return r;
}

int package_build_many(const struct bench *bench, const struct package *package, size_t count,
		       struct buffer *ret_mexes, struct error **err)
{
	CLEANUP(freep) char *directory = str_printf("%s/%s", bench->scratch, package->name);
	CLEANUP(freep) char *built = NULL;
	CLEANUP(freep) char *key_file = NULL;
	CLEANUP(modules_done) struct modules modules = {0};
	CLEANUP(secret_key_done) struct secret_key key = {0};
	int r = key_path(bench, &key_file, err);

	if (r == 0)
		r = build(bench, package, &built, err);
	if (r == 0)
		r = extract_modules(package, directory, built, &modules, err);
	if (r == 0)
		r = secret_key_load(key_file, &key, err);
	for (size_t i = 0; i < count && r == 0; i++) {
		CLEANUP(freep) char *name = str_printf("%s-%zu", package->name, i + 1);
		const struct pack_options options = {
			.files = modules.files.items,
			.file_count = (unsigned)modules.files.count,
			.key = &key,
		};

		r = pack_as(bench, package, directory, name, &options, &ret_mexes[i], err);
	}
	return r < 0 ? error_wrap(err, "making %zu packages", count) : 0;
}
