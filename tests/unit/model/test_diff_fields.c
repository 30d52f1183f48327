/*
 * What a new version changes. Every field of a topology that has all fields is changed in turn, and
 * the verdict is compared with a list that is written by hand, so that an option that was copied
 * with its neighbour in proto/model.proto is noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/str.h"
#include "model/change_table.h"
#include "model/diff.h"
#include "schema/field.h"
#include "schema/message.h"
#include "schema/tables.h"
#include "versions.h"

/* The second list, written from the specification of changes. */
static const struct {
	const char *field;
	enum change change;
} expected[] = {
	{"apiVersion", CHANGE_KEY},
	{"kind", CHANGE_KEY},
	{"metadata.name", CHANGE_KEY},
	{"metadata.owner", CHANGE_ADJUST},
	{"version", CHANGE_ADJUST},	   /* of scenarios */
	{"rollout.policy", CHANGE_ADJUST}, /* of scenarios, as the six below */
	{"rollout.batch", CHANGE_ADJUST},
	{"rollout.healthy.for", CHANGE_ADJUST},
	{"rollout.healthy.within", CHANGE_ADJUST},
	{"rollout.on_failure", CHANGE_ADJUST},
	{"rollout.canary.steps", CHANGE_ADJUST},
	{"rollout.canary.pause", CHANGE_ADJUST},
	{"rollout.keep", CHANGE_ADJUST},
	{"parameters.name",
	 CHANGE_ADJUST}, /* a topology that is accepted has none; as the six below */
	{"parameters.type", CHANGE_ADJUST},
	{"parameters.default", CHANGE_ADJUST},
	{"parameters.pattern", CHANGE_ADJUST},
	{"parameters.minimum", CHANGE_ADJUST},
	{"parameters.maximum", CHANGE_ADJUST},
	{"parameters.description", CHANGE_ADJUST},
	{"spaces.build", CHANGE_REPLACE}, /* of scenarios */
	{"spaces.name", CHANGE_KEY},
	{"spaces.type", CHANGE_REPLACE},
	{"spaces.count", CHANGE_COUNT},
	{"spaces.inside", CHANGE_KEY},
	{"spaces.provides", CHANGE_REPLACE},
	{"spaces.capabilities", CHANGE_REPLACE},
	{"spaces.resources.cpu", CHANGE_REPLACE},
	{"spaces.resources.memory", CHANGE_REPLACE},
	{"spaces.resources.cpu_limit", CHANGE_REPLACE},
	{"spaces.resources.devices.kind", CHANGE_REPLACE},
	{"spaces.resources.devices.count", CHANGE_REPLACE},
	{"spaces.resources.devices.share", CHANGE_REPLACE},
	{"spaces.resources.devices.model", CHANGE_REPLACE},
	{"spaces.resources.data", CHANGE_ADJUST},
	{"spaces.placement.region", CHANGE_PLACE},
	{"spaces.placement.kind", CHANGE_PLACE},
	{"spaces.placement.constraints", CHANGE_PLACE},
	{"spaces.placement.near.latitude", CHANGE_PLACE},
	{"spaces.placement.near.longitude", CHANGE_PLACE},
	{"spaces.placement.near.within", CHANGE_PLACE},
	{"spaces.placement.affinity.with", CHANGE_PLACE},
	{"spaces.placement.affinity.scope", CHANGE_PLACE},
	{"spaces.placement.affinity.required", CHANGE_PLACE},
	{"spaces.placement.affinity.weight", CHANGE_PLACE},
	{"spaces.placement.anti_affinity.with", CHANGE_PLACE},
	{"spaces.placement.anti_affinity.scope", CHANGE_PLACE},
	{"spaces.placement.anti_affinity.required", CHANGE_PLACE},
	{"spaces.placement.anti_affinity.weight", CHANGE_PLACE},
	{"spaces.placement.spread.over", CHANGE_PLACE},
	{"spaces.placement.spread.max_skew", CHANGE_PLACE},
	{"spaces.placement.spread.required", CHANGE_PLACE},
	{"spaces.placement.strategy", CHANGE_PLACE},
	{"spaces.env", CHANGE_RELOAD},
	{"spaces.config.file", CHANGE_RELOAD},
	{"spaces.config.template", CHANGE_RELOAD},
	{"spaces.secrets.name", CHANGE_RELOAD},
	{"spaces.secrets.as", CHANGE_RELOAD},
	{"spaces.secrets.file", CHANGE_RELOAD},
	{"spaces.reload", CHANGE_REPLACE},
	{"spaces.exports", CHANGE_REPLACE},
	{"spaces.imports.from", CHANGE_REPLACE},
	{"spaces.imports.variables", CHANGE_REPLACE},
	{"spaces.imports.optional", CHANGE_REPLACE},
	{"spaces.imports.patience", CHANGE_ADJUST},
	{"spaces.exclusive", CHANGE_REPLACE},
	{"spaces.optional", CHANGE_ADJUST},
	{"spaces.public", CHANGE_ADJUST},
	{"spaces.access", CHANGE_REPLACE},
	{"spaces.api.role", CHANGE_REPLACE},
	{"spaces.api.topologies", CHANGE_REPLACE},
	{"spaces.loss.replace_after", CHANGE_ADJUST},
	{"spaces.loss.stop_after", CHANGE_ADJUST},
	{"spaces.loss.offline_start", CHANGE_ADJUST},
	{"spaces.handover", CHANGE_ADJUST},
	{"spaces.disruption.max_unavailable", CHANGE_ADJUST},
	{"spaces.storage", CHANGE_REPLACE},
	{"spaces.restart.attempts", CHANGE_ADJUST},
	{"spaces.restart.window", CHANGE_ADJUST},
	{"spaces.stop.grace", CHANGE_ADJUST},
	{"spaces.logs.size", CHANGE_ADJUST},
	{"spaces.logs.keep", CHANGE_ADJUST},
	{"spaces.logs.rate", CHANGE_ADJUST},
	{"spaces.recipes.timeout", CHANGE_REPLACE},
	{"spaces.run.mode", CHANGE_REPLACE},
	{"spaces.ready.tcp", CHANGE_REPLACE},
	{"spaces.ready.http", CHANGE_REPLACE},
	{"spaces.ready.command", CHANGE_REPLACE},
	{"spaces.health.tcp", CHANGE_ADJUST},
	{"spaces.health.http", CHANGE_ADJUST},
	{"spaces.health.command", CHANGE_ADJUST},
	{"spaces.health.interval", CHANGE_ADJUST},
	{"spaces.health.timeout", CHANGE_ADJUST},
	{"spaces.health.failures", CHANGE_ADJUST},
	{"paths.from", CHANGE_ADJUST},
	{"paths.to", CHANGE_ADJUST},
	{"paths.name", CHANGE_ADJUST},
};

