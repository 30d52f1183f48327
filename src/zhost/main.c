/*
 * The program zhost, the agent of one machine: settings, log, limits; then the daemon, or
 * --end-spaces or --new-identity.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "adapter/log/log.h"
#include "adapter/log/log_file.h"
#include "base/check.h"
#include "base/str.h"
#include "zhost/daemon.h"
#include "zhost/join/join.h"
#include "zhost/process/end_spaces.h"
#include "zhost/state/state_dir.h"

static void overwrite(char *text)
{
	memset(text, 'x', strlen(text));
}

/* The word of --join is a secret, and everybody on this machine may read /proc/PID/cmdline of a program that runs for
 * months; what it starts inherits the environment. The settings have a copy. */
static void hide_join_token(int argc, char **argv)
{
	static const char option[] = "--join", variable[] = "ZHOST_JOIN";
	char *value = getenv(variable);
	for (int k = 1; k < argc; k++) {
		if (str_equal(argv[k], option) && k + 1 < argc)
			overwrite(argv[++k]);
		else if (str_has_prefix(argv[k], "--join="))
			overwrite(argv[k] + sizeof(option));
	}
	if (value != NULL)
		overwrite(value);
	(void)unsetenv(variable);
}

static void raise_limits(void)
{
	struct rlimit files;
	/* Two descriptors for each instance. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int run_end_spaces(const struct zhost_settings *s, struct error **err)
{
	if (access(s->dir, F_OK) < 0)
		return error_errno(err, "cannot find %s", s->dir);
	struct state_dir dir;
	unsigned count;
	int r = state_dir_open(&dir, s->dir, err);
	if (r == 0)
		r = end_spaces(dir.run_fd, dir.path, &count, err);
	if (r == 0)
		printf("%u space%s ended\n", count, str_plural(count));
	state_dir_close(&dir);
	return r;
}

static int run_new_identity(const struct zhost_settings *s, struct error **err)
{
	if (access(s->dir, F_OK) < 0)
		return error_errno(err, "cannot find %s", s->dir);
	struct state_dir dir;
	char before[37];
	int r = state_dir_open(&dir, s->dir, err);
	if (r == 0)
		r = state_dir_renew_identity(&dir, before, err);
	if (r == 0)
		printf("%s has the identity %s; it had %s\n", dir.path, dir.identity,
		       before[0] != '\0' ? before : "none");
	state_dir_close(&dir);
	return r;
}

static int run_join(struct zhost_settings *s, struct error **err)
{
	int r = join_cluster(s->dir, s->name, s->join, s->replace, err);
	return r < 0 ? r : settings_joined(s, err);
}

static int run(struct zhost_settings *settings, int argc, char **argv)
{
	struct error *err = NULL;
	int r = 0;
	if (settings->end_spaces)
		r = run_end_spaces(settings, &err);
	else if (settings->new_identity)
		r = run_new_identity(settings, &err);
	else if (settings->join != NULL)
		r = run_join(settings, &err);
	if (r == 0 && !settings->end_spaces && !settings->new_identity)
		r = zhost_daemon_run(settings, cli_file_path(argc, argv), &err);
	if (r >= 0)
		return r;
	CLEANUP(freep) char *text = error_text(err);
	log_error("zhost", "failed", LOG_S("error", text));
	error_free(err);
	return 1;
}

int main(int argc, char **argv)
{
	struct zhost_settings settings = {0};
	struct error *err = NULL;
	CLEANUP(cli_run_done) struct cli_run line = {0};
	int r = cli_start(&zhost_program, argc, argv, &settings, &line);
	if (r >= 0) {
		cli_settings_done(&zhost_program, &settings);
		return r;
	}
	hide_join_token(argc, argv);
	r = settings_check(&settings, &err);
	if (r < 0) {
		settings_done(&settings);
		cli_settings_done(&zhost_program, &settings);
		return cli_refuse(&zhost_program, NULL, err);
	}
	/* Small and single: one arena, and freed memory goes back. */
	(void)mallopt(M_ARENA_MAX, 1);
	(void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
	(void)umask(077);
	if (log_start(settings.log_level, settings.log_file, &err) < 0) {
		r = cli_refuse(&zhost_program, NULL, err);
		settings_done(&settings);
		cli_settings_done(&zhost_program, &settings);
		return r;
	}
	raise_limits();
	if (sodium_init() < 0)
		IMPOSSIBLE("cannot get random numbers");
	r = run(&settings, argc, argv);
	settings_done(&settings);
	cli_settings_done(&zhost_program, &settings);
	return r;
}
