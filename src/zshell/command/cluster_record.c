/*
 * cluster record: a piece of the flight recorder's recordings, for zsim replay.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "adapter/cli/moment.h"
#include "adapter/recorder/piece.h"
#include "base/str.h"
#include "schema/message.h"
#include "zshell/command/commands.h"
#include "zshell/command/common.h"

struct record_options {
	char *from, *to, *file;
};

static int run(void *context, const struct cli_run *line, struct error **err);

static const struct cli_option options[] = {
	{.name = "from",
	 .type = CLI_STRING,
	 .value = "TIME",
	 .offset = offsetof(struct record_options, from),
	 .help = "from then on, as 2026-11-28T14:30:00Z; it begins with the state before that"},
	{.name = "to",
	 .type = CLI_STRING,
	 .value = "TIME",
	 .offset = offsetof(struct record_options, to),
	 .help = "up to then; by default up to now"},
	{.name = "file",
	 .letter = 'o',
	 .type = CLI_PATH,
	 .offset = offsetof(struct record_options, file),
	 .help = "where to write it; must not exist yet"},
	{0},
};

const struct cli_command command_cluster_record = {
	.words = "cluster record",
	.summary = "fetch a piece of what zrms has recorded, for zsim replay",
	.details = "It has everything that the decision core of zrms was told in that time, of "
		   "each zrms that led,\nand names what is missing. What spaces write, what "
		   "programs print, and secrets are not in it.\nNeeds an administrator. `zsim "
		   "replay FILE` decides all of it once more.",
	.options = options,
	.options_size = sizeof(struct record_options),
	.run = run,
};

struct target {
	int fd;
	const char *path;
	uint64_t bytes;
};

static int take(void *user, const void *data, size_t size, struct error **err)
{
	struct target *t = user;
	for (size_t done = 0; done < size;) {
		ssize_t n = write(t->fd, (const char *)data + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(err, "cannot write %s", t->path);
		done += (size_t)n;
	}
	t->bytes += size;
	return 0;
}

static int fetch(struct shell *shell, int64_t from_ms, int64_t to_ms, struct target *target,
		 struct error **err)
{
	CLEANUP(freep)
	char *path = str_printf("/v1/cluster/recording?from=%lld&to=%lld", (long long)from_ms,
				(long long)to_ms);
	int r = api_download(shell->api, path, take, target, err);
	if (r == 0 && fsync(target->fd) < 0)
		r = error_errno(err, "cannot write %s", target->path);
	return r;
}

static void say_gaps(const struct output *o, const Samoza__V1__RecordedAbout *about)
{
	char from[CLI_TIME_SIZE], to[CLI_TIME_SIZE];
	for (size_t k = 0; k < about->n_gaps; k++) {
		const Samoza__V1__RecordedGap *gap = about->gaps[k];
		cli_time_text(gap->from_ms, from);
		cli_time_text(gap->to_ms, to);
		output_note(o, "gap: %s to %s%s%s: %s", from, to,
			    gap->zrms != NULL ? ", zrms " : "",
			    gap->zrms != NULL ? gap->zrms : "", gap->why);
	}
}

static int write_piece(struct shell *shell, const struct record_options *o, int64_t from_ms,
		       int64_t to_ms, struct error **err)
{
	CLEANUP(freep) char *temporary = str_printf("%s.part", o->file);
	CLEANUP(schema_message_freep) Samoza__V1__RecordedAbout *about = NULL;
	/* Of one that was cut off, or what somebody else put there. */
	(void)unlink(temporary);
	CLEANUP(closep)
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_errno(err, "cannot write %s", temporary);
	struct target target = {.fd = fd, .path = temporary};
	int r = fetch(shell, from_ms, to_ms, &target, err);
	if (r == 0)
		r = piece_about(temporary, &about, err);
	if (r == 0 && rename(temporary, o->file) < 0)
		r = error_errno(err, "cannot write %s", o->file);
	if (r < 0) {
		(void)unlink(temporary);
		return r;
	}
	CLEANUP(freep) char *size = output_size(target.bytes);
	output_note(&shell->output, "%s: %s", o->file, size);
	say_gaps(&shell->output, about);
	return 0;
}

static int run(void *context, const struct cli_run *line, struct error **err)
{
	struct shell *shell = context;
	const struct record_options *o = line->options;
	int64_t from_ms = 0, to_ms = (int64_t)time(NULL) * 1000;
	if (str_is_empty(o->file) || str_is_empty(o->from))
		return cli_usage_error(line,
				       "--from TIME and -o FILE are required: since when, "
				       "and where to write the recording");
	int r = cli_time_parse(o->from, &from_ms, err);
	if (r == 0 && o->to != NULL)
		r = cli_time_parse(o->to, &to_ms, err);
	if (r < 0)
		return r;
	if (from_ms > to_ms)
		return cli_usage_error(line, "--from is later than --to");
	if (access(o->file, F_OK) == 0)
		return error_set(err, ERR_CONFLICT, "%s is there already", o->file);
	r = write_piece(shell, o, from_ms, to_ms, err);
	return r < 0 ? r : CLI_DONE;
}