enum edit { EDIT_CHANGE, EDIT_UNSET };

struct visit {
	unsigned wanted, seen; /* number of the leaf that is edited */
	enum edit edit;
	bool done; /* it was edited */
	enum change change;
	char path[200];
};

static void set_string(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		       char **member, const char *suffix)
{
	bool was_set = field_count(message, field) > 0;
	const char *old = was_set ? *member : "";
	char *new = str_printf("%s%s", old, suffix);
	if (field_in_oneof(field)) {
		const ProtobufCFieldDescriptor *set = field_oneof_set(message, field);
		if (set != NULL)
			free(*(char **)field_member(message, set));
	} else if (was_set) {
		free(*member);
	}
	*member = new;
	field_mark(message, field);
}

static int other_value(const ProtobufCEnumDescriptor *type, int value)
{
	for (unsigned i = 0; i < type->n_values; i++) {
		if (type->values[i].value != value)
			return type->values[i].value;
	}
	fail_msg("%s has only one value", type->name);
	return value;
}

static void change_value(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *member = field_element(message, field, 0);
	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_STRING:
		set_string(message, field, member, "x");
		return;
	case PROTOBUF_C_TYPE_BOOL:
		*(protobuf_c_boolean *)member = !*(protobuf_c_boolean *)member;
		break;
	case PROTOBUF_C_TYPE_ENUM:
		*(int *)member = other_value(field->descriptor, *(int *)member);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		*(uint32_t *)member += 1;
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		*(double *)member += 0.5;
		break;
	case PROTOBUF_C_TYPE_MESSAGE: { /* a map: the value of its first entry */
		ProtobufCMessage *entry = *(ProtobufCMessage **)member;
		change_value(entry, &entry->descriptor->fields[1]);
		return;
	}
	default:
		fail_msg("%s: a type that the test does not know", field->name);
	}
	field_mark(message, field);
}

/* To its default; false where that is not possible. */
static bool unset_value(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->label != PROTOBUF_C_LABEL_OPTIONAL || field_in_oneof(field) ||
	    field_count(message, field) == 0 || strcmp(field->name, "name") == 0)
		return false; /* a space without a name does not compile */
	if (field->type == PROTOBUF_C_TYPE_STRING)
		schema_set_string(field_member(message, field), field->default_value, NULL);
	else
		*(protobuf_c_boolean *)((char *)message + field->quantifier_offset) = 0;
	return true;
}

static void visit_leaf(struct visit *v, ProtobufCMessage *message,
		       const ProtobufCFieldDescriptor *field, enum change change)
{
	if (v->seen++ != v->wanted)
		return;
	if (field_count(message, field) == 0 && !field_in_oneof(field))
		fail_msg("%s is missing in the sample", v->path);
	v->change = change;
	v->done = true;
	if (v->edit == EDIT_CHANGE)
		change_value(message, field);
	else
		v->done = unset_value(message, field);
}

