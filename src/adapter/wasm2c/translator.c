#include "adapter/wasm2c/translate_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapter/wasm2c/glue.h"
#include "adapter/wasm2c/seal.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"

#define WASM2C_VERSION	"1.0.32"
#define REWRITE_VERSION "1"
#define GLUE		"glue "
#define VERSION_WAIT_MS 60000
#define LEFTOVER_AGE_S	3600

/*
 * -O1: half the time of -O2 (0.5 s instead of 0.9 s for a module with printf), and as fast at
 * run time but for functions that call themselves. What follows keeps WebAssembly's meaning:
 * endless recursion must reach the guard page (no sibling calls), floating point must not be
 * folded as if rounding modes and signalling NaNs did not matter (below), and a product and a sum
 * are rounded one after the other. Stack probes, so that no frame steps over the guard. No start
 * files and no libraries: nothing runs when the object is loaded, and every symbol is bound at
 * once by zrun; so nothing that a distribution's compiler adds by default, either.
 */
const char *const translate_compiler_arguments[] = {"-std=gnu11",
						    "-O1",
						    "-w",
						    "-DNDEBUG",
						    "-fno-optimize-sibling-calls",
						    "-ffp-contract=off",
						    "-fno-strict-aliasing",
						    "-fno-stack-protector",
						    "-U_FORTIFY_SOURCE",
						    "-fstack-clash-protection",
						    "-fvisibility=hidden",
						    "-fPIC",
						    "-shared",
						    "-nostdlib",
						    "-Wl,-z,now,-z,relro,-z,noexecstack",
						    "-Wl,--build-id=none,-s",
						    "-I.",
						    "-o",
						    "space.so",
						    "glue.c",
						    NULL};

static const char *const gcc_dialect[] = {"-frounding-math", "-fsignaling-nans", NULL};
/* Without it, clang takes x * 1 for x, also where x is a signalling NaN. */
static const char *const clang_dialect[] = {"-ffp-model=strict", NULL};

uint64_t translate_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void limit(int resource, rlim_t value)
{
	struct rlimit l = {.rlim_cur = value, .rlim_max = value};

	(void)setrlimit((__rlimit_resource_t)resource, &l);
}

/* Between fork and exec: async-signal-safe calls only. */
__attribute__((noreturn)) static void child(const struct translator *t, const char *directory,
					    const char *const *argv, unsigned cpu_seconds,
					    char *const *environment)
{
	struct sigaction by_default = {.sa_handler = SIG_DFL};
	sigset_t none;
	int null, output;

	setpgid(0, 0);
	for (int s = 1; s < NSIG; s++)
		(void)sigaction(s, &by_default, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY);
	if (chdir(directory) != 0)
		_exit(126);
	output = open("output", O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (null < 0 || output < 0)
		_exit(126);
	if (dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(126);
	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, cpu_seconds);
	limit(RLIMIT_AS, t->memory_bytes);
	limit(RLIMIT_FSIZE, t->output_bytes);
	(void)setpriority(PRIO_PROCESS, 0, 5);
	umask(077);
	execvpe(argv[0], (char *const *)argv, environment);
	_exit(127);
}

int translator_spawn(const struct translator *t, const char *directory, const char *const *argv,
		     unsigned cpu_seconds, pid_t *ret_pid, struct error **err)
{
	const char *path = getenv("PATH");
	CLEANUP(freep)
	char *path_entry =
		str_printf("PATH=%s", path != NULL ? path : "/usr/local/bin:/usr/bin:/bin");
	CLEANUP(freep) char *temporary = str_printf("TMPDIR=%s", directory);
	char locale[] = "LC_ALL=C";
	char *environment[] = {path_entry, temporary, locale, NULL};
	pid_t pid = fork();

	if (pid < 0)
		return error_errno(err, "cannot start %s", argv[0]);
	if (pid == 0)
		child(t, directory, argv, cpu_seconds, environment);
	setpgid(pid, pid);
	*ret_pid = pid;
	return 0;
}

/* Runs "PROGRAM --version" in `directory` and gives the first line. */
static int program_version(const struct translator *t, const char *directory,
			   const char *program, const char *package, char **ret_line,
			   struct error **err)
{
	const char *const argv[] = {program, "--version", NULL};
	CLEANUP(freep) char *path = str_printf("%s/output", directory);
	char text[512] = "";
	siginfo_t end = {0};
	pid_t pid;
	int r, pidfd;

	(void)unlink(path);
	r = translator_spawn(t, directory, argv, t->cpu_seconds, &pid, err);
	if (r < 0)
		return r;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd >= 0) {
		struct pollfd p = {.fd = pidfd, .events = POLLIN};

		if (poll(&p, 1, VERSION_WAIT_MS) == 0)
			(void)kill(-pid, SIGKILL);
		close(pidfd);
	}
	while (waitid(P_PID, (id_t)pid, &end, WEXITED) < 0 && errno == EINTR)
		continue;
	if (end.si_code != CLD_EXITED || end.si_status != 0)
		return error_set(
			err, ERR_UNAVAILABLE,
			"'%s --version' does not work; it is needed to translate modules: "
			"install the package %s",
			program, package);
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return error_errno(err, "cannot read the version of %s", program);
	text[strcspn(text, "\n")] = '\0';
	*ret_line = mem_strdup(text);
	return 0;
}

