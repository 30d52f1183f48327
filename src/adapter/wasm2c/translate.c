#include "adapter/wasm2c/translate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/wasm2c/glue.h"
#include "adapter/wasm2c/object.h"
#include "adapter/wasm2c/processor_time.h"
#include "adapter/wasm2c/seal.h"
#include "adapter/wasm2c/translate_private.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"

#define GLUE_BYTES_MAX (16 * 1024 * 1024) /* a line for each run of the image */
#define ARGUMENTS_MAX  40

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/*
 *   start --> STEP_VALIDATE --> STEP_TRANSLATE --> STEP_COMPILE --> STEP_DONE
 *     |             |                 |                |              (at once if cached)
 *     `-------------`-----------------`----------------`--> an error: freed by the caller
 */
enum step {
	STEP_VALIDATE,
	STEP_TRANSLATE,
	STEP_COMPILE,
	STEP_DONE,
};

struct translation {
	struct translator *translator;
	enum step step;
	struct module_info info;
	struct translation_source source; /* until it is written to the directory */
	char key[TRANSLATE_KEY_SIZE];
	char *path;
	char *directory;
	uint64_t end_ms;  /* of the whole */
	uint64_t look_ms; /* at what the program has done since the last look */
	uint64_t used;	  /* processor time of its group at the last look */
	pid_t pid;
	int pidfd;
};

static int write_file(const char *directory, const char *name, const void *data, size_t size,
		      struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/%s", directory, name);
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const char *at = data;

	if (fd < 0)
		return error_errno(err, "cannot make %s", path);
	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, "cannot write %s", path);
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

static void source_done(struct translation_source *source)
{
	module_rewritten_done(&source->module);
	buffer_done(&source->glue);
	*source = (struct translation_source){0};
}

static int prepare_source(struct translation *tr, const uint8_t *module, size_t size,
			  struct error **err)
{
	struct translation_source *source = &tr->source;

	int r = module_rewrite(module, size, &source->module, err);

	source->glue = (struct buffer)BUFFER_INIT(GLUE_BYTES_MAX);
	if (r == 0)
		glue_write(&source->glue, &tr->info, &source->module.image);
	return r;
}

static int prepare_directory(struct translation *tr, struct error **err)
{
	struct translation_source *source = &tr->source;
	char *directory = str_printf("%s/tmp-XXXXXX", tr->translator->cache_directory);
	int r;

	if (mkdtemp(directory) == NULL) {
		r = error_errno(err, "cannot make a directory in %s",
				tr->translator->cache_directory);
		free(directory);
		return r;
	}
	tr->directory = directory;
	r = write_file(directory, "space.wasm", source->module.data, source->module.size, err);
	if (r == 0)
		r = write_file(directory, "image", source->module.image.data,
			       source->module.image.size, err);
	if (r == 0)
		r = write_file(directory, "glue.c", source->glue.data, source->glue.size, err);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(glue_files); i++)
		r = write_file(directory, glue_files[i].name, glue_files[i].content,
			       glue_files[i].size, err);
	source_done(source);
	return r;
}

/* A limit in seconds, by what there is to compile: up to three times `base`. */
static unsigned seconds(const struct translation *tr, unsigned base)
{
	return base + (unsigned)(2ull * base * tr->info.code_bytes / MODULE_CODE_MAX);
}

static void look_later(struct translation *tr)
{
	uint64_t at = translate_now_ms() + 1000ull * tr->translator->stall_seconds;

	tr->look_ms = at < tr->end_ms ? at : tr->end_ms;
}

static int run(struct translation *tr, enum step step, const char *const *argv,
	       struct error **err)
{
	const struct translator *t = tr->translator;
	int r = translator_spawn(t, tr->directory, argv, seconds(tr, t->cpu_seconds), &tr->pid,
				 err);

	if (r < 0)
		return r;
	tr->step = step;
	tr->used = 0;
	look_later(tr);
	tr->pidfd = (int)syscall(SYS_pidfd_open, tr->pid, 0);
	if (tr->pidfd < 0)
		return error_errno(err, "cannot watch %s", argv[0]);
	(void)fcntl(tr->pidfd, F_SETFD, FD_CLOEXEC);
	return 1;
}

static int run_validate(struct translation *tr, struct error **err)
{
	const char *const argv[] = {tr->translator->wasm_validate, "--disable-simd",
				    "--disable-reference-types", "space.wasm", NULL};

	return run(tr, STEP_VALIDATE, argv, err);
}

