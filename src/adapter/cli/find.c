/*
 * Commands by their words.
 */
#include <string.h>

#include "adapter/cli/cli.h"
#include "base/buffer.h"
#include "base/str.h"

/* How many of `words` the command's own words match; 0 unless all of its words do. */
static size_t match(const struct cli_command *c, const char *const *words, size_t count)
{
	const char *at = c->words;
	size_t used = 0;

	while (*at != '\0') {
		size_t n = strcspn(at, " ");

		if (used == count || strlen(words[used]) != n ||
		    strncmp(words[used], at, n) != 0)
			return 0;
		used++;
		at += n + (at[n] == ' ');
	}
	return used;
}

const struct cli_command *cli_find(const struct cli_program *program, const char *const *words,
				   size_t count, size_t *ret_used)
{
	const struct cli_command *best = NULL;

	*ret_used = 0;
	for (const struct cli_command *const *c = program->commands; c != NULL && *c != NULL;
	     c++) {
		size_t used = match(*c, words, count);

		if (used > *ret_used) {
			best = *c;
			*ret_used = used;
		}
	}
	return best;
}

bool cli_is_group(const struct cli_program *program, const char *const *words, size_t count)
{
	CLEANUP(buffer_done) struct buffer joined = BUFFER_INIT(4096);

	for (size_t i = 0; i < count; i++)
		(void)buffer_printf(&joined, "%s ", words[i]);
	for (const struct cli_command *const *c = program->commands;
	     c != NULL && *c != NULL && joined.size > 0; c++) {
		if (!(*c)->hidden && str_has_prefix((*c)->words, joined.data))
			return true;
	}
	return false;
}
