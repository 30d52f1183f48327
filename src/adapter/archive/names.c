#include <stdlib.h>
#include <string.h>

#include "adapter/archive/private.h"
#include "base/str.h"
#include "model/manifest.h"

#define MODE_TYPE      0170000u
#define MODE_FILE      0100000u
#define MODE_DIRECTORY 0040000u
#define MODE_LINK      0120000u

char *shown_name(const char *name)
{
	char *shown = mem_strndup(name, strlen(name) > 80 ? 80 : strlen(name));

	for (char *p = shown; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	}
	return shown;
}

bool raw_entry_is_directory(const struct raw_entry *entry)
{
	return entry->name[entry->name_size - 1] == '/';
}

static int check_kind(const struct raw_entry *e, const char *shown, struct error **err)
{
	unsigned type = e->attributes >> 16 & MODE_TYPE;

	if (type == MODE_LINK)
		return error_set(err, ERR_INVALID, "entry '%s' is a symbolic link", shown);
	if (type != 0 && type != MODE_FILE && type != MODE_DIRECTORY)
		return error_set(err, ERR_INVALID,
				 "entry '%s' is a device or another special file", shown);
	if (raw_entry_is_directory(e)) {
		if (type == MODE_FILE || e->size != 0 || e->packed_size != 0)
			return error_set(err, ERR_INVALID,
					 "entry '%s' is named like a directory, but is a file",
					 shown);
	} else if (type == MODE_DIRECTORY) {
		return error_set(err, ERR_INVALID,
				 "entry '%s' is a directory named like a file", shown);
	}
	return 0;
}

/* ---- Cases ---- */

/* Decodes one character of valid UTF-8. */
static uint32_t take_char(const unsigned char **p)
{
	uint32_t c = *(*p)++;
	unsigned extra = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (extra > 0)
		c &= 0x3fu >> extra;
	while (extra-- > 0)
		c = c << 6 | (*(*p)++ & 0x3fu);
	return c;
}

/* Lower case of what has two cases in most file systems: Latin, Greek, Cyrillic. */
static uint32_t fold_char(uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c + 32;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3a9) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) ||
	    (c >= 0x460 && c <= 0x481) || (c >= 0x48a && c <= 0x4bf) ||
	    (c >= 0x1e00 && c <= 0x1e95))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c + (c & 1);
	return c;
}

/* A file, or a directory (without the slash at its end). */
struct name {
	const char *text; /* borrowed from an entry */
	size_t size;
	bool directory;
};

/* With the cases folded; '/' before everything, so that a directory's name stands right before
 * what is in it. */
static int compare_folded(const struct name *a, const struct name *b)
{
	const unsigned char *x = (const unsigned char *)a->text, *x_end = x + a->size;
	const unsigned char *y = (const unsigned char *)b->text, *y_end = y + b->size;

	while (x < x_end && y < y_end) {
		uint32_t c = fold_char(take_char(&x)), d = fold_char(take_char(&y));

		if (c == d)
			continue;
		if (c == '/' || d == '/')
			return c == '/' ? -1 : 1;
		return c < d ? -1 : 1;
	}
	return (x < x_end) - (y < y_end);
}

static bool same_text(const struct name *a, const struct name *b)
{
	return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = compare_folded(x, y);

	if (order == 0)
		order = memcmp(x->text, y->text, x->size < y->size ? x->size : y->size);
	return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

/* Two neighbours. Folded, they may only be equal when both are the same directory: one of them
 * implied by a file's path, unless `named`. */
static int check_clash(const struct name *x, const struct name *y, bool named,
		       struct error **err)
{
	bool same = same_text(x, y);

	if (compare_folded(x, y) != 0 || (same && x->directory && y->directory && !named))
		return 0;
	char *a_text = mem_strndup(x->text, x->size), *b_text = mem_strndup(y->text, y->size);
	char *a = shown_name(a_text), *b = shown_name(b_text);
	if (!same)
		error_set(err, ERR_INVALID, "'%s' and '%s' differ only in case", a, b);
	else if (x->directory != y->directory)
		error_set(err, ERR_INVALID, "'%s' is both a file and a directory", a);
	else
		error_set(err, ERR_INVALID, "there are two entries '%s'", a);
	free(a_text);
	free(b_text);
	free(a);
	free(b);
	return ERR_INVALID;
}

struct name_list {
	VECTOR(struct name) names;
};

/* The directories in which `name` lies, but for those that the name before it lies in too. */
static void add_directories(struct name_list *list, struct name name, struct name before)
{
	size_t common = 0;

	while (common < name.size && common < before.size &&
	       name.text[common] == before.text[common])
		common++;
	for (size_t i = 0; i < name.size; i++) {
		if (name.text[i] == '/' && i >= common)
			vector_push(&list->names, ((struct name){name.text, i, true}));
	}
}

static int check_clashes(const struct raw_directory *d, struct error **err)
{
	struct name_list list = {0};
	int r = 0;

	for (size_t i = 0; i < d->entries.count; i++) {
		const struct raw_entry *e = &d->entries.items[i];
		bool directory = raw_entry_is_directory(e);

		vector_push(&list.names,
			    ((struct name){e->name, e->name_size - (directory ? 1u : 0u),
					   directory}));
	}
	size_t entries = list.names.count;
	if (entries > 0)
		qsort(list.names.items, entries, sizeof(list.names.items[0]), compare_names);
	for (size_t i = 1; i < entries && r == 0; i++)
		r = check_clash(&list.names.items[i - 1], &list.names.items[i], true, err);
	for (size_t i = 0; i < entries && r == 0; i++)
		add_directories(&list, list.names.items[i],
				i > 0 ? list.names.items[i - 1] : (struct name){"", 0, false});
	if (list.names.count > 0)
		qsort(list.names.items, list.names.count, sizeof(list.names.items[0]),
		      compare_names);
	for (size_t i = 1; i < list.names.count && r == 0; i++)
		r = check_clash(&list.names.items[i - 1], &list.names.items[i], false, err);
	vector_done(&list.names);
	return r;
}

int names_check(const struct raw_directory *d, struct error **err)
{
	for (size_t i = 0; i < d->entries.count; i++) {
		const struct raw_entry *e = &d->entries.items[i];
		char *path = mem_strdup(e->name);
		char *shown = shown_name(e->name);

		if (raw_entry_is_directory(e))
			path[e->name_size - 1] = '\0';
		int r = package_path_check(path, err);
		if (r == 0)
			r = check_kind(e, shown, err);
		free(path);
		free(shown);
		if (r < 0)
			return r;
	}
	return check_clashes(d, err);
}
