#include "zrms/submission/trusted_keys.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

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

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Of the directory, and of what is in it: the names of a key may be changed in its place. */
static struct timespec changed_at(const char *directory)
{
	struct stat info = {0};
	struct timespec newest;
	DIR *open_one = opendir(directory);

	(void)stat(directory, &info);
	newest = info.st_mtim;
	if (open_one == NULL)
		return newest;
	for (const struct dirent *entry = readdir(open_one); entry != NULL;
	     entry = readdir(open_one))
		if (entry->d_name[0] != '.' &&
		    fstatat(dirfd(open_one), entry->d_name, &info, 0) == 0 &&
		    is_later(&info.st_mtim, &newest))
			newest = info.st_mtim;
	(void)closedir(open_one);
	return newest;
}

int trusted_keys_refresh(struct trusted_keys **keys, const char *directory, const char *files,
			 struct error **err)
{
	struct timespec changed = changed_at(directory);
	struct trust *trust;
	int r;

	if (*keys != NULL && changed.tv_sec == (*keys)->changed.tv_sec &&
	    changed.tv_nsec == (*keys)->changed.tv_nsec)
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
	**keys = (struct trusted_keys){.references = 1, .keys = trust, .changed = changed};
	return 0;
}
