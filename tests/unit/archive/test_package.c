/* Packages: signatures, integrity, meaning. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "adapter/archive/package.h"
#include "base/memory.h"
#include "base/str.h"
#include "crafted.h"
#include "project.h"

/* MANIFEST with the list of these files. */
static char *manifest_with(const char *head, const struct file *files, size_t count)
{
	struct buffer b = BUFFER_INIT(1 << 20);

	(void)buffer_printf(&b, "%sintegrity:\n  algorithm: sha256\n  files:\n", head);
	for (size_t i = 0; i < count; i++) {
		uint8_t digest[32];
		char hash[65];
		(void)crypto_hash_sha256(digest, (const uint8_t *)files[i].content,
					 strlen(files[i].content));
		(void)sodium_bin2hex(hash, sizeof(hash), digest, sizeof(digest));
		(void)buffer_printf(&b, "  - {path: %s, hash: %s}\n", files[i].path, hash);
	}
	return buffer_steal(&b);
}

static char *sign_text(const char *text, const struct secret_key *key)
{
	char public_key[KEY_TEXT_BYTES], signature[SIGNATURE_TEXT_BYTES];

	key_text(key->public_key, public_key);
	secret_key_sign(key, text, strlen(text), signature);
	return str_printf("%ssignature: {algorithm: ed25519, publicKey: %s, signature: %s}\n",
			  text, public_key, signature);
}

static void write_mex(struct buffer *out, const char *manifest, const struct file *files,
		      size_t count)
{
	struct crafted_entry *entries = mem_new_array(struct crafted_entry, count + 1);

	for (size_t i = 0; i < count; i++)
		entries[i] = (struct crafted_entry){.name = files[i].path,
						    .content = files[i].content,
						    .mode = files[i].mode};
	entries[count] = (struct crafted_entry){.name = "manifest.yaml", .content = manifest};
	crafted_write(out, entries, manifest != NULL ? count + 1 : count,
		      &(struct crafted_end){0});
	free(entries);
}

static int check_wasm(void *context, const uint8_t *data, size_t size, uint64_t memory_bytes,
		      struct error **err)
{
	unsigned *calls = context;

	(*calls)++;
	if (size != 4 || memcmp(data, "wasm", 4) != 0)
		return error_set(err, ERR_INVALID, "no module");
	if (memory_bytes != 64 << 20)
		return error_set(err, ERR_INVALID, "memory %llu",
				 (unsigned long long)memory_bytes);
	return 0;
}

/* Opens; returns the text of all findings (or of the error), "" when all is fine. */
static char *open_text(const struct buffer *b, const struct mex_options *options,
		       struct mex_package **ret, enum error_code *ret_code)
{
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(closep) int fd = memfd_create("mex", MFD_CLOEXEC);
	struct buffer text = BUFFER_INIT(1 << 20);

	assert_int_equal(write(fd, b->data, b->size), (ssize_t)b->size);
	*ret = NULL;
	*ret_code = (enum error_code)mex_package_open_fd(fd, options, &findings, ret, &err);
	if ((int)*ret_code == 0) {
		assert_false(diagnostics_any(&findings));
		return mem_strdup("");
	}
	assert_null(*ret);
	vector_for_each (&findings.list, d) {
		CLEANUP(freep) char *line = diagnostic_text(d);
		(void)buffer_printf(&text, "%s\n", line);
	}
	if (text.size == 0) {
		CLEANUP(freep) char *line = error_text(err);
		(void)buffer_printf(&text, "%s\n", line);
	}
	return buffer_steal(&text);
}

/* A good package, signed by A. */
static void write_good(struct buffer *b)
{
	CLEANUP(freep)
	char *text = manifest_with(MANIFEST, good_files, GOOD_FILES);
	CLEANUP(freep) char *manifest = sign_text(text, &key_a);

	write_mex(b, manifest, good_files, GOOD_FILES);
}

