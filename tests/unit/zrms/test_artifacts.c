/* zrms/artifact/artifacts.h: an artifact stays as long as a topology or a submission refers to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sodium.h>
#include <string.h>

#include "adapter/artifact/digest.h"
#include "adapter/artifact/memory.h"
#include "base/str.h"
#include "proto/record.pb-c.h"
#include "zrms/artifact/artifacts.h"

struct stage {
	struct artifact_store *store;
	struct artifacts *artifacts;
	bool is_format1; /* records are those of the first format */
};

static int begin(void **state)
{
	struct stage *s = mem_new(struct stage);
	*state = s;
	s->store = artifact_memory_new();
	s->artifacts = artifacts_new(s->store);
	return sodium_init() < 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	artifacts_free(s->artifacts);
	artifact_store_free(s->store);
	free(s);
	return 0;
}

/* Borrowed until the next call but seven. */
static char *digest_of(const char *text)
{
	static char digests[8][ARTIFACT_DIGEST_CHARS + 1];
	static unsigned next;
	char *to = digests[next++ % 8];
	struct digest d;
	digest_init(&d);
	digest_add(&d, text, strlen(text));
	digest_final(&d, to);
	return to;
}

static void put(struct stage *s, const char *content)
{
	struct artifact_writer *w = NULL;
	assert_int_equal(artifact_put(s->store, digest_of(content), &w, NULL), 0);
	assert_int_equal(artifact_write(w, content, strlen(content), NULL), 0);
	assert_int_equal(artifact_finish(w, NULL), 0);
}

static bool is_in_store(struct stage *s, const char *content)
{
	struct artifact_reader *r = NULL;
	bool is_there = artifact_get(s->store, digest_of(content), &r, NULL) == 0;
	artifact_close(r);
	return is_there;
}

/* What zrms hands out. */
static int get(struct stage *s, const char *digest)
{
	struct artifact_reader *r = NULL;
	int code = artifacts_get(s->artifacts, digest, &r, NULL);
	artifact_close(r);
	return code;
}

/* A record of format 1 around the same space. */
static int record_format1(struct stage *s, const char *id, Samoza__V1__Topology *topology,
			  Samoza__V1__SpaceArtifacts **spaces)
{
	Samoza__V1__TopologyRecord r = SAMOZA__V1__TOPOLOGY_RECORD__INIT;
	r.topology = topology;
	r.id = (char *)(uintptr_t)id;
	r.name = (char *)"shop";
	r.package_digest = (char *)"";
	r.state = (char *)"pending";
	r.artifacts = spaces;
	r.n_artifacts = 1;
	size_t size = samoza__v1__topology_record__get_packed_size(&r);
	CLEANUP(freep) uint8_t *data = mem_calloc(1, size + 1);
	samoza__v1__topology_record__pack(&r, data);
	return artifacts_record(s->artifacts, RECORD_TOPOLOGY, id, data, size, NULL);
}

/* A revision whose space needs a module, its native code, a page and a recipe. */
static int record(struct stage *s, const char *id, const char *module, const char *native,
		  const char *asset, const char *recipe)
{
	Samoza__V1__AssetFile asset_file = SAMOZA__V1__ASSET_FILE__INIT;
	Samoza__V1__AssetFile recipe_file = SAMOZA__V1__ASSET_FILE__INIT;
	Samoza__V1__AssetFile *assets[] = {&asset_file}, *recipes[] = {&recipe_file};
	Samoza__V1__SpaceArtifacts space = SAMOZA__V1__SPACE_ARTIFACTS__INIT;
	Samoza__V1__SpaceArtifacts *spaces[] = {&space};
	Samoza__V1__Topology topology = SAMOZA__V1__TOPOLOGY__INIT;
	Samoza__V1__TopologyMetadata metadata = SAMOZA__V1__TOPOLOGY_METADATA__INIT;
	Samoza__V1__RevisionRecord r = SAMOZA__V1__REVISION_RECORD__INIT;
	metadata.name = (char *)"shop";
	topology.api_version = (char *)"samoza/v1";
	topology.kind = (char *)"Topology";
	topology.metadata = &metadata;
	r.topology = &topology;
	r.application = (char *)"app";
	r.package_digest = (char *)"";
	r.artifacts = spaces;
	r.n_artifacts = 1;
	space.space = (char *)"web";
	space.module_digest = module != NULL ? digest_of(module) : NULL;
	space.native_digest = native != NULL ? digest_of(native) : NULL;
	asset_file.name = recipe_file.name = (char *)"file";
	asset_file.digest = asset != NULL ? digest_of(asset) : (char *)"";
	recipe_file.digest = recipe != NULL ? digest_of(recipe) : (char *)"not a digest";
	space.assets = assets;
	space.recipes = recipes;
	space.n_assets = space.n_recipes = 1;
	if (s->is_format1)
		return record_format1(s, id, &topology, spaces);
	size_t size = samoza__v1__revision_record__get_packed_size(&r);
	CLEANUP(freep) uint8_t *data = mem_calloc(1, size + 1);
	samoza__v1__revision_record__pack(&r, data);
	return artifacts_record(s->artifacts, RECORD_REVISION, id, data, size, NULL);
}

static int forget(struct stage *s, const char *id)
{
	return artifacts_record(s->artifacts, s->is_format1 ? RECORD_TOPOLOGY : RECORD_REVISION,
				id, NULL, 0, NULL);
}

/* ---- tests ---- */