static void visit_message(struct visit *v, const struct change_table *table,
			  ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const struct schema_message *schema = schema_message_table(type);
	assert_int_equal(table->field_count, type->n_fields);
	for (unsigned i = 0; i < type->n_fields && v->seen <= v->wanted; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		size_t size = strlen(v->path);
		snprintf(v->path + size, sizeof(v->path) - size, "%s%s", size > 0 ? "." : "",
			 schema->fields[i].key);
		if (table->fields[i].below == NULL) {
			visit_leaf(v, message, field, table->fields[i].change);
		} else {
			size_t count = field_count(message, field);
			if (count == 0)
				fail_msg("%s is missing in the sample", v->path);
			/* The last space of the sample has everything. */
			visit_message(
				v, table->fields[i].below,
				*(ProtobufCMessage **)field_element(message, field, count - 1));
		}
		if (v->seen <= v->wanted)
			v->path[size] = '\0';
	}
}

static size_t index_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		if (strcmp(expected[i].field, path) == 0)
			return i;
	}
	fail_msg("%s is not in the list of this test: what does a change of it do?", path);
	return 0;
}

/* What the diff must say of a change of the field. */
static void check_diff(const struct visit *v, const struct topology_diff *diff)
{
	CLEANUP(freep) char *words = words_of(diff);
	const char *wanted = "";
	const char *field = strncmp(v->path, "spaces.", 7) == 0 ? v->path + 7 : v->path;
	switch (v->change) {
	case CHANGE_REPLACE:
		wanted = "=host !api:";
		break;
	case CHANGE_RELOAD: /* the sample has `reload: update` */
	case CHANGE_ADJUST:
		wanted = strncmp(v->path, "paths", 5) == 0 ? ""
			 : field == v->path		   ? "=host =api "
							   : "=host ~api:";
		break;
	case CHANGE_PLACE:
		wanted = "=host ~papi:";
		break;
	case CHANGE_COUNT:
		wanted = v->edit == EDIT_UNSET ? "=host !cnapi:" : "=host ~capi:";
		break;
	case CHANGE_KEY:
		wanted = "=host +api";
		break;
	case CHANGE_NONE:
		fail_msg("%s: no change", v->path);
	}
	if (strncmp(words, wanted, strlen(wanted)) != 0)
		fail_msg("%s: '%s' does not begin with '%s'", v->path, words, wanted);
	/* The field is named as it is written in the file. */
	const char *last = strrchr(field, '.');
	if (v->change != CHANGE_KEY && wanted[0] != '\0' &&
	    strstr(words, last != NULL ? last + 1 : field) == NULL)
		fail_msg("%s is not named in '%s'", field, words);
}

static void edit_all(enum edit edit, bool used[])
{
	CLEANUP(schema_message_freep) Samoza__V1__Topology *from = read_text(sample);
	uint64_t content = space_content(from->spaces[1], NULL);
	for (unsigned n = 0;; n++) {
		CLEANUP(schema_message_freep)
		Samoza__V1__Topology *to =
			(Samoza__V1__Topology *)schema_message_copy(&from->base);
		struct visit v = {.wanted = n, .edit = edit};
		visit_message(&v, change_of_topology, &to->base);
		if (v.seen <= n)
			break;
		size_t index = index_of(v.path);
		used[index] = true;
		if (v.change != expected[index].change)
			fail_msg("%s: change %d in proto/model.proto, %d in the list", v.path,
				 v.change, expected[index].change);
		if (!v.done || strncmp(v.path, "kind", 4) == 0 ||
		    strncmp(v.path, "apiVersion", 4) == 0 ||
		    strcmp(v.path, "metadata.name") == 0)
			continue;
		CLEANUP(topology_diff_done) struct topology_diff diff = {0};
		compare_messages(from, to, &diff);
		assert_false(topology_diff_is_empty(&diff));
		check_diff(&v, &diff);
		/* The content hash follows what reaches the process, and nothing else. */
		bool same = space_content(to->spaces[1], NULL) == content;
		if (same == (v.change == CHANGE_REPLACE))
			fail_msg("%s: the content hash is %s", v.path,
				 same ? "the same" : "another");
	}
}

static void each_field_has_the_verdict_of_the_specification(void **state)
{
	(void)state;
	bool used[ARRAY_SIZE(expected)] = {0};
	edit_all(EDIT_CHANGE, used);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		if (!used[i])
			fail_msg("there is no field %s", expected[i].field);
	}
	edit_all(EDIT_UNSET, used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_has_the_verdict_of_the_specification),
	};
	return cmocka_run_group_tests_name("diff fields", tests, NULL, NULL);
}
