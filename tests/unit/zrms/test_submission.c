/* Submissions without a daemon: a real loop and translator, artifacts in memory, a listener in the place of
 * the REST interface and the core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/archive/pack.h"
#include "adapter/artifact/memory.h"
#include "adapter/uv/loop.h"
#include "base/str.h"
#include "zrms/submission/stages.h"

#define MANIFEST                                                                    \
	"apiVersion: samoza/v1\nkind: MEX\nmetadata: {name: app, version: 1.0.0}\n" \
	"spec: {topology: topology.yaml}\n"
#define HEAD "apiVersion: samoza/v1\nkind: Topology\nmetadata: {name: app}\nspaces:\n"

/* One answer of the listener. */
struct answer {
	struct submission *submission; /* handed over, not decided yet; NULL: refused */
	struct topology *topology;
	enum error_code code;
	char *message;
	char *native; /* digest of the first module's native code */
	size_t detail_count;
};

struct stage {
	char directory[64];
	struct loop loop;
	struct artifact_store *store;
	struct artifacts *artifacts;
	struct translator *translator;
	struct translations *translations;
	struct submissions *submissions;
	struct answer answers[4]; /* by the number that a submission got as its request */
	unsigned awaited;
	struct answer *wanted; /* the loop stops at this answer, too */
};

/* ---- the listener ---- */

static void answered(struct stage *st, const struct answer *a)
{
	if (--st->awaited == 0 || a == st->wanted)
		loop_stop(&st->loop);
}

static void on_ready(void *user, void *request, struct submission *submission,
		     const struct control_submit *submit)
{
	struct stage *st = user;
	struct answer *a = &st->answers[(size_t)request];

	a->submission = submission;
	a->topology = topology_ref(submit->topology);
	for (size_t i = 0; i < submit->record->n_artifacts; i++)
		if (submit->record->artifacts[i]->native_digest != NULL)
			a->native = mem_strdup(submit->record->artifacts[i]->native_digest);
	answered(st, a);
}

static void on_refused(void *user, void *request, const struct error *error, char **details,
		       size_t detail_count)
{
	struct stage *st = user;
	struct answer *a = &st->answers[(size_t)request];

	(void)details;
	a->code = error->code;
	a->message = mem_strdup(error->message);
	a->detail_count = detail_count;
	answered(st, a);
}

static const struct submit_listener listener = {.on_ready = on_ready, .on_refused = on_refused};

/* ---- the stage ---- */

static char *path_in(const struct stage *st, const char *name)
{
	return str_printf("%s/%s", st->directory, name);
}

static void write_text(const char *path, const void *text, size_t size)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static void make_directory(const struct stage *st, const char *name)
{
	CLEANUP(freep) char *path = path_in(st, name);

	assert_int_equal(mkdir(path, 0700), 0);
}

/* `stand_in`: a shell script in the place of wasm2c, $dir is the stage's directory; NULL: none. */
static void begin_with(struct stage *st, bool allow_unsigned, bool can_translate,
		       const char *stand_in)
{
	static char trust[80];
	struct error *err = NULL;

	*st = (struct stage){.directory = "/tmp/samoza-submission-XXXXXX"};
	assert_non_null(mkdtemp(st->directory));
	make_directory(st, "trust");
	make_directory(st, "cache");
	(void)snprintf(trust, sizeof(trust), "%s/trust", st->directory);
	CLEANUP(freep) char *cache = path_in(st, "cache");
	assert_int_equal(loop_init(&st->loop, &err), 0);
	st->store = artifact_memory_new();
	st->artifacts = artifacts_new(st->store);
	if (can_translate) {
		CLEANUP(freep) char *script = path_in(st, "wasm2c");
		CLEANUP(freep)
		char *text =
			str_printf("#!/bin/sh\ndir=%s\n"
				   "test \"$1\" = --version && exec wasm2c --version\n%s\n",
				   st->directory, stand_in != NULL ? stand_in : "");
		const struct translator_options options = {
			.cache_directory = cache, .wasm2c = stand_in != NULL ? script : NULL};

		write_text(script, text, strlen(text));
		assert_int_equal(chmod(script, 0755), 0);

		if (translator_new(&options, &st->translator, &err) < 0)
			fail_msg("no translator: %s", err->message);
		st->translations = translations_new(&st->loop, st->translator, 2);
	}
	const struct submit_options options = {.trust_directory = trust,
					       .allow_unsigned = allow_unsigned};
	assert_int_equal(submissions_new(&st->loop, st->artifacts, st->translations,
					 can_translate ? "test" : NULL, "no compiler", &options,
					 &listener, st, &st->submissions, &err),
			 0);
}

