#include "startz/up_zrms.h"

#include <stdio.h>

#include "base/str.h"
#include "model/quantity.h"
#include "startz/credentials.h"
#include "startz/machines.h"
#include "startz/port.h"
#include "startz/process.h"
#include "startz/programs.h"
#include "startz/ready.h"

int address_taken(const char *address, struct error **err)
{
	return error_set(
		err, ERR_CONFLICT,
		"address %s is in use by another program: give another one with --api, "
		"such as --api 127.0.0.1:0 for any free port",
		address);
}

/* Where zrms should listen: the given address, the previous one, or the default. */
static int choose_api(struct state *s, const struct up_settings *settings, struct member *zrms,
		      struct error **err)
{
	bool runs = process_runs(&zrms->process);
	struct cli_address address = settings->api;
	CLEANUP(freep) char *text = NULL;
	int r = 0;

	if (address.host[0] == '\0')
		r = cli_address_parse(zrms->address != NULL ? zrms->address : DEFAULT_API,
				      &address, err);
	if (r == 0 && address.port == 0)
		r = port_draw(&address.port, err);
	if (r < 0)
		return r;
	text = cli_address_text(&address);
	if (runs && !str_equal(text, zrms->address))
		return error_set(err, ERR_CONFLICT,
				 "zrms of %s is already running at %s: stop it first (startz "
				 "down --dir %s)",
				 s->dir, zrms->address, s->dir);
	if (!runs && port_is_taken(&address))
		return address_taken(text, err);
	free(zrms->address);
	zrms->address = steal_ptr(&text);
	return 0;
}

/* With machines, it listens for them, too. */
static int start_zrms(struct state *s, const struct up_settings *settings, struct member *m,
		      struct error **err)
{
	CLEANUP(freep)
	char *at = machines_are_used(s) ? machines_listen(s, m->address) : NULL;
	CLEANUP(freep) char *program = NULL;
	CLEANUP(freep) char *dir = state_path(s, "zrms");
	CLEANUP(freep) char *log = state_path(s, "log/zrms.log");
	CLEANUP(freep) char *heartbeat = duration_format((uint64_t)s->heartbeat_ms);
	CLEANUP(freep) char *timeout = duration_format((uint64_t)s->timeout_ms);
	int r = program_find(settings->programs, "zrms", &program, err);

	if (r == 0 && at != NULL)
		r = machines_init(s, settings->programs, at, err);
	if (r < 0)
		return r;
	static char listen[] = "--listen", local[] = "--local";
	char *words[16] = {
		program,    (char[]){"--dir"},	     dir,	at != NULL ? local : listen,
		m->address, (char[]){"--heartbeat"}, heartbeat, (char[]){"--failure-timeout"},
		timeout,    (char[]){"--log-file"},  log};
	if (at != NULL) {
		words[11] = listen;
		words[12] = at;
	}
	return program_start(s, m, &(struct process_plan){.argv = words, .log = log}, err);
}

int up_zrms(struct state *s, const struct up_settings *settings, int64_t deadline,
	    char **ret_url, struct error **err)
{
	struct member *m = state_find(s, "zrms");
	bool ran;
	int r;

	if (m == NULL)
		m = state_add(s, "zrms", "zrms");
	ran = process_runs(&m->process);
	r = choose_api(s, settings, m, err);
	if (r < 0)
		return r;
	if (!ran) {
		r = start_zrms(s, settings, m, err);
		m->started = r == 0;
	}
	if (r < 0)
		return r;
	*ret_url = str_printf("http://%s", m->address);
	r = ready_zrms(s, m, *ret_url, deadline, err);
	if (r == 0) {
		credentials_note(s, m->address);
		(void)printf("zrms %s at %s\n", ran ? "is running" : "is ready", *ret_url);
	}
	(void)fflush(stdout);
	return r;
}
