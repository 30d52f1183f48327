#include "zhost/edge/site.h"

#include "adapter/log/log.h"
#include "adapter/pki/file_stamp.h"
#include "adapter/uv/stream_kinds.h"

enum { LOOK_MS = 1000, LINES_MAX = 10, LINES_MS = 60 * 1000, LOW_MS = 7 * 24 * 3600 * 1000 };

struct site {
	struct loop *loop;
	struct http_server *server;
	struct stream_transport *transport;
	struct stream_listener *listener;
	struct stream_protocol protocols[2];
	char *certificate, *key;
	struct file_stamp certificate_stamp, key_stamp;
	struct loop_timer *look;
	unsigned lines; /* of refusals since lines_since_ms */
	int64_t lines_since_ms;
};

/* ---- peers ---- */

static void on_accepted(void *user, struct stream *stream)
{
	struct site *site = user;
	http_server_take(site->server, stream);
}

/* Everybody reaches this port and can fail here as often as he likes. */
static void on_refused(void *user, const char *address, const struct error *why)
{
	struct site *site = user;
	int64_t now_ms = loop_now(site->loop).mono_ms;
	if (now_ms - site->lines_since_ms >= LINES_MS) {
		site->lines_since_ms = now_ms;
		site->lines = 0;
	}
	if (++site->lines <= LINES_MAX)
		log_debug("zedge", "refused", LOG_S("peer", address), LOG_E(why));
}

static const struct stream_listen_handler handler = {.accepted = on_accepted,
						     .refused = on_refused};

/* ---- the certificate ---- */

static void stamps_note(struct site *site)
{
	site->certificate_stamp = file_stamp_of(site->certificate);
	site->key_stamp = file_stamp_of(site->key);
}

static void warn_of_end(const struct site *site)
{
	int64_t left_ms = site_left_ms(site);
	if (left_ms < LOW_MS)
		log_warn("zedge", "certificate.ends", LOG_S("file", site->certificate),
			 LOG_MS("left", left_ms),
			 LOG_S("then", "browsers refuse these pages: renew it"));
}

/* Two files are not replaced in one moment: until they belong together again, the old ones stay. */
static void reload(struct site *site)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (stream_transport_reload(site->transport, &err) < 0)
		log_warn("zedge", "certificate.unread", LOG_E(err),
			 LOG_S("then", "the old one stays in use; it is read again when the "
				       "files change"));
	else
		log_info("zedge", "certificate.read", LOG_S("file", site->certificate),
			 LOG_MS("left", site_left_ms(site)));
	warn_of_end(site);
}

static void on_look(void *user)
{
	struct site *site = user;
	const struct file_stamp certificate = file_stamp_of(site->certificate);
	const struct file_stamp key = file_stamp_of(site->key);
	if (file_stamp_differs(&certificate, &site->certificate_stamp) ||
	    file_stamp_differs(&key, &site->key_stamp)) {
		stamps_note(site);
		reload(site);
	}
	loop_timer_at(site->look, loop_now(site->loop).mono_ms + LOOK_MS);
}

/* ---- life ---- */

static int transport_open(struct site *site, struct error **err)
{
	const struct tls_options options = {.site_certificate = site->certificate,
					    .site_key = site->key};
	struct stream_transport *plain = NULL;
	int r = stream_transport_open(site->loop, "plain", NULL, &plain, err);
	if (r == 0)
		r = tls_transport_new(site->loop, plain, &options, &site->transport, err);
	return r;
}

int site_new(struct loop *loop, const struct cli_address *at, const struct edge_public *public,
	     struct http_server *server, struct site **ret_site, struct error **err)
{
	struct site *site = mem_new(struct site);
	const struct stream_listen_options options = {.at = {at->host, at->port},
						      .protocols = site->protocols};
	site->loop = loop;
	site->server = server;
	site->certificate = mem_strdup(public->certificate);
	site->key = mem_strdup(public->key);
	site->protocols[0] = (struct stream_protocol){"http/1.1", false, NULL, NULL};
	stamps_note(site); /* before they are read: a change in between is seen */
	int r = transport_open(site, err);
	if (r == 0)
		r = stream_listen(site->transport, &options, &handler, site, &site->listener,
				  err);
	if (r < 0) {
		site_free(site);
		return r;
	}
	site->look = loop_timer_new(loop, on_look, site);
	loop_timer_at(site->look, loop_now(loop).mono_ms + LOOK_MS);
	warn_of_end(site);
	*ret_site = site;
	return 0;
}

void site_free(struct site *site)
{
	if (site == NULL)
		return;
	loop_timer_free(site->look);
	stream_listener_close(site->listener);
	stream_transport_free(site->transport);
	free(site->certificate);
	free(site->key);
	free(site);
}

uint16_t site_port(const struct site *site)
{
	return stream_listener_port(site->listener);
}

struct tls_counters site_counters(const struct site *site)
{
	return tls_transport_counters(site->transport);
}

int64_t site_left_ms(const struct site *site)
{
	int64_t left_ms =
		tls_transport_expires_wall_ms(site->transport) - loop_now(site->loop).wall_ms;
	return left_ms > 0 ? left_ms : 0;
}