static void a_package_is_opened(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	struct trust *trust = trust_a();
	unsigned calls = 0;
	struct mex_options options = {
		.trust = trust, .check_module = check_wasm, .check_module_context = &calls};
	CLEANUP(mex_package_freep) struct mex_package *p = NULL;
	CLEANUP(freep) uint8_t *data = NULL;
	enum error_code code;
	size_t size;

	write_good(&b);
	CLEANUP(freep) char *text = open_text(&b, &options, &p, &code);
	assert_string_equal(text, "");
	assert_true(p->is_signed);
	assert_true(p->is_trusted);
	assert_int_equal(calls, 1);
	assert_int_equal(p->file_count, GOOD_FILES);
	/* topology.yaml wins over space.yaml, which fills the rest */
	assert_int_equal(p->topology->spaces[1].count, 2);
	assert_int_equal(p->topology->spaces[1].memory_bytes, 64 << 20);
	assert_int_equal(p->topology->instance_count, 4);
	assert_null(p->spaces[0].module);
	assert_int_equal(p->spaces[0].asset_count, 2);
	assert_string_equal(p->spaces[0].assets[0].path, "css/page.css");
	assert_non_null(p->spaces[1].module);
	assert_int_equal(p->spaces[1].asset_count, 1);
	assert_int_equal(p->spaces[2].recipe_count, 1);
	assert_string_equal(p->spaces[2].recipes[0].path, "start");
	assert_true(p->spaces[2].recipes[0].file->executable);
	assert_int_equal(p->spaces[2].asset_count, 1);
	assert_int_equal(mex_package_load(p, p->spaces[1].module, &data, &size, NULL), 0);
	assert_int_equal(size, 4);
	assert_string_equal((char *)data, "wasm");
	CLEANUP(closep) int out = memfd_create("out", MFD_CLOEXEC);
	char content[8] = "";
	assert_int_equal(
		mex_package_extract(p, mex_package_find(p, "spaces/web/index.html"), out, NULL),
		0);
	assert_int_equal(pread(out, content, sizeof(content) - 1, 0), 3);
	assert_string_equal(content, "<p>");
	trust_free(trust);
}

/* ---- One thing wrong ---- */

struct variation {
	const char *what;
	const char *head;     /* in place of MANIFEST */
	const char *drop;     /* a file that is not in the archive */
	const char *unlisted; /* a file that is not in the list */
	struct file replace;  /* a file with another content (by path), listed with it */
	struct file add;      /* one more file, listed */
	struct file tamper;   /* a file whose content differs from the list */
	const char *text;     /* expected */
};

