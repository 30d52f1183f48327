#include "zrms/check.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "adapter/artifact/digest.h"
#include "adapter/sqlite/inspect.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/control/control.h"
#include "schema/message.h"
#include "schema/unknown.h"
#include "zrms/secret/secret_store.h"
#include "zrms/settings.h"
#include "zrms/store_start.h"

struct needed {
	UT_hash_handle hh;
	char digest[ARTIFACT_DIGEST_CHARS + 1];
};

/* What this version does not know, said once for all records that have it. */
struct newer {
	UT_hash_handle hh; /* by `of` and `what` */
	char *key, *of, *what, *first;
	uint64_t records, last; /* how many, and number of the last */
};

struct check {
	uint64_t findings;
	struct needed *needed; /* artifacts, by digest */
	struct newer *newer;   /* as they were found */
	uint64_t records;      /* that were looked at */
	uint64_t secrets;
};

static void finding(struct check *c, const char *text)
{
	c->findings++;
	(void)printf("%s\n", text);
}

/* ---- the store ---- */

static void on_finding(void *user, const struct store_finding *found)
{
	CLEANUP(freep) char *text = store_finding_text(found);
	finding(user, text);
}

static void need(struct check *c, const char *digest)
{
	struct needed *n = NULL;
	if (!artifact_digest_is_valid(digest))
		return;
	HASH_FIND(hh, c->needed, digest, ARTIFACT_DIGEST_CHARS, n);
	if (n != NULL)
		return;
	n = mem_new(struct needed);
	memcpy(n->digest, digest, ARTIFACT_DIGEST_CHARS);
	HASH_ADD(hh, c->needed, digest, ARTIFACT_DIGEST_CHARS, n);
}

static void need_all(struct check *c, const Samoza__V1__RevisionRecord *revision)
{
	for (size_t i = 0; i < revision->n_artifacts; i++) {
		const Samoza__V1__SpaceArtifacts *space = revision->artifacts[i];
		need(c, space->module_digest);
		need(c, space->native_digest);
		for (size_t k = 0; k < space->n_assets; k++)
			need(c, space->assets[k]->digest);
		for (size_t k = 0; k < space->n_recipes; k++)
			need(c, space->recipes[k]->digest);
		for (size_t k = 0; k < space->n_config; k++)
			need(c, space->config[k]->digest);
	}
}

/* ---- what a newer version has written ---- */

/* Where a record is looked at. */
struct look {
	struct check *check;
	const char *of, *id;
};

static void note_newer(const struct look *look, const char *what)
{
	CLEANUP(freep) char *key = str_printf("%s\n%s", look->of, what);
	struct newer *n = NULL;
	HASH_FIND_STR(look->check->newer, key, n);
	if (n == NULL) {
		n = mem_new(struct newer);
		n->key = steal_ptr(&key);
		n->of = mem_strdup(look->of);
		n->what = mem_strdup(what);
		n->first = mem_strdup(look->id);
		HASH_ADD_KEYPTR(hh, look->check->newer, n->key, strlen(n->key), n);
	}
	n->records += n->last != look->check->records;
	n->last = look->check->records;
}

static void on_unknown(void *user, const struct schema_unknown *unknown)
{
	const char *path = unknown->path, *dot = str_is_empty(path) ? "" : ".";
	CLEANUP(freep)
	char *what = unknown->field == NULL
			     ? str_printf("field %s%s%" PRId64
					  ", which would be lost when this version changes "
					  "the record",
					  path, dot, unknown->number)
			     : str_printf("value %" PRId64
					  " of %s%s%s, with which this version does not "
					  "start",
					  unknown->number, path, dot, unknown->field);
	note_newer(user, what);
}

static void say_newer(struct check *c)
{
	struct newer *n, *next;
	HASH_ITER (hh, c->newer, n, next) {
		CLEANUP(freep)
		char *others = n->records == 1
				       ? mem_strdup("")
				       : str_printf(" and %" PRIu64 " other%s", n->records - 1,
						    str_plural(n->records - 1));
		CLEANUP(freep)
		char *text = str_printf(
			"the record of %s%s%s%s: a newer version has written %s", n->of,
			str_is_empty(n->first) ? "" : " ", n->first, others, n->what);
		finding(c, text);
		HASH_DEL(c->newer, n);
		free(n->key);
		free(n->of);
		free(n->what);
		free(n->first);
		free(n);
	}
}

static int on_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	struct check *c = user;
	const ProtobufCMessageDescriptor *type = control_record_type(kind);
	(void)err;
	c->records++;
	c->secrets += kind == RECORD_SECRET;
	if (type == NULL) {
		CLEANUP(freep) char *of = str_printf("kind %d", (int)kind);
		note_newer(&(struct look){c, of, id}, "it, and this version does not start");
		return 0;
	}
	const char *of = store_kind_name(kind);
	ProtobufCMessage *record = protobuf_c_message_unpack(type, NULL, size, data);
	if (record == NULL) {
		CLEANUP(freep)
		char *text = str_printf("the record of %s%s%s cannot be read", of,
					str_is_empty(id) ? "" : " ", id);
		finding(c, text);
		return 0;
	}
	struct look look = {c, of, id};
	schema_unknown_visit(record, on_unknown, &look);
	if (kind == RECORD_REVISION)
		need_all(c, (const Samoza__V1__RevisionRecord *)record);
	schema_message_free(record);
	return 0;
}

