#include "adapter/archive/package.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapter/archive/package_private.h"
#include "base/check.h"
#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"

char *shown_file(const struct mex_package *p, const char *path)
{
	return str_printf("%s%s", p->private->shown_prefix, path);
}

void finding_in_file(struct opening *o, const char *path, const char *format, ...)
{
	CLEANUP(freep) char *file = shown_file(o->package, path);
	va_list args;

	va_start(args, format);
	CLEANUP(freep) char *message = str_vprintf(format, args);
	va_end(args);
	diagnostics_add(o->findings, file, 0, 0, "%s", message);
}

void finding_in_manifest(struct opening *o, const char *key, const char *format, ...)
{
	struct schema_position at =
		schema_position_of(o->package->private->manifest_positions, "%s", key);
	va_list args;

	va_start(args, format);
	CLEANUP(freep) char *message = str_vprintf(format, args);
	va_end(args);
	diagnostics_add(o->findings, at.file, at.line, at.column, "%s", message);
}

int stage_result(struct opening *o, struct error **err)
{
	if (!diagnostics_any(o->findings))
		return 0;
	diagnostics_sort(o->findings);
	return diagnostics_error(o->findings, err);
}

/* ---- Files ---- */

struct hashing {
	crypto_hash_sha256_state state;
};

static int hash_piece(void *context, const void *data, size_t size, struct error **err)
{
	struct hashing *h = context;

	(void)crypto_hash_sha256_update(&h->state, data, size);
	return 0;
}

