/*
 * Findings about a package that is being opened.
 */
#ifndef SAMOZA_ADAPTER_ARCHIVE_PACKAGE_FINDINGS_H
#define SAMOZA_ADAPTER_ARCHIVE_PACKAGE_FINDINGS_H

#include "base/error.h"

struct mex_package;
struct opening;

/* The file's name as findings show it; the caller frees. */
char *shown_file(const struct mex_package *p, const char *path);

/* Adds a finding about a file as a whole, or about a place in the manifest. */
void finding_in_file(struct opening *o, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void finding_in_manifest(struct opening *o, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* 0, or the first finding as an error. */
must_check int stage_result(struct opening *o, struct error **err);

#endif
