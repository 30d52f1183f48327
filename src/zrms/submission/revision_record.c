#include "zrms/submission/revision_record.h"

#include <stdint.h>

#include "base/memory.h"
#include "core/application/revision_values.h"
#include "schema/message.h"

/* Protobuf-c's fields are not const; nothing here is written through them. */
static char *borrowed(const char *text)
{
	return (char *)(uintptr_t)text;
}

static Samoza__V1__AssetFile **files_new(const struct mex_asset *assets, unsigned count)
{
	Samoza__V1__AssetFile **files = mem_new_array(Samoza__V1__AssetFile *, count);
	for (unsigned i = 0; i < count; i++) {
		files[i] = mem_new(Samoza__V1__AssetFile);
		samoza__v1__asset_file__init(files[i]);
		files[i]->name = borrowed(assets[i].path);
		files[i]->digest = borrowed(assets[i].file->hash);
		files[i]->size_bytes = assets[i].file->size;
		files[i]->has_executable = files[i]->executable = assets[i].file->executable;
	}
	return files;
}

static void add_config(Samoza__V1__SpaceArtifacts *a, const struct mex_space *space)
{
	a->n_config = space->config_count;
	a->config = mem_new_array(Samoza__V1__AssetFile *, space->config_count);
	for (unsigned i = 0; i < space->config_count; i++) {
		a->config[i] = mem_new(Samoza__V1__AssetFile);
		samoza__v1__asset_file__init(a->config[i]);
		a->config[i]->name = borrowed(space->config[i].name);
		a->config[i]->digest = borrowed(space->config[i].hash);
		a->config[i]->size_bytes = space->config[i].size;
	}
	a->n_config_references = space->config_reference_count;
	a->config_references = space->config_references; /* the package's */
}

static void files_free(Samoza__V1__AssetFile **files, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(files[i]);
	free(files);
}

Samoza__V1__RevisionRecord *
revision_record_new(const struct mex_package *package,
		    const char *(*native_of)(void *user, const char *module_digest), void *user,
		    const char *platform)
{
	Samoza__V1__RevisionRecord *record = mem_new(Samoza__V1__RevisionRecord);
	samoza__v1__revision_record__init(record);
	record->application = borrowed("");
	record->version = borrowed(package->manifest.version_text);
	record->publisher = borrowed(package->manifest.publisher);
	record->package_digest = borrowed(package->digest);
	record->has_signer = package->is_signed;
	if (package->is_signed)
		record->signer =
			(ProtobufCBinaryData){KEY_BYTES, (uint8_t *)(uintptr_t)package->signer};
	record->topology = package->topology_message;
	record->rollout = package->manifest.rollout_message;
	record->n_artifacts = package->topology->space_count;
	record->artifacts = mem_new_array(Samoza__V1__SpaceArtifacts *, record->n_artifacts);
	for (unsigned i = 0; i < package->topology->space_count; i++) {
		const struct mex_space *space = &package->spaces[i];
		Samoza__V1__SpaceArtifacts *a = mem_new(Samoza__V1__SpaceArtifacts);
		samoza__v1__space_artifacts__init(a);
		a->space = borrowed(package->topology->spaces[i].name);
		if (space->module != NULL) {
			a->module_digest = borrowed(space->module->hash);
			a->native_digest = borrowed(native_of(user, space->module->hash));
			a->native_platform = borrowed(platform);
		}
		a->n_assets = space->asset_count;
		a->assets = files_new(space->assets, space->asset_count);
		a->n_recipes = space->recipe_count;
		a->recipes = files_new(space->recipes, space->recipe_count);
		add_config(a, space);
		record->artifacts[i] = a;
	}
	revision_values_set(record, package->parameters);
	return record;
}

void revision_record_free(Samoza__V1__RevisionRecord *record)
{
	if (record == NULL)
		return;
	for (size_t i = 0; i < record->n_artifacts; i++) {
		files_free(record->artifacts[i]->assets, record->artifacts[i]->n_assets);
		files_free(record->artifacts[i]->recipes, record->artifacts[i]->n_recipes);
		files_free(record->artifacts[i]->config, record->artifacts[i]->n_config);
		free(record->artifacts[i]);
	}
	free(record->artifacts);
	for (size_t i = 0; i < record->n_values; i++)
		schema_message_free(record->values[i]);
	free(record->values);
	free(record);
}