/* Takes no --disable-...: with one, this version refuses every module. */
static int run_wasm2c(struct translation *tr, struct error **err)
{
	const char *const argv[] = {tr->translator->wasm2c,
				    "--no-debug-names",
				    "-n",
				    "space",
				    "-o",
				    "space.c",
				    "space.wasm",
				    NULL};

	return run(tr, STEP_TRANSLATE, argv, err);
}

static void add_arguments(const char **argv, size_t *count, const char *const *more)
{
	for (size_t i = 0; more[i] != NULL; i++) {
		INVARIANT(*count + 1 < ARGUMENTS_MAX);
		argv[(*count)++] = more[i];
	}
}

static int run_compiler(struct translation *tr, struct error **err)
{
	const char *argv[ARGUMENTS_MAX] = {tr->translator->compiler};
	size_t count = 1;

	add_arguments(argv, &count, tr->translator->dialect);
	add_arguments(argv, &count, translate_compiler_arguments);
	return run(tr, STEP_COMPILE, argv, err);
}

int translation_start(struct translator *t, const uint8_t *module, size_t size,
		      uint64_t memory_bytes, struct translation **ret_translation,
		      struct error **err)
{
	struct translation *tr = mem_new(struct translation);
	int r;

	tr->translator = t;
	tr->pidfd = -1;
	t->translations++;
	r = module_check(module, size, memory_bytes, &tr->info, err);
	if (r < 0) {
		translation_free(tr);
		return r;
	}
	r = prepare_source(tr, module, size, err);
	if (r < 0) {
		translation_free(tr);
		return r;
	}
	translator_key(t, &tr->source, tr->key);
	tr->path = translator_cached(t, tr->key);
	if (tr->path != NULL) {
		source_done(&tr->source);
		tr->step = STEP_DONE;
		*ret_translation = tr;
		return 0;
	}
	tr->end_ms = translate_now_ms() + 1000ull * seconds(tr, t->wall_seconds);
	r = prepare_directory(tr, err);
	if (r == 0)
		r = run_validate(tr, err);
	if (r < 0) {
		translation_free(tr);
		return r;
	}
	*ret_translation = tr;
	return 1;
}

