#include "zsim/scenario/signers.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/signing_keys.h"
#include "core/control/control.h"
#include "zsim/world/simulation.h"
#include "zsim/world/world.h"

/* Its first bytes. */
static void bytes_of(const char *text, uint8_t to[SIGNING_KEY_SIZE])
{
	size_t size = strlen(text);
	memset(to, 0, SIGNING_KEY_SIZE);
	memcpy(to, text, size < SIGNING_KEY_SIZE ? size : SIGNING_KEY_SIZE);
}

void signers_sign(Samoza__V1__RevisionRecord *record, const char *key)
{
	uint8_t bytes[SIGNING_KEY_SIZE];
	if (key == NULL)
		return;
	bytes_of(key, bytes);
	record->has_signer = true;
	record->signer =
		(ProtobufCBinaryData){SIGNING_KEY_SIZE, mem_memdup(bytes, SIGNING_KEY_SIZE)};
}

static void do_key(struct step_run *run, const Samoza__V1__KeyStep *step)
{
	uint8_t key[SIGNING_KEY_SIZE];
	Samoza__V1__SigningKeyRecord record = SAMOZA__V1__SIGNING_KEY_RECORD__INIT;
	bytes_of(step->key != NULL ? step->key : step->name, key);
	record.name = step->name;
	record.key = (ProtobufCBinaryData){sizeof(key), key};
	record.topologies = step->topologies;
	record.n_topologies = step->n_topologies;
	struct control_input input = {
		.type = CONTROL_SIGNING_KEY,
		.signing_key = {.action = step->rm ? SIGNING_KEY_REMOVE : SIGNING_KEY_ADD,
				.record = &record}};
	step_ask(run, &input, step->error);
}

static void do_files(struct step_run *run, const Samoza__V1__KeyFilesStep *step)
{
	size_t count = step->n_are;
	CLEANUP(freep)
	Samoza__V1__SigningKeyRecord *records =
		mem_new_array(Samoza__V1__SigningKeyRecord, count + 1);
	CLEANUP(freep)
	Samoza__V1__SigningKeyRecord **files =
		mem_new_array(Samoza__V1__SigningKeyRecord *, count + 1);
	CLEANUP(freep) uint8_t *keys = mem_new_array(uint8_t, (count + 1) * SIGNING_KEY_SIZE);
	for (size_t k = 0; k < count; k++) {
		samoza__v1__signing_key_record__init(&records[k]);
		bytes_of(step->are[k], keys + k * SIGNING_KEY_SIZE);
		records[k].name = step->are[k];
		records[k].key =
			(ProtobufCBinaryData){SIGNING_KEY_SIZE, keys + k * SIGNING_KEY_SIZE};
		files[k] = &records[k];
	}
	struct control_input input = {.type = CONTROL_SIGNING_KEY,
				      .signing_key = {.action = SIGNING_KEY_FILES,
						      .files = files,
						      .file_count = count}};
	step_ask(run, &input, NULL);
}

static void expect_signer(struct step_run *run, const char *name, const char *wanted)
{
	const char *id = NULL, *path = NULL;
	Samoza__V1__TopologyView *view = NULL;
	if (!step_find(run, name, &id, &path, NULL) ||
	    control_view_topology(run->world->control, id, &view, NULL) < 0)
		return;
	CLEANUP(freep)
	char *seen = str_printf("%s%s", view->signed_by != NULL ? view->signed_by : "nobody",
				view->signer_removed ? ", removed" : "");
	if (!str_equal(seen, wanted))
		step_fail(run, "%s: expected to be signed by %s, seen %s", name, wanted, seen);
	samoza__v1__topology_view__free_unpacked(view, NULL);
}

bool signers_do(struct step_run *run, const Samoza__V1__ScenarioStep *step)
{
	if (step->key != NULL)
		do_key(run, step->key);
	else if (step->key_files != NULL)
		do_files(run, step->key_files);
	else if (step->n_signers == 0)
		return false;
	for (size_t k = 0; k < step->n_signers; k++)
		expect_signer(run, step->signers[k]->key, step->signers[k]->value);
	return true;
}
