#include "mex/findings.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "base/text.h"

int findings_fail(const struct cli_program *program, const char *file,
		  struct diagnostics *findings, struct error *err)
{
	if (!diagnostics_any(findings)) {
		(void)error_wrap(&err, "%s", file);
		diagnostics_done(findings);
		cli_print_error(program, err);
		error_free(err);
		return CLI_FAILED;
	}
	vector_for_each (&findings->list, d) {
		CLEANUP(freep) char *text = diagnostic_text(d);
		CLEANUP(freep) char *shown = text_escaped(text);

		if (d->file == NULL)
			fprintf(stderr, "%s: %s\n", file, shown);
		else
			fprintf(stderr, "%s\n", shown);
	}
	size_t count = findings->list.count;
	fprintf(stderr, "%s: %s: %zu finding%s\n", program->name, file, count,
		str_plural(count));
	error_free(err);
	diagnostics_done(findings);
	return CLI_FAILED;
}
