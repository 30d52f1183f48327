/* The Content-Type of a file by its name. Pure. */
#ifndef SAMOZA_ZHOST_EDGE_FILE_TYPE_H
#define SAMOZA_ZHOST_EDGE_FILE_TYPE_H

/* "application/octet-stream" for what is not known. Static. */
const char *file_type(const char *name);

/* Which file of a space a URL means, given what follows /TOPOLOGY/SPACE/, decoded: ""
 * and "sub/" mean the index.html there. The caller frees. NULL: no file can have this name
 * ("..", ".", empty parts, a leading '/'). */
char *file_of_url(const char *text);

#endif
