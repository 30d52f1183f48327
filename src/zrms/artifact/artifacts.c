#include "zrms/artifact/artifacts.h"

#include <string.h>

#include "adapter/artifact/digest.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/str.h"
#include "proto/record.pb-c.h"

struct artifact {
	UT_hash_handle hh;
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	unsigned references; /* topologies and pins */
	bool verified;	     /* written or looked at by this run, which so knows its content */
	uint64_t stamp;	     /* of the content that it knows */
};

/* What a topology needs, to let go of it when it is gone. */
struct topology_artifacts {
	UT_hash_handle hh;
	char *id;
	char *name;			 /* as people know it */
	VECTOR(struct artifact *) needs; /* each once; one reference each */
};

struct artifacts {
	struct artifact_store *store; /* borrowed */
	struct artifact *all;	      /* by digest */
	struct topology_artifacts *topologies;
	uint64_t removed_total, version;
};

/* ---- references ---- */

static struct artifact *artifact_find(const struct artifacts *a, const char *digest)
{
	struct artifact *artifact = NULL;
	HASH_FIND(hh, a->all, digest, ARTIFACT_DIGEST_CHARS, artifact);
	return artifact;
}

static struct artifact *artifact_ref(struct artifacts *a, const char *digest)
{
	PRE(artifact_digest_is_valid(digest));
	struct artifact *artifact = artifact_find(a, digest);
	if (artifact == NULL) {
		artifact = mem_new(struct artifact);
		memcpy(artifact->digest, digest, ARTIFACT_DIGEST_CHARS);
		HASH_ADD(hh, a->all, digest, ARTIFACT_DIGEST_CHARS, artifact);
		a->version++;
	}
	artifact->references++;
	return artifact;
}

static void artifact_unref(struct artifacts *a, struct artifact *artifact)
{
	INVARIANT(artifact->references > 0);
	if (--artifact->references > 0)
		return;
	/* In this thread: a pin taken right after it must find the file gone, not going. */
	if (artifact_remove(a->store, artifact->digest))
		a->removed_total++;
	a->version++;
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

/* Returns whether it is there. */
static bool stamp_of(const struct artifacts *a, const char *digest, uint64_t *ret_stamp)
{
	struct artifact_reader *reader = NULL;
	if (artifact_get(a->store, digest, &reader, NULL) < 0)
		return false;
	*ret_stamp = artifact_stamp(reader);
	artifact_close(reader);
	return true;
}

void artifact_mark_stored(struct artifacts *a, const char *digest)
{
	struct artifact *artifact = artifact_find(a, digest);
	PRE(artifact != NULL);
	artifact->verified = stamp_of(a, digest, &artifact->stamp);
}

/* ---- topologies ---- */

static void topology_need(struct artifacts *a, struct topology_artifacts *t, const char *digest)
{
	if (!artifact_digest_is_valid(digest))
		return;
	vector_push(&t->needs, artifact_ref(a, digest));
}

static void topology_needs(struct artifacts *a, struct topology_artifacts *t,
			   Samoza__V1__SpaceArtifacts *const *spaces, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const Samoza__V1__SpaceArtifacts *space = spaces[i];
		topology_need(a, t, space->module_digest);
		topology_need(a, t, space->native_digest);
		for (size_t k = 0; k < space->n_assets; k++)
			topology_need(a, t, space->assets[k]->digest);
		for (size_t k = 0; k < space->n_recipes; k++)
			topology_need(a, t, space->recipes[k]->digest);
		for (size_t k = 0; k < space->n_config; k++)
			topology_need(a, t, space->config[k]->digest);
	}
}

static int revision_needs(struct artifacts *a, struct topology_artifacts *t, const void *data,
			  size_t size, struct error **err)
{
	Samoza__V1__RevisionRecord *record =
		samoza__v1__revision_record__unpack(NULL, size, data);
	if (record == NULL)
		return error_set(err, ERR_INVALID, "the record of revision %s cannot be read",
				 t->id);
	t->name = mem_strdup(record->topology->metadata->name);
	topology_needs(a, t, record->artifacts, record->n_artifacts);
	samoza__v1__revision_record__free_unpacked(record, NULL);
	return 0;
}

static int format1_needs(struct artifacts *a, struct topology_artifacts *t, const void *data,
			 size_t size, struct error **err)
{
	Samoza__V1__TopologyRecord *record =
		samoza__v1__topology_record__unpack(NULL, size, data);
	if (record == NULL)
		return error_set(err, ERR_INVALID, "the record of topology %s cannot be read",
				 t->id);
	t->name = mem_strdup(record->name);
	topology_needs(a, t, record->artifacts, record->n_artifacts);
	samoza__v1__topology_record__free_unpacked(record, NULL);
	return 0;
}

static void topology_free(struct artifacts *a, struct topology_artifacts *t)
{
	HASH_DEL(a->topologies, t);
	vector_done(&t->needs);
	free(t->id);
	free(t->name);
	free(t);
}

int artifacts_record(struct artifacts *a, enum record_kind kind, const char *id,
		     const void *data, size_t size, struct error **err)
{
	if (kind != RECORD_REVISION && kind != RECORD_TOPOLOGY)
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
		return 0; /* what a revision consists of never changes */
	t = mem_new(struct topology_artifacts);
	t->id = mem_strdup(id);
	HASH_ADD_KEYPTR(hh, a->topologies, t->id, strlen(t->id), t);
	return kind == RECORD_REVISION ? revision_needs(a, t, data, size, err)
				       : format1_needs(a, t, data, size, err);
}

/* ---- at start ---- */

struct collection {
	struct artifacts *artifacts;
	int removed;
};

