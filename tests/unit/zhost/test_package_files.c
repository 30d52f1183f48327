/* zhost/artifact/: what an instance is made of, a module or the files of its package. */
#include "artifact_stage.h"

#include <stdio.h>
#include <string.h>

#include "adapter/wasm2c/translate.h"
#include "base/str.h"
#include "zhost/artifact/package_files.h"

/* ---- modules ---- */

static void want_module(struct stage *s, struct want *w, Samoza__V1__InstanceSpec *spec)
{
	*w = (struct want){.stage = s, .name = "m"};
	w->wait = artifact_fetch_module(s->artifacts, spec, cache_on_done, w);
	cache_run(s);
}

static void a_module_for_this_machine_is_fetched_as_zrms_compiled_it(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	struct want w;
	CLEANUP(freep)
	char *platform =
		str_printf("wasm2c 1.0.32, gcc 12.2.0, glue %s, x86_64", translate_version());
	spec.native_digest = (char *)(uintptr_t)digest_of("native");
	spec.native_platform = platform;
	spec.module_digest = (char *)(uintptr_t)digest_of("module");
	want_module(s, &w, &spec);
	answer(s, 0, "native");
	assert_answers(s, "m=native\n");
}

/* Records name what zrms has made of a module at its submission, perhaps years ago. It is made again here
 * before the next start; where that fails, what ran before still runs. */
