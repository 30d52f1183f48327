#include "zsim/fuzz/draw/draw_signers.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/str.h"
#include "zsim/fuzz/check/check_access.h"
#include "zsim/fuzz/check/check_signers.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/client.h"

static struct random *chance(struct fuzz *f)
{
	return draws_random(f, DRAW_SIGNERS);
}

static void ask(struct fuzz *f, struct control_input *input)
{
	struct answer a;
	check_access_asked(f, input);
	if (random_percent(chance(f), 25)) {
		world_log(&f->world, "  nobody waits for the answer");
		client_tell(&f->world, input);
		return;
	}
	client_ask(&f->world, input, &a);
	world_log(&f->world, "  answer: %s",
		  !a.answered	? "none"
		  : a.code >= 0 ? "granted"
				: a.message);
	answer_done(&a);
}

static void change_key(struct fuzz *f, bool removes)
{
	uint32_t number = random_below(chance(f), SIGNER_KEYS);
	/* Sometimes under the name of another one. */
	uint32_t called =
		random_percent(chance(f), 80) ? number : random_below(chance(f), SIGNER_KEYS);
	struct signer_key *key = &f->signers->keys[number];
	CLEANUP(freep) char *name = str_printf("k%u", called);
	const Samoza__V1__Topology *some =
		f->drawn.items[random_below(chance(f), (uint32_t)f->drawn.count)];
	char *only[] = {some->metadata->name};
	Samoza__V1__SigningKeyRecord record = SAMOZA__V1__SIGNING_KEY_RECORD__INIT;
	record.name = name;
	record.key = (ProtobufCBinaryData){SIGNING_KEY_SIZE, key->bytes};
	record.topologies = only;
	record.n_topologies = random_percent(chance(f), 30);
	struct control_input input = {
		.type = CONTROL_SIGNING_KEY,
		.signing_key = {.action = removes ? SIGNING_KEY_REMOVE : SIGNING_KEY_ADD,
				.record = &record}};
	world_log(&f->world, "STEP %s key %s (%u)", removes ? "remove" : "add", name, number);
	ask(f, &input);
}

/* zrms has read its directory. */
static void tell_files(struct fuzz *f)
{
	Samoza__V1__SigningKeyRecord records[SIGNER_KEYS], *files[SIGNER_KEYS];
	char *names[SIGNER_KEYS];
	size_t count = 0;
	for (uint32_t k = 0; k < SIGNER_KEYS; k++) {
		if (!random_percent(chance(f), 30))
			continue;
		struct signer_key *key = &f->signers->keys[k];
		key->was_in_file = true;
		samoza__v1__signing_key_record__init(&records[count]);
		names[count] = str_printf("k%u", k);
		records[count].name = names[count];
		records[count].key = (ProtobufCBinaryData){SIGNING_KEY_SIZE, key->bytes};
		files[count] = &records[count];
		count++;
	}
	struct control_input input = {.type = CONTROL_SIGNING_KEY,
				      .signing_key = {.action = SIGNING_KEY_FILES,
						      .files = files,
						      .file_count = count}};
	world_log(&f->world, "STEP %zu keys are in files", count);
	ask(f, &input);
	for (size_t k = 0; k < count; k++)
		free(names[k]);
}

void draw_signers(struct fuzz *f)
{
	if (!draws_percent(f, DRAW_SIGNERS, 20) || check_signers_of(f) == NULL ||
	    f->world.violation != NULL || f->world.control == NULL || f->world.zrms_dies)
		return;
	uint32_t draw = random_below(chance(f), 100);
	if (draw < 20)
		tell_files(f);
	else
		change_key(f, draw < 50);
}

void draw_signer(struct fuzz *f, Samoza__V1__RevisionRecord *record)
{
	if (check_signers_of(f) == NULL || !draws_percent(f, DRAW_SIGNERS, 75))
		return;
	const struct signer_key *key = &f->signers->keys[random_below(chance(f), SIGNER_KEYS)];
	record->has_signer = true;
	record->signer = (ProtobufCBinaryData){SIGNING_KEY_SIZE,
					       mem_memdup(key->bytes, SIGNING_KEY_SIZE)};
}
