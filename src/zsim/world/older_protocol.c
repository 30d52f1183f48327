#include "zsim/world/older_protocol.h"

#include <stdlib.h>

#include "base/memory.h"
#include "schema/message.h"

static void drop_epochs(Samoza__V1__MeshMessage *message)
{
	message->has_from_epoch = message->has_to_epoch = false;
	message->from_epoch = message->to_epoch = 0;
}

/* ---- to a zhost ---- */

static void drop_superseded(Samoza__V1__HelloAck *ack)
{
	for (size_t k = 0; k < ack->n_superseded; k++)
		samoza__v1__instance_key__free_unpacked(ack->superseded[k], NULL);
	free(steal_ptr(&ack->superseded));
	ack->n_superseded = 0;
}

static void drop_lists(Samoza__V1__Desired *desired)
{
	for (size_t k = 0; k < desired->n_lists; k++)
		samoza__v1__provider_list__free_unpacked(desired->lists[k], NULL);
	free(steal_ptr(&desired->lists));
	free(steal_ptr(&desired->dropped_lists));
	desired->n_lists = desired->n_dropped_lists = 0;
	for (size_t k = 0; k < desired->n_instances; k++) {
		free(steal_ptr(&desired->instances[k]->import_lists));
		desired->instances[k]->n_import_lists = 0;
	}
}

static void drop_copies(Samoza__V1__DesiredInstance *desired)
{
	Samoza__V1__InstanceSpec *spec = desired->spec;
	desired->has_writes = false;
	desired->writes = true;
	if (spec == NULL)
		return;
	schema_set_string(&spec->version, NULL, NULL);
	schema_set_string(&spec->data_owner, NULL, NULL);
	spec->has_revision = spec->has_alone = spec->has_set = spec->has_data_bytes = false;
	spec->revision = spec->set = 0;
	spec->alone = true;
	spec->data_bytes = 0;
}

void older_protocol_to_agent(uint32_t protocol, Samoza__V1__FrameType type,
			     ProtobufCMessage *message)
{
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO_ACK && protocol < 3)
		drop_superseded((Samoza__V1__HelloAck *)message);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE && protocol < 4)
		drop_epochs((Samoza__V1__MeshMessage *)message);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_TABLE && protocol < 4)
		((Samoza__V1__MeshTable *)message)->confirm = false;
	if (type != SAMOZA__V1__FRAME_TYPE__FRAME_DESIRED)
		return;
	Samoza__V1__Desired *desired = (Samoza__V1__Desired *)message;
	for (size_t k = 0; protocol < 4 && k < desired->n_instances; k++) {
		desired->instances[k]->has_serves = false;
		desired->instances[k]->serves = true;
	}
	for (size_t k = 0; protocol < 5 && k < desired->n_instances; k++)
		if (desired->instances[k]->spec != NULL) {
			desired->instances[k]->spec->has_beside = false;
			desired->instances[k]->spec->beside = 0;
		}
	if (protocol < 3)
		drop_lists(desired);
	for (size_t k = 0; protocol < 2 && k < desired->n_instances; k++)
		drop_copies(desired->instances[k]);
}

/* ---- from a zhost ---- */

static void shorten_report(uint32_t protocol, Samoza__V1__InstanceReport *r)
{
	r->has_error_wall_ms = r->has_well = false; /* newer than protocol 2 */
	if (protocol >= 2)
		return;
	r->has_healthy = r->has_failed_action = false;
}

static void shorten_hello(uint32_t protocol, Samoza__V1__Hello *hello)
{
	hello->protocol = protocol;
	hello->has_page_access = hello->page_access = false;
	hello->has_api_token = hello->api_token = false;
	hello->has_settings = hello->settings = false;
	hello->has_secrets = hello->secrets = false;
	if (older_protocol_says_itself(protocol))
		return;
	schema_set_string(&hello->machine, NULL, NULL);
	free(steal_ptr(&hello->mesh_sums));
	hello->n_mesh_sums = 0;
	for (size_t k = 0; k < hello->n_instances; k++)
		shorten_report(protocol, hello->instances[k]);
}

static void shorten_reports(uint32_t protocol, Samoza__V1__Report *report)
{
	for (size_t k = 0; k < report->n_instances; k++)
		shorten_report(protocol, report->instances[k]);
}

ProtobufCMessage *older_protocol_from_agent(uint32_t protocol, Samoza__V1__FrameType type,
					    const ProtobufCMessage *message)
{
	bool changes = type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO ||
		       (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE && protocol < 4) ||
		       (type == SAMOZA__V1__FRAME_TYPE__FRAME_REPORT && protocol < 3);
	if (protocol >= PROTOCOL_NEWEST || !changes)
		return (ProtobufCMessage *)(uintptr_t)message;
	ProtobufCMessage *copy = schema_message_copy(message);
	if (type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO)
		shorten_hello(protocol, (Samoza__V1__Hello *)copy);
	else if (type == SAMOZA__V1__FRAME_TYPE__FRAME_MESH_MESSAGE)
		drop_epochs((Samoza__V1__MeshMessage *)copy);
	else
		shorten_reports(protocol, (Samoza__V1__Report *)copy);
	return copy;
}
