/*
 * Manifest, integrity and signature: what the bytes are, before what they mean.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter/archive/package_files.h"
#include "adapter/archive/package_findings.h"
#include "adapter/archive/package_opening.h"
#include "adapter/archive/package_stages.h"
#include "base/str.h"
#include "schema/message.h"

/* The part of the manifest that is signed, read by itself, must contain all that the whole
 * contains (but for the signature): else something unsigned hides in the signature's block. */
static int check_signed_part(struct opening *o, const char *text, size_t signed_size,
			     struct error **err)
{
	Samoza__V1__Manifest *whole = o->package->manifest_message;
	Samoza__V1__Signature *signature = whole->signature;
	ProtobufCMessage *part = NULL;
	int r;

	r = schema_read_yaml(&samoza__v1__manifest__descriptor, "manifest.yaml", text,
			     signed_size, 0, NULL, &part, NULL, NULL);
	whole->signature = NULL;
	bool same = r == 0 && schema_message_equal(part, &whole->base);
	whole->signature = signature;
	schema_message_free(part);
	if (same)
		return 0;
	CLEANUP(freep) char *file = shown_file(o->package, "manifest.yaml");
	return error_set_at(
		err, ERR_INVALID, file,
		schema_position_of(o->package->private->manifest_positions, "signature").line,
		0,
		"the signature must be a block of its own at the end of the file: "
		"with that block removed, the rest is not the same manifest");
}

static int check_signature_block(struct opening *o, const char *text, size_t size,
				 size_t *ret_signed_size, struct error **err)
{
	struct mex_package *p = o->package;
	size_t signed_size;
	int r = manifest_signed_size(text, size, &signed_size, err);

	if (r < 0)
		return r;
	*ret_signed_size = signed_size;
	if (p->manifest_message->signature == NULL && signed_size == size)
		return 0;
	if (p->manifest_message->signature == NULL || signed_size == size)
		return error_set(err, ERR_INVALID,
				 "manifest.yaml: the signature must begin with a line "
				 "'signature:', at the first column");
	return check_signed_part(o, text, signed_size, err);
}

static int read_manifest(struct opening *o, const char *text, size_t size, struct error **err)
{
	struct mex_package *p = o->package;
	CLEANUP(freep) char *file = shown_file(p, "manifest.yaml");
	ProtobufCMessage *message = NULL;
	size_t signed_size;
	int r;

	r = schema_read_yaml(&samoza__v1__manifest__descriptor, file, text, size, 0,
			     o->findings, &message, &p->private->manifest_positions, err);
	if (r < 0)
		return r;
	p->manifest_message = (Samoza__V1__Manifest *)message;
	r = manifest_compile(p->manifest_message, p->private->manifest_positions, o->findings,
			     &p->manifest, err);
	if (r < 0 || source_is_directory(p->source))
		return r;
	r = check_signature_block(o, text, size, &signed_size, err);
	if (r < 0)
		return r;
	p->is_signed = p->manifest.has_signature;
	if (!p->is_signed)
		return 0;
	/* Judged here where the text is at hand, reported by its own stage. */
	struct error *fault = NULL;
	if (signature_verify(p->manifest.public_key, p->manifest.signature, text, signed_size,
			     p->signer, &fault) < 0)
		p->private->signature_fault = fault;
	return 0;
}

int stage_manifest(struct opening *o, struct error **err)
{
	struct mex_package *p = o->package;
	int index = source_find(p->source, "manifest.yaml");
	uint8_t *text;
	size_t size;
	int r;

	if (index < 0)
		return error_set(err, ERR_INVALID, "there is no manifest.yaml");
	r = source_load(p->source, (unsigned)index, SCHEMA_TEXT_MAX, &text, &size, err);
	if (r < 0)
		return r;
	r = source_hash(p->source, (unsigned)index, p->digest, err);
	if (r == 0)
		r = read_manifest(o, (const char *)text, size, err);
	free(text);
	return r;
}

static void check_listed(struct opening *o, const struct mex_file *file)
{
	const struct manifest_file *listed =
		manifest_find_file(&o->package->manifest, file->path);

	if (listed == NULL)
		finding_in_file(o, file->path, "not in the integrity list");
	else if (strcmp(listed->hash, file->hash) != 0)
		finding_in_file(o, file->path,
				"its content is not what the integrity list says: SHA-256 %s, "
				"listed %s",
				file->hash, listed->hash);
}

int stage_integrity(struct opening *o, struct error **err)
{
	struct mex_package *p = o->package;
	const struct manifest *m = &p->manifest;
	int r = hash_files(p, err);

	if (r < 0 || source_is_directory(p->source))
		return r;
	if (!m->has_integrity) {
		if (o->options->no_integrity)
			return 0;
		return error_set(err, ERR_INVALID,
				 "manifest.yaml: the list 'integrity' is missing");
	}
	for (unsigned i = 0; i < p->file_count; i++)
		check_listed(o, &p->files[i]);
	for (unsigned i = 0; i < m->file_count; i++) {
		char key[64];

		(void)snprintf(key, sizeof(key), "integrity.files[%u].path", m->files[i].item);
		if (mex_package_find(p, m->files[i].path) == NULL)
			finding_in_manifest(o, key, "there is no file '%s' in the archive",
					    m->files[i].path);
	}
	return stage_result(o, err);
}

int stage_signature(struct opening *o, struct error **err)
{
	struct mex_package *p = o->package;
	char text[KEY_TEXT_BYTES];

	if (source_is_directory(p->source))
		return 0;
	if (!p->is_signed) {
		if (o->options->allow_unsigned)
			return 0;
		return error_set(err, ERR_DENIED, "the package is not signed");
	}
	if (p->private->signature_fault != NULL)
		return error_move(err, steal_ptr(&p->private->signature_fault));
	p->is_trusted = o->options->trust != NULL && trust_has(o->options->trust, p->signer);
	if (p->is_trusted || o->options->any_signer)
		return 0;
	key_text(p->signer, text);
	const char *why =
		o->options->trust != NULL ? trust_refusal(o->options->trust, p->signer) : NULL;
	if (why != NULL)
		return error_set(err, ERR_DENIED,
				 "the package is signed by %s, a key that is no longer "
				 "trusted: %s; sign it with another key",
				 text, why);
	return error_set(err, ERR_DENIED,
			 "the package is signed by %s, which is not a trusted key", text);
}
