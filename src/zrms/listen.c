#include "zrms/listen.h"

#include <sodium.h>

#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "adapter/pki/file_stamp.h"
#include "adapter/tls/tls.h"
#include "adapter/uv/stream_kinds.h"
#include "adapter/wire/wire_dial.h"
#include "base/check.h"
#include "base/str.h"
#include "zrms/cluster_file.h"
#include "zrms/descriptors.h"
#include "zrms/own_identity.h"
#include "zrms/standby.h"
#include "zrms/zrms.h"

enum { LOOK_MS = 2000, RETRY_MS = 60000, LINES_MAX = 30, LINES_MS = 60000 };

enum { LINKS, PAGES, PROTOCOLS };

struct listening {
	struct zrms *zrms;
	char *credentials; /* DIR/credentials */
	struct stream_transport *transport;
	struct stream_listener *listener; /* NULL: drained */
	struct stream_protocol protocols[PROTOCOLS + 1];
	struct loop_timer *look;
	struct file_stamp identity, authorities; /* as they were read last */
	uint32_t chance;			 /* when within its time it renews */
	int64_t renew_wall_ms, expires_wall_ms;
	int64_t retry_wall_ms; /* a renewal has failed: not before */
	uint64_t renewals;
	uint64_t lines; /* that the log was to have about refusals since lines_since_ms */
	int64_t lines_since_ms;
};

/* ---- who may talk to zrms ---- */

/* In memory: its current key, or the previous one. */
static bool is_known(const struct zrms *zrms, const struct stream_peer *peer)
{
	uint8_t key[IDENTITY_KEY_SIZE];
	size_t size = 0;
	return peer->key_hash != NULL &&
	       sodium_hex2bin(key, sizeof(key), peer->key_hash, strlen(peer->key_hash), NULL,
			      &size, NULL) == 0 &&
	       size == sizeof(key) && control_admits(zrms->control, peer->name, key);
}

/* After a restore: its HELLO decides, or its renewal. */
static bool may_be_known(struct zrms *zrms, const struct stream_peer *peer)
{
	return control_may_have_forgotten(zrms->control, peer->name, peer->issued_wall_ms,
					  loop_now(&zrms->loop).wall_ms);
}

int listening_admit(void *user, const struct stream_peer *peer, struct error **err)
{
	struct zrms *zrms = user;
	if (!str_equal(peer->cluster, zrms->cluster->id))
		return error_set(err, ERR_DENIED, "the certificate is of another cluster");
	if (str_equal(peer->role, "zhost") && !stands_by(zrms) && !is_known(zrms, peer) &&
	    !may_be_known(zrms, peer))
		return error_set(err, ERR_DENIED,
				 "zhost %s has no such key: it was removed, or its identity "
				 "was issued again",
				 peer->name);
	return 0;
}

static void on_link(void *user, struct stream *stream)
{
	struct zrms *zrms = user;
	const struct stream_peer *peer = stream_peer(stream);
	if (zrms->stopping || !str_equal(peer->role, "zhost")) {
		if (!zrms->stopping)
			log_warn("link", "refused", LOG_S("peer", peer->address),
				 LOG_S("name", peer->name), LOG_S("role", peer->role),
				 LOG_S("reason", "a link is for zhosts only"));
		stream_close(stream);
		return;
	}
	if (stands_by(zrms)) {
		standby_take_link(zrms, stream);
		return;
	}
	const struct principal who = {.name = (char *)(uintptr_t)peer->name,
				      .role = ACCESS_ZHOST};
	links_add(zrms->links, access_principal_copy(&who), stream);
}

static void on_page(void *user, struct stream *stream)
{
	struct zrms *zrms = user;
	http_server_take(zrms->http, stream);
}

/* Whoever reaches the port can be refused as often as he likes. */
static bool may_log(struct listening *l)
{
	int64_t now_ms = loop_now(&l->zrms->loop).mono_ms;
	if (now_ms - l->lines_since_ms >= LINES_MS) {
		if (l->lines > LINES_MAX)
			log_warn("tls", "refused.more", LOG_U("count", l->lines - LINES_MAX));
		l->lines_since_ms = now_ms;
		l->lines = 0;
	}
	return ++l->lines <= LINES_MAX;
}

static void on_refused(void *user, const char *address, const struct error *why)
{
	struct zrms *zrms = user;
	if (may_log(zrms->listening))
		log_warn("tls", "refused", LOG_S("peer", address), LOG_E(why));
}

static const struct stream_listen_handler link_handler = {.accepted = on_link};
static const struct stream_listen_handler page_handler = {.accepted = on_page,
							  .refused = on_refused};

/* ---- the certificate ---- */

static struct file_stamp stamp_of(const struct listening *l, const char *name)
{
	CLEANUP(freep) char *path = str_printf("%s/%s", l->credentials, name);
	return file_stamp_of(path);
}

static void times_read(struct listening *l)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (own_identity_times(l->zrms->settings.dir, l->chance, &l->renew_wall_ms,
			       &l->expires_wall_ms, &err) < 0)
		log_warn("tls", "certificate.unread", LOG_E(err));
}

