#include "startz/up_zrms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "model/quantity.h"
#include "startz/credentials.h"
#include "startz/etcd.h"
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

/* What a zrms is started with where its state is in etcd. */
struct store_words {
	char *url, *authorities, *identity; /* NULL: in its own directory */
};

static void store_words_done(struct store_words *w)
{
	free(w->url);
	free(w->authorities);
	free(w->identity);
}

static struct store_words store_words_of(const struct state *s)
{
	if (!etcd_is_used(s))
		return (struct store_words){0};
	return (struct store_words){etcd_url(s), etcd_authorities(s), etcd_identity(s)};
}

/* With machines, it listens for them, too. */
static int start_zrms(struct state *s, const struct up_settings *settings, struct member *m,
		      struct error **err)
{
	CLEANUP(freep)
	char *at = machines_are_used(s) ? machines_listen(s, m->address) : NULL;
	CLEANUP(freep) char *program = NULL;
	CLEANUP(freep) char *dir = state_path(s, "%s", m->name);
	CLEANUP(freep) char *log = state_path(s, "log/%s.log", m->name);
	CLEANUP(freep) char *heartbeat = duration_format((uint64_t)s->heartbeat_ms);
	CLEANUP(freep) char *timeout = duration_format((uint64_t)s->timeout_ms);
	CLEANUP(store_words_done) struct store_words store = store_words_of(s);
	int r = program_find(settings->programs, "zrms", &program, err);

	if (r == 0 && at != NULL)
		r = machines_init(s, settings->programs, at, err);
	if (r < 0)
		return r;
	static char listen[] = "--listen", local[] = "--local", url[] = "--store",
		    authorities[] = "--store-ca", identity[] = "--store-certificate",
		    name[] = "--name";
	char *words[24] = {
		program,    (char[]){"--dir"},	     dir,	at != NULL ? local : listen,
		m->address, (char[]){"--heartbeat"}, heartbeat, (char[]){"--failure-timeout"},
		timeout,    (char[]){"--log-file"},  log};
	size_t n = 11;
	if (at != NULL) {
		words[n++] = listen;
		words[n++] = at;
	}
	if (store.url != NULL) {
		char *const more[] = {url,	store.url,	authorities, store.authorities,
				      identity, store.identity, name,	     m->name};
		memcpy(&words[n], more, sizeof(more));
	}
	return program_start(s, m, &(struct process_plan){.argv = words, .log = log}, err);
}

/* ---------------------------------------------------------------- the further ones */

static int copy_file(const struct state *s, const char *from, const char *to,
		     struct error **err)
{
	CLEANUP(freep) char *source = state_path(s, "%s", from);
	CLEANUP(freep) char *target = state_path(s, "%s", to);
	char text[4096];
	FILE *file = fopen(source, "re");

	if (file == NULL)
		return error_errno(err, "cannot read %s", source);
	size_t size = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	return state_write(target, text, size, err);
}

/* One administrator's token and one signing key for all of them. */
static int directory_prepare(const struct state *s, const char *name, struct error **err)
{
	static const char *const parts[] = {"", "/credentials", "/trust"};
	CLEANUP(freep) char *admin = str_printf("%s/credentials/local-admin", name);
	CLEANUP(freep) char *key = str_printf("%s/trust/dev.pub", name);

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		CLEANUP(freep) char *directory = state_path(s, "%s%s", name, parts[i]);

		if (mkdir(directory, 0700) < 0 && errno != EEXIST)
			return error_errno(err, "cannot make the directory %s", directory);
	}
	int r = copy_file(s, "zrms/credentials/local-admin", admin, err);
	return r == 0 ? copy_file(s, "zrms/trust/dev.pub", key, err) : r;
}

static int address_settle(struct member *m, struct error **err)
{
	struct cli_address address = {.host = "127.0.0.1"};
	int r;

	if (m->address != NULL)
		return 0;
	r = port_draw(&address.port, err);
	if (r == 0)
		m->address = cli_address_text(&address);
	return r;
}

