#include "zhost/uplink/identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "adapter/tls/tls.h"
#include "adapter/uv/stream_kinds.h"
#include "base/str.h"

enum { LOOK_MS = 2000 };

struct file_stamp {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct identity {
	struct loop *loop;
	char *directory; /* DIR/credentials */
	char *name;
	struct stream_transport *transport;
	struct loop_timer *look;
	struct file_stamp own, authorities; /* as they were read last */
	bool is_held;
	int64_t begins_wall_ms, expires_wall_ms;
	void (*changed)(void *user);
	void *user;
};

bool identity_is_there(const char *dir)
{
	CLEANUP(freep) char *path = str_printf("%s/credentials/" PKI_IDENTITY_FILE, dir);
	return access(path, F_OK) == 0;
}

/* ---- the files ---- */

static struct file_stamp stamp_of(const struct identity *i, const char *name)
{
	CLEANUP(freep) char *path = str_printf("%s/%s", i->directory, name);
	struct stat status;
	if (stat(path, &status) < 0)
		return (struct file_stamp){0};
	return (struct file_stamp){status.st_ino, status.st_size, status.st_mtim};
}

static bool stamps_differ(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->inode != b->inode || a->size != b->size ||
	       a->changed.tv_sec != b->changed.tv_sec ||
	       a->changed.tv_nsec != b->changed.tv_nsec;
}

static void stamps_note(struct identity *i)
{
	i->own = stamp_of(i, PKI_IDENTITY_FILE);
	i->authorities = stamp_of(i, PKI_AUTHORITIES_FILE);
}

/* Whose it is, and until when. */
static int name_check(struct identity *i, struct error **err)
{
	CLEANUP(pki_credentials_done) struct pki_credentials c = {0};
	CLEANUP(pki_identity_done) struct pki_identity who = {0};
	int r = pki_credentials_load(i->directory, &c, err);
	if (r < 0)
		return r;
	if (c.certificate == NULL)
		return error_set(err, ERR_NOT_FOUND,
				 "there is no certificate in %s: this machine must join the "
				 "cluster first",
				 i->directory);
	r = pki_certificate_identity(c.certificate, &who, err);
	if (r < 0)
		return r;
	if (!str_equal(who.role, "zhost") || !str_equal(who.name, i->name))
		return error_set(err, ERR_CONFLICT,
				 "the certificate in %s is that of %s '%s', and this is zhost "
				 "'%s': give it that --name, or a directory of its own",
				 i->directory, who.role, who.name, i->name);
	i->begins_wall_ms = who.not_before_ms;
	i->expires_wall_ms = who.not_after_ms;
	return 0;
}

/* ---- reading them again ---- */

void identity_hold(struct identity *i, bool is_held)
{
	i->is_held = is_held;
}

void identity_reload(struct identity *i)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (i->is_held)
		return;
	stamps_note(i);
	int r = name_check(i, &err);
	if (r == 0)
		r = stream_transport_reload(i->transport, &err);
	if (r < 0) {
		log_error("link", "credentials.unread", LOG_E(err),
			  LOG_S("then", "the old ones stay in use"));
		return;
	}
	log_info("link", "credentials.read", LOG_S("directory", i->directory));
	i->changed(i->user);
}

static void on_look(void *user)
{
	struct identity *i = user;
	const struct file_stamp own = stamp_of(i, PKI_IDENTITY_FILE);
	const struct file_stamp authorities = stamp_of(i, PKI_AUTHORITIES_FILE);
	if (stamps_differ(&own, &i->own) || stamps_differ(&authorities, &i->authorities))
		identity_reload(i);
	loop_timer_at(i->look, loop_now(i->loop).mono_ms + LOOK_MS);
}

/* ---- life ---- */

static int transport_open(struct identity *i, struct error **err)
{
	struct stream_transport *plain = NULL;
	const struct tls_options options = {.directory = i->directory};
	int r = stream_transport_open(i->loop, "plain", NULL, &plain, err);
	return r < 0 ? r : tls_transport_new(i->loop, plain, &options, &i->transport, err);
}

int identity_open(struct loop *loop, const char *dir, const char *name,
		  void (*changed)(void *user), void *user, struct identity **ret_identity,
		  struct error **err)
{
	struct identity *i = mem_new(struct identity);
	i->loop = loop;
	i->directory = str_printf("%s/credentials", dir);
	i->name = mem_strdup(name);
	i->changed = changed;
	i->user = user;
	stamps_note(i);
	int r = name_check(i, err);
	if (r == 0)
		r = transport_open(i, err);
	if (r < 0) {
		identity_free(i);
		return r;
	}
	i->look = loop_timer_new(loop, on_look, i);
	loop_timer_at(i->look, loop_now(loop).mono_ms + LOOK_MS);
	*ret_identity = i;
	return 0;
}

struct stream_transport *identity_transport(struct identity *i)
{
	return i->transport;
}

int64_t identity_expires_ms(const struct identity *i)
{
	return i->expires_wall_ms;
}

/* Of the time that it had when it was issued, which was later than it begins. */
int64_t identity_renewal_ms(const struct identity *i, uint32_t chance)
{
	return pki_renewal_ms(i->begins_wall_ms + PKI_BACKDATE_MS, i->expires_wall_ms, chance);
}

const char *identity_directory(const struct identity *i)
{
	return i->directory;
}

void identity_free(struct identity *i)
{
	if (i == NULL)
		return;
	loop_timer_free(i->look);
	if (i->transport != NULL)
		stream_transport_free(i->transport);
	free(i->directory);
	free(i->name);
	free(i);
}
