#include "compile_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/compile.h"
#include "schema/message.h"

struct topology *compile_text(const char *text, char **ret_findings)
{
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(schema_positions_freep) struct schema_positions *positions = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	struct buffer all = BUFFER_INIT(1 << 20);
	struct topology *t = NULL;

	if (schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", text, strlen(text), 0,
			     &findings, &message, &positions, NULL) == 0) {
		struct error *err = NULL;
		if (topology_compile((const Samoza__V1__Topology *)message,
				     &(struct topology_source){.positions = positions}, NULL,
				     &findings, &t, &err) < 0) {
			assert_true(diagnostics_any(&findings));
			error_free(err);
		}
	}
	vector_for_each (&findings.list, d) {
		CLEANUP(freep) char *line = diagnostic_text(d);
		(void)buffer_printf(&all, "%s\n", line);
	}
	*ret_findings = buffer_steal(&all);
	return t;
}

struct topology *compile_good(const char *spaces)
{
	CLEANUP(freep) char *text = str_printf(HEAD "%s", spaces);
	CLEANUP(freep) char *findings = NULL;
	struct topology *t = compile_text(text, &findings);

	if (t == NULL)
		fail_msg("refused:\n%s\n%s", spaces, findings);
	return t;
}