static void on_listed(void *user, const struct artifact_info *info)
{
	struct collection *c = user;
	if (artifact_find(c->artifacts, info->digest) == NULL &&
	    artifact_remove(c->artifacts->store, info->digest))
		c->removed++;
}

int artifacts_collect(struct artifacts *a, struct error **err)
{
	struct collection c = {.artifacts = a};
	int r = artifact_list(a->store, on_listed, &c, err);
	return r < 0 ? r : c.removed;
}

/* ---- reading ---- */

int artifacts_get(struct artifacts *a, const char *digest, struct artifact_reader **ret_reader,
		  struct error **err)
{
	if (!artifact_digest_is_valid(digest) || artifact_find(a, digest) == NULL)
		return error_set(err, ERR_NOT_FOUND, "no artifact '%s'", digest);
	return artifact_get(a->store, digest, ret_reader, err);
}

bool artifacts_need(const struct artifacts *a, const char *digest)
{
	return artifact_digest_is_valid(digest) && artifact_find(a, digest) != NULL;
}

void artifacts_each(const struct artifacts *a, void (*each)(void *user, const char *digest),
		    void *user)
{
	for (const struct artifact *artifact = a->all; artifact != NULL;
	     artifact = artifact->hh.next)
		each(user, artifact->digest);
}

size_t artifacts_count(const struct artifacts *a)
{
	return HASH_COUNT(a->all);
}

uint64_t artifacts_version(const struct artifacts *a)
{
	return a->version;
}

void artifact_fetched(struct artifacts *a, const char *digest)
{
	if (artifacts_need(a, digest))
		artifact_mark_stored(a, digest);
}

bool artifact_is_verified(const struct artifacts *a, const char *digest)
{
	const struct artifact *artifact = artifact_find(a, digest);
	uint64_t stamp = 0;
	return artifact != NULL && artifact->verified && stamp_of(a, digest, &stamp) &&
	       stamp == artifact->stamp;
}

void artifact_looked_at(struct artifacts *a, const char *digest, uint64_t stamp, bool is_sound)
{
	struct artifact *artifact = artifact_find(a, digest);
	if (artifact == NULL || artifact_is_verified(a, digest))
		return; /* it is gone, or was written again meanwhile */
	artifact->verified = is_sound;
	artifact->stamp = stamp;
	uint64_t now = 0;
	if (!is_sound && stamp_of(a, digest, &now) &&
	    now == stamp) /* not what a worker writes */
		(void)artifact_remove(a->store, digest);
}

const char *artifact_topology(const struct artifacts *a, const char *digest)
{
	struct topology_artifacts *t, *next;
	HASH_ITER (hh, a->topologies, t, next)
		vector_for_each (&t->needs, artifact)
			if (str_equal((*artifact)->digest, digest))
				return t->name;
	return NULL;
}

const char *artifacts_lost(const struct artifacts *a, const char *record_id)
{
	struct topology_artifacts *t = NULL;
	uint64_t stamp = 0;
	HASH_FIND_STR(a->topologies, record_id, t);
	for (size_t k = 0; t != NULL && k < t->needs.count; k++)
		if (!stamp_of(a, t->needs.items[k]->digest, &stamp))
			return t->needs.items[k]->digest;
	return NULL;
}

/* ---- in any thread ---- */

bool artifacts_holds(const struct artifacts *a, const char *digest)
{
	struct artifact_reader *reader = NULL;
	if (artifact_get(a->store, digest, &reader, NULL) < 0)
		return false;
	char found[ARTIFACT_DIGEST_CHARS + 1];
	uint8_t piece[1 << 16];
	struct digest content;
	size_t size = 0;
	digest_init(&content);
	while (artifact_read(reader, piece, sizeof(piece), &size, NULL) > 0)
		digest_add(&content, piece, size);
	artifact_close(reader);
	digest_final(&content, found);
	return str_equal(found, digest); /* what cannot be read has another digest */
}

static int write_piece(void *context, const void *data, size_t size, struct error **err)
{
	return artifact_write(context, data, size, err);
}

int artifacts_put_package_file(const struct artifacts *a, struct mex_package *package,
			       const struct mex_file *file, struct error **err)
{
	struct artifact_writer *writer = NULL;
	int r = artifact_put(a->store, file->hash, &writer, err);
	if (r < 0)
		return r;
	r = mex_package_read(package, file, write_piece, writer, err);
	if (r == 0)
		return artifact_finish(writer, err);
	artifact_abandon(writer);
	return r;
}

int artifacts_put_text(const struct artifacts *a, const char *digest, const char *text,
		       size_t size, struct error **err)
{
	struct artifact_writer *writer = NULL;
	int r = artifact_put(a->store, digest, &writer, err);
	if (r < 0)
		return r;
	r = artifact_write(writer, text, size, err);
	if (r == 0)
		return artifact_finish(writer, err);
	artifact_abandon(writer);
	return r;
}

int artifacts_adopt(const struct artifacts *a, const char *path, const char *digest,
		    struct error **err)
{
	char found[ARTIFACT_DIGEST_CHARS + 1];
	int r = file_digest(path, found, err);
	if (r == 0 && strcmp(found, digest) != 0)
		r = error_set(err, ERR_INVALID, "%s is damaged", path);
	return r < 0 ? r : artifact_adopt(a->store, path, digest, err);
}

int artifacts_sync(const struct artifacts *a, struct error **err)
{
	return artifact_sync(a->store, err);
}

/* ---- life ---- */

struct artifacts *artifacts_new(struct artifact_store *store)
{
	struct artifacts *a = mem_new(struct artifacts);
	a->store = store;
	return a;
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
