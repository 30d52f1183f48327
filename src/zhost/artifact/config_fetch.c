#include "zhost/artifact/config_fetch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"
#include "model/setting.h"

struct config_fetch {
	struct artifacts *artifacts;
	const Samoza__V1__InstanceSpec *spec;
	config_fetch_fn *done;
	void *user;
	char **texts;
	size_t next;
	struct artifact_wait *wait;
	char *error;
	bool is_walking; /* a file of the cache is answered from within artifact_fetch() */
};

void config_texts_free(char **texts, size_t count)
{
	for (size_t k = 0; texts != NULL && k < count; k++)
		free(texts[k]);
	free(texts);
}

static void fetch_free(struct config_fetch *f)
{
	config_texts_free(f->texts, f->spec->n_config);
	free(f->error);
	free(f);
}

/* NULL: it cannot be read. */
static char *read_text(const char *path)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = mem_calloc(1, SETTING_TEMPLATE_MAX_BYTES + 1);
	size_t size = 0;
	ssize_t n = -1;
	while (fd >= 0 && size < SETTING_TEMPLATE_MAX_BYTES &&
	       (n = read(fd, text + size, SETTING_TEMPLATE_MAX_BYTES - size)) > 0)
		size += (size_t)n;
	if (fd >= 0 && n >= 0)
		return text;
	free(text);
	return NULL;
}

/* True: all are there, or one failed; `done` was called, and `f` is gone. */
static bool walk(struct config_fetch *f);

static void on_file(void *data, const char *path, const struct error *error)
{
	struct config_fetch *f = data;
	size_t index = f->next - 1;
	f->wait = NULL;
	if (path == NULL)
		f->error = mem_strdup(error->message);
	else if ((f->texts[index] = read_text(path)) == NULL)
		f->error = str_printf("cannot read the template of %s",
				      f->spec->config[index]->name);
	if (!f->is_walking)
		(void)walk(f);
}

static bool walk(struct config_fetch *f)
{
	f->is_walking = true;
	while (f->wait == NULL && f->error == NULL && f->next < f->spec->n_config) {
		const Samoza__V1__AssetFile *file = f->spec->config[f->next++];
		f->wait = artifact_fetch(f->artifacts, file->digest, file->size_bytes, on_file,
					 f);
	}
	f->is_walking = false;
	if (f->wait != NULL)
		return false;
	config_fetch_fn *done = f->done;
	void *user = f->user;
	CLEANUP(freep) char *error = steal_ptr(&f->error);
	char **texts = error == NULL ? steal_ptr(&f->texts) : NULL;
	fetch_free(f);
	done(user, texts, error);
	return true;
}

struct config_fetch *config_fetch_new(struct artifacts *artifacts,
				      const Samoza__V1__InstanceSpec *spec,
				      config_fetch_fn *done, void *user)
{
	struct config_fetch *f = mem_new(struct config_fetch);
	f->artifacts = artifacts;
	f->spec = spec;
	f->done = done;
	f->user = user;
	f->texts = mem_new_array(char *, spec->n_config + 1);
	return walk(f) ? NULL : f;
}

void config_fetch_cancel(struct config_fetch *f)
{
	if (f == NULL)
		return;
	artifact_cancel(f->wait);
	fetch_free(f);
}

void config_fetch_abort(struct config_fetch *f, const char *why)
{
	artifact_abort(f->wait, why);
}
