#include "zrms/submission/trusted_keys.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"

struct trusted_keys *trusted_keys_ref(struct trusted_keys *t)
{
	t->references++;
	return t;
}

void trusted_keys_unref(struct trusted_keys *t)
{
	if (t == NULL || --t->references > 0)
		return;
	trust_free(t->keys);
	free(t->stamp);
	free(t);
}

static int add_files(struct trust *keys, const char *files, struct error **err)
{
	int r = 0;

	while (files != NULL && *files != '\0' && r == 0) {
		size_t size = strcspn(files, ":");
		CLEANUP(freep) char *path = mem_strndup(files, size);

		if (size > 0)
			r = trust_add_file(keys, path, err);
		files += size + (files[size] == ':');
	}
	return r;
}

static void add_stamp(struct buffer *stamp, const char *name, const struct stat *info)
{
	(void)buffer_printf(stamp, "%s %ju %ju %jd %jd.%ld %jd.%ld\n", name,
			    (uintmax_t)info->st_dev, (uintmax_t)info->st_ino,
			    (intmax_t)info->st_size, (intmax_t)info->st_mtim.tv_sec,
			    info->st_mtim.tv_nsec, (intmax_t)info->st_ctim.tv_sec,
			    info->st_ctim.tv_nsec);
}

/* Of the directory, and of what is in it: the names of a key may be changed in its place. All of it, as the newest time
 * alone hides each later change where the time of one file is in the future. The caller frees. */
static char *stamp_of(const char *directory)
{
	struct buffer stamp = BUFFER_INIT(SIZE_MAX);
	struct stat info = {0};
	DIR *open_one = opendir(directory);

	(void)stat(directory, &info);
	add_stamp(&stamp, "", &info);
	for (const struct dirent *entry = open_one != NULL ? readdir(open_one) : NULL;
	     entry != NULL; entry = readdir(open_one)) {
		if (entry->d_name[0] == '.')
			continue;
		info = (struct stat){0};
		(void)fstatat(dirfd(open_one), entry->d_name, &info, 0);
		add_stamp(&stamp, entry->d_name, &info);
	}
	if (open_one != NULL)
		(void)closedir(open_one);
	char *text = mem_strndup(stamp.data, stamp.size);
	buffer_done(&stamp);
	return text;
}

int trusted_keys_refresh(struct trusted_keys **keys, const char *directory, const char *files,
			 struct error **err)
{
	CLEANUP(freep) char *stamp = stamp_of(directory);
	struct trust *trust;
	int r;

	if (*keys != NULL && str_equal(stamp, (*keys)->stamp))
		return 0;
	trust = trust_new();
	r = trust_add_directory(trust, directory, err);
	if (r == 0)
		r = add_files(trust, files, err);
	if (r < 0) {
		trust_free(trust);
		return r;
	}
	trusted_keys_unref(*keys);
	*keys = mem_new(struct trusted_keys);
	**keys = (struct trusted_keys){
		.references = 1, .keys = trust, .stamp = steal_ptr(&stamp)};
	return 0;
}