static void files_noted(struct listening *l)
{
	l->identity = stamp_of(l, PKI_IDENTITY_FILE);
	l->authorities = stamp_of(l, PKI_AUTHORITIES_FILE);
	times_read(l);
}

static int renew(struct listening *l, struct error **err)
{
	const struct zrms *zrms = l->zrms;
	const Samoza__V1__ClusterFile *file = zrms->cluster;
	CLEANUP(freep)
	const char **addresses = mem_new_array(const char *, file->n_advertise + 1);
	CLEANUP(pki_authority_freep) struct pki_authority *authority = NULL;
	memcpy(addresses, file->advertise, file->n_advertise * sizeof(*addresses));
	int r = authorities_signer(zrms, &authority, err);
	if (r == 0)
		r = own_identity_issue(zrms->settings.dir, authority, 0, addresses,
				       PKI_SERVER_MS, loop_now(&l->zrms->loop).wall_ms, err);
	/* A standby does not know what the files should be. */
	return r < 0 || stands_by(zrms) ? r : authorities_settle(l->zrms, err);
}

void listening_reload(struct listening *l)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (l == NULL)
		return;
	files_noted(l);
	if (stream_transport_reload(l->transport, &err) < 0)
		log_error("tls", "credentials.unread", LOG_E(err),
			  LOG_S("then", "the old ones stay in use"));
	else
		log_info("tls", "credentials.read", LOG_S("directory", l->credentials));
}

bool listening_is_due(const struct listening *l)
{
	return l != NULL && loop_now(&l->zrms->loop).wall_ms >= l->renew_wall_ms;
}

void listening_renewed(struct listening *l)
{
	l->renewals++;
	log_info("tls", "certificate.renewed");
	listening_reload(l);
}

/* A standby asks the leader, but etcd does not say who leads to one that shows what has ended. */
static bool is_to_renew(const struct listening *l, int64_t now_wall_ms)
{
	return now_wall_ms >= (stands_by(l->zrms) ? l->expires_wall_ms : l->renew_wall_ms) &&
	       now_wall_ms >= l->retry_wall_ms;
}

static void renew_and_reload(struct listening *l, int64_t now_wall_ms)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (renew(l, &err) < 0) {
		log_warn("tls", "certificate.not.renewed", LOG_E(err),
			 LOG_MS("left", l->expires_wall_ms - now_wall_ms));
		l->retry_wall_ms = now_wall_ms + RETRY_MS;
		return;
	}
	listening_renewed(l);
}

static void on_look(void *user)
{
	struct listening *l = user;
	struct instant now = loop_now(&l->zrms->loop);
	const struct file_stamp identity = stamp_of(l, PKI_IDENTITY_FILE);
	const struct file_stamp authorities = stamp_of(l, PKI_AUTHORITIES_FILE);
	if (authorities_look(l->zrms) || file_stamp_differs(&identity, &l->identity) ||
	    file_stamp_differs(&authorities, &l->authorities))
		listening_reload(l);
	if (is_to_renew(l, now.wall_ms))
		renew_and_reload(l, now.wall_ms);
	loop_timer_at(l->look, now.mono_ms + LOOK_MS);
}

/* ---- where ---- */

static int listen_remembered(struct settings *s, const Samoza__V1__ClusterFile *file,
			     struct error **err)
{
	if (s->listen.host[0] != '\0')
		return 0;
	int r = cli_address_parse_any(file != NULL ? file->listen : SETTINGS_LISTEN, &s->listen,
				      err);
	return r < 0 ? error_wrap(err, "%s/cluster.json", s->dir) : 0;
}

static int uninitialised_refuse(const struct settings *s, struct error **err)
{
	CLEANUP(freep) char *listen = cli_address_text(&s->listen);
	return error_set(err, ERR_DENIED,
			 "other machines reach %s, and there are no certificates yet to know "
			 "them by: make them with zrms init --dir %s --listen %s, or listen on "
			 "a loopback address such as " SETTINGS_LISTEN,
			 listen, s->dir, listen);
}

int listening_settle(struct zrms *zrms, struct error **err)
{
	struct settings *s = &zrms->settings;
	int r = cluster_file_read(s->dir, &zrms->cluster, err);
	if (r == 0)
		r = listen_remembered(s, zrms->cluster, err);
	if (r < 0)
		return r;
	if (cli_address_is_loopback(&s->listen)) {
		s->local = s->listen;
		return 0;
	}
	if (zrms->cluster == NULL)
		return uninitialised_refuse(s, err);
	if (s->local.host[0] == '\0')
		s->local = (struct cli_address){.host = "127.0.0.1", .port = s->listen.port};
	if (s->advertise != NULL)
		return cluster_file_advertise(zrms->cluster, s->advertise, &s->listen, err);
	return 0;
}

