/*
 * The files of the web console, as the build has embedded them (console/embed.py). The name of each but the page has its
 * digest in it: what a name stands for never changes.
 */
#ifndef SAMOZA_ZRMS_CONSOLE_FILES_H
#define SAMOZA_ZRMS_CONSOLE_FILES_H

#include <stddef.h>

struct console_file {
	const char *name; /* "": the page itself; NULL: the end of the table */
	const char *type;
	const char *tag; /* as an ETag, with its quotes */
	const unsigned char *data;
	size_t size;
	const unsigned char *packed; /* by gzip; NULL: that makes it no smaller */
	size_t packed_size;
};

/* Only its end, where the program was built without node. */
extern const struct console_file console_files[];

#endif