static const struct variation variations[] = {
	{"nothing", .text = ""},
	{"unlisted file", .unlisted = "spaces/db/my.cnf",
	 .text = "spaces/db/my.cnf: not in the integrity list\n"},
	{"other content", .tamper = {"spaces/db/my.cnf", "y"},
	 .text = "spaces/db/my.cnf: its content is not what the integrity list says: SHA-256 "
		 "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa, listed "
		 "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n"},
	{"missing file", .drop = "spaces/db/my.cnf",
	 .text = "manifest.yaml:12:12: there is no file 'spaces/db/my.cnf' in the archive\n"},
	{"other name",
	 "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: other, version: "
	 "1.0.0}\nspec: {}\n",
	 .text = "manifest.yaml:3:18: the manifest's name 'other' is not the topology's, "
		 "'app'\n"},
	{"spaces",
	 "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: app, version: 1.0.0}\n"
	 "spec: {spaces: [web, api, nobody]}\n",
	 .text = "manifest.yaml:4:16: space 'db' of the topology is not listed\n"
		 "manifest.yaml:4:27: the topology has no space 'nobody'\n"},
	{"no such topology",
	 "apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: app, version: "
	 "1.0.0}\nspec: {topology: t.yaml}\n",
	 .text = "manifest.yaml:4:18: there is no file 't.yaml'\n"},
	{"schema",
	 .replace = {"topology.yaml", "apiVersion: samoza/v1\nkind: Topology\n"
				      "metadata: {name: app}\nspaces:\n- {name: web, "
				      "type: UI, cuont: 1}\n"},
	 .text = "topology.yaml:5:25: unknown key 'cuont' in space; did you mean 'count'?\n"},
	{"schema of a space", .replace = {"spaces/api/space.yaml", "count: many\n"},
	 .text = "spaces/api/space.yaml:1:8: 'count': expected a whole number, or each, found "
		 "'many'\n"},
	{"model, in space.yaml",
	 .replace = {"spaces/api/space.yaml", "resources:\n  memory: 64MiB\nimports:\n- {from: "
					      "nobody}\n"},
	 .text = "spaces/api/space.yaml:4:10: there is no space or facet 'nobody'\n"},
	{"name in space.yaml", .replace = {"spaces/api/space.yaml", "name: apo\n"},
	 .text = "spaces/api/space.yaml:1:7: the name 'apo' is not that of the directory\n"},
	{"directory of nobody", .add = {"spaces/nobody/x", "x"},
	 .text = "spaces/nobody/x: it belongs to no space of the topology\n"},
	{"UI with module", .add = {"spaces/web/core.wasm", "x"},
	 .text = "spaces/web/core.wasm: a UI space has no core.wasm\n"},
	{"UI without index", .drop = "spaces/web/index.html",
	 .unlisted = "spaces/web/index.html",
	 .text = "spaces/web/: a UI space needs index.html\n"},
	{"no module", .drop = "spaces/api/core.wasm", .unlisted = "spaces/api/core.wasm",
	 .text = "spaces/api/: a space of this type needs core.wasm\n"},
	{"no start", .drop = "spaces/db/recipes/start", .unlisted = "spaces/db/recipes/start",
	 .text = "spaces/db/: a NATIVE space needs recipes/start\n"},
	{"start not executable", .replace = {"spaces/db/recipes/start", "#!/bin/sh\n", 0100644},
	 .text = "spaces/db/recipes/start: the recipe is not executable\n"},
	{"a file in the place of zhost's", .add = {"spaces/db/.samoza", "x"},
	 .text = "spaces/db/.samoza: zhost has files of its own there: choose another name\n"},
	{"files in the place of zhost's", .add = {"spaces/db/.samoza/config/x", "x"},
	 .text = "spaces/db/.samoza/config/x: zhost has files of its own there: choose "
		 "another name\n"},
	{"bad module", .replace = {"spaces/api/core.wasm", "masm"},
	 .text = "spaces/api/core.wasm: no module\n"},
};

static void vary(const struct variation *v, struct buffer *out)
{
	struct file listed[GOOD_FILES + 1], packed[GOOD_FILES + 1];
	size_t listed_count = 0, packed_count = 0;

	for (size_t i = 0; i <= GOOD_FILES; i++) {
		struct file f = i < GOOD_FILES ? good_files[i] : v->add;

		if (f.path == NULL)
			continue;
		if (v->replace.path != NULL && strcmp(v->replace.path, f.path) == 0)
			f = v->replace;
		if (v->unlisted == NULL || strcmp(v->unlisted, f.path) != 0)
			listed[listed_count++] = f;
		if (v->tamper.path != NULL && strcmp(v->tamper.path, f.path) == 0)
			f = v->tamper;
		if (v->drop == NULL || strcmp(v->drop, f.path) != 0)
			packed[packed_count++] = f;
	}
	CLEANUP(freep)
	char *text = manifest_with(v->head != NULL ? v->head : MANIFEST, listed, listed_count);
	CLEANUP(freep) char *manifest = sign_text(text, &key_a);
	write_mex(out, manifest, packed, packed_count);
}

