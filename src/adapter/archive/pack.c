#include "adapter/archive/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/check.h"
#include "base/str.h"
#include "schema/message.h"
#include "schema/yaml_write.h"

/* 1980-01-01 00:00:00, the earliest time of a ZIP archive. */
#define FIXED_DATE 0x21
#define FIXED_TIME 0

/* Content of a file to be written. */
struct content {
	const char *path;
	uint8_t *data;
	size_t size;
	bool executable;
	char hash[65];
};

struct contents {
	VECTOR(struct content) list;
};

static void contents_done(struct contents *c)
{
	vector_for_each (&c->list, item)
		free(item->data);
	vector_done(&c->list);
}

static int compare_contents(const void *a, const void *b)
{
	return strcmp(((const struct content *)a)->path, ((const struct content *)b)->path);
}

static const struct pack_file *find_added(const struct pack_options *options, const char *path)
{
	for (unsigned i = 0; i < options->file_count; i++) {
		if (strcmp(options->files[i].path, path) == 0)
			return &options->files[i];
	}
	return NULL;
}

static int read_disk(const char *path, struct content *c, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_errno(err, "cannot read %s", path);
	if ((uint64_t)status.st_size > ARCHIVE_MAX_ENTRY_BYTES)
		return error_set(err, ERR_LIMIT, "%s has %llu bytes: at most %llu", path,
				 (unsigned long long)status.st_size,
				 (unsigned long long)ARCHIVE_MAX_ENTRY_BYTES);
	c->data = mem_calloc(1, (size_t)status.st_size + 1);
	while (c->size < (size_t)status.st_size) {
		ssize_t n = read(fd, c->data + c->size, (size_t)status.st_size - c->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(err, "cannot read %s", path);
		c->size += (size_t)n;
	}
	return 0;
}

static int collect(struct mex_package *p, const struct pack_options *options,
		   struct contents *out, struct error **err)
{
	uint64_t total = 0;

	for (unsigned i = 0; i < p->file_count; i++) {
		const struct mex_file *file = &p->files[i];
		struct content *c;

		if (find_added(options, file->path) != NULL)
			continue;
		total += file->size;
		if (total > ARCHIVE_MAX_BYTES)
			break;
		c = vector_add(&out->list);
		c->path = file->path;
		c->executable = file->executable;
		int r = mex_package_load(p, file, &c->data, &c->size, err);
		if (r < 0)
			return r;
	}
	for (unsigned i = 0; i < options->file_count && total <= ARCHIVE_MAX_BYTES; i++) {
		struct content *c = vector_add(&out->list);

		c->path = options->files[i].path;
		c->executable = options->files[i].executable;
		int r = read_disk(options->files[i].disk_path, c, err);
		if (r < 0)
			return r;
		total += c->size;
	}
	if (total > ARCHIVE_MAX_BYTES)
		return error_set(err, ERR_LIMIT, "the archive would have more than %llu bytes",
				 (unsigned long long)ARCHIVE_MAX_BYTES);
	if (out->list.count >= ARCHIVE_MAX_ENTRIES)
		return error_set(err, ERR_LIMIT, "%zu files are too many: at most %u",
				 out->list.count + 1, ARCHIVE_MAX_ENTRIES);
	qsort(out->list.items, out->list.count, sizeof(out->list.items[0]), compare_contents);
	vector_for_each (&out->list, item) {
		uint8_t digest[crypto_hash_sha256_BYTES];
		(void)crypto_hash_sha256(digest, item->data, item->size);
		(void)sodium_bin2hex(item->hash, sizeof(item->hash), digest, sizeof(digest));
	}
	return 0;
}

/* ---- Manifest ---- */

static void set_spaces(Samoza__V1__Manifest *m, const Samoza__V1__Topology *t)
{
	if (m->spec->n_spaces > 0)
		return;
	m->spec->spaces = calloc(t->n_spaces + 1, sizeof(char *));
	INVARIANT(m->spec->spaces != NULL);
	for (size_t i = 0; i < t->n_spaces; i++)
		m->spec->spaces[m->spec->n_spaces++] = mem_strdup(t->spaces[i]->name);
}

/* With plain malloc'ed memory: schema_message_free() frees it. */
static void set_integrity(Samoza__V1__Manifest *m, const struct contents *contents)
{
	Samoza__V1__Integrity *integrity =
		(Samoza__V1__Integrity *)schema_message_new(&samoza__v1__integrity__descriptor);

	schema_message_free(m->integrity);
	m->integrity = integrity;
	integrity->algorithm = SAMOZA__V1__DIGEST_ALGORITHM__SHA256;
	integrity->files = mem_new_array(Samoza__V1__FileDigest *, contents->list.count + 1);
	for (size_t i = 0; i < contents->list.count; i++) {
		Samoza__V1__FileDigest *file = (Samoza__V1__FileDigest *)schema_message_new(
			&samoza__v1__file_digest__descriptor);

		schema_set_string(&file->path, NULL, contents->list.items[i].path);
		schema_set_string(&file->hash, NULL, contents->list.items[i].hash);
		integrity->files[integrity->n_files++] = file;
	}
}

/* The text of manifest.yaml, signed when there is a key. The caller frees. */
static char *manifest_text(struct mex_package *p, const struct pack_options *options,
			   const struct contents *contents)
{
	Samoza__V1__Manifest *m =
		(Samoza__V1__Manifest *)schema_message_copy(&p->manifest_message->base);

	schema_message_free(m->signature);
	m->signature = NULL;
	set_spaces(m, p->topology_message);
	if (str_is_empty(m->metadata->created) && options->created != NULL)
		schema_set_string(&m->metadata->created, NULL, options->created);
	set_integrity(m, contents);
	char *text = schema_write_yaml(&m->base);
	schema_message_free(m);
	if (options->key == NULL)
		return text;
	char key[KEY_TEXT_BYTES], signature[SIGNATURE_TEXT_BYTES];
	key_text(options->key->public_key, key);
	secret_key_sign(options->key, text, strlen(text), signature);
	char *whole = str_printf("%ssignature:\n  algorithm: ed25519\n  publicKey: %s\n"
				 "  signature: %s\n",
				 text, key, signature);
	free(text);
	return whole;
}

/* ---- Archive ---- */

static int add_entry(zip_t *zip, const char *path, const void *data, size_t size,
		     bool executable)
{
	zip_source_t *source = zip_source_buffer(zip, data, size, 0);
	unsigned mode = executable ? 0100755u : 0100644u;

	if (source == NULL)
		return -1;
	zip_int64_t index = zip_file_add(zip, path, source, ZIP_FL_ENC_GUESS);
	if (index < 0) {
		zip_source_free(source);
		return -1;
	}
	zip_uint64_t i = (zip_uint64_t)index;
	if (zip_set_file_compression(zip, i, ZIP_CM_STORE, 0) < 0 ||
	    zip_file_set_dostime(zip, i, FIXED_TIME, FIXED_DATE, 0) < 0 ||
	    zip_file_set_external_attributes(zip, i, 0, ZIP_OPSYS_UNIX, mode << 16) < 0)
		return -1;
	return 0;
}

/* libzip writes a temporary file beside `output` and renames it. */
static int write_archive(const struct contents *contents, const char *manifest,
			 const char *output, struct error **err)
{
	int code;
	zip_t *zip = zip_open(output, ZIP_CREATE | ZIP_TRUNCATE, &code);
	bool manifest_added = false;
	int r = 0;

	if (zip == NULL) {
		zip_error_t zip_error;
		zip_error_init_with_code(&zip_error, code);
		r = error_set(err, ERR_IO, "cannot write %s: %s", output,
			      zip_error_strerror(&zip_error));
		zip_error_fini(&zip_error);
		return r;
	}
	for (size_t i = 0; i < contents->list.count && r == 0; i++) {
		const struct content *c = &contents->list.items[i];

		if (!manifest_added && strcmp("manifest.yaml", c->path) < 0) {
			r = add_entry(zip, "manifest.yaml", manifest, strlen(manifest), false);
			manifest_added = true;
		}
		if (r == 0)
			r = add_entry(zip, c->path, c->data, c->size, c->executable);
	}
	if (r == 0 && !manifest_added)
		r = add_entry(zip, "manifest.yaml", manifest, strlen(manifest), false);
	if (r < 0 || zip_close(zip) < 0) {
		r = error_set(err, ERR_IO, "cannot write %s: %s", output, zip_strerror(zip));
		zip_discard(zip);
	}
	return r;
}

int mex_pack(struct mex_package *p, const struct pack_options *options, const char *output,
	     struct error **err)
{
	CLEANUP(contents_done) struct contents contents = {0};
	int r;

	INVARIANT(sodium_init() >= 0);
	r = collect(p, options, &contents, err);
	if (r < 0)
		return r;
	CLEANUP(freep) char *manifest = manifest_text(p, options, &contents);
	return write_archive(&contents, manifest, output, err);
}
