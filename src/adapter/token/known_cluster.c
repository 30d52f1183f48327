#include "adapter/token/known_cluster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/token/token.h"
#include "base/memory.h"
#include "base/str.h"

/* Of the directory; NULL: this user has no place for such things. The caller frees. */
static char *directory_path(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	if (!str_is_empty(state) && state[0] == '/')
		return str_printf("%s/samoza/clusters", state);
	return str_is_empty(home) ? NULL : str_printf("%s/.local/state/samoza/clusters", home);
}

/* An address becomes a file's name: nothing in it may lead elsewhere. */
static char *note_path(const char *address)
{
	CLEANUP(freep) char *directory = directory_path();
	if (directory == NULL || address[0] == '.' || strchr(address, '/') != NULL)
		return NULL;
	return str_printf("%s/%s", directory, address);
}

/* With all directories above it. */
static int make_directories(const char *path, struct error **err)
{
	CLEANUP(freep) char *part = mem_strdup(path);
	for (char *at = part + 1;; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		char end = *at;
		*at = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "cannot make the directory %s", part);
		if (end == '\0')
			return 0;
		*at = end;
	}
}

int known_cluster_note(const char *address, const char *token_file, struct error **err)
{
	CLEANUP(freep) char *path = note_path(address);
	CLEANUP(freep) char *directory = directory_path();
	if (path == NULL)
		return error_set(err, ERR_UNAVAILABLE,
				 "neither HOME nor XDG_STATE_HOME is set");
	CLEANUP(freep) char *temporary = str_printf("%s.new", path);
	int r = make_directories(directory, err);
	if (r < 0)
		return r;
	FILE *file = fopen(temporary, "we");
	if (file == NULL)
		return error_errno(err, "cannot write %s", temporary);
	bool good = fchmod(fileno(file), 0600) == 0 && fprintf(file, "%s\n", token_file) > 0;
	if (fclose(file) != 0 || !good || rename(temporary, path) < 0) {
		r = error_errno(err, "cannot write %s", path);
		(void)unlink(temporary);
	}
	return r;
}

void known_cluster_forget(const char *address)
{
	CLEANUP(freep) char *path = note_path(address);
	if (path != NULL)
		(void)unlink(path);
}

char *known_cluster_file(const char *address)
{
	CLEANUP(freep) char *path = note_path(address);
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	char line[4096] = "";
	if (file == NULL)
		return NULL;
	bool good = fgets(line, sizeof(line), file) != NULL;
	(void)fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return good && line[0] == '/' ? mem_strdup(line) : NULL;
}

/* "127.0.0.1:7331" of "http://127.0.0.1:7331/". */
static char *address_of(const char *url)
{
	const char *after = strstr(url, "://");
	const char *address = after != NULL ? after + 3 : url;
	return mem_strndup(address, strcspn(address, "/?#"));
}

static int take_variable(const char *text, char **ret_token, struct error **err)
{
	if (!token_is_well_formed(text))
		return error_set(
			err, ERR_INVALID,
			"SAMOZA_TOKEN holds no token: expected smzu_ and 43 characters");
	*ret_token = mem_strdup(text);
	return 0;
}

int known_token(const char *url, const char *file, char **ret_token, struct error **err)
{
	const char *variable = getenv("SAMOZA_TOKEN");
	*ret_token = NULL;
	if (file != NULL)
		return token_read(file, ret_token, err);
	if (!str_is_empty(variable))
		return take_variable(variable, ret_token, err);
	CLEANUP(freep) char *address = address_of(url);
	CLEANUP(freep) char *noted = known_cluster_file(address);
	if (noted == NULL)
		return 0;
	CLEANUP(error_freep) struct error *why = NULL;
	int r = token_read(noted, ret_token, &why);
	if (r < 0 && r != ERR_NOT_FOUND) /* otherwise that cluster is gone */
		return error_move(err, steal_ptr(&why));
	return 0;
}