static void begin(struct stage *st, bool allow_unsigned, bool can_translate)
{
	begin_with(st, allow_unsigned, can_translate, NULL);
}

static void forget(struct stage *st, size_t number)
{
	struct answer *a = &st->answers[number];

	if (a->submission != NULL)
		submission_decided(a->submission);
	if (a->topology != NULL)
		topology_unref(a->topology);
	free(a->message);
	free(a->native);
	*a = (struct answer){0};
}

static void end(struct stage *st)
{
	for (size_t i = 0; i < ARRAY_SIZE(st->answers); i++)
		forget(st, i);
	assert_true(submissions_is_idle(st->submissions));
	submissions_free(st->submissions);
	if (st->translations != NULL) {
		translations_stop(st->translations);
		assert_true(translations_is_idle(st->translations));
		translations_free(st->translations);
		translator_free(st->translator);
	}
	artifacts_free(st->artifacts);
	artifact_store_free(st->store);
	loop_done(&st->loop);
	CLEANUP(freep) char *command = str_printf("rm -rf %s", st->directory);
	assert_int_equal(system(command), 0);
}

/* ---- packages ---- */

struct file {
	const char *path, *content;
	size_t size; /* 0: up to its NUL */
};

/* Packs these files and the manifest; signed unless `key` is NULL. The bytes are the caller's. */
static struct upload pack(const struct stage *st, const char *topology,
			  const struct file *files, size_t count, const struct secret_key *key)
{
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	CLEANUP(freep) char *source = path_in(st, "source");
	CLEANUP(freep) char *output = path_in(st, "packed.mex");
	CLEANUP(freep)
	char *make = str_printf("rm -rf %s; mkdir -p %s/spaces/web %s/spaces/api", source,
				source, source);
	CLEANUP(freep) char *manifest = str_printf("%s/manifest.yaml", source);
	CLEANUP(freep) char *topology_path = str_printf("%s/topology.yaml", source);
	struct mex_options options = {0};
	struct error *err = NULL;
	struct stat info;

	assert_int_equal(system(make), 0);
	write_text(manifest, MANIFEST, strlen(MANIFEST));
	write_text(topology_path, topology, strlen(topology));
	for (size_t i = 0; i < count; i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", source, files[i].path);

		write_text(path, files[i].content,
			   files[i].size > 0 ? files[i].size : strlen(files[i].content));
	}
	if (mex_package_open_directory(source, &options, NULL, &package, &err) < 0 ||
	    mex_pack(package, &(struct pack_options){.key = key}, output, &err) < 0)
		fail_msg("cannot pack: %s", err->message);
	FILE *f = fopen(output, "rb");
	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &info), 0);
	struct upload upload = {.body = mem_calloc(1, (size_t)info.st_size),
				.body_size = (size_t)info.st_size,
				.fd = -1};
	assert_int_equal(fread(upload.body, 1, upload.body_size, f), upload.body_size);
	assert_int_equal(fclose(f), 0);
	return upload;
}

static struct upload pack_page(const struct stage *st, const struct secret_key *key)
{
	const struct file page = {"spaces/web/index.html", "<p>hello", 0};

	return pack(st, HEAD "- {name: web, type: UI}\n", &page, 1, key);
}

/* The same page and the sample guest. */
static struct upload pack_module(const struct stage *st, const char *page)
{
	FILE *f = fopen(GUEST_MODULE, "rb");
	static char module[1 << 20];
	size_t size;

	assert_non_null(f);
	size = fread(module, 1, sizeof(module), f);
	assert_int_equal(fclose(f), 0);
	const struct file files[] = {{"spaces/web/index.html", page, 0},
				     {"spaces/api/core.wasm", module, size}};
	return pack(st, HEAD "- {name: web, type: UI}\n- {name: api, type: CALL}\n", files, 2,
		    NULL);
}

