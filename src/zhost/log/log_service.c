#include "zhost/log/log_service.h"

#include <uthash.h>

#include "base/check.h"
#include "base/str.h"
#include "zhost/uplink/uplink.h"

#define LINES_DEFAULT 100
#define TAIL_BYTES    ((size_t)2 * 1024 * 1024)
#define CHUNK_LINES   1000
#define FOLLOW_BYTES  ((size_t)256 * 1024)
#define FOLLOWERS_MAX 1000

struct follower {
	struct log_service *desk;
	uint64_t request;
	struct resident *resident; /* borrowed */
	struct buffer waiting;	   /* lines of this turn, each ended by a line feed */
	bool has_lost;
	UT_hash_handle hh;
};

struct log_service {
	struct zhost *zhost;
	struct follower *followers; /* by request */
	bool has_waiting;
};

struct log_service *log_service_new(struct zhost *z)
{
	struct log_service *d = mem_new(struct log_service);

	d->zhost = z;
	return d;
}

static void follower_free(struct follower *f)
{
	if (--f->resident->followers == 0)
		spacelog_follow(f->resident->log, NULL, NULL);
	HASH_DEL(f->desk->followers, f);
	buffer_done(&f->waiting);
	free(f);
}

void log_service_link_down(struct log_service *d)
{
	struct follower *f, *next;

	HASH_ITER (hh, d->followers, f, next)
		follower_free(f);
}

void log_service_free(struct log_service *d)
{
	if (d == NULL)
		return;
	log_service_link_down(d);
	free(d);
}

/* Sends the lines of `text` (it is cut into strings), and `end` or `error` with the last. */
static void send_lines(struct log_service *d, uint64_t request, char *text, bool is_end,
		       const char *error)
{
	VECTOR(char *) lines = {0};
	bool more = true;

	while (more) {
		Samoza__V1__LogChunk chunk = SAMOZA__V1__LOG_CHUNK__INIT;
		char *feed;

		vector_clear(&lines);
		while (lines.count < CHUNK_LINES && (feed = strchr(text, '\n')) != NULL) {
			*feed = '\0';
			vector_push(&lines, text);
			text = feed + 1;
		}
		more = lines.count == CHUNK_LINES;
		chunk.request = request;
		chunk.lines = lines.items;
		chunk.n_lines = lines.count;
		chunk.has_end = !more && is_end;
		chunk.end = !more && is_end;
		chunk.error = !more ? (char *)error : NULL;
		/* Logs wait behind what matters: with a full link they are lost. */
		(void)uplink_try(d->zhost->uplink, SAMOZA__V1__FRAME_TYPE__FRAME_LOG_CHUNK,
				 &chunk.base, (size_t)8 * 1024 * 1024);
	}
	vector_done(&lines);
}

static void on_line(void *data, const char *line)
{
	struct resident *r = data;
	struct log_service *d = r->zhost->log_service;
	size_t size = strlen(line);

	for (struct follower *f = d->followers; f != NULL; f = f->hh.next) {
		if (f->resident != r)
			continue;
		if (buffer_reserve(&f->waiting, size + 1) == NULL) {
			f->has_lost = true;
			continue;
		}
		(void)buffer_add(&f->waiting, line, size);
		(void)buffer_add(&f->waiting, "\n", 1);
		d->has_waiting = true;
	}
}

bool log_service_flush(struct log_service *d)
{
	struct follower *f, *next;

	if (!d->has_waiting)
		return false;
	d->has_waiting = false;
	HASH_ITER (hh, d->followers, f, next) {
		if (f->waiting.size == 0)
			continue;
		if (f->has_lost)
			(void)buffer_add_string(&f->waiting, "... lines are missing here\n");
		f->has_lost = false;
		send_lines(d, f->request, f->waiting.data, false, NULL);
		buffer_done(&f->waiting);
		f->waiting = BUFFER_INIT(FOLLOW_BYTES);
	}
	return true;
}

static void follow(struct log_service *d, uint64_t request, struct resident *r)
{
	struct follower *f = mem_new(struct follower);

	f->desk = d;
	f->request = request;
	f->resident = r;
	f->waiting = BUFFER_INIT(FOLLOW_BYTES);
	HASH_ADD(hh, d->followers, request, sizeof(f->request), f);
	if (r->followers++ == 0)
		spacelog_follow(r->log, on_line, r);
}

void log_service_take(struct log_service *d, const Samoza__V1__LogRequest *q)
{
	struct zhost *z = d->zhost;
	struct resident *r = resident_find(z, q->topology, q->path);
	struct buffer text = BUFFER_INIT(TAIL_BYTES);
	char name[INSTANCE_FILE_NAME_SIZE];
	struct follower *known;
	bool is_follow = q->has_follow && q->follow;

	HASH_FIND(hh, d->followers, &q->request, sizeof(q->request), known);
	if (known != NULL)
		follower_free(known);
	if (q->has_cancel && q->cancel)
		return;
	instance_file_name(q->topology, q->path, 0, name);
	(void)spacelogs_flush(z->logs);
	(void)spacelog_tail(z->logs, name, q->has_lines ? q->lines : LINES_DEFAULT, &text);
	if (is_follow && r != NULL && HASH_COUNT(d->followers) < FOLLOWERS_MAX) {
		send_lines(d, q->request, text.data != NULL ? text.data : (char[]){""}, false,
			   NULL);
		follow(d, q->request, r);
	} else {
		send_lines(d, q->request, text.data != NULL ? text.data : (char[]){""}, true,
			   !is_follow  ? NULL
			   : r == NULL ? "the instance is not on this zhost"
				       : "too many are following logs of this zhost");
	}
	buffer_done(&text);
}

void log_service_forget(struct resident *r)
{
	struct log_service *d = r->zhost->log_service;
	struct follower *f, *next;

	if (r->followers == 0 || d == NULL)
		return;
	(void)log_service_flush(d);
	HASH_ITER (hh, d->followers, f, next)
		if (f->resident == r) {
			send_lines(d, f->request, (char[]){""}, true, NULL);
			follower_free(f);
		}
}
