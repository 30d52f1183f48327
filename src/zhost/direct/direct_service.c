#include "zhost/direct/direct_service.h"

#include "adapter/log/log.h"
#include "adapter/tls/tls.h"
#include "adapter/uv/stream_kinds.h"
#include "base/memory.h"
#include "base/str.h"
#include "zhost/direct/contacts.h"
#include "zhost/direct/own_address.h"

struct direct_service {
	struct mesh_transport *hub;	  /* borrowed */
	struct stream_transport *streams; /* NULL, and all below: it has no identity */
	struct zhost_book *book;
	struct direct_transport *direct;
	struct contacts *contacts;
	struct cli_address listen; /* with the port that was found */
};

/* ---- making it ---- */

static int open_streams(struct direct_service *s, struct loop *loop, const char *credentials,
			struct error **err)
{
	struct stream_transport *plain = NULL;
	const struct tls_options options = {
		.directory = credentials, .admit = zhost_book_admit, .admit_user = s->book};
	int r = stream_transport_open(loop, "plain", NULL, &plain, err);
	if (r == 0)
		r = tls_transport_new(loop, plain, &options, &s->streams, err);
	return r;
}

static int begin_listen(struct direct_service *s, const struct direct_service_options *options,
			struct error **err)
{
	s->listen = *options->listen;
	if (s->listen.host[0] == '\0' &&
	    !own_address_towards(options->zrms, s->listen.host, sizeof(s->listen.host))) {
		s->listen.host[0] = '\0';
		log_info("mesh", "direct.not-listening", LOG_S("zrms", options->zrms->host),
			 LOG_S("hint", "the address of this machine is not known; give --mesh "
				       "ADDRESS:PORT"));
		return 0;
	}
	const struct stream_address at = {s->listen.host, s->listen.port};
	int r = direct_transport_listen(s->direct, &at, err);
	if (r < 0)
		return error_wrap(err, "cannot take links of other zhosts");
	s->listen.port = direct_transport_port(s->direct);
	return 0;
}

int direct_service_new(const struct direct_service_options *options,
		       struct direct_service **ret_service, struct error **err)
{
	struct direct_service *s = mem_new(struct direct_service);
	s->hub = options->hub;
	if (options->dir == NULL) {
		*ret_service = s;
		return 0;
	}
	CLEANUP(freep) char *credentials = str_printf("%s/credentials", options->dir);
	s->book = zhost_book_new();
	int r = open_streams(s, options->loop, credentials, err);
	if (r == 0) {
		const struct direct_options direct = {
			.loop = options->loop,
			.streams = s->streams,
			.hub = s->hub,
			.book = s->book,
			.zhost = options->zhost,
			.run = mesh_run(options->identity, options->incarnation)};
		s->direct = direct_transport_new(&direct);
		s->contacts = contacts_new(options->upstream, s->book, s->direct);
		r = begin_listen(s, options, err);
	}
	if (r < 0) {
		direct_service_free(s);
		return r;
	}
	*ret_service = s;
	return 0;
}

/* ---- what it is for ---- */

struct mesh_transport *direct_service_mesh(struct direct_service *s)
{
	return s->direct != NULL ? direct_transport_mesh(s->direct) : s->hub;
}

char *direct_service_address(const struct direct_service *s)
{
	return s->direct != NULL && direct_transport_port(s->direct) != 0
		       ? cli_address_text(&s->listen)
		       : NULL;
}

void direct_service_connected(struct direct_service *s)
{
	if (s->contacts != NULL)
		contacts_connected(s->contacts);
}

void direct_service_take(struct direct_service *s, const Samoza__V1__MeshZhosts *message)
{
	if (s->contacts != NULL)
		contacts_take(s->contacts, message);
}

void direct_service_reload(struct direct_service *s)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (s->streams != NULL && stream_transport_reload(s->streams, &err) < 0)
		log_error("mesh", "direct.not-reloaded", LOG_E(err));
}

/* ---- the end ---- */

void direct_service_close(struct direct_service *s)
{
	if (s->direct != NULL)
		direct_transport_close(s->direct);
}

bool direct_service_is_closed(const struct direct_service *s)
{
	return s->direct == NULL || direct_transport_is_closed(s->direct);
}

void direct_service_free(struct direct_service *s)
{
	if (s == NULL)
		return;
	contacts_free(s->contacts);
	direct_transport_free(s->direct);
	stream_transport_free(s->streams);
	zhost_book_free(s->book);
	free(s);
}

/* ---- metrics ---- */

enum {
	BY_HUB,
	DIRECT,
	MOVED,
	FELL,
	LATE,
	LOST,
	FOREIGN,
	DIALLED,
	FAILED,
	ACCEPTED,
	REFUSED,
	LINKS
};
static const struct metric metrics[] = {
	[BY_HUB] = {"zhost_mesh_hub_sent_total", METRIC_COUNTER,
		    "Messages to other zhosts that went through the hub."},
	[DIRECT] = {"zhost_mesh_direct_sent_total", METRIC_COUNTER,
		    "Messages to other zhosts that went directly."},
	[MOVED] = {"zhost_mesh_direct_moved_total", METRIC_COUNTER,
		   "Times that messages to a zhost began to go directly."},
	[FELL] = {"zhost_mesh_direct_fell_total", METRIC_COUNTER,
		  "Times that messages to a zhost went back to the hub: a link ended."},
	[LATE] = {"zhost_mesh_late_total", METRIC_COUNTER,
		  "Messages dropped: later ones had overtaken them on the other way."},
	[LOST] = {"zhost_mesh_lost_total", METRIC_COUNTER,
		  "Messages dropped while their way changed: both had failed."},
	[FOREIGN] = {"zhost_mesh_foreign_total", METRIC_COUNTER,
		     "Messages dropped: not of the zhost at the other end of the link."},
	[DIALLED] = {"zhost_mesh_links_dialled_total", METRIC_COUNTER,
		     "Direct links that were dialled."},
	[FAILED] = {"zhost_mesh_links_failed_total", METRIC_COUNTER,
		    "Direct links that could not be dialled."},
	[ACCEPTED] = {"zhost_mesh_links_accepted_total", METRIC_COUNTER,
		      "Direct links of other zhosts."},
	[REFUSED] = {"zhost_mesh_links_refused_total", METRIC_COUNTER,
		     "Direct links of others that were refused."},
	[LINKS] = {"zhost_mesh_links", METRIC_GAUGE, "Direct links now."},
};

static void read_metrics(const void *part, struct metric_values *to)
{
	const struct direct_service *s = part;
	struct direct_counters c = {0};
	if (s->direct != NULL)
		c = direct_transport_counters(s->direct);
	metric_set(to, BY_HUB, c.ways.by_hub);
	metric_set(to, DIRECT, c.ways.direct);
	metric_set(to, MOVED, c.ways.moved);
	metric_set(to, FELL, c.ways.fell);
	metric_set(to, LATE, c.late);
	metric_set(to, LOST, c.ways.lost);
	metric_set(to, FOREIGN, c.foreign);
	metric_set(to, DIALLED, c.dialled);
	metric_set(to, FAILED, c.failed);
	metric_set(to, ACCEPTED, c.accepted);
	metric_set(to, REFUSED, c.refused);
	metric_set(to, LINKS, c.links);
}

const struct metric_source direct_metrics = METRIC_SOURCE(metrics, read_metrics);