static void what_an_earlier_version_compiled_is_made_again(void **state)
{
	static const char *const platforms[] = {
		"wasm2c 1.0.32, gcc 12.2.0, x86_64",
		"wasm2c 1.0.32, gcc 12.2.0, glue 00000000, x86_64"};
	struct stage *s = *state;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	struct want a, b;
	spec.native_digest = (char *)(uintptr_t)digest_of("native");
	spec.native_platform = (char *)(uintptr_t)platforms[0];
	spec.module_digest = (char *)(uintptr_t)digest_of("module");
	want_module(s, &a, &spec);
	want_module(s, &b, &spec);
	assert_int_equal(s->call_count, 1);
	assert_non_null(strstr(s->calls[0].head, digest_of("module")));
	answer_raw(s, 0, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	assert_answers(s, "");
	assert_int_equal(s->call_count, 2);
	assert_non_null(strstr(s->calls[1].head, digest_of("native")));
	answer(s, 1, "native");
	assert_answers(s, "m=native\nm=native\n");
	spec.native_platform = (char *)(uintptr_t)platforms[1];
	want_module(s, &a, &spec);
	assert_int_equal(s->call_count, 3);
	assert_non_null(strstr(s->calls[2].head, digest_of("module")));
	answer(s, 2, "damaged");
	assert_answers(s, "m=native\n");
}

/* A cluster whose zrms stored no WebAssembly. */
static void without_its_module_it_is_used_as_it_is(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	struct want w;
	spec.native_digest = (char *)(uintptr_t)digest_of("native");
	spec.native_platform = (char *)"wasm2c 1.0.32, gcc 12.2.0, x86_64";
	want_module(s, &w, &spec);
	answer(s, 0, "native");
	assert_answers(s, "m=native\n");
}

static void a_module_for_another_machine_is_fetched_as_webassembly(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	struct want a, b;
	spec.native_digest = (char *)(uintptr_t)digest_of("native");
	spec.native_platform = (char *)"wasm2c 1.0.32, gcc 12.2.0, aarch64";
	spec.module_digest = (char *)(uintptr_t)digest_of("module");
	want_module(s, &a, &spec);
	want_module(s, &b, &spec);
	assert_int_equal(s->call_count, 1);
	assert_non_null(strstr(s->calls[0].head, digest_of("module")));
	answer_raw(s, 0, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	CLEANUP(freep)
	char *why =
		str_printf("m!cannot fetch artifact %.12s: zrms answered with HTTP status 404: "
			   "it has lost it, or found it damaged; submit its package again\n",
			   digest_of("module"));
	CLEANUP(freep) char *both = str_printf("%s%s", why, why);
	assert_answers(s, both);
}

static void an_instance_without_a_module_is_refused_at_once(void **state)
{
	struct stage *s = *state;
	Samoza__V1__InstanceSpec spec = SAMOZA__V1__INSTANCE_SPEC__INIT;
	struct want w;
	spec.space = (char *)"api";
	want_module(s, &w, &spec);
	assert_null(w.wait);
	assert_answers(s, "m!zrms named no module for space 'api'\n");
}

/* ---- the files of a package ---- */

struct package {
	struct stage *stage;
	unsigned done;
	char error[200];
};

static void on_package(void *user, const char *error)
{
	struct package *p = user;
	p->done++;
	(void)snprintf(p->error, sizeof(p->error), "%s", error != NULL ? error : "");
}

static void package_spec(Samoza__V1__InstanceSpec *spec, Samoza__V1__AssetFile *recipe,
			 Samoza__V1__AssetFile *asset)
{
	static Samoza__V1__AssetFile *recipes[1], *assets[1];
	samoza__v1__instance_spec__init(spec);
	samoza__v1__asset_file__init(recipe);
	samoza__v1__asset_file__init(asset);
	recipe->digest = (char *)(uintptr_t)digest_of("recipe");
	recipe->size_bytes = 6;
	asset->digest = (char *)(uintptr_t)digest_of("asset");
	asset->size_bytes = 5;
	recipes[0] = recipe;
	assets[0] = asset;
	spec->recipes = recipes;
	spec->assets = assets;
	spec->n_recipes = spec->n_assets = 1;
}

static void the_files_of_a_package_are_fetched_one_after_another(void **state)
{
	struct stage *s = *state;
	struct package p = {.stage = s};
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__AssetFile recipe, asset;
	package_spec(&spec, &recipe, &asset);
	assert_non_null(package_fetch_new(s->artifacts, &spec, on_package, &p));
	cache_run(s);
	assert_int_equal(s->call_count, 1);
	answer(s, 0, "recipe");
	assert_int_equal(s->call_count, 2);
	assert_int_equal(p.done, 0);
	answer(s, 1, "asset");
	assert_int_equal(p.done, 1);
	assert_string_equal(p.error, "");
	/* All there: answered from within. */
	assert_null(package_fetch_new(s->artifacts, &spec, on_package, &p));
	assert_int_equal(p.done, 2);
	assert_int_equal(s->call_count, 2);
}

static void a_file_that_is_missing_fails_the_package(void **state)
{
	struct stage *s = *state;
	struct package p = {.stage = s};
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__AssetFile recipe, asset;
	package_spec(&spec, &recipe, &asset);
	assert_non_null(package_fetch_new(s->artifacts, &spec, on_package, &p));
	cache_run(s);
	answer_raw(s, 0, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(p.done, 1);
	CLEANUP(freep)
	char *expected =
		str_printf("cannot fetch artifact %.12s: zrms answered with HTTP status 404: "
			   "it has lost it, or found it damaged; submit its package again",
			   digest_of("recipe"));
	assert_string_equal(p.error, expected);
	assert_int_equal(s->call_count, 1);
}

static void a_package_can_be_cancelled_and_given_up(void **state)
{
	struct stage *s = *state;
	struct package p = {.stage = s};
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__AssetFile recipe, asset;
	package_spec(&spec, &recipe, &asset);
	package_fetch_cancel(package_fetch_new(s->artifacts, &spec, on_package, &p));
	package_fetch_abort(package_fetch_new(s->artifacts, &spec, on_package, &p),
			    "took too long");
	assert_int_equal(p.done, 1);
	assert_string_equal(p.error, "took too long");
	cache_run(s);
	answer(s, 0, "recipe");
	assert_int_equal(p.done, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, cache_begin, cache_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_module_for_this_machine_is_fetched_as_zrms_compiled_it),
		TEST(what_an_earlier_version_compiled_is_made_again),
		TEST(without_its_module_it_is_used_as_it_is),
		TEST(a_module_for_another_machine_is_fetched_as_webassembly),
		TEST(an_instance_without_a_module_is_refused_at_once),
		TEST(the_files_of_a_package_are_fetched_one_after_another),
		TEST(a_file_that_is_missing_fails_the_package),
		TEST(a_package_can_be_cancelled_and_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
