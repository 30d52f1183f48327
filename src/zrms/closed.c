#include "zrms/closed.h"

#include <string.h>

#include "base/str.h"
#include "zrms/store_open.h"
#include "zrms/zrms.h"

static const char secure[] = "https://";

static void add(closed_vector *to, struct cli_address address, uint16_t port)
{
	address.port = port;
	vector_push(to, cli_address_text(&address));
}

/* "https://HOST:PORT,…" */
static void add_urls(closed_vector *to, const char *urls)
{
	for (const char *at = urls; *at != '\0'; at += *at == ',') {
		size_t size = strcspn(at, ",");
		CLEANUP(freep) char *url = mem_strndup(at, size);
		if (str_has_prefix(url, secure))
			vector_push(to, mem_strdup(url + strlen(secure)));
		at += size;
	}
}

void closed_list(const struct zrms *zrms, closed_vector *ret_list)
{
	const struct settings *s = &zrms->settings;
	CLEANUP(freep) char *url = store_url_of(s);
	*ret_list = (closed_vector){0};
	add(ret_list, s->local, http_server_port(zrms->http));
	if (zrms->listening != NULL)
		add(ret_list, s->listen, s->listen.port);
	if (etcd_urls_of(url) != NULL)
		add_urls(ret_list, etcd_urls_of(url));
}

void closed_done(closed_vector *list)
{
	vector_for_each (list, text)
		free(*text);
	vector_done(list);
}
