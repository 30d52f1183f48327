#include "zhost/edge/audience.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "zhost/edge/client.h"
#include "zhost/edge/client_limits.h"

struct audience {
	struct loop *loop;
	client_network_vector proxies;
	char *host; /* of the address that browsers use; NULL: not known */
	struct client_limits *limits;
	uint64_t slowed_total;
};

/* http_user() of each request of which it is known. */
struct asker {
	struct client_address address;
	bool is_local;
};

static int64_t now_ms(const struct audience *a)
{
	return loop_now(a->loop).mono_ms;
}

bool audience_is_proxy(const struct audience *a, const char *address)
{
	struct client_address peer;
	return client_address_read(address, strlen(address), &peer) &&
	       client_networks_have(&a->proxies, &peer);
}

/* A page of somebody else, under a name that leads to this machine, reaches a proxy's port from here as well: it is
 * the Host that tells them apart. */
bool audience_is_proxied(const struct audience *a, const struct http_request *q)
{
	const char *host = http_header(q, "Host");
	return host != NULL && a->host != NULL && strcasecmp(host, a->host) == 0 &&
	       audience_is_proxy(a, http_peer(q)->address);
}

const char *audience_scheme(const struct audience *a, const struct http_request *q)
{
	const char *said = audience_is_proxy(a, http_peer(q)->address)
				   ? http_header(q, "X-Forwarded-Proto")
				   : NULL;
	if (said != NULL)
		return str_equal(said, "https") ? "https" : "http";
	return http_is_secure(q) ? "https" : "http";
}

bool audience_is_local(struct http_request *q)
{
	const struct asker *asker = http_user(q);
	return asker->is_local;
}

const struct client_address *audience_client(struct http_request *q)
{
	const struct asker *asker = http_user(q);
	return &asker->address;
}

/* What a browser is to do with all that comes from here. */
static void headers_add(const struct audience *a, struct http_request *q)
{
	http_add_header(q, "Cross-Origin-Opener-Policy", "same-origin");
	http_add_header(q, "Cross-Origin-Resource-Policy", "same-origin");
	if (str_equal(audience_scheme(a, q), "https"))
		http_add_header(q, "Strict-Transport-Security", "max-age=31536000");
}

static struct http_refusal slow_down(struct audience *a, struct http_request *q,
				     int64_t after_ms)
{
	CLEANUP(freep) char *seconds = str_printf("%" PRId64, (after_ms + 999) / 1000);
	a->slowed_total++;
	http_add_header(q, "Retry-After", seconds);
	return (struct http_refusal){
		.status = 429,
		.code = "limit",
		.message = str_printf("too much from this address: again in %s s", seconds)};
}

/* A proxy on another machine may speak for a program there, and one that is asked by its public name for anybody. */
static bool peer_is_here(const struct audience *a, const struct http_request *q)
{
	struct client_address peer;
	const char *address = http_peer(q)->address;
	return client_address_read(address, strlen(address), &peer) &&
	       client_address_is_loopback(&peer) &&
	       (!audience_is_proxy(a, address) || http_host_is_loopback(q));
}

struct http_refusal audience_count(struct audience *a, struct http_request *q)
{
	struct asker asker = {0};
	CLEANUP(freep) char *forwarded = http_header_list(q, "X-Forwarded-For");
	headers_add(a, q);
	if (!client_find(&a->proxies, http_peer(q)->address, forwarded, &asker.address))
		return (struct http_refusal){
			.status = 400,
			.code = "invalid",
			.message = mem_strdup("the proxy must say for whom it asks: "
					      "X-Forwarded-For, the client's address last")};
	asker.is_local = client_address_is_loopback(&asker.address) && peer_is_here(a, q);
	struct asker *kept = mem_new(struct asker);
	*kept = asker;
	http_set_user(q, kept, free);
	if (asker.is_local)
		return (struct http_refusal){0};
	int64_t after_ms = client_limits_take(a->limits, &asker.address, now_ms(a));
	if (after_ms > 0)
		return slow_down(a, q, after_ms);
	/* It says how large its body is; no more than that is read. */
	uint64_t body = http_body_size(q);
	client_limits_charge(a->limits, &asker.address,
			     body < AUDIENCE_BODY_MAX ? body : AUDIENCE_BODY_MAX, now_ms(a));
	return (struct http_refusal){0};
}

void audience_sent(struct audience *a, struct http_request *q, uint64_t bytes)
{
	const struct asker *asker = http_user(q);
	if (asker != NULL && !asker->is_local)
		client_limits_charge(a->limits, &asker->address, bytes, now_ms(a));
}

struct audience_counters audience_counters(const struct audience *a)
{
	return (struct audience_counters){.slowed_total = a->slowed_total,
					  .clients = client_limits_count(a->limits)};
}

/* "shop.example" of "https://shop.example/"; NULL of NULL. The caller frees. */
static char *host_of(const char *url)
{
	const char *at = url != NULL ? strstr(url, "://") : NULL;
	return at != NULL ? mem_strndup(at + 3, strcspn(at + 3, "/")) : NULL;
}

int audience_new(struct loop *loop, const struct edge_public *public,
		 struct audience **ret_audience, struct error **err)
{
	struct audience *a = mem_new(struct audience);
	a->loop = loop;
	a->limits = client_limits_new(&public->rates);
	a->host = host_of(public->url);
	int r = client_networks_read(public->proxies, &a->proxies, err);
	if (r < 0) {
		audience_free(a);
		return error_wrap(err, "--zedge-trusted-proxy");
	}
	*ret_audience = a;
	return 0;
}

void audience_free(struct audience *a)
{
	if (a == NULL)
		return;
	vector_done(&a->proxies);
	free(a->host);
	client_limits_free(a->limits);
	free(a);
}
