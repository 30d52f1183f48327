#include "adapter/recorder/directory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/recorder/writer.h"
#include "base/str.h"

static int is_recording(const struct dirent *e)
{
	return str_has_suffix(e->d_name, RECORDING_SUFFIX);
}

int recording_files_list(const char *directory, struct recording_files *ret, struct error **err)
{
	struct dirent **names = NULL;
	*ret = (struct recording_files){0};
	int count = scandir(directory, &names, is_recording, alphasort);
	if (count < 0)
		return error_errno(err, "cannot read %s", directory);
	for (int k = 0; k < count; k++) {
		struct stat st;
		char *path = str_printf("%s/%s", directory, names[k]->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			vector_push(&ret->all,
				    ((struct recording_file){
					    .path = steal_ptr(&path),
					    .bytes = (uint64_t)st.st_size,
					    .changed_ms = (int64_t)st.st_mtim.tv_sec * 1000 +
							  st.st_mtim.tv_nsec / 1000000}));
		free(path);
		free(names[k]);
	}
	free(names);
	return 0;
}

void recording_files_done(struct recording_files *files)
{
	vector_for_each (&files->all, file)
		free(file->path);
	vector_done(&files->all);
}

uint64_t recording_files_trim(struct recording_files *files, uint64_t size_bytes,
			      int64_t oldest_wall_ms)
{
	uint64_t bytes = 0;
	vector_for_each (&files->all, file)
		bytes += file->bytes;
	for (size_t k = 0; k + 1 < files->all.count; k++) {
		const struct recording_file *file = &files->all.items[k];
		if (bytes <= size_bytes && file->changed_ms >= oldest_wall_ms)
			break;
		if (unlink(file->path) == 0 || errno == ENOENT)
			bytes -= file->bytes;
	}
	return bytes;
}
