/*
 * topology.yaml as YAML and as JSON: read, compiled; what is accepted is the same after it was
 * written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "model/compile.h"
#include "schema/json.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "schema/yaml_write.h"
#include "target.h"

static const ProtobufCMessageDescriptor *const type = &samoza__v1__topology__descriptor;

static void compile(const ProtobufCMessage *message, const struct schema_positions *positions)
{
	CLEANUP(topology_unrefp) struct topology *t = NULL;
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	CLEANUP(error_freep) struct error *err = NULL;
	int r = topology_compile((const Samoza__V1__Topology *)message,
				 &(struct topology_source){.positions = positions}, NULL,
				 &findings, &t, &err);
	INVARIANT((r == 0) == !diagnostics_any(&findings));
}

static void check_same(const ProtobufCMessage *message)
{
	CLEANUP(schema_message_freep) ProtobufCMessage *again = NULL;
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(freep) char *json = schema_write_json(message, SCHEMA_JSON_COMPACT);
	int r = schema_read_json(type, NULL, json, strlen(json), SCHEMA_PARTIAL, NULL, &again,
				 &err);
	if (r == 0) /* bytes that are not UTF-8 become U+FFFD, which a pattern may refuse */
		INVARIANT(again != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(schema_positions_freep) struct schema_positions *positions = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *message = NULL;
	CLEANUP(schema_message_freep) ProtobufCMessage *json = NULL;
	CLEANUP(diagnostics_done) struct diagnostics findings = {0};
	if (schema_read_yaml(type, "f", (const char *)data, size, 0, &findings, &message,
			     &positions, NULL) == 0) {
		compile(message, positions);
		check_same(message);
	} else {
		INVARIANT(diagnostics_any(&findings) && message == NULL);
	}
	if (schema_read_json(type, "f", (const char *)data, size, 0, NULL, &json, NULL) == 0)
		compile(json, NULL);
	return 0;
}
