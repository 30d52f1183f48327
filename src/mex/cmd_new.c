#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "mex/command.h"
#include "mex_template.h"

#define NAME_MARK "@NAME@"

static const struct {
	const char *path;
	const unsigned char *content;
} files[] = {
	{"manifest.yaml", embedded_manifest},
	{"topology.yaml", embedded_topology},
	{"README.md", embedded_readme},
	{"spaces/dashboard/index.html", embedded_index},
	{"spaces/api/src/main.c", embedded_api},
	{"spaces/store/src/main.c", embedded_store},
};

/* The content with the project's name filled in; the caller frees. */
static char *fill_in(const char *content, const char *name)
{
	struct buffer b = BUFFER_INIT(1 << 20);
	const char *mark;

	while ((mark = strstr(content, NAME_MARK)) != NULL) {
		(void)buffer_add(&b, content, (size_t)(mark - content));
		(void)buffer_add_string(&b, name);
		content = mark + strlen(NAME_MARK);
	}
	(void)buffer_add_string(&b, content);
	return buffer_steal(&b);
}

static int make_directories(const char *path, struct error **err)
{
	CLEANUP(freep) char *copy = mem_strdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(copy, 0777) < 0 && errno != EEXIST)
			return error_errno(err, "cannot make directory %s", copy);
		*slash = '/';
	}
	return 0;
}

static int write_file(const char *path, const char *text, struct error **err)
{
	int r = make_directories(path, err);

	if (r < 0)
		return r;
	CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return error_errno(err, "cannot write %s", path);
	return 0;
}

/* The last part of the directory's real path, if it is a valid name of a topology. */
static int name_of(const char *directory, char **ret_name, struct error **err)
{
	char real[PATH_MAX];

	if (realpath(directory, real) == NULL)
		return error_errno(err, "cannot read directory %s", directory);
	const char *name = strrchr(real, '/') + 1;
	size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	if (size == 0 || size > 63 || name[size] != '\0' || name[0] == '-' ||
	    name[size - 1] == '-')
		return error_set(err, ERR_INVALID,
				 "invalid topology name '%s' (the name of the directory): "
				 "expected 1 to 63 "
				 "characters of a-z, 0-9 and -, with no - at either end",
				 name);
	*ret_name = mem_strdup(name);
	return 0;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	const char *directory = cli_argument(line, 0);
	CLEANUP(freep) char *name = NULL;
	struct error *why = NULL;
	bool made;

	if (make_directories(directory, &why) < 0)
		return error_move(err, why);
	made = mkdir(directory, 0777) == 0;
	if (!made && errno != EEXIST) {
		(void)error_errno(&why, "cannot make directory %s", directory);
		return error_move(err, why);
	}
	if (name_of(directory, &name, &why) < 0) {
		if (made)
			(void)rmdir(directory);
		return error_move(err, why);
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", directory, files[i].path);
		if (access(path, F_OK) == 0) {
			(void)error_set(&why, ERR_CONFLICT, "%s exists; nothing is overwritten",
					path);
			return error_move(err, why);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", directory, files[i].path);
		CLEANUP(freep) char *text = fill_in((const char *)files[i].content, name);
		if (write_file(path, text, &why) < 0)
			return error_move(err, why);
		printf("%s\n", path);
	}
	printf("\nNext: mex build %s -o %s.mex --key KEY\n", directory, name);
	return CLI_DONE;
}

static const struct cli_argument operands[] = {
	{.name = "DIR", .kind = CLI_ARGUMENT_FILE},
	{0},
};

const struct cli_command command_new = {
	.words = "new",
	.arguments = operands,
	.summary = "make a small project that builds and runs unchanged",
	.details =
		"A UI, a CALL and a DATA space: a page with a counter. The topology gets the "
		"name of the directory.",
	.run = run,
};
