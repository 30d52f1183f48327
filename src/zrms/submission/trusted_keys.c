#include "zrms/submission/trusted_keys.h"

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

static struct timespec changed_at(const char *directory)
{
	struct stat info = {0};

	(void)stat(directory, &info);
	return info.st_mtim;
}

int trusted_keys_refresh(struct trusted_keys **keys, const char *directory, const char *files,
			 struct error **err)
{
	struct timespec changed = changed_at(directory);
	struct trust *trust;
	int r;

	if (*keys != NULL && changed.tv_sec == (*keys)->directory_changed.tv_sec &&
	    changed.tv_nsec == (*keys)->directory_changed.tv_nsec)
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
		.references = 1, .keys = trust, .directory_changed = changed};
	return 0;
}