static int transport_open(struct listening *l, struct error **err)
{
	struct stream_transport *plain = NULL;
	const struct tls_options options = {.directory = l->credentials,
					    .grace_ms = PKI_RENEW_GRACE_MS,
					    .waiting_max =
						    descriptors_waiting(descriptors_now()),
					    .admit = listening_admit,
					    .admit_user = l->zrms};
	int r = stream_transport_open(&l->zrms->loop, "plain", NULL, &plain, err);
	if (r == 0)
		r = tls_transport_new(&l->zrms->loop, plain, &options, &l->transport, err);
	return r;
}

/* Where the authority is kept elsewhere, what is there must do. */
static void renew_at_start(struct listening *l)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (renew(l, &err) < 0)
		log_warn("tls", "certificate.not.renewed", LOG_E(err));
}

static int listen_tls(struct listening *l, struct error **err)
{
	const struct cli_address *at = &l->zrms->settings.listen;
	l->protocols[LINKS] =
		(struct stream_protocol){LINK_PROTOCOL, true, &link_handler, l->zrms};
	l->protocols[PAGES] = (struct stream_protocol){"http/1.1", false, NULL, NULL};
	bool shares_port = cli_address_is_any(at) && at->port != 0 &&
			   at->port == http_server_port(l->zrms->http);
	const struct stream_listen_options options = {.at = {at->host, at->port},
						      .shares_port = shares_port,
						      .protocols = l->protocols};
	if (shares_port)
		http_server_share_port(l->zrms->http);
	int r = stream_listen(l->transport, &options, &page_handler, l->zrms, &l->listener,
			      err);
	if (r < 0 || !shares_port)
		return r;
	r = http_server_share_port_end(l->zrms->http, err);
	return r < 0 ? error_wrap(err, "give --local another port, such as 127.0.0.1:%u",
				  at->port + 1u)
		     : 0;
}

int listening_open(struct zrms *zrms, struct error **err)
{
	if (cli_address_is_loopback(&zrms->settings.listen))
		return 0;
	struct listening *l = mem_new(struct listening);
	zrms->listening = l;
	l->zrms = zrms;
	l->credentials = own_identity_directory(zrms->settings.dir);
	l->chance = randombytes_random();
	times_read(l);
	if (!stands_by(zrms) || is_to_renew(l, loop_now(&zrms->loop).wall_ms))
		renew_at_start(l);
	int r = transport_open(l, err);
	if (r == 0)
		r = listen_tls(l, err);
	if (r < 0)
		return r; /* the process ends */
	files_noted(l);
	zrms->settings.listen.port = stream_listener_port(l->listener);
	l->look = loop_timer_new(&zrms->loop, on_look, l);
	loop_timer_at(l->look, loop_now(&zrms->loop).mono_ms + LOOK_MS);
	return 0;
}

struct stream_transport *listening_transport(const struct listening *l)
{
	return l != NULL ? l->transport : NULL;
}

void listening_lead(struct listening *l)
{
	if (l == NULL)
		return;
	renew_at_start(l);
	listening_reload(l);
}

/* ---- the end ---- */

void listening_drain(struct listening *l)
{
	if (l == NULL || l->listener == NULL)
		return;
	stream_listener_close(steal_ptr(&l->listener));
	loop_timer_free(steal_ptr(&l->look));
}

void listening_free(struct listening *l)
{
	if (l == NULL)
		return;
	listening_drain(l);
	stream_transport_free(l->transport);
	free(l->credentials);
	free(l);
}

/* ---- metrics ---- */

enum { ACCEPTED, REFUSED, GAVE_WAY, HANDSHAKES, EXPIRES, RENEWALS };
static const struct metric metrics[] = {
	[ACCEPTED] = {"zrms_tls_accepted_total", METRIC_COUNTER,
		      "Connections of other machines that passed their handshake."},
	[REFUSED] = {"zrms_tls_refused_total", METRIC_COUNTER,
		     "Connections that did not pass it."},
	[GAVE_WAY] = {"zrms_tls_gave_way_total", METRIC_COUNTER,
		      "Slow handshakes that made room for others."},
	[HANDSHAKES] = {"zrms_tls_handshakes", METRIC_GAUGE, "Handshakes under way."},
	[EXPIRES] = {"zrms_tls_certificate_expires_seconds", METRIC_GAUGE,
		     "Time until the own certificate of zrms ends; 0: it has."},
	[RENEWALS] = {"zrms_tls_certificate_renewals_total", METRIC_COUNTER,
		      "Times that zrms has renewed its own certificate since its start."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct listening *l = part;
	struct tls_counters c = tls_transport_counters(l->transport);
	int64_t left_ms = l->expires_wall_ms - loop_now(&l->zrms->loop).wall_ms;
	metric_set(to, ACCEPTED, c.accepted_total);
	metric_set(to, REFUSED, c.refused_total);
	metric_set(to, GAVE_WAY, c.gave_way_total);
	metric_set(to, HANDSHAKES, c.handshakes);
	metric_set(to, EXPIRES, left_ms > 0 ? (uint64_t)left_ms / 1000 : 0);
	metric_set(to, RENEWALS, l->renewals);
}

const struct metric_source listening_metrics = METRIC_SOURCE(metrics, read_metrics);
