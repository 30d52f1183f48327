#include "zrms/store_trust.h"

#include <string.h>

#include "adapter/etcd/keys.h"
#include "adapter/etcd/rpc.h"
#include "adapter/etcd/rpc.pb-c.h"
#include "adapter/log/log.h"
#include "adapter/pki/credentials.h"
#include "base/str.h"
#include "base/vector.h"
#include "core/access/authorities.h"
#include "zrms/own_identity.h"
#include "zrms/store_open.h"
#include "zrms/zrms.h"

enum { LOOK_MS = 2000, ANSWER_MS = 2000 };

/* One look at all of them, in a thread. */
struct look {
	uv_work_t work;
	struct store_trust *trust;
	uint64_t generation;
	char *urls, *authorities, *certificate; /* files */
	char *name;				/* of the authority that they are to know */
	bool is_strict;				/* their own certificate is to be of it */
	VECTOR(char *) missing;
};

struct store_trust {
	struct zrms *zrms;
	struct loop_timer *timer;
	struct look *look; /* that is under way */
};

/* ---- in a thread ---- */

static int server_ask(const struct look *l, const char *url, struct error **err)
{
	const struct etcd_servers servers = {
		.urls = url, .authorities = l->authorities, .certificate = l->certificate};
	struct rpc *rpc = NULL;
	Etcd__RangeRequest request = ETCD__RANGE_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	CLEANUP(bytes_freep) bytes key = etcd_key_text(KEY_LEDGER);
	int r = rpc_new(&servers, &rpc, err);
	request.key = key;
	if (r == 0)
		r = rpc_call(rpc, &rpc_range, &request.base, ANSWER_MS, &answer, err);
	if (answer != NULL)
		protobuf_c_message_free_unpacked(answer, NULL);
	rpc_free(rpc);
	return r;
}

static void server_look(struct look *l, const char *url)
{
	CLEANUP(error_freep) struct error *why = NULL;
	if (server_ask(l, url, &why) == 0)
		return;
	vector_push(&l->missing,
		    str_printf("%s, which does not go by %s yet%s: %s", url, l->name,
			       l->is_strict ? " alone" : "", why->message));
}

static void look_work(uv_work_t *work)
{
	struct look *l = work->data;
	char *rest = l->urls, *url = NULL;
	while ((url = strsep(&rest, ",")) != NULL) {
		CLEANUP(freep)
		char *whole = strstr(url, "://") != NULL ? mem_strdup(url)
							 : str_printf("https://%s", url);
		server_look(l, whole);
	}
}

/* ---- in the loop ---- */

static void look_free(struct look *l)
{
	vector_for_each (&l->missing, text)
		free(*text);
	vector_done(&l->missing);
	free(l->urls);
	free(l->authorities);
	free(l->certificate);
	free(l->name);
	free(l);
}

static void tell(struct zrms *zrms, uint64_t generation, char *const *missing, size_t count)
{
	const struct control_input input = {.type = CONTROL_AUTHORITY,
					    .authority = {.action = AUTHORITY_STORE,
							  .generation = generation,
							  .missing = missing,
							  .n_missing = count}};
	commit_driver_input(zrms->commits, &input);
}

static void look_done(uv_work_t *work, int status)
{
	struct look *l = work->data;
	struct store_trust *t = l->trust;
	t->look = NULL;
	if (status == 0 && !t->zrms->stopping)
		tell(t->zrms, l->generation, l->missing.items, l->missing.count);
	look_free(l);
}

/* The one that they are to know, alone, in a file. */
static int authority_write(const struct zrms *zrms, const Samoza__V1__AuthorityRecord *one,
			   char **ret_path, struct error **err)
{
	CLEANUP(freep) char *path = str_printf("%s/store-authority.pem", zrms->spool);
	int r = pki_file_write(path, one->certificate, strlen(one->certificate), err);
	if (r == 0)
		*ret_path = steal_ptr(&path);
	return r;
}

static int look_prepare(struct look *l, const struct zrms *zrms, struct error **err)
{
	const Samoza__V1__AuthoritiesRecord *a = zrms->authorities.record;
	const Samoza__V1__AuthorityRecord *one = a->phase == AUTHORITY_ADDING
							 ? authorities_other(a)
							 : authorities_signer_record(a);
	CLEANUP(freep) char *directory = own_identity_directory(zrms->settings.dir);
	CLEANUP(freep) char *url = store_url_of(&zrms->settings);
	l->generation = a->generation;
	l->is_strict = a->phase == AUTHORITY_REISSUING;
	l->urls = mem_strdup(etcd_urls_of(url));
	l->name = str_printf("Samoza CA %u", one->number);
	l->certificate = l->is_strict
				 ? str_printf("%s/" PKI_IDENTITY_FILE, directory)
				 : str_printf("%s/identity-%u.pem", directory, one->number);
	if (l->is_strict)
		return authority_write(zrms, one, &l->authorities, err);
	l->authorities = str_printf("%s/" PKI_AUTHORITIES_FILE, directory);
	return 0;
}

static void look(struct store_trust *t)
{
	CLEANUP(error_freep) struct error *why = NULL;
	struct look *l = mem_new(struct look);
	l->trust = t;
	l->work.data = l;
	if (look_prepare(l, t->zrms, &why) < 0) {
		log_warn("store", "trust.unknown", LOG_E(why),
			 LOG_S("then", "it is tried again"));
		look_free(l);
	} else if (uv_queue_work(loop_uv(&t->zrms->loop), &l->work, look_work, look_done) < 0) {
		look_free(l);
	} else {
		t->look = l;
	}
}

static void on_time(void *user)
{
	struct store_trust *t = user;
	struct zrms *zrms = t->zrms;
	const Samoza__V1__AuthoritiesRecord *a = zrms->authorities.record;
	loop_timer_at(t->timer, loop_now(&zrms->loop).mono_ms + LOOK_MS);
	if (t->look != NULL || zrms->stopping || a == NULL || !authorities_wait_for_store(a))
		return;
	if (store_trust_is_asked(zrms))
		look(t);
	else /* the store was moved meanwhile */
		tell(zrms, a->generation, NULL, 0);
}

bool store_trust_is_asked(const struct zrms *zrms)
{
	CLEANUP(freep) char *url = store_url_of(&zrms->settings);
	return etcd_urls_of(url) != NULL && str_is_empty(zrms->settings.store_certificate);
}

bool store_trust_is_idle(const struct store_trust *t)
{
	return t == NULL || t->look == NULL;
}

struct store_trust *store_trust_new(struct zrms *zrms)
{
	struct store_trust *t = mem_new(struct store_trust);
	t->zrms = zrms;
	t->timer = loop_timer_new(&zrms->loop, on_time, t);
	loop_timer_at(t->timer, loop_now(&zrms->loop).mono_ms + LOOK_MS);
	return t;
}

void store_trust_free(struct store_trust *t)
{
	if (t == NULL)
		return;
	loop_timer_free(t->timer);
	free(t);
}