static void hash_text(crypto_hash_sha256_state *state, char ret_hash[65])
{
	uint8_t digest[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256_final(state, digest);
	(void)sodium_bin2hex(ret_hash, 65, digest, sizeof(digest));
}

int source_hash(struct mex_source *s, unsigned index, char ret_hash[65], struct error **err)
{
	struct hashing h;
	int r;

	INVARIANT(sodium_init() >= 0);
	(void)crypto_hash_sha256_init(&h.state);
	r = source_read(s, index, hash_piece, &h, err);
	if (r < 0)
		return r;
	hash_text(&h.state, ret_hash);
	return 0;
}

int hash_files(struct mex_package *p, struct error **err)
{
	for (unsigned i = 0; i < p->file_count; i++) {
		int r = source_hash(p->source, p->private->source_index[i], p->files[i].hash,
				    err);
		if (r < 0)
			return r;
	}
	return 0;
}

static void list_files(struct mex_package *p)
{
	unsigned count = source_count(p->source);

	p->files = mem_new_array(struct mex_file, count + 1);
	p->private->source_index = mem_new_array(unsigned, count + 1);
	for (unsigned i = 0; i < count; i++) {
		struct source_file file = source_at(p->source, i);

		p->unpacked_bytes += file.size;
		if (strcmp(file.path, "manifest.yaml") == 0)
			continue;
		p->private->source_index[p->file_count] = i;
		p->files[p->file_count++] = (struct mex_file){
			.path = file.path, .size = file.size, .executable = file.executable};
	}
}

const struct mex_file *mex_package_find(const struct mex_package *p, const char *path)
{
	unsigned low = 0, high = p->file_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = strcmp(p->files[middle].path, path);

		if (order == 0)
			return &p->files[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Hashes what passes through, so that it can be compared at the end. */
struct checking {
	struct hashing hashing;
	archive_sink sink;
	void *context;
};

static int check_piece(void *context, const void *data, size_t size, struct error **err)
{
	struct checking *c = context;

	(void)hash_piece(&c->hashing, data, size, err);
	return c->sink(c->context, data, size, err);
}

int mex_package_read(struct mex_package *p, const struct mex_file *file, archive_sink sink,
		     void *context, struct error **err)
{
	struct checking c = {.sink = sink, .context = context};
	char hash[65];
	int r;

	(void)crypto_hash_sha256_init(&c.hashing.state);
	r = source_read(p->source, p->private->source_index[file - p->files], check_piece, &c,
			err);
	if (r < 0)
		return r;
	hash_text(&c.hashing.state, hash);
	if (strcmp(hash, file->hash) != 0)
		return error_set(err, ERR_INVALID, "%s has changed since it was checked",
				 file->path);
	return 0;
}

struct loading {
	uint8_t *data;
	size_t size, capacity;
};

static int load_piece(void *context, const void *data, size_t size, struct error **err)
{
	struct loading *l = context;

	if (size > l->capacity - l->size)
		return error_set(err, ERR_INVALID, "the file is larger than it says");
	memcpy(l->data + l->size, data, size);
	l->size += size;
	return 0;
}

int mex_package_load(struct mex_package *p, const struct mex_file *file, uint8_t **ret_data,
		     size_t *ret_size, struct error **err)
{
	struct loading l = {.data = mem_calloc(1, (size_t)file->size + 1),
			    .capacity = (size_t)file->size};
	int r = mex_package_read(p, file, load_piece, &l, err);

	if (r < 0) {
		free(l.data);
		return r;
	}
	*ret_data = l.data;
	*ret_size = l.size;
	return 0;
}

static int write_piece(void *context, const void *data, size_t size, struct error **err)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(*(int *)context, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot write");
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

int mex_package_extract(struct mex_package *p, const struct mex_file *file, int fd,
			struct error **err)
{
	return mex_package_read(p, file, write_piece, &fd, err);
}

/* ---- Opening ---- */

static void copy_findings(const struct diagnostics *from, struct diagnostics *to)
{
	vector_for_each (&from->list, d)
		diagnostics_add(to, d->file, d->line, d->column, "%s", d->message);
}

/* A person who writes wants all findings: also those of the topology when the manifest has
 * some. */
static void look_further(struct opening *o)
{
	struct mex_package *p = o->package;
	CLEANUP(diagnostics_done) struct diagnostics more = {0};
	struct opening further = {.options = o->options, .findings = &more, .package = p};
	struct topology_source source = {0};

	if (p->manifest.topology_path == NULL)
		p->manifest.topology_path = mem_strdup("topology.yaml");
	if (mex_package_find(p, p->manifest.topology_path) == NULL)
		return;
	if (hash_files(p, NULL) < 0)
		return;
	if (stage_schema(&further, NULL) < 0) {
		look_past_schema(&further);
	} else {
		source.positions = p->private->topology_positions;
		source.defaults = p->private->space_positions;
		(void)!topology_compile(p->topology_message, &source, NULL, &more, &p->topology,
					NULL);
		check_files(&further);
	}
	copy_findings(&more, o->findings);
}

static int run_stages(struct opening *o, struct error **err)
{
	bool further = o->options->all_findings || source_is_directory(o->package->source);
	static int (*const stages[])(struct opening *, struct error **) = {
		stage_manifest, stage_integrity, stage_signature,
		stage_schema,	stage_model,	 stage_modules,
	};

	for (size_t i = 0; i < ARRAY_SIZE(stages); i++) {
		int r = stages[i](o, err);
		if (r < 0 && i == 0 && source_is_directory(o->package->source))
			look_further(o);
		if (r < 0 && stages[i] == stage_schema && further) {
			look_past_schema(o);
			diagnostics_sort(o->findings);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Takes `source`. */
static int open_source(struct mex_source *source, const struct mex_options *options,
		       struct diagnostics *findings, struct mex_package **ret_package,
		       struct error **err)
{
	struct diagnostics own = {0};
	struct opening o = {.options = options, .findings = &own};

	INVARIANT(sodium_init() >= 0);
	o.package = mem_new(struct mex_package);
	o.package->source = source;
	o.package->private = mem_new(struct mex_private);
	o.package->private->shown_prefix =
		mem_strdup(options->shown_prefix != NULL ? options->shown_prefix : "");
	o.package->packed_bytes = source_packed_bytes(source);
	list_files(o.package);
	int r = run_stages(&o, err);
	if (findings != NULL)
		copy_findings(&own, findings);
	diagnostics_done(&own);
	if (r < 0) {
		mex_package_free(o.package);
		return r;
	}
	*ret_package = o.package;
	return 0;
}

int mex_package_open_fd(int fd, const struct mex_options *options, struct diagnostics *findings,
			struct mex_package **ret_package, struct error **err)
{
	struct mex_source *source;
	int r = source_open_archive(fd, &source, err);

	if (r < 0)
		return r;
	return open_source(source, options, findings, ret_package, err);
}

int mex_package_open(const char *path, const struct mex_options *options,
		     struct diagnostics *findings, struct mex_package **ret_package,
		     struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return error_errno(err, "cannot open %s", path);
	return mex_package_open_fd(fd, options, findings, ret_package, err);
}

int mex_package_open_directory(const char *directory, const struct mex_options *options,
			       struct diagnostics *findings, struct mex_package **ret_package,
			       struct error **err)
{
	struct mex_source *source;
	int r = source_open_directory(directory, &source, err);

	if (r < 0)
		return r;
	return open_source(source, options, findings, ret_package, err);
}

void mex_package_free(struct mex_package *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; p->spaces != NULL && i < p->private->space_count; i++) {
		free(p->spaces[i].recipes);
		free(p->spaces[i].assets);
	}
	free(p->spaces);
	for (unsigned i = 0; p->private->space_positions != NULL && i < p->private->space_count;
	     i++)
		schema_positions_free(p->private->space_positions[i]);
	free(p->private->space_positions);
	schema_positions_free(p->private->manifest_positions);
	schema_positions_free(p->private->topology_positions);
	free(p->private->source_index);
	free(p->private->shown_prefix);
	error_free(p->private->signature_fault);
	free(p->private);
	topology_unref(p->topology);
	schema_message_free(p->topology_message);
	schema_message_free(p->manifest_message);
	manifest_done(&p->manifest);
	free(p->files);
	source_close(p->source);
	free(p);
}

void mex_package_freep(struct mex_package **p)
{
	mex_package_free(*p);
}