static void faulty_packages_are_refused(void **state)
{
	struct trust *trust = trust_a();
	unsigned calls = 0;
	struct mex_options options = {
		.trust = trust, .check_module = check_wasm, .check_module_context = &calls};

	for (size_t i = 0; i < ARRAY_SIZE(variations); i++) {
		CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
		CLEANUP(mex_package_freep) struct mex_package *p = NULL;
		enum error_code code;

		vary(&variations[i], &b);
		CLEANUP(freep) char *text = open_text(&b, &options, &p, &code);
		if (strcmp(text, variations[i].text) != 0)
			fail_msg("%s:\n%sexpected:\n%s", variations[i].what, text,
				 variations[i].text);
	}
	trust_free(trust);
}

/* ---- Signatures ---- */

static char *open_manifest(const char *manifest, const struct mex_options *options,
			   enum error_code *ret_code)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	CLEANUP(mex_package_freep) struct mex_package *p = NULL;

	write_mex(&b, manifest, good_files, GOOD_FILES);
	return open_text(&b, options, &p, ret_code);
}

static void expect(const char *manifest, const struct mex_options *options,
		   enum error_code code, const char *part)
{
	enum error_code seen;
	CLEANUP(freep) char *text = open_manifest(manifest, options, &seen);

	if (strstr(text, part) == NULL || (part[0] == '\0' && text[0] != '\0'))
		fail_msg("'%s' lacks '%s'", text, part);
	if (seen != code)
		fail_msg("'%s': code %d, expected %d", text, (int)seen, (int)code);
}

static void signatures_are_checked(void **state)
{
	struct trust *trust = trust_a();
	struct mex_options trusting = {.trust = trust}, nobody = {0},
			   unsigned_ok = {.allow_unsigned = true}, any = {.any_signer = true};
	CLEANUP(freep)
	char *text = manifest_with(MANIFEST, good_files, GOOD_FILES);
	CLEANUP(freep) char *by_a = sign_text(text, &key_a);
	CLEANUP(freep) char *by_b = sign_text(text, &key_b);
	CLEANUP(freep) char *other = sign_text("something else\n", &key_a);
	CLEANUP(freep) char *foreign = str_printf("%s%s", text, strstr(other, "signature:"));

	expect(by_a, &trusting, 0, "");
	expect(by_b, &trusting, ERR_DENIED, "which is not a trusted key");
	expect(by_a, &nobody, ERR_DENIED, "which is not a trusted key");
	expect(by_b, &any, 0, "");
	expect(text, &trusting, ERR_DENIED, "the package is not signed");
	expect(text, &unsigned_ok, 0, "");
	expect(by_b, &unsigned_ok, ERR_DENIED, "which is not a trusted key");
	expect(foreign, &trusting, ERR_DENIED, "the signature is wrong");
	expect(MANIFEST, &unsigned_ok, ERR_INVALID, "the list 'integrity' is missing");
	trust_free(trust);
}

static void only_the_last_block_is_a_signature(void **state)
{
	struct trust *trust = trust_a();
	struct mex_options trusting = {.trust = trust};
	CLEANUP(freep)
	char *text = manifest_with(MANIFEST, good_files, GOOD_FILES);
	CLEANUP(freep) char *good = sign_text(text, &key_a);
	size_t size = strlen(good);

	/* Unsigned text after, inside and around the block. */
	CLEANUP(freep) char *behind = str_printf("%srollout: {policy: replace}\n", good);
	expect(behind, &trusting, ERR_INVALID, "something follows it");
	CLEANUP(freep) char *twice = str_printf("%s%s", good, strstr(good, "signature:"));
	expect(twice, &trusting, ERR_INVALID, "duplicate key 'signature'");
	CLEANUP(freep) char *key = str_printf("%.*s, extra: 1}\n", (int)size - 2, good);
	expect(key, &trusting, ERR_INVALID, "unknown key 'extra'");
	CLEANUP(freep) char *document = str_printf("%s---\na: b\n", good);
	expect(document, &trusting, ERR_INVALID, "manifest.yaml:17:");
	/* Bad base64: a character that is none, bits that mean nothing, too short. */
	CLEANUP(freep) char *bad = mem_strdup(good);
	strstr(bad, "publicKey: ")[11] = '_';
	expect(bad, &trusting, ERR_INVALID, "a public key of 32 bytes in base64");
	CLEANUP(freep) char *bits = mem_strdup(good);
	char *last = strchr(strstr(bits, "signature: {"), '}') - 3;
	assert_int_equal(last[1], '=');
	*last = *last == 'B' ? 'C' : 'B';
	expect(bits, &trusting, ERR_INVALID, "not the base64 of 64 bytes");
	/* A flow mapping left open: the signed bytes alone are not a manifest. */
	CLEANUP(freep)
	char *open = str_printf("{\"apiVersion\": \"samoza/v1\", \"kind\": \"MEX\",\n"
				"\"metadata\": {\"name\": \"app\", \"version\": \"1.0.0\"},\n"
				"\"spec\": {}, \"integrity\": {\"algorithm\": \"sha256\"},\n");
	CLEANUP(freep) char *flow = sign_text(open, &key_a);
	flow[strlen(flow) - 1] = ',';
	CLEANUP(freep) char *evil = str_printf("%s\n rollout: {policy: replace}}\n", flow);
	expect(evil, &trusting, ERR_INVALID, "the signature must be a block of its own");
	trust_free(trust);
}

