#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/backup/passphrase.h"
#include "adapter/backup/seal.h"
#include "base/str.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

struct backup_options {
	char *file, *passphrase_file;
	bool without_keys;
};

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_option options[] = {
	{.name = "file",
	 .letter = 'o',
	 .type = CLI_PATH,
	 .offset = offsetof(struct backup_options, file),
	 .help = "where to write it; must not exist yet"},
	{.name = "passphrase-file",
	 .type = CLI_PATH,
	 .offset = offsetof(struct backup_options, passphrase_file),
	 .help = "seal it with the passphrase in the first line of this file"},
	{.name = "without-keys",
	 .type = CLI_FLAG,
	 .offset = offsetof(struct backup_options, without_keys),
	 .help = "leave out the keys and tokens of the cluster"},
	{0},
};

const struct cli_command command_cluster_backup = {
	.words = "cluster backup",
	.summary = "write a backup of the control plane, which goes on working",
	.details =
		"It holds the store, the artifacts, trusted keys and, unless --without-keys is "
		"given, the keys of the\ncluster: keep it secret. `zrms restore FILE --dir "
		"DIR` "
		"makes a control plane of it.",
	.options = options,
	.options_size = sizeof(struct backup_options),
	.run = run,
};

struct target {
	struct seal_writer *seal;
	uint64_t bytes;
};

static int take(void *user, const void *data, size_t size, struct error **err)
{
	struct target *t = user;
	t->bytes += size;
	return seal_write(t->seal, data, size, err);
}

static int write_backup(struct shell *shell, const struct backup_options *o, int fd,
			uint64_t *ret_bytes, struct error **err)
{
	CLEANUP(passphrase_freep) char *passphrase = NULL;
	struct target target = {0};
	int r = 0;
	if (o->passphrase_file != NULL)
		r = passphrase_read(o->passphrase_file, &passphrase, err);
	if (r == 0)
		r = seal_writer_new(fd, passphrase, &target.seal, err);
	if (r == 0)
		r = api_download(shell->api,
				 o->without_keys ? "/v1/backup?keys=0" : "/v1/backup", take,
				 &target, err);
	if (r == 0)
		r = seal_finish(target.seal, err);
	seal_writer_free(target.seal);
	*ret_bytes = target.bytes;
	return r;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct backup_options *o = line->options;
	uint64_t bytes = 0;
	if (str_is_empty(o->file))
		return cli_usage_error(line, "-o FILE is required: where to write the backup");
	CLEANUP(freep) char *temporary = str_printf("%s.part", o->file);
	if (access(o->file, F_OK) == 0)
		return error_set(err, ERR_CONFLICT, "%s is there already", o->file);
	/* Of one that was cut off, or what somebody else put there. */
	(void)unlink(temporary);
	CLEANUP(closep)
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "cannot write %s", temporary);
	int r = write_backup(shell, o, fd, &bytes, err);
	if (r == 0 && rename(temporary, o->file) < 0)
		r = error_errno(err, "cannot write %s", o->file);
	if (r < 0) {
		(void)unlink(temporary);
		return r;
	}
	CLEANUP(freep) char *size = output_size(bytes);
	output_note(&shell->output, "%s: %s%s", o->file, size,
		    o->passphrase_file != NULL ? ", sealed" : "");
	return CLI_DONE;
}
