#include "adapter/archive/package_findings.h"

#include <stdarg.h>
#include <stdlib.h>

#include "adapter/archive/package_opening.h"
#include "base/str.h"

char *shown_file(const struct mex_package *p, const char *path)
{
	return str_printf("%s%s", p->private->shown_prefix, path);
}

void finding_in_file(struct opening *o, const char *path, const char *format, ...)
{
	CLEANUP(freep) char *file = shown_file(o->package, path);
	va_list args;

	va_start(args, format);
	CLEANUP(freep) char *message = str_vprintf(format, args);
	va_end(args);
	diagnostics_add(o->findings, file, 0, 0, "%s", message);
}

void finding_in_manifest(struct opening *o, const char *key, const char *format, ...)
{
	struct schema_position at =
		schema_position_of(o->package->private->manifest_positions, "%s", key);
	va_list args;

	va_start(args, format);
	CLEANUP(freep) char *message = str_vprintf(format, args);
	va_end(args);
	diagnostics_add(o->findings, at.file, at.line, at.column, "%s", message);
}

int stage_result(struct opening *o, struct error **err)
{
	if (!diagnostics_any(o->findings))
		return 0;
	diagnostics_sort(o->findings);
	return diagnostics_error(o->findings, err);
}
