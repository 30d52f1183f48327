#include "zrms/submission/trusted_keys.h"

#include <dirent.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "schema/message.h"

struct trusted_keys *trusted_keys_ref(struct trusted_keys *t)
{
	t->references++;
	return t;
}

void trusted_keys_unref(struct trusted_keys *t)
{
	if (t == NULL || --t->references > 0)
		return;
	trust_free(t->keys);
	trust_free(t->files);
	free(t->stamp);
	free(t);
}

static int add_files(struct trust *keys, const char *files, struct error **err)
{
	int r = 0;

	while (files != NULL && *files != '\0' && r == 0) {
		size_t size = strcspn(files, ":");
		CLEANUP(freep) char *path = mem_strndup(files, size);

		if (size > 0)
			r = trust_add_file(keys, path, err);
		files += size + (files[size] == ':');
	}
	return r;
}

static void add_stamp(struct buffer *stamp, const char *name, const struct stat *info)
{
	(void)buffer_printf(stamp, "%s %ju %ju %jd %jd.%ld %jd.%ld\n", name,
			    (uintmax_t)info->st_dev, (uintmax_t)info->st_ino,
			    (intmax_t)info->st_size, (intmax_t)info->st_mtim.tv_sec,
			    info->st_mtim.tv_nsec, (intmax_t)info->st_ctim.tv_sec,
			    info->st_ctim.tv_nsec);
}

/* Of the directory, and of what is in it: the names of a key may be changed in its place. All of it, as the newest time
 * alone hides each later change where the time of one file is in the future. The caller frees. */
static char *stamp_of(const char *directory)
{
	struct buffer stamp = BUFFER_INIT(SIZE_MAX);
	struct stat info = {0};
	DIR *open_one = opendir(directory);

	(void)stat(directory, &info);
	add_stamp(&stamp, "", &info);
	for (const struct dirent *entry = open_one != NULL ? readdir(open_one) : NULL;
	     entry != NULL; entry = readdir(open_one)) {
		if (entry->d_name[0] == '.')
			continue;
		info = (struct stat){0};
		(void)fstatat(dirfd(open_one), entry->d_name, &info, 0);
		add_stamp(&stamp, entry->d_name, &info);
	}
	if (open_one != NULL)
		(void)closedir(open_one);
	char *text = mem_strndup(stamp.data, stamp.size);
	buffer_done(&stamp);
	return text;
}

/* "shop-*,blog"; NULL: it is not limited. The caller frees. */
static char *names_of(const Samoza__V1__SigningKeyRecord *record)
{
	struct buffer names = BUFFER_INIT(SIZE_MAX);

	if (!record->limited)
		return NULL;
	for (size_t k = 0; k < record->n_topologies; k++)
		(void)buffer_printf(&names, "%s%s", k > 0 ? "," : "", record->topologies[k]);
	return names.size > 0 ? buffer_steal(&names) : mem_strdup("");
}

static void add_record(struct trust *trust, const struct signing_key *one)
{
	const Samoza__V1__SigningKeyRecord *record = one->record;

	if (signing_key_is_trusted(record)) {
		CLEANUP(freep) char *names = names_of(record);
		trust_put_key(trust, one->key, names);
		return;
	}
	CLEANUP(freep)
	char *why = str_printf("%s has removed the key %s",
			       record->removed_by != NULL ? record->removed_by : "somebody",
			       record->name);
	trust_refuse_key(trust, one->key, why);
}

/* Those of files, and over them those that are recorded. */
static struct trust *both(const struct trust *files, const struct signing_keys *recorded)
{
	struct trust *trust = trust_new();

	for (unsigned k = 0; k < trust_count(files); k++)
		trust_put_key(trust, trust_at(files, k).key, trust_at(files, k).names);
	for (const struct signing_key *k = recorded != NULL ? recorded->recorded : NULL;
	     k != NULL; k = k->hh.next)
		add_record(trust, k);
	return trust;
}

static int read_files(const char *directory, const char *files, struct trust **ret,
		      struct error **err)
{
	struct trust *trust = trust_new();
	int r = trust_add_directory(trust, directory, err);

	if (r == 0)
		r = add_files(trust, files, err);
	if (r < 0) {
		trust_free(trust);
		return r;
	}
	*ret = trust;
	return 0;
}

int trusted_keys_refresh(struct trusted_keys **keys, const char *directory, const char *files,
			 const struct signing_keys *recorded, struct error **err)
{
	CLEANUP(freep) char *stamp = stamp_of(directory);
	uint64_t changes = recorded != NULL ? recorded->changes : 0;
	struct trust *in_files;
	int r;

	if (*keys != NULL && str_equal(stamp, (*keys)->stamp) && changes == (*keys)->changes)
		return 0;
	r = read_files(directory, files, &in_files, err);
	if (r < 0)
		return r;
	trusted_keys_unref(*keys);
	*keys = mem_new(struct trusted_keys);
	**keys = (struct trusted_keys){.references = 1,
				       .keys = both(in_files, recorded),
				       .files = in_files,
				       .stamp = steal_ptr(&stamp),
				       .changes = changes};
	return 0;
}

/* ---- for the core ---- */

static Samoza__V1__SigningKeyRecord *record_of(const struct trust_entry *entry)
{
	Samoza__V1__SigningKeyRecord *record =
		(Samoza__V1__SigningKeyRecord *)schema_message_new(
			&samoza__v1__signing_key_record__descriptor);
	CLEANUP(freep) char *names = mem_strdup(entry->names);
	char *rest = NULL;

	schema_set_string(&record->name, NULL, entry->name != NULL ? entry->name : "");
	record->key = (ProtobufCBinaryData){SIGNING_KEY_SIZE,
					    mem_memdup(entry->key, SIGNING_KEY_SIZE)};
	record->has_limited = record->limited = names != NULL;
	for (char *word = names != NULL ? strtok_r(names, ",", &rest) : NULL; word != NULL;
	     word = strtok_r(NULL, ",", &rest)) {
		record->topologies = mem_resize(record->topologies, record->n_topologies + 1,
						sizeof(*record->topologies));
		record->topologies[record->n_topologies++] = mem_strdup(word);
	}
	return record;
}

void trusted_keys_tell(const struct trusted_keys *keys,
		       void (*tell)(void *user, Samoza__V1__SigningKeyRecord *const *files,
				    size_t count),
		       void *user)
{
	VECTOR(Samoza__V1__SigningKeyRecord *) files = {0};

	for (unsigned k = 0; k < trust_count(keys->files); k++) {
		struct trust_entry entry = trust_at(keys->files, k);
		vector_push(&files, record_of(&entry));
	}
	tell(user, files.items, files.count);
	vector_for_each (&files, record)
		schema_message_free(&(*record)->base);
	vector_done(&files);
}
