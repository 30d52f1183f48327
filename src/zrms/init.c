#include "zrms/init.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/pki/credentials.h"
#include "adapter/sqlite/inspect.h"
#include "adapter/token/token.h"
#include "adapter/uv/loop.h"
#include "base/str.h"
#include "zrms/ca_passphrase.h"
#include "zrms/cluster_file.h"
#include "zrms/directory.h"
#include "zrms/first_admin.h"
#include "zrms/own_identity.h"
#include "zrms/settings.h"
#include "zrms/store_start.h"
#include "zrms/submission/uuid.h"

#define NAME_DEFAULT "samoza"

struct init_options {
	char *name;
};

/* ---- the cluster's id: that of its store, where there is one ---- */

static void on_finding(void *user, const struct store_finding *found)
{
	(void)user;
	(void)found; /* zrms says it when it starts */
}

static int on_record(void *user, enum record_kind kind, const char *id, const void *data,
		     size_t size, struct error **err)
{
	char *to = user;
	(void)id;
	(void)err;
	if (kind != RECORD_META)
		return 0;
	Samoza__V1__MetaRecord *meta = samoza__v1__meta_record__unpack(NULL, size, data);
	if (meta != NULL && strlen(meta->cluster) < UUID_SIZE)
		(void)snprintf(to, UUID_SIZE, "%s", meta->cluster);
	if (meta != NULL)
		samoza__v1__meta_record__free_unpacked(meta, NULL);
	return 0;
}

static int id_find(const struct settings *s, char to[UUID_SIZE], struct error **err)
{
	const char *store = s->dir;
	struct store_inventory inventory;
	CLEANUP(error_freep) struct error *why = NULL;
	uuid_draw(to);
	if (s->store != NULL && str_has_prefix(s->store, "sqlite:"))
		store = s->store + strlen("sqlite:");
	CLEANUP(freep) char *path = str_printf("%s/zrms.db", store);
	int r = sqlite_store_check(path, on_finding, on_record, to, &inventory, &why);
	return r < 0 && r != ERR_NOT_FOUND ? error_move(err, steal_ptr(&why)) : 0;
}

/* ---- what it is told ---- */

static int settings_look(const struct settings *s, struct error **err)
{
	if (s->listen.host[0] == '\0')
		return error_set(err, ERR_INVALID,
				 "give --listen ADDRESS:PORT: the address under which other "
				 "machines reach this one, or 0.0.0.0:7331 for all of them");
	if (cli_address_is_loopback(&s->listen))
		return error_set(err, ERR_INVALID,
				 "no other machine reaches %s: give --listen an address that "
				 "they reach, or 0.0.0.0:7331 for all; for this machine alone "
				 "nothing needs to be made",
				 s->listen.host);
	if (s->listen.port == 0)
		return error_set(err, ERR_INVALID,
				 "give --listen a port, which other machines must know");
	return 0;
}

static int already_refuse(const char *dir, struct error **err)
{
	CLEANUP(cluster_file_freep) Samoza__V1__ClusterFile *file = NULL;
	int r = cluster_file_read(dir, &file, err);
	if (r < 0 || file == NULL)
		return r;
	return error_set(err, ERR_CONFLICT,
			 "%s is that of the cluster \"%s\" (%s) already: zrms --dir %s starts "
			 "it, where --listen and --advertise may say other addresses; the "
			 "token of its user " FIRST_ADMIN
			 " is not shown again, zshell user token rotate " FIRST_ADMIN
			 " on this machine makes another",
			 dir, file->name, file->id, dir);
}

/* ---- making it ---- */

static int identity_make(const struct settings *s, const Samoza__V1__ClusterFile *file,
			 struct pki_authority **ret_authority, struct error **err)
{
	const char *dir = s->dir;
	CLEANUP(pki_secret_freep) char *passphrase = NULL;
	CLEANUP(freep) char *credentials = own_identity_directory(dir);
	CLEANUP(freep)
	const char **addresses = mem_new_array(const char *, file->n_advertise + 1);
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	int64_t now_ms = clock_now().wall_ms;
	memcpy(addresses, file->advertise, file->n_advertise * sizeof(*addresses));
	int r = ca_passphrase_find(s, &passphrase, err);
	if (r == 0)
		r = directory_make(credentials, err);
	if (r == 0)
		r = own_authority_make(dir, file->id, passphrase, now_ms, &authority, err);
	if (r == 0)
		r = own_identity_issue(dir, authority, 0, addresses, PKI_SERVER_MS, now_ms,
				       err);
	if (r == 0)
		*ret_authority = steal_ptr(&authority);
	return r;
}