/* Any bit of the manifest before the signature's line changed: refused. */
static void a_flipped_byte_in_the_manifest_is_refused(void **state)
{
	struct trust *trust = trust_a();
	struct mex_options trusting = {.trust = trust};
	CLEANUP(freep)
	char *text = manifest_with(MANIFEST, good_files, GOOD_FILES);
	CLEANUP(freep) char *good = sign_text(text, &key_a);

	for (size_t i = 0; i < strlen(text); i++) {
		enum error_code code;

		good[i] = (char)(good[i] ^ (i % 7 == 0 ? 0x20 : 1));
		CLEANUP(freep) char *message = open_manifest(good, &trusting, &code);
		if ((int)code == 0)
			fail_msg("accepted with byte %zu changed", i);
		assert_string_not_equal(message, "");
		good[i] = (char)(good[i] ^ (i % 7 == 0 ? 0x20 : 1));
	}
	trust_free(trust);
}

/* Any byte of the whole archive changed: refused, or what is read is the same. */
static void a_flipped_byte_in_the_archive_is_refused(void **state)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	struct trust *trust = trust_a();
	struct mex_options options = {.trust = trust};
	CLEANUP(mex_package_freep) struct mex_package *good = NULL;
	enum error_code code;
	unsigned refused = 0;

	write_good(&b);
	CLEANUP(freep) char *fine = open_text(&b, &options, &good, &code);
	assert_string_equal(fine, "");
	for (size_t i = 0; i < b.size; i++) {
		CLEANUP(mex_package_freep) struct mex_package *p = NULL;

		b.data[i] = (char)(b.data[i] ^ 0x11);
		CLEANUP(freep) char *text = open_text(&b, &options, &p, &code);
		b.data[i] = (char)(b.data[i] ^ 0x11);
		refused += p == NULL;
		if (p == NULL) {
			assert_string_not_equal(text, "");
			continue;
		}
		assert_string_equal(p->digest, good->digest);
		assert_int_equal(p->file_count, good->file_count);
		for (unsigned k = 0; k < p->file_count; k++)
			assert_string_equal(p->files[k].hash, good->files[k].hash);
	}
	print_message("%u of %zu changed bytes refused\n", refused, b.size);
	assert_true(refused > b.size * 9 / 10);
	trust_free(trust);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_package_is_opened),
		cmocka_unit_test(faulty_packages_are_refused),
		cmocka_unit_test(signatures_are_checked),
		cmocka_unit_test(only_the_last_block_is_a_signature),
		cmocka_unit_test(a_flipped_byte_in_the_manifest_is_refused),
		cmocka_unit_test(a_flipped_byte_in_the_archive_is_refused),
	};
	if (sodium_init() < 0)
		return 1;
	make_keys();
	return cmocka_run_group_tests_name("package", tests, NULL, NULL);
}
