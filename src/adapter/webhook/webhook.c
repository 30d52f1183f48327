#include "adapter/webhook/webhook.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

#include "adapter/cli/version.h"
#include "adapter/uv/worker.h"
#include "base/memory.h"
#include "base/str.h"

struct webhook {
	struct worker *worker;
	struct webhook_options options;
	webhook_done_fn *done;
	void *user;
	CURL *handle;		/* the thread's; NULL: not connected yet */
	atomic_bool is_closing; /* what is being sent is broken off */
};

struct post {
	struct worker_job job;
	char *id, *kind, *body;
	/* what became of it */
	long status;
	int64_t after_ms;
	char *why; /* NULL: it is delivered */
};

/* ---- in the thread ---- */

static size_t pass_over(char *data, size_t one, size_t count, void *user)
{
	(void)data;
	(void)user;
	return one * count;
}

static int look_whether_to_end(void *user, curl_off_t a, curl_off_t b, curl_off_t c,
			       curl_off_t d)
{
	const struct webhook *w = user;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return atomic_load(&w->is_closing) ? 1 : 0;
}

static CURL *handle_new(struct webhook *w)
{
	CURL *h = curl_easy_init();
	if (h == NULL)
		out_of_memory(1, 0);
	(void)curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(h, CURLOPT_URL, w->options.url);
	(void)curl_easy_setopt(h, CURLOPT_USERAGENT, "samoza/" SAMOZA_VERSION);
	(void)curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	/* What is for this machine does not leave it, whatever proxy the environment names. */
	(void)curl_easy_setopt(h, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
	(void)curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (w->options.authorities != NULL) {
		(void)curl_easy_setopt(h, CURLOPT_CAINFO, w->options.authorities);
		(void)curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
	}
	(void)curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)w->options.timeout_ms);
	(void)curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)w->options.timeout_ms);
	/* A name that nobody resolves is asked for by a thread of libcurl's, which is not waited for. */
	(void)curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
	(void)curl_easy_setopt(h, CURLOPT_POST, 1L);
	(void)curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, pass_over);
	(void)curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	(void)curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, look_whether_to_end);
	(void)curl_easy_setopt(h, CURLOPT_XFERINFODATA, w);
	return h;
}

static void add_header(struct curl_slist **list, char *take_line)
{
	struct curl_slist *longer = curl_slist_append(*list, take_line);
	if (longer == NULL)
		out_of_memory(1, strlen(take_line));
	*list = longer;
	free(take_line);
}

static struct curl_slist *headers_new(const struct webhook *w, const struct post *p)
{
	struct curl_slist *list = NULL;
	int64_t seconds = clock_now().wall_ms / 1000;
	add_header(&list, mem_strdup("Content-Type: application/json"));
	add_header(&list, mem_strdup("Expect:"));
	add_header(&list, str_printf("Samoza-Notice: %s", p->kind));
	add_header(&list, str_printf("webhook-id: %s", p->id));
	add_header(&list, str_printf("webhook-timestamp: %" PRId64, seconds));
	if (w->options.secret != NULL) {
		CLEANUP(freep)
		char *signature = webhook_signature(w->options.secret, w->options.secret_size,
						    p->id, seconds, p->body, strlen(p->body));
		add_header(&list, str_printf("webhook-signature: %s", signature));
	}
	return list;
}

/* What libcurl says of an error may hold the URL, which may hold a secret: its general words for the code do not. */
static char *failure(const struct webhook *w, CURLcode code)
{
	const char *where = w->options.where;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return str_printf("%s did not answer within %s", where, w->options.timeout);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return str_printf("the certificate of %s is not trusted: check its name, its "
				  "time and the authority (ca_file)",
				  where);
	return str_printf("%s: %s", where, curl_easy_strerror(code));
}

static void judge(struct post *p, const struct webhook *w, CURL *h)
{
	curl_off_t after_s = 0;
	(void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &p->status);
	(void)curl_easy_getinfo(h, CURLINFO_RETRY_AFTER, &after_s);
	p->after_ms = after_s > 0 && after_s < 1000000 ? (int64_t)after_s * 1000 : 0;
	if (p->status >= 200 && p->status < 300)
		return;
	bool leads_on = p->status >= 300 && p->status < 400;
	p->why = str_printf("%s answered %ld%s", w->options.where, p->status,
			    leads_on ? "; redirections are not followed: give the URL to "
				       "which it leads"
				     : "");
}

static void send_one(struct webhook *w, struct post *p)
{
	if (atomic_load(&w->is_closing)) {
		p->why = mem_strdup("zrms ends");
		return;
	}
	if (w->handle == NULL)
		w->handle = handle_new(w);
	struct curl_slist *headers = headers_new(w, p);
	(void)curl_easy_setopt(w->handle, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(w->handle, CURLOPT_POSTFIELDS, p->body);
	(void)curl_easy_setopt(w->handle, CURLOPT_POSTFIELDSIZE_LARGE,
			       (curl_off_t)strlen(p->body));
	CURLcode code = curl_easy_perform(w->handle);
	if (code == CURLE_OK)
		judge(p, w, w->handle);
	else
		p->why = failure(w, code);
	curl_slist_free_all(headers);
	if (p->why !=
	    NULL) { /* the next attempt looks its name up, and reads the authorities, again */
		curl_easy_cleanup(w->handle);
		w->handle = NULL;
	}
}

static void run(void *owner, struct worker_job **jobs)
{
	for (struct worker_job *job = *jobs; job != NULL; job = job->next)
		send_one(owner, (struct post *)job);
}

/* A connection that nothing is sent over is not kept. */
static void idle(void *owner)
{
	struct webhook *w = owner;
	if (w->handle != NULL)
		curl_easy_cleanup(w->handle);
	w->handle = NULL;
}

/* ---- in the loop ---- */

static void done(void *owner, struct worker_job *job)
{
	struct webhook *w = owner;
	struct post *p = (struct post *)job;
	const struct webhook_outcome outcome = {
		.is_delivered = p->why == NULL, .why = p->why, .after_ms = p->after_ms};
	if (!atomic_load(&w->is_closing))
		w->done(w->user, &outcome);
	free(p->id);
	free(p->kind);
	free(p->body);
	free(p->why);
	free(p);
}

static const struct worker_ops ops = {.run = run, .idle = idle, .done = done};

int webhook_new(struct loop *loop, const struct webhook_options *options, webhook_done_fn *fn,
		void *user, struct webhook **ret_webhook, struct error **err)
{
	struct webhook *w = mem_new(struct webhook);
	w->options = *options;
	w->done = fn;
	w->user = user;
	int r = worker_new(loop, "webhook", &ops, w, &w->worker, err);
	if (r < 0) {
		free(w);
		return r;
	}
	*ret_webhook = w;
	return 0;
}

void webhook_send(struct webhook *w, const char *id, const char *kind, char *take_body)
{
	struct post *p = mem_new(struct post);
	p->id = mem_strdup(id);
	p->kind = mem_strdup(kind);
	p->body = take_body;
	worker_add(w->worker, &p->job);
}

static void closed(void *user)
{
	struct webhook *w = user;
	if (w->handle != NULL)
		curl_easy_cleanup(w->handle);
	free(w);
}

void webhook_close(struct webhook *w)
{
	atomic_store(&w->is_closing, true);
	worker_close(w->worker, closed, w);
}