void translate_remove_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	(void)rmdir(path);
}

/* Directories of translations whose process ended before they did. */
static void remove_leftovers(const char *cache)
{
	DIR *dir = opendir(cache);
	struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		struct stat st;

		if (!str_has_prefix(entry->d_name, "tmp-") ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISDIR(st.st_mode) || time(NULL) - st.st_mtime < LEFTOVER_AGE_S)
			continue;
		CLEANUP(freep) char *path = str_printf("%s/%s", cache, entry->d_name);
		translate_remove_directory(path);
	}
	closedir(dir);
}

struct cached_file {
	char *path;
	uint64_t bytes;
	struct timespec used;
};

static int compare_use(const void *a, const void *b)
{
	const struct cached_file *x = a, *y = b;

	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
	return (x->used.tv_nsec > y->used.tv_nsec) - (x->used.tv_nsec < y->used.tv_nsec);
}

void translator_trim(const struct translator *t, const char *kept)
{
	VECTOR(struct cached_file) files = {0};
	DIR *dir = opendir(t->cache_directory);
	struct dirent *entry;
	uint64_t bytes = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		struct stat st;

		if (!str_has_suffix(entry->d_name, ".so") ||
		    fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		bytes += (uint64_t)st.st_size;
		vector_push(&files,
			    ((struct cached_file){
				    str_printf("%s/%s", t->cache_directory, entry->d_name),
				    (uint64_t)st.st_size, st.st_mtim}));
	}
	if (dir != NULL)
		closedir(dir);
	if (bytes > t->cache_bytes)
		qsort(files.items, files.count, sizeof(files.items[0]), compare_use);
	vector_for_each (&files, file) {
		if (bytes > t->cache_bytes && !str_equal(file->path, kept) &&
		    unlink(file->path) == 0)
			bytes -= file->bytes;
		free(file->path);
	}
	vector_done(&files);
}

static int ask_versions(struct translator *t, struct error **err)
{
	CLEANUP(freep) char *directory = str_printf("%s/tmp-XXXXXX", t->cache_directory);
	CLEANUP(freep) char *wasm2c = NULL;
	CLEANUP(freep) char *compiler = NULL;
	struct utsname machine;
	int r;

	if (mkdtemp(directory) == NULL)
		return error_errno(err, "cannot make a directory in %s", t->cache_directory);
	r = program_version(t, directory, t->wasm2c, "wabt", &wasm2c, err);
	if (r == 0)
		r = program_version(t, directory, t->compiler, "gcc", &compiler, err);
	translate_remove_directory(directory);
	if (r < 0)
		return r;
	if (!str_equal(wasm2c, WASM2C_VERSION))
		return error_set(
			err, ERR_UNSUPPORTED,
			"%s is version %s; this program works with wabt " WASM2C_VERSION
			" only, because it compiles what wasm2c writes",
			t->wasm2c, wasm2c);
	if (uname(&machine) < 0)
		return error_errno(err, "cannot determine the machine's architecture");
	t->programs = str_printf("wasm2c %s, %s, %s", wasm2c, compiler, machine.machine);
	t->description = str_printf("wasm2c %s, %s, " GLUE "%s, %s", wasm2c, compiler,
				    translate_version(), machine.machine);
	t->dialect = strstr(compiler, "clang") != NULL ? clang_dialect : gcc_dialect;
	return 0;
}

int translator_new(const struct translator_options *options, struct translator **ret_translator,
		   struct error **err)
{
	struct translator *t = mem_new(struct translator);
	int r = 0;

