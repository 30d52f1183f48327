/*
 * Files that the build has embedded (console/embed.py): the web console, and the manual. The name of each file of the console but
 * its page has its digest in it: what a name stands for never changes.
 */
#ifndef SAMOZA_ZRMS_EMBEDDED_FILES_H
#define SAMOZA_ZRMS_EMBEDDED_FILES_H

#include <stddef.h>

struct embedded_file {
	const char *name; /* "": index.html; NULL: the end of the table */
	const char *type;
	const char *tag;	   /* as an ETag, with its quotes */
	const unsigned char *data; /* NULL: only `packed` is there */
	size_t size;
	const unsigned char *packed; /* by gzip; NULL: that makes it no smaller */
	size_t packed_size;
};

/* Only their ends, where the program was built without node. */
extern const struct embedded_file console_files[], manual_files[];

#endif