/* What the program wrote, made fit for one line: without our directory's name. */
static void output_text(const struct translation *tr, char *text, size_t size)
{
	CLEANUP(freep) char *path = str_printf("%s/output", tr->directory);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, size - 1) : 0;

	text[n > 0 ? n : 0] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if (*c == '\n' || (unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	for (size_t length = strlen(text); length > 0 && text[length - 1] == ' '; length--)
		text[length - 1] = '\0';
}

static const char *const program_names[] = {"wasm-validate", "wasm2c", "the C compiler"};

static int step_failed(const struct translation *tr, const siginfo_t *end, struct error **err)
{
	const char *what = program_names[tr->step];
	char text[400];

	output_text(tr, text, sizeof(text));
	if (end->si_code != CLD_EXITED)
		return error_set(
			err, ERR_INVALID,
			"module refused: %s was killed by signal %d (%s) while translating "
			"it; limits: %u s of processor time, %llu MiB of memory",
			what, end->si_status, strsignal(end->si_status),
			seconds(tr, tr->translator->cpu_seconds),
			(unsigned long long)(tr->translator->memory_bytes >> 20));
	if (end->si_status == 127 || end->si_status == 126)
		return error_set(err, ERR_UNAVAILABLE, "%s cannot be started", what);
	if (strstr(text, "No space left on device") != NULL)
		return error_set(err, ERR_IO, "%s: no space left in %s", what,
				 tr->translator->cache_directory);
	return error_set(err, ERR_INVALID, "module refused by %s: %s", what,
			 text[0] != '\0' ? text : "no reason given");
}

/* Makes the result durable before it gets its name. */
static int publish(struct translation *tr, struct error **err)
{
	CLEANUP(freep) char *from = str_printf("%s/space.so", tr->directory);
	CLEANUP(freep)
	char *to = str_printf("%s/%s.so", tr->translator->cache_directory, tr->key);
	CLEANUP(closep) int fd = open(from, O_RDONLY | O_CLOEXEC);

	int r = object_check(from, err);
	if (r < 0)
		return error_wrap(err, "cannot translate the module on this machine");
	r = seal_add(from, err);
	if (r < 0)
		return r;
	/* Readable by instances, which run under another user. */
	if (fd < 0 || fchmod(fd, 0644) < 0 || fdatasync(fd) < 0)
		return error_errno(err, "cannot write %s", from);
	if (rename(from, to) < 0)
		return error_errno(err, "cannot rename %s to %s", from, to);
	tr->path = steal_ptr(&to);
	tr->step = STEP_DONE;
	translator_trim(tr->translator, tr->path);
	return 0;
}

static void stop_program(struct translation *tr)
{
	siginfo_t end;

	if (tr->pid > 0) {
		(void)kill(-tr->pid, SIGKILL);
		(void)kill(tr->pid, SIGKILL);
		while (waitid(P_PID, (id_t)tr->pid, &end, WEXITED) < 0 && errno == EINTR)
			continue;
	}
	closep(&tr->pidfd);
	tr->pidfd = -1;
	tr->pid = 0;
}

/* On a busy machine it may take long, but does something. */
static int check_progress(struct translation *tr, struct error **err)
{
	uint64_t now = translate_now_ms(), used;

	if (now < tr->look_ms)
		return 1;
	if (now >= tr->end_ms) {
		stop_program(tr);
		return error_set(err, ERR_INVALID,
				 "module refused: translating it takes longer than %u s",
				 seconds(tr, tr->translator->wall_seconds));
	}
	used = processor_time_of_group(tr->pid);
	if (used == tr->used) {
		stop_program(tr);
		return error_set(err, ERR_INVALID,
				 "module refused: %s did nothing for %u s while translating it",
				 program_names[tr->step], tr->translator->stall_seconds);
	}
	tr->used = used;
	look_later(tr);
	return 1;
}

int translation_continue(struct translation *tr, struct error **err)
{
	siginfo_t end = {0};

	if (tr->step == STEP_DONE)
		return 0;
	if (waitid((idtype_t)P_PIDFD, (id_t)tr->pidfd, &end, WEXITED | WNOHANG) < 0)
		return error_errno(err, "cannot wait for a translation");
	if (end.si_pid == 0)
		return check_progress(tr, err);
	/* The compiler's driver may have left files. */
	(void)kill(-tr->pid, SIGKILL);
	tr->pid = 0;
	closep(&tr->pidfd);
	tr->pidfd = -1;
	if (end.si_code != CLD_EXITED || end.si_status != 0)
		return step_failed(tr, &end, err);
	switch (tr->step) {
	case STEP_VALIDATE:
		return run_wasm2c(tr, err);
	case STEP_TRANSLATE:
		return run_compiler(tr, err);
	case STEP_COMPILE:
		return publish(tr, err);
	case STEP_DONE:
		break;
	}
	IMPOSSIBLE("a step after the last");
}

int translation_fd(const struct translation *tr)
{
	return tr->pidfd;
}

uint64_t translation_deadline_ms(const struct translation *tr)
{
	return tr->look_ms;
}

const char *translation_path(const struct translation *tr)
{
	PRE(tr->step == STEP_DONE);
	return tr->path;
}

const char *translation_key(const struct translation *tr)
{
	return tr->key;
}

const struct module_info *translation_info(const struct translation *tr)
{
	return &tr->info;
}

void translation_free(struct translation *tr)
{
	if (tr == NULL)
		return;
	stop_program(tr);
	if (tr->directory != NULL)
		translate_remove_directory(tr->directory);
	tr->translator->translations--;
	source_done(&tr->source);
	free(tr->directory);
	free(tr->path);
	free(tr);
}

int translate_now(struct translator *t, const uint8_t *module, size_t size,
		  uint64_t memory_bytes, char **ret_path, struct error **err)
{
	struct translation *tr = NULL;
	int r = translation_start(t, module, size, memory_bytes, &tr, err);

	if (r < 0)
		return r;
	while (r == 1) {
		struct pollfd p = {.fd = tr->pidfd, .events = POLLIN};
		uint64_t now = translate_now_ms();

		(void)poll(&p, 1, now < tr->look_ms ? (int)(tr->look_ms - now) + 1 : 0);
		r = translation_continue(tr, err);
	}
	if (r == 0)
		*ret_path = steal_ptr(&tr->path);
	translation_free(tr);
	return r;
}
