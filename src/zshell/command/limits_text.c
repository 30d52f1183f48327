#include "zshell/command/limits_text.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"

enum { TEXT_MAX = 16 * 1024 };

static const struct {
	const char *by, *words;
} words[] = {
	{"control-group-2", "control group (version 2)"},
	{"control-group-1", "control group (version 1)"},
	{"nice", "nice value"},
	{"module", "its module"},
	{"pauses", "pauses"},
	{"seccomp", "system call filter"},
};

static const char *words_of(const char *by)
{
	for (size_t k = 0; k < ARRAY_SIZE(words); k++)
		if (str_equal(words[k].by, by))
			return words[k].words;
	return by;
}

/* Those of a kind stand together, in the order of the first one of each. */
static void add_kind(struct buffer *text, Samoza__V1__LimitView *const *limits, size_t count,
		     size_t first)
{
	CLEANUP(buffer_done) struct buffer names = BUFFER_INIT(TEXT_MAX);
	const Samoza__V1__LimitView *one = limits[first];
	for (size_t k = 0; k < count; k++) {
		if (!str_equal(limits[k]->by, one->by))
			continue;
		if (k < first)
			return;
		(void)buffer_printf(&names, "%s%s", names.size > 0 ? ", " : "",
				    limits[k]->resource);
	}
	(void)buffer_printf(text, "%s%s%s%s%s", text->size > 0 ? "; " : "",
			    one->by == NULL ? "not enforced: " : "", (const char *)names.data,
			    one->by != NULL ? " by " : "",
			    one->by != NULL ? words_of(one->by) : "");
}

char *limits_text(Samoza__V1__LimitView *const *limits, size_t count)
{
	CLEANUP(buffer_done) struct buffer text = BUFFER_INIT(TEXT_MAX);
	const char *why = NULL;
	for (size_t k = 0; k < count; k++)
		add_kind(&text, limits, count, k);
	/* Those of control groups have one reason. */
	for (size_t k = 0; k < count; k++) {
		if (limits[k]->why == NULL || str_equal(limits[k]->why, why))
			continue;
		(void)buffer_printf(&text, "%s%s", why == NULL ? " (" : "; ", limits[k]->why);
		why = limits[k]->why;
	}
	if (why != NULL)
		(void)buffer_add_string(&text, ")");
	return count > 0 ? buffer_steal(&text) : NULL;
}