static size_t put_number(char *to, uint32_t value)
{
	for (int i = 0; i < 5; i++)
		to[i] = (char)((value >> 7 * i & 0x7f) | (i < 4 ? 0x80 : 0));
	return 5;
}

/* A module of `functions` functions, each with `size` instructions that do nothing. */
static struct upload pack_code(const struct stage *st, uint32_t functions, uint32_t size)
{
	static char module[4 << 20];
	size_t at = 0;

	memcpy(module, "\0asm\1\0\0\0\1\5\1\x60\0\1\x7f\3", 16);
	at = 16;
	at += put_number(module + at, 5 + functions);
	at += put_number(module + at, functions);
	memset(module + at, 0, functions);
	at += functions;
	memcpy(module + at, "\7\x0e\1\x0aon_process\0\0\x0a", 17);
	at += 17;
	at += put_number(module + at, 5 + functions * (5 + 4 + size));
	at += put_number(module + at, functions);
	for (uint32_t i = 0; i < functions; i++) {
		at += put_number(module + at, 4 + size);
		module[at++] = 0;
		memset(module + at, 1, size);
		at += size;
		memcpy(module + at, "\x41\0\x0b", 3);
		at += 3;
	}
	const struct file file = {"spaces/api/core.wasm", module, at};
	return pack(st, HEAD "- {name: api, type: CALL}\n", &file, 1, NULL);
}

static void submit(struct stage *st, size_t number, struct upload upload, bool dry_run)
{
	st->awaited++;
	const struct submission_options options = {.start = true, .dry_run = dry_run};
	submissions_add(st->submissions, &upload, (void *)number, &options, NULL);
}

/* Until every submission has its answer. */
static void wait_for_answers(struct stage *st)
{
	if (st->awaited > 0)
		loop_run(&st->loop);
	assert_int_equal(st->awaited, 0);
}

static void wait_for_answer(struct stage *st, size_t number)
{
	st->wanted = &st->answers[number];
	loop_run(&st->loop);
	st->wanted = NULL;
}

/* ---- files that stand-ins make ---- */

struct file_wait {
	struct stage *st;
	const char *pattern;
	struct loop_timer *timer;
	int64_t deadline_ms;
};

static void look_for_files(void *user)
{
	struct file_wait *wait = user;
	int64_t now_ms = loop_now(&wait->st->loop).mono_ms;
	CLEANUP(freep) char *test = path_in(wait->st, wait->pattern);
	CLEANUP(freep) char *command = str_printf("ls %s >/dev/null 2>&1", test);

	if (system(command) == 0 || now_ms > wait->deadline_ms)
		loop_stop(&wait->st->loop);
	else
		loop_timer_at(wait->timer, now_ms + 10);
}

/* Runs the loop until there is a file of this name. */
static void wait_for_file(struct stage *st, const char *name)
{
	struct file_wait wait = {st, name, NULL, loop_now(&st->loop).mono_ms + 60000};

	wait.timer = loop_timer_new(&st->loop, look_for_files, &wait);
	loop_timer_at(wait.timer, loop_now(&st->loop).mono_ms);
	loop_run(&st->loop);
	loop_timer_free(wait.timer);
	CLEANUP(freep) char *path = path_in(st, name);
	assert_int_equal(access(path, F_OK), 0);
}

static void count_one(void *user, const struct artifact_info *info)
{
	(void)info;
	++*(unsigned *)user;
}

static unsigned stored_artifacts(const struct stage *st)
{
	unsigned count = 0;

	assert_int_equal(artifact_list(st->store, count_one, &count, NULL), 0);
	return count;
}

/* ---- tests ---- */

static void the_table_of_stages_is_sound(void **state)
{
	CLEANUP(freep) char *fault = state_machine_check_table(&submission_machine);

	assert_null(fault);
}

static void
artifacts_are_stored_before_the_core_decides_and_go_unless_it_keeps_them(void **state)
{
	struct stage st;

	begin(&st, true, false);
	submit(&st, 0, pack_page(&st, NULL), false);
	wait_for_answers(&st);
	assert_non_null(st.answers[0].submission);
	assert_string_equal(st.answers[0].topology->name, "app");
	assert_int_equal(stored_artifacts(&st), 1);
	/* No record refers to them: the pin was all that kept them. */
	forget(&st, 0);
	assert_int_equal(stored_artifacts(&st), 0);
	end(&st);
}

