/* An uploaded MEX: the ZIP container with every entry read, then the stages of a package. */
#include <sys/mman.h>
#include <unistd.h>

#include "adapter/archive/archive.h"
#include "adapter/archive/package.h"
#include "base/check.h"
#include "target.h"

static int count_bytes(void *context, const void *data, size_t size, struct error **err)
{
	(void)data;
	(void)err;
	*(uint64_t *)context += size;
	return 0;
}

static void read_entries(int fd)
{
	struct archive *a = NULL;
	struct error *err = NULL;
	if (archive_open_fd(fd, &a, &err) < 0) {
		INVARIANT(err != NULL);
		error_free(err);
		return;
	}
	for (unsigned i = 0; i < archive_entry_count(a); i++) {
		const struct archive_entry *entry = archive_entry_at(a, i);
		INVARIANT(archive_find(a, entry->name) == entry);
		uint64_t bytes = 0;
		if (archive_read(a, entry, count_bytes, &bytes, &err) == 0)
			INVARIANT(bytes == entry->size);
		error_free(steal_ptr(&err));
	}
	archive_close(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(closep) int fd = memfd_create("fuzz", MFD_CLOEXEC);
	INVARIANT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	read_entries(fd);
	const struct mex_options options = {.allow_unsigned = true, .all_findings = true};
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(mex_package_freep) struct mex_package *package = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	int r = mex_package_open_fd(fd, &options, &findings, &package, &err);
	INVARIANT((r == 0) == (package != NULL) && (r == 0) == (err == NULL));
	return 0;
}
