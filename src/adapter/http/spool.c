/*
 * Large bodies go to an unnamed file, a chunk at a time, written by libuv's threads: while a
 * chunk is on its way the connection is suspended, so a slow disk holds back the client and not
 * the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "adapter/http/connection.h"
#include "adapter/http/request_state.h"
#include "adapter/http/server_state.h"
#include "adapter/http/spool.h"
#include "base/check.h"
#include "base/heap.h"
#include "base/str.h"

/* One chunk. It outlives the request when that goes in between. */
struct spool_job {
	uv_work_t work;
	struct http_request *request; /* NULL: abandoned */
	int fd;			      /* its own when abandoned */
	char *data;
	size_t size;
	bool failed;
};

int spool_open(struct http_request *request, struct error **err)
{
	const char *dir = request->server->options.spool_dir;
	PRE(dir != NULL);
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		CLEANUP(freep) char *name = str_printf("%s/upload-XXXXXX", dir);
		fd = mkostemp(name, O_CLOEXEC);
		if (fd >= 0)
			(void)unlink(name);
	}
	if (fd < 0)
		return error_errno(err, "cannot store the upload in %s", dir);
	request->spool_fd = fd;
	return 0;
}

static void chunk_write(uv_work_t *work)
{
	struct spool_job *job = container_of(work, struct spool_job, work);
	size_t done = 0;
	while (done < job->size && !job->failed) {
		ssize_t n = write(job->fd, job->data + done, job->size - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			job->failed = true;
	}
}

static void chunk_written(uv_work_t *work, int status)
{
	(void)status;
	struct spool_job *job = container_of(work, struct spool_job, work);
	struct http_request *request = job->request;
	if (request != NULL) {
		request->job = NULL;
		request->spool_failed = request->spool_failed || job->failed;
		if (request->spooled == request->content_length)
			(void)lseek(request->spool_fd, 0, SEEK_SET);
		request->suspended = false;
		connection_resume(request->server, request->connection);
	} else {
		(void)close(job->fd);
	}
	free(job->data);
	free(job);
}

void spool_write(struct http_request *request)
{
	PRE(request->job == NULL);
	struct spool_job *job = mem_new(struct spool_job);
	job->request = request;
	job->fd = request->spool_fd;
	job->size = request->body.size;
	job->data = buffer_steal(&request->body);
	request->spooled += job->size;
	request->job = job;
	request->suspended = true;
	MHD_suspend_connection(request->connection);
	int r = uv_queue_work(loop_uv(request->server->loop), &job->work, chunk_write,
			      chunk_written);
	INVARIANT(r == 0);
}

void spool_abandon(struct http_request *request)
{
	request->job->request = NULL;
	request->job = NULL;
	request->spool_fd = -1; /* closed by the job */
	request->spool_failed = true;
}