static void what_is_stored_already_is_not_stored_again(void **state)
{
	struct stage st;

	begin(&st, true, false);
	submit(&st, 0, pack_page(&st, NULL), false);
	wait_for_answers(&st);
	submit(&st, 1, pack_page(&st, NULL), false);
	wait_for_answers(&st);
	assert_int_equal(st.answers[0].submission->written, 1);
	assert_int_equal(st.answers[1].submission->written, 0);
	forget(&st, 0);
	assert_int_equal(stored_artifacts(&st), 1);
	forget(&st, 1);
	assert_int_equal(stored_artifacts(&st), 0);
	end(&st);
}

static void a_dry_run_stores_nothing(void **state)
{
	struct stage st;

	begin(&st, true, false);
	submit(&st, 0, pack_page(&st, NULL), true);
	wait_for_answers(&st);
	assert_non_null(st.answers[0].submission);
	assert_int_equal(stored_artifacts(&st), 0);
	end(&st);
}

static void an_upload_in_a_file_is_read_from_there(void **state)
{
	struct stage st;
	struct upload upload;

	begin(&st, true, false);
	upload = pack_page(&st, NULL);
	free(upload.body);
	CLEANUP(freep) char *path = path_in(&st, "packed.mex");
	upload = (struct upload){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	submit(&st, 0, upload, false);
	wait_for_answers(&st);
	assert_non_null(st.answers[0].submission);
	end(&st);
}

static void what_is_not_a_package_is_refused_and_leaves_nothing(void **state)
{
	struct stage st;

	begin(&st, true, false);
	submit(&st, 0, (struct upload){.body = mem_strdup("no zip"), .body_size = 6, .fd = -1},
	       false);
	wait_for_answers(&st);
	assert_null(st.answers[0].submission);
	assert_int_equal(st.answers[0].code, ERR_INVALID);
	assert_int_equal(stored_artifacts(&st), 0);
	assert_true(submissions_is_idle(st.submissions));
	end(&st);
}

static void a_key_counts_from_the_submission_after_it_was_added(void **state)
{
	struct stage st;
	struct secret_key key;
	struct error *err = NULL;

	begin(&st, false, false);
	CLEANUP(freep) char *secret = path_in(&st, "key");
	CLEANUP(freep) char *move = str_printf("mv %s.pub %s/trust/", secret, st.directory);
	assert_int_equal(secret_key_create(secret, &err), 0);
	assert_int_equal(secret_key_load(secret, &key, &err), 0);
	submit(&st, 0, pack_page(&st, NULL), false);
	submit(&st, 1, pack_page(&st, &key), false);
	wait_for_answers(&st);
	assert_int_equal(st.answers[0].code, ERR_DENIED);
	assert_int_equal(st.answers[1].code, ERR_DENIED);
	assert_int_equal(system(move), 0);
	submit(&st, 2, pack_page(&st, &key), false);
	wait_for_answers(&st);
	assert_non_null(st.answers[2].submission);
	secret_key_done(&key);
	end(&st);
}

static void a_new_module_needs_a_translator(void **state)
{
	struct stage st;

	begin(&st, true, false);
	submit(&st, 0, pack_module(&st, "a"), false);
	wait_for_answers(&st);
	assert_int_equal(st.answers[0].code, ERR_UNAVAILABLE);
	assert_non_null(strstr(st.answers[0].message, "no compiler"));
	assert_int_equal(stored_artifacts(&st), 0);
	end(&st);
}

static void submissions_with_one_module_share_its_translation(void **state)
{
	struct stage st;

	begin(&st, true, true);
	submit(&st, 0, pack_module(&st, "a"), false);
	submit(&st, 1, pack_module(&st, "b"), false);
	wait_for_answers(&st);
	assert_non_null(st.answers[0].native);
	assert_string_equal(st.answers[0].native, st.answers[1].native);
	/* two pages, the module, its native code */
	assert_int_equal(stored_artifacts(&st), 4);
	end(&st);
}

/* Holds modules of more than 100 kB until the file "go" is there; the n-th makes the file held-n. */
#define HOLDING                                              \
	"if [ $(stat -c %s space.wasm) -gt 100000 ]; then\n" \
	"  echo >$dir/held-$(ls $dir | grep -c held)\n"      \
	"  while [ ! -e $dir/go ]; do sleep 0.02; done\n"    \
	"fi\nexec wasm2c \"$@\""

static void small_modules_do_not_wait_for_large_ones(void **state)
{
	struct stage st;

	begin_with(&st, true, true, HOLDING);
	submit(&st, 0, pack_code(&st, 2, 200000), false);
	wait_for_file(&st, "held-0");
	submit(&st, 1, pack_code(&st, 2, 200001), false);
	wait_for_file(&st, "held-1");
	/* Both places are taken; one of medium size waits for neither, a small one for none. */
	submit(&st, 2, pack_code(&st, 1, 150000), false);
	wait_for_file(&st, "held-2");
	submit(&st, 3, pack_code(&st, 1, 10), false);
	wait_for_answer(&st, 3);
	assert_non_null(st.answers[3].submission);
	for (size_t i = 0; i < 3; i++)
		assert_true(st.answers[i].submission == NULL && st.answers[i].message == NULL);
	CLEANUP(freep) char *go = path_in(&st, "go");
	write_text(go, "", 0);
	wait_for_answers(&st);
	for (size_t i = 0; i < 3; i++)
		assert_non_null(st.answers[i].submission);
	end(&st);
}

static void a_refusal_of_the_translator_is_remembered(void **state)
{
	struct stage st;

	begin_with(&st, true, true, "echo >>$dir/runs; echo too hard; exit 1");
	for (size_t i = 0; i < 2; i++) {
		submit(&st, i, pack_code(&st, 1, 10), false);
		wait_for_answers(&st);
		assert_int_equal(st.answers[i].code, ERR_INVALID);
		assert_non_null(strstr(st.answers[i].message, "too hard"));
	}
	CLEANUP(freep) char *runs = path_in(&st, "runs");
	struct stat info;
	assert_int_equal(stat(runs, &info), 0);
	assert_int_equal(info.st_size, 1);
	end(&st);
}

/* A full disk says nothing about the module. */
static void what_this_machine_lacks_is_not_remembered(void **state)
{
	struct stage st;

	begin_with(&st, true, true,
		   "[ -e $dir/once ] && exec wasm2c \"$@\"; echo >$dir/once\n"
		   "echo 'x: No space left on device'; exit 1");
	submit(&st, 0, pack_code(&st, 1, 10), false);
	wait_for_answers(&st);
	assert_int_equal(st.answers[0].code, ERR_IO);
	submit(&st, 1, pack_code(&st, 1, 10), false);
	wait_for_answers(&st);
	assert_non_null(st.answers[1].submission);
	end(&st);
}

static void an_invalid_module_is_a_finding(void **state)
{
	struct stage st;
	const struct file file = {"spaces/api/core.wasm", "\0asm\1\0\0\0", 8};

	begin(&st, true, true);
	submit(&st, 0, pack(&st, HEAD "- {name: api, type: CALL}\n", &file, 1, NULL), false);
	wait_for_answers(&st);
	assert_int_equal(st.answers[0].code, ERR_INVALID);
	assert_int_equal(st.answers[0].detail_count, 1);
	assert_int_equal(stored_artifacts(&st), 0);
	end(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_stages_is_sound),
		cmocka_unit_test(
			artifacts_are_stored_before_the_core_decides_and_go_unless_it_keeps_them),
		cmocka_unit_test(what_is_stored_already_is_not_stored_again),
		cmocka_unit_test(a_dry_run_stores_nothing),
		cmocka_unit_test(an_upload_in_a_file_is_read_from_there),
		cmocka_unit_test(what_is_not_a_package_is_refused_and_leaves_nothing),
		cmocka_unit_test(a_key_counts_from_the_submission_after_it_was_added),
		cmocka_unit_test(a_new_module_needs_a_translator),
		cmocka_unit_test(submissions_with_one_module_share_its_translation),
		cmocka_unit_test(an_invalid_module_is_a_finding),
		cmocka_unit_test(small_modules_do_not_wait_for_large_ones),
		cmocka_unit_test(a_refusal_of_the_translator_is_remembered),
		cmocka_unit_test(what_this_machine_lacks_is_not_remembered),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
