#include "zhost/space/process_space.h"

#include <errno.h>

#include "base/memory.h"
#include "base/str.h"
#include "model/space_defaults.h"
#include "zhost/space/commands.h"

struct zrun_identity process_space_identity(const struct resident *r)
{
	return (struct zrun_identity){.topology = r->key->topology,
				      .path = r->key->path,
				      .epoch = r->key->epoch,
				      .file_name = r->file_name};
}

/* ---- what the process reports ---- */

static void on_connected(void *user, bool is_started)
{
	struct resident *r = user;
	resident_leave_slot(r);
	if (is_started)
		resident_started(r);
}

static void on_started(void *user)
{
	resident_started(user);
}

static void on_updated(void *user, int32_t result, const char *text, size_t size)
{
	resident_updated(user, result, text, size);
}

/* Whether it came is not known: it is sent again, and a process that has it answers at once. */
static void on_update_lost(void *user)
{
	struct resident *r = user;
	if (r->state == RESIDENT_UPDATING)
		resident_failed(r, "the connection to its process was lost");
}

static void on_health(void *user, bool is_healthy)
{
	resident_health(user, is_healthy);
}

static void on_command(void *user, const struct command_report *report)
{
	const struct resident *r = user;
	resident_command(r, report);
}

static void on_commands_lost(void *user)
{
	const struct resident *r = user;
	resident_commands_lost(r);
}

static void on_ended(void *user, const struct exit_report *report)
{
	struct resident *r = user;
	r->process = NULL;
	resident_commands_lost(r);
	/* Whether its module was damaged shows when it is next looked at. */
	if (!report->is_known || !str_is_empty(report->error))
		artifact_suspect_module(resident_parts(r)->artifacts, r->spec);
	resident_ended(r, report);
}

static void on_rejected(void *user)
{
	struct resident *r = user;
	r->process = NULL;
	resident_commands_lost(r);
}

static void on_log(void *user, int64_t wall_ms, const char *level, const char *text,
		   size_t size)
{
	struct resident *r = user;
	spacelog_add(r->log, wall_ms, level, text, size);
}

static int on_emit(void *user, const char *address, size_t address_size, const void *payload,
		   size_t size)
{
	struct resident *r = user;
	if ((r->capabilities & ZRUN_CAP_NET_EMIT) == 0)
		return -EPERM;
	if (size == 0 || address_size > ZRUN_ADDRESS_MAX)
		return -EINVAL;
	if (size > ZRUN_PAYLOAD_MAX)
		return -EMSGSIZE;
	if (r->peer == NULL)
		return -EHOSTUNREACH;
	int result = mesh_emit(resident_parts(r)->mesh, r->peer, NULL, address, address_size,
			       payload, size);
	if (result != -EAGAIN) /* it is sent again later */
		farewell_sent(r, address, address_size);
	return result;
}

static bool on_data(void *user, uint16_t type, uint32_t correlation, const uint8_t *body,
		    size_t size)
{
	struct resident *r = user;
	return data_client_request(&r->data, type, correlation, body, size);
}

static const struct zrun_process_listener listener = {
	.connected = on_connected,
	.started = on_started,
	.updated = on_updated,
	.update_lost = on_update_lost,
	.health = on_health,
	.ended = on_ended,
	.rejected = on_rejected,
	.command = on_command,
	.commands_lost = on_commands_lost,
	.log = on_log,
	.emit = on_emit,
	.data = on_data,
};

/* ---- actions ---- */

int process_space_launch(struct resident *r, struct launch_request *q, struct error **err)
{
	CLEANUP(freep)
	struct launch_variable *imports =
		mem_new_array(struct launch_variable, r->imports.count + 1);
	for (size_t i = 0; i < r->imports.count; i++)
		imports[i] = (struct launch_variable){r->imports.items[i].name,
						      r->imports.items[i].value};
	CLEANUP(freep)
	struct launch_secret *secrets =
		mem_new_array(struct launch_secret, r->secrets.count + 1);
	for (size_t i = 0; i < r->secrets.count; i++)
		secrets[i] = (struct launch_secret){r->secrets.items[i].key,
						    r->secrets.items[i].data,
						    r->secrets.items[i].size};
	q->secrets = secrets;
	q->secrets_count = r->secrets.count;
	q->memory_bytes = r->spec->memory_bytes > 0 ? r->spec->memory_bytes
						    : space_defaults().memory_bytes;
	q->capabilities = r->capabilities;
	q->cpu_millicores = r->spec->cpu_millicores > 0 ? r->spec->cpu_millicores
							: space_defaults().cpu_millicores;
	q->cpu_limit_millicores = r->spec->cpu_limit_millicores;
	q->grace_ms = (uint32_t)resident_grace_ms(r);
	q->imports = imports;
	q->imports_count = r->imports.count;
	struct zrun_identity identity = process_space_identity(r);
	struct zrun_lease lease = resident_lease(r);
	int result = zrun_process_start(resident_parts(r)->processes, &identity, q, &lease,
					&listener, r, &r->process, err);
	imports_done(&r->imports);
	secret_values_done(&r->secrets);
	return result;
}

void process_space_update(struct resident *r, const import_vector *imports)
{
	CLEANUP(error_freep) struct error *err = NULL;
	int result = zrun_process_update(r->process, imports, &r->secrets, &err);
	secret_values_done(&r->secrets);
	if (result < 0)
		resident_failed(r, err->message);
}

void process_space_stop(struct resident *r, int64_t grace_ms)
{
	zrun_process_stop(r->process, grace_ms);
}

void process_space_kill(struct resident *r, bool is_update)
{
	(void)is_update;
	if (r->process != NULL)
		zrun_process_kill(r->process);
	else
		resident_abort_fetch(r);
}

void process_space_renew(struct resident *r)
{
	struct zrun_lease lease = resident_lease(r);
	if (r->process != NULL)
		zrun_process_renew(r->process, &lease);
}

void process_space_find(struct resident *r)
{
	struct zrun_identity identity = process_space_identity(r);
	r->process = zrun_process_find(resident_parts(r)->processes, &identity, &listener, r,
				       &r->last_report);
}

bool process_space_probe(const struct resident *r)
{
	return r->process != NULL;
}

void process_space_usage(const struct resident *r, struct usage_sum *sum)
{
	int64_t pid = r->process != NULL ? zrun_process_pid(r->process) : -1;
	if (pid >= 0)
		process_usage_add(sum, pid);
}