static void at_start_what_nothing_refers_to_is_removed(void **state)
{
	static const char *const needed[] = {"module", "native", "page", "recipe"};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		put(s, needed[i]);
	put(s, "left over");
	put(s, "pinned");
	assert_int_equal(record(s, "1", "module", "native", "page", "recipe"), 0);
	artifact_pin(s->artifacts, digest_of("pinned"));
	assert_int_equal(artifacts_collect(s->artifacts, NULL), 1);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		assert_int_equal(get(s, digest_of(needed[i])), 0);
		/* Of an earlier run: it may be damaged. */
		assert_false(artifact_is_verified(s->artifacts, digest_of(needed[i])));
		artifact_mark_stored(s->artifacts, digest_of(needed[i]));
		assert_true(artifact_is_verified(s->artifacts, digest_of(needed[i])));
		assert_true(artifacts_holds(s->artifacts, digest_of(needed[i])));
		(void)artifact_remove(s->store, digest_of(needed[i])); /* lost */
		assert_false(artifact_is_verified(s->artifacts, digest_of(needed[i])));
		assert_false(artifacts_holds(s->artifacts, digest_of(needed[i])));
	}
	assert_true(is_in_store(s, "pinned"));
	assert_false(is_in_store(s, "left over"));
}

static void an_artifact_of_two_topologies_stays_until_both_are_gone(void **state)
{
	struct stage *s = *state;
	put(s, "module");
	assert_int_equal(record(s, "1", "module", NULL, NULL, NULL), 0);
	assert_int_equal(record(s, "2", "module", NULL, NULL, NULL), 0);
	assert_int_equal(forget(s, "1"), 0);
	assert_true(is_in_store(s, "module"));
	assert_string_equal(artifact_topology(s->artifacts, digest_of("module")), "shop");
	assert_int_equal(forget(s, "2"), 0);
	assert_null(artifact_topology(s->artifacts, digest_of("module")));
	assert_false(is_in_store(s, "module"));
	assert_int_equal(get(s, digest_of("module")), ERR_NOT_FOUND);
}

/* Its state changes often: each time the record is written again. */
static void a_record_that_is_written_again_refers_once(void **state)
{
	struct stage *s = *state;
	put(s, "module");
	for (int i = 0; i < 3; i++)
		assert_int_equal(record(s, "1", "module", "module", "module", NULL), 0);
	assert_int_equal(forget(s, "1"), 0);
	assert_false(is_in_store(s, "module"));
	assert_int_equal(forget(s, "1"), 0); /* it is gone already */
}

static void a_submission_keeps_what_another_topology_lets_go_of(void **state)
{
	struct stage *s = *state;
	put(s, "module");
	assert_int_equal(record(s, "1", "module", NULL, NULL, NULL), 0);
	artifact_pin(s->artifacts, digest_of("module"));
	assert_int_equal(forget(s, "1"), 0);
	assert_true(is_in_store(s, "module"));
	assert_int_equal(record(s, "2", "module", NULL, NULL, NULL), 0);
	artifact_unpin(s->artifacts, digest_of("module"));
	assert_true(is_in_store(s, "module"));
}

static void a_submission_that_is_refused_leaves_nothing(void **state)
{
	struct stage *s = *state;
	artifact_pin(s->artifacts, digest_of("module"));
	assert_false(artifacts_holds(s->artifacts, digest_of("module")));
	put(s, "module");
	artifact_mark_stored(s->artifacts, digest_of("module"));
	assert_true(artifacts_holds(s->artifacts, digest_of("module")));
	artifact_unpin(s->artifacts, digest_of("module"));
	assert_false(artifacts_holds(s->artifacts, digest_of("module")));
	assert_false(is_in_store(s, "module"));
}

static void what_nothing_refers_to_is_not_handed_out(void **state)
{
	struct stage *s = *state;
	put(s, "secret");
	assert_int_equal(get(s, digest_of("secret")), ERR_NOT_FOUND);
	assert_int_equal(get(s, "../lock"), ERR_NOT_FOUND);
	assert_int_equal(get(s, ""), ERR_NOT_FOUND);
	/* Referred to, and not written yet. */
	artifact_pin(s->artifacts, digest_of("coming"));
	assert_int_equal(get(s, digest_of("coming")), ERR_NOT_FOUND);
}

/* What a zrms before this one left: read once, and converted. */
static void records_of_format_1_refer_in_the_same_way(void **state)
{
	struct stage *s = *state;
	s->is_format1 = true;
	put(s, "module");
	put(s, "page");
	assert_int_equal(record(s, "1", "module", NULL, "page", NULL), 0);
	assert_int_equal(artifacts_collect(s->artifacts, NULL), 0);
	assert_int_equal(forget(s, "1"), 0);
	assert_false(is_in_store(s, "module") || is_in_store(s, "page"));
}

static void a_record_that_cannot_be_read_is_an_error(void **state)
{
	static const struct {
		enum record_kind kind;
		const char *message;
	} cases[] = {
		{RECORD_REVISION, "the record of revision r cannot be read"},
		{RECORD_TOPOLOGY, "the record of topology t cannot be read"},
	};
	struct stage *s = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(error_freep) struct error *err = NULL;
		const char *id = cases[i].kind == RECORD_REVISION ? "r" : "t";
		assert_int_equal(
			artifacts_record(s->artifacts, cases[i].kind, id, "?!", 2, &err),
			ERR_INVALID);
		assert_string_equal(err->message, cases[i].message);
	}
	assert_int_equal(artifacts_record(s->artifacts, RECORD_ZHOST, "n1", "?!", 2, NULL), 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(at_start_what_nothing_refers_to_is_removed),
		TEST(an_artifact_of_two_topologies_stays_until_both_are_gone),
		TEST(a_record_that_is_written_again_refers_once),
		TEST(a_submission_keeps_what_another_topology_lets_go_of),
		TEST(a_submission_that_is_refused_leaves_nothing),
		TEST(what_nothing_refers_to_is_not_handed_out),
		TEST(records_of_format_1_refer_in_the_same_way),
		TEST(a_record_that_cannot_be_read_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
