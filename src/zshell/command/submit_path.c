/* The request with which a package is handed in, and what is asked of it. */

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/str.h"
#include "zshell/command/common.h"

enum {
	VALUES_FILE_MAX = 32 * 1024,
	PATH_MAX_BYTES = 60 * 1024, /* zrms reads 64 KiB of a request's head */
};

static int read_values(const char *name, char **ret_text, struct error **err)
{
	struct buffer text = BUFFER_INIT(VALUES_FILE_MAX + 1);
	FILE *file = fopen(name, "re");
	size_t n = 0, size = 0;

	if (file == NULL)
		return error_errno(err, "cannot read the file of values '%s'", name);
	do {
		char part[4096];

		n = fread(part, 1, sizeof(part), file);
		if (buffer_add(&text, part, n) < 0)
			break;
		size += n;
	} while (n > 0);
	int why = ferror(file) != 0 ? errno : 0;
	(void)fclose(file);
	CLEANUP(freep) char *all = buffer_steal(&text);
	if (why != 0) {
		errno = why;
		return error_errno(err, "cannot read the file of values '%s'", name);
	}
	if (n > 0 || size > VALUES_FILE_MAX)
		return error_set(err, ERR_LIMIT,
				 "the file of values '%s' has more than %d bytes", name,
				 VALUES_FILE_MAX);
	if (size > 0 && memchr(all, '\0', size) != NULL)
		return error_set(err, ERR_INVALID, "the file of values '%s' is no text", name);
	*ret_text = all != NULL ? steal_ptr(&all) : mem_strdup("");
	return 0;
}

/* Adds "&KEY=VALUE". */
static void add(char **path, const char *key, const char *value)
{
	if (value == NULL)
		return;
	char *longer = api_path(*path, "", key, value, NULL);
	free(*path);
	*path = longer;
}

int submit_path(const char *query, const struct submit_wishes *wishes, char **ret_path,
		struct error **err)
{
	CLEANUP(freep) char *values = NULL;
	CLEANUP(freep)
	char *path = str_printf("/v1/topologies?%s%s%s%s", query,
				wishes->reset_values ? "&reset_values=1" : "",
				wishes->allow_downgrade ? "&allow_downgrade=1" : "",
				wishes->no_surge ? "&no_surge=1" : "");
	int r = wishes->values != NULL ? read_values(wishes->values, &values, err) : 0;

	if (r < 0)
		return r;
	add(&path, "&name=", wishes->name);
	add(&path, "&set=", wishes->sets);
	add(&path, "&values=", values);
	add(&path, "&values_name=", wishes->values);
	if (strlen(path) > PATH_MAX_BYTES)
		return error_set(err, ERR_LIMIT,
				 "the values are too long to be sent, with %zu bytes; "
				 "at most %d are possible",
				 strlen(path), PATH_MAX_BYTES);
	*ret_path = steal_ptr(&path);
	return 0;
}