/* ---- artifacts ---- */

static void check_artifact(struct check *c, const char *directory, const char *digest)
{
	CLEANUP(freep) char *path = str_printf("%s/artifacts/sha256/%s", directory, digest);
	CLEANUP(error_freep) struct error *why = NULL;
	CLEANUP(freep) char *text = NULL;
	char found[ARTIFACT_DIGEST_CHARS + 1];
	if (access(path, F_OK) < 0 && errno == ENOENT)
		text = str_printf("artifact %.12s is missing: submit its package again",
				  digest);
	else if (file_digest(path, found, &why) < 0)
		text = str_printf("artifact %.12s cannot be read: %s", digest, why->message);
	else if (!str_equal(found, digest))
		text = str_printf("artifact %.12s is damaged: submit its package again",
				  digest);
	if (text != NULL)
		finding(c, text);
}

static unsigned check_artifacts(struct check *c, const char *directory)
{
	unsigned count = HASH_COUNT(c->needed);
	struct needed *n, *next;
	HASH_ITER (hh, c->needed, n, next) {
		check_artifact(c, directory, n->digest);
		HASH_DEL(c->needed, n);
		free(n);
	}
	return count;
}

/* ---- the command ---- */

void check_say_secrets(const struct check_result *result, const char *dir, const char *kept)
{
	CLEANUP(freep) char *path = str_printf("%s/" SECRET_KEYS_FILE, dir);
	CLEANUP(freep)
	char *from = str_printf("%s/" SECRET_KEYS_FILE, kept != NULL ? kept : dir);
	bool is_kept = kept != NULL && access(from, F_OK) == 0;
	if (result->secrets == 0 || access(path, F_OK) == 0)
		return;
	(void)printf("- %" PRIu64 " secret%s sealed with keys that are not here: copy %s%s to "
		     "%s (mode 0600), or set them again; nobody gets their values before\n",
		     result->secrets, result->secrets == 1 ? " is" : "s are",
		     is_kept ? from : SECRET_KEYS_FILE,
		     is_kept ? ""
			     : " of another zrms of the cluster, or of a backup with keys,",
		     path);
}

int check_directory(const char *dir, const char *store, struct check_result *ret_result,
		    struct error **err)
{
	struct check c = {0};
	struct store_inventory inventory;
	CLEANUP(freep) char *path = str_printf("%s/zrms.db", store);
	int r = sqlite_store_check(path, on_finding, on_record, &c, &inventory, err);
	if (r < 0)
		return r;
	say_newer(&c);
	unsigned artifacts = check_artifacts(&c, dir);
	if (!inventory.has_sums)
		(void)printf(
			"%s was written by a version without checksums: only its structure "
			"was checked; zrms adds them when it starts\n",
			path);
	(void)printf("%s: %" PRIu64 " record%s, %" PRIu64 " event%s, %" PRIu64
		     " value%s of spaces, %u artifact%s: ",
		     path, inventory.records, str_plural(inventory.records), inventory.events,
		     str_plural(inventory.events), inventory.values,
		     str_plural(inventory.values), artifacts, str_plural(artifacts));
	if (c.findings == 0)
		(void)printf("no damage found\n");
	else
		(void)printf("%" PRIu64 " finding%s\n", c.findings, str_plural(c.findings));
	*ret_result = (struct check_result){c.findings, c.secrets};
	return 0;
}

static int check_run(void *context, const struct cli_run *run, struct error **err)
{
	const struct settings *settings = context;
	struct check_result result = {0};
	(void)run;
	const char *store = settings->dir;
	if (!str_is_empty(settings->store)) {
		if (!str_has_prefix(settings->store, "sqlite:"))
			return error_set(err, ERR_INVALID,
					 "cannot check %s: expected sqlite:DIR",
					 settings->store);
		store = settings->store + strlen("sqlite:");
	}
	int r = check_directory(settings->dir, store, &result, err);
	if (r < 0)
		return r == ERR_CONFLICT
			       ? error_wrap(err, "zrms runs on it; stop zrms before the check")
			       : r;
	check_say_secrets(&result, settings->dir, NULL);
	return result.findings == 0 ? CLI_DONE : CLI_FAILED;
}

const struct cli_command check_command = {
	.words = "check",
	.summary = "look for damage in the directory of a zrms that is not running",
	.details =
		"Reads the store and the artifacts of --dir, prints what is damaged, missing "
		"or lost, or of a newer version, which this one does not know, one line each, "
		"and changes nothing. Exit status 1: something was found.",
	.run = check_run,
};