static int up_further(struct state *s, const struct up_settings *settings, const char *name,
		      int64_t deadline, struct error **err)
{
	struct member *m = state_find(s, name);
	if (m == NULL)
		m = state_add(s, name, "zrms");
	bool ran = process_runs(&m->process);
	int r = address_settle(m, err);

	if (r == 0 && !ran)
		r = directory_prepare(s, name, err);
	if (r == 0 && !ran) {
		r = start_zrms(s, settings, m, err);
		m->started = r == 0;
	}
	if (r < 0)
		return r;
	CLEANUP(freep) char *url = str_printf("http://%s", m->address);
	r = ready_zrms(s, m, url, deadline, err);
	if (r == 0) {
		credentials_note(s, m->address);
		(void)printf("%s %s at %s\n", name, ran ? "is running" : "is ready", url);
	}
	return r;
}

/* ---------------------------------------------------------------- all of them */

static int up_first(struct state *s, const struct up_settings *settings, int64_t deadline,
		    char **ret_url, struct error **err)
{
	struct member *m = state_find(s, "zrms");
	bool ran = process_runs(&m->process);
	int r = choose_api(s, settings, m, err);

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
	CLEANUP(freep) char *admin = state_path(s, "zrms/credentials/local-admin");
	if (r == 0 && etcd_is_used(s))
		r = ready_file(s, m, admin, deadline, err);
	if (r == 0) {
		credentials_note(s, m->address);
		(void)printf("zrms %s at %s\n", ran ? "is running" : "is ready", *ret_url);
	}
	return r;
}

uint32_t up_zrms_count(const struct state *s, const struct up_settings *settings)
{
	uint32_t known = 0;

	vector_for_each (&s->members, m)
		known += str_equal(m->program, "zrms");
	return settings->zrms > known ? settings->zrms : known > 0 ? known : 1;
}

int up_zrms_check(const struct state *s, const struct up_settings *settings, struct error **err)
{
	bool is_etcd = str_equal(settings->store, "etcd") || etcd_is_used(s);
	bool is_new = s->members.count == 0;

	if (settings->store != NULL && !is_new &&
	    etcd_is_used(s) != str_equal(settings->store, "etcd"))
		return error_set(
			err, ERR_CONFLICT,
			"the state of %s is in %s: to move it, stop it (startz down --dir "
			"%s), and see zrms store migrate",
			s->dir, etcd_is_used(s) ? "etcd" : "SQLite", s->dir);
	if (!is_etcd && up_zrms_count(s, settings) > 1)
		return error_set(
			err, ERR_INVALID,
			"several zrms need a store that they share: give --store etcd");
	if (is_etcd && (settings->machines > 0 || machines_are_used(s)))
		return error_set(err, ERR_UNSUPPORTED,
				 "--store etcd and --machines do not go together");
	return is_etcd ? etcd_check(err) : 0;
}

/* "http://A,B,C": where zhosts reach one of them. The caller frees. */
static char *all_of(const struct state *s)
{
	char *all = mem_strdup("http://");

	vector_for_each (&s->members, m) {
		if (!str_equal(m->program, "zrms"))
			continue;
		char *longer = str_printf("%s%s%s", all, str_has_suffix(all, "/") ? "" : ",",
					  m->address);
		free(all);
		all = longer;
	}
	return all;
}

int up_zrms(struct state *s, const struct up_settings *settings, int64_t deadline,
	    char **ret_url, char **ret_all, struct error **err)
{
	uint32_t count = up_zrms_count(s, settings);
	int r = 0;

	if (state_find(s, "zrms") == NULL)
		(void)state_add(s, "zrms", "zrms");
	if (str_equal(settings->store, "etcd") || etcd_is_used(s))
		r = etcd_up(s, err);
	if (r == 0)
		r = up_first(s, settings, deadline, ret_url, err);
	for (uint32_t i = 2; i <= count && r == 0; i++) {
		CLEANUP(freep) char *name = str_printf("zrms-%u", i);

		r = up_further(s, settings, name, deadline, err);
	}
	if (r == 0 && count > 1)
		*ret_all = all_of(s);
	(void)fflush(stdout);
	return r;
}