/* Before there is a cluster: who has one has seen its token. */
static int token_print(const Samoza__V1__ClusterFile *file,
		       const struct pki_authority *authority, const char *token,
		       struct error **err)
{
	const struct pki_pin pin = pki_certificate_pin(pki_authority_certificate(authority));
	char text[PKI_PIN_HEX];
	pki_pin_text(&pin, text);
	(void)printf("cluster \"%s\", %s\n", file->name, file->id);
	(void)printf("fingerprint of its certificate authority: %s\n", text);
	(void)printf("reached as:");
	for (size_t i = 0; i < file->n_advertise; i++)
		(void)printf("%s %s", i > 0 ? "," : "", file->advertise[i]);
	(void)printf("\ntoken of the user " FIRST_ADMIN ", an administrator, shown only now:\n"
		     "%s\n",
		     token);
	if (fflush(stdout) != 0)
		return error_errno(err, "cannot print the token, so nothing was made");
	return 0;
}

static int cluster_make(const struct settings *s, Samoza__V1__ClusterFile *file,
			struct error **err)
{
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	CLEANUP(token_freep) char *token = NULL;
	int r = cluster_file_advertise(file, s->advertise, &s->listen, err);
	if (r == 0)
		r = identity_make(s, file, &authority, err);
	if (r == 0)
		r = first_admin_make(s->dir, &token, err);
	if (r == 0)
		r = token_print(file, authority, token, err);
	if (r == 0)
		r = cluster_file_write(s->dir, file, err);
	return r;
}

/* ---- the command ---- */

static int init_run(void *context, const struct cli_run *run, struct error **err)
{
	const struct settings *s = context;
	const struct init_options *o = run->options;
	CLEANUP(closep) int lock_fd = -1;
	char id[UUID_SIZE];
	if (sodium_init() < 0)
		return error_set(err, ERR_IO, "cannot get random numbers");
	int r = settings_look(s, err);
	if (r == 0)
		r = directory_make(s->dir, err);
	if (r == 0)
		r = directory_lock(s->dir, &lock_fd, err);
	if (r == 0)
		r = already_refuse(s->dir, err);
	if (r == 0)
		r = id_find(s, id, err);
	if (r < 0)
		return r;
	CLEANUP(cluster_file_freep)
	Samoza__V1__ClusterFile *file = mem_new(Samoza__V1__ClusterFile);
	samoza__v1__cluster_file__init(file);
	file->id = mem_strdup(id);
	file->name = mem_strdup(o->name);
	file->listen = cli_address_text(&s->listen);
	r = cluster_make(s, file, err);
	if (r == 0)
		(void)printf("start it: zrms --dir %s%s%s\n", s->dir,
			     s->ca_passphrase_file != NULL ? " --ca-passphrase-file " : "",
			     s->ca_passphrase_file != NULL ? s->ca_passphrase_file : "");
	return r < 0 ? r : CLI_DONE;
}

static const struct cli_option options[] = {
	{.name = "name",
	 .type = CLI_STRING,
	 .offset = offsetof(struct init_options, name),
	 .fallback = NAME_DEFAULT,
	 .value = "CLUSTER",
	 .help = "Name of the cluster, for people"},
	{0},
};

const struct cli_command init_command = {
	.words = "init",
	.summary = "make a cluster that other machines can join",
	.details =
		"Makes a certificate authority, a certificate for every name and address of "
		"--advertise, and the user " FIRST_ADMIN
		", whose token is printed once. --dir may be that of a zrms that has run on "
		"loopback so far and is stopped: what it keeps stays. What --listen and "
		"--advertise say is remembered, so that zrms --dir DIR listens there from then "
		"on. Given up half-way, the command can be given again; it is refused where a "
		"cluster was made.",
	.options = options,
	.options_size = sizeof(struct init_options),
	.run = init_run,
};
