/*
 * Runs a fuzz target over the files of its corpus:  replay-NAME DIRECTORY
 * Prints each file before it is run, so that the last line names the one that ends the program.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "target.h"

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void run(const char *path)
{
	CLEANUP(buffer_done) struct buffer content = BUFFER_INIT(16u << 20);
	char part[65536];
	FILE *f = fopen(path, "rb");
	if (f == NULL) {
		perror(path);
		exit(1);
	}
	for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;) {
		if (buffer_add(&content, part, n) < 0)
			exit(1);
	}
	(void)fclose(f);
	/* Exactly as large as the content, so that a sanitizer sees the first byte too far. */
	CLEANUP(freep) uint8_t *bytes = mem_calloc(content.size, 1);
	if (content.size > 0)
		memcpy(bytes, content.data, content.size);
	(void)LLVMFuzzerTestOneInput(bytes, content.size);
}

int main(int argc, char **argv)
{
	struct dirent **entries = NULL;
	int count = argc == 2 ? scandir(argv[1], &entries, is_file, alphasort) : -1;
	if (count <= 0) {
		fprintf(stderr, "no corpus\n");
		return 1;
	}
	for (int i = 0; i < count; i++) {
		CLEANUP(freep) char *path = str_printf("%s/%s", argv[1], entries[i]->d_name);
		printf("%s\n", path);
		(void)fflush(stdout);
		run(path);
		free(entries[i]);
	}
	free(entries);
	printf("%d inputs\n", count);
	return 0;
}
