#include "mex/guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"

#define FLAGS_MAX 65536u

struct words {
	VECTOR(char *) list;
};

struct guest {
	char *directory;
	struct words flags;
};

static void words_done(struct words *w)
{
	vector_for_each (&w->list, word)
		free(*word);
	vector_done(&w->list);
}

/* One flag per line; empty lines and lines that begin with # are skipped. */
static int read_flags(const char *path, struct words *flags, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[FLAGS_MAX + 1];
	size_t size = 0;
	ssize_t n = 0;

	if (fd < 0)
		return error_errno(err, "cannot read %s", path);
	while (size < FLAGS_MAX && (n = read(fd, text + size, FLAGS_MAX - size)) > 0)
		size += (size_t)n;
	if (n < 0)
		return error_errno(err, "cannot read %s", path);
	if (size == FLAGS_MAX)
		return error_set(err, ERR_LIMIT, "%s is larger than %u bytes", path, FLAGS_MAX);
	text[size] = '\0';
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\r\n")) != NULL;) {
		if (line[0] != '\0' && line[0] != '#')
			vector_push(&flags->list, mem_strdup(line));
	}
	return 0;
}

static bool is_guest_directory(const char *directory)
{
	CLEANUP(freep) char *header = str_printf("%s/include/samoza.h", directory);
	CLEANUP(freep) char *flags = str_printf("%s/flags", directory);

	return access(header, R_OK) == 0 && access(flags, R_OK) == 0;
}

/* The real path of the SDK's directory; NULL if there is none. */
static char *find_directory(void)
{
	static const char *const places[] = {"../share/samoza/guest", "../../guest",
					     "../../../guest"};
	const char *named = getenv("SAMOZA_GUEST_DIR");
	char program[PATH_MAX], real[PATH_MAX];

	if (!str_is_empty(named))
		return is_guest_directory(named) && realpath(named, real) != NULL
			       ? mem_strdup(real)
			       : NULL;
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (size <= 0)
		return NULL;
	program[size] = '\0';
	*strrchr(program, '/') = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		CLEANUP(freep) char *directory = str_printf("%s/%s", program, places[i]);
		if (is_guest_directory(directory) && realpath(directory, real) != NULL)
			return mem_strdup(real);
	}
	return NULL;
}

int guest_find(struct guest **ret_guest, struct error **err)
{
	char *directory = find_directory();

	if (directory == NULL)
		return error_set(
			err, ERR_NOT_FOUND,
			"cannot find the guest SDK (%s): set SAMOZA_GUEST_DIR to the directory "
			"that contains include/samoza.h and flags",
			getenv("SAMOZA_GUEST_DIR") != NULL
				? "SAMOZA_GUEST_DIR is not such a directory"
				: "none in the directories next to this program");
	struct guest *g = mem_new(struct guest);
	g->directory = directory;
	CLEANUP(freep) char *path = str_printf("%s/flags", directory);
	int r = read_flags(path, &g->flags, err);
	if (r < 0) {
		guest_free(g);
		return r;
	}
	*ret_guest = g;
	return 0;
}

void guest_free(struct guest *g)
{
	if (g == NULL)
		return;
	words_done(&g->flags);
	free(g->directory);
	free(g);
}

const char *guest_directory(const struct guest *g)
{
	return g->directory;
}

static int is_source(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && str_has_suffix(entry->d_name, ".c");
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not by locale */
}

static int add_sources(struct words *arguments, const char *space_directory, struct error **err)
{
	CLEANUP(freep) char *directory = str_printf("%s/src", space_directory);
	struct dirent **entries = NULL;
	int count = scandir(directory, &entries, is_source, compare_entries);

	if (count < 0)
		return error_errno(err, "cannot read %s", directory);
	for (int i = 0; i < count; i++) {
		vector_push(&arguments->list, str_printf("src/%s", entries[i]->d_name));
		free(entries[i]);
	}
	free(entries);
	return count > 0 ? 0
			 : error_set(err, ERR_INVALID, "no source file (*.c) in %s", directory);
}

/* The environment can change what the compiler does (CPATH, SOURCE_DATE_EPOCH, language), so
 * only these variables are passed on. */
static void add_environment(struct words *environment)
{
	static const char *const kept[] = {"PATH", "HOME", "TMPDIR", "CCACHE_DIR"};

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		const char *value = getenv(kept[i]);
		if (value != NULL)
			vector_push(&environment->list, str_printf("%s=%s", kept[i], value));
	}
	vector_push(&environment->list, mem_strdup("LC_ALL=C.UTF-8"));
	vector_push(&environment->list, mem_strdup("TZ=UTC"));
	vector_push(&environment->list, NULL);
}

static int run_compiler(const struct words *arguments, const char *directory,
			struct error **err)
{
	CLEANUP(words_done) struct words environment = {0};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status;

	add_environment(&environment);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addchdir_np(&actions, directory);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY,
					       0);
	(void)posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	errno = posix_spawnp(&pid, arguments->list.items[0], &actions, NULL,
			     arguments->list.items, environment.list.items);
	(void)posix_spawn_file_actions_destroy(&actions);
	if (errno == ENOENT)
		return error_set(err, ERR_UNAVAILABLE,
				 "clang is not installed: apt-get install clang lld wasi-libc "
				 "libclang-rt-dev-wasm32");
	if (errno != 0)
		return error_errno(err, "cannot run %s", arguments->list.items[0]);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_errno(err, "cannot wait for the compiler");
	}
	if (WIFSIGNALED(status))
		return error_set(err, ERR_INVALID, "the compiler was killed by signal %d",
				 WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return error_set(err, ERR_INVALID, "compilation failed (exit status %d)",
				 WEXITSTATUS(status));
	return 0;
}

int guest_compile(const struct guest *g, const char *space_directory, const char *output,
		  struct error **err)
{
	CLEANUP(words_done) struct words arguments = {0};
	CLEANUP(freep) char *own_flags = str_printf("%s/src/flags", space_directory);
	int r = 0;

	vector_push(&arguments.list, mem_strdup("clang"));
	vector_for_each (&g->flags.list, flag)
		vector_push(&arguments.list, mem_strdup(*flag));
	/* The result must not depend on the path of the SDK or on the time. */
	vector_push(&arguments.list, str_printf("-ffile-prefix-map=%s=/samoza", g->directory));
	vector_push(&arguments.list, mem_strdup("-Werror=date-time"));
	vector_push(&arguments.list, mem_strdup("-I"));
	vector_push(&arguments.list, str_printf("%s/include", g->directory));
	if (access(own_flags, F_OK) == 0)
		r = read_flags(own_flags, &arguments, err);
	vector_push(&arguments.list, mem_strdup("-o"));
	vector_push(&arguments.list, mem_strdup(output));
	if (r == 0)
		r = add_sources(&arguments, space_directory, err);
	vector_push(&arguments.list, NULL);
	return r < 0 ? r : run_compiler(&arguments, space_directory, err);
}