	t->cache_directory = realpath(options->cache_directory, NULL);
	if (t->cache_directory == NULL) {
		if (mkdir(options->cache_directory, 0700) < 0 && errno != EEXIST)
			r = error_errno(err, "cannot make the cache directory %s",
					options->cache_directory);
		else
			t->cache_directory = realpath(options->cache_directory, NULL);
		if (r == 0 && t->cache_directory == NULL)
			r = error_errno(err, "cannot use the cache directory %s",
					options->cache_directory);
	}
	t->wasm_validate = mem_strdup(options->wasm_validate != NULL ? options->wasm_validate
								     : "wasm-validate");
	t->wasm2c = mem_strdup(options->wasm2c != NULL ? options->wasm2c : "wasm2c");
	t->compiler = mem_strdup(options->compiler != NULL ? options->compiler : "cc");
	t->cpu_seconds = options->cpu_seconds != 0 ? options->cpu_seconds : 30;
	t->wall_seconds = options->wall_seconds != 0 ? options->wall_seconds : 20 * 60;
	t->stall_seconds = options->stall_seconds != 0 ? options->stall_seconds : 60;
	t->memory_bytes = options->memory_bytes != 0 ? options->memory_bytes : 2ull << 30;
	t->cache_bytes = options->cache_bytes != 0 ? options->cache_bytes : 2ull << 30;
	t->output_bytes = options->output_bytes != 0 ? options->output_bytes : 256ull << 20;
	if (r == 0 && sodium_init() < 0)
		r = error_set(err, ERR_UNSUPPORTED, "libsodium does not start");
	if (r == 0)
		r = ask_versions(t, err);
	if (r < 0) {
		translator_free(t);
		return r;
	}
	remove_leftovers(t->cache_directory);
	translator_trim(t, NULL);
	*ret_translator = t;
	return 0;
}

void translator_free(struct translator *t)
{
	if (t == NULL)
		return;
	PRE(t->translations == 0);
	free(t->cache_directory);
	free(t->wasm_validate);
	free(t->wasm2c);
	free(t->compiler);
	free(t->programs);
	free(t->description);
	free(t);
}

const char *translator_description(const struct translator *t)
{
	return t->description;
}

static void hash_part(crypto_hash_sha256_state *state, const void *data, size_t size)
{
	uint64_t length = size;

	crypto_hash_sha256_update(state, (const unsigned char *)&length, sizeof(length));
	crypto_hash_sha256_update(state, data, size);
}

static void hash_arguments(crypto_hash_sha256_state *state, const char *const *arguments)
{
	for (size_t i = 0; arguments[i] != NULL; i++)
		hash_part(state, arguments[i], strlen(arguments[i]));
}

/* Of what is written around every module. What rewriting changes in some modules only is
 * REWRITE_VERSION: to be raised when native code made before should not be run any more. */
const char *translate_version(void)
{
	static char text[9];
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;
	CLEANUP(buffer_done) struct buffer glue = BUFFER_INIT(1 << 20);
	const struct image image = {0};
	struct module_info info = {.exports = UINT32_MAX};

	if (text[0] != '\0')
		return text;
	memset(info.imports, true, sizeof(info.imports));
	glue_write(&glue, &info, &image);
	crypto_hash_sha256_init(&state);
	hash_part(&state, REWRITE_VERSION, strlen(REWRITE_VERSION));
	hash_part(&state, glue.data, glue.size);
	hash_arguments(&state, translate_compiler_arguments);
	for (size_t i = 0; i < ARRAY_SIZE(glue_files); i++)
		hash_part(&state, glue_files[i].content, glue_files[i].size);
	crypto_hash_sha256_final(&state, digest);
	sodium_bin2hex(text, sizeof(text), digest, 4);
	return text;
}

bool translate_is_current(const char *description)
{
	const char *at = strstr(description, GLUE);
	size_t size = strlen(translate_version());

	return at != NULL && strncmp(at + strlen(GLUE), translate_version(), size) == 0 &&
	       at[strlen(GLUE) + size] == ',';
}

void translator_key(const struct translator *t, const struct translation_source *source,
		    char ret_key[TRANSLATE_KEY_SIZE])
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	hash_part(&state, source->module.data, source->module.size);
	hash_part(&state, source->module.image.data, source->module.image.size);
	hash_part(&state, source->glue.data, source->glue.size);
	hash_part(&state, t->programs, strlen(t->programs));
	hash_arguments(&state, t->dialect);
	hash_arguments(&state, translate_compiler_arguments);
	for (size_t i = 0; i < ARRAY_SIZE(glue_files); i++)
		hash_part(&state, glue_files[i].content, glue_files[i].size);
	crypto_hash_sha256_final(&state, digest);
	sodium_bin2hex(ret_key, TRANSLATE_KEY_SIZE, digest, sizeof(digest));
}

char *translator_cached(const struct translator *t, const char *key)
{
	char *path = str_printf("%s/%s.so", t->cache_directory, key);

	if (seal_holds(path)) {
		(void)utimensat(AT_FDCWD, path, NULL, 0);
		return path;
	}
	(void)unlink(path); /* damaged, or of a version that did not seal */
	free(path);
	return NULL;
}
