/*
 * Source: systemd, "Native Journal Protocol". A datagram of lines FIELD=value; what is too large for one goes as a sealed memfd in
 * a datagram without bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "zhost/sink/writer.h"

#define MESSAGE_MAX ((size_t)1024 * 1024)
#define WAIT_S	    5

struct journal_writer {
	struct sink_writer writer;
	struct sockaddr_un address;
	int fd; /* -1: none */
	struct buffer message;
};

int sink_severity(const char *level)
{
	switch (level[0]) {
	case 'e':
		return 3;
	case 'w':
		return 4;
	case 'd':
		return 7;
	default:
		return 6;
	}
}

static void encode(struct buffer *to, const struct sink_record *r)
{
	buffer_clear(to);
	(void)buffer_add_string(to, "MESSAGE=");
	(void)buffer_add(to, r->text, r->size);
	(void)buffer_printf(to,
			    "\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s/%s\nSYSLOG_TIMESTAMP_MS=%lld\n"
			    "SAMOZA_TOPOLOGY=%s\nSAMOZA_TOPOLOGY_ID=%s\nSAMOZA_SPACE=%s\n"
			    "SAMOZA_INSTANCE=%s\nSAMOZA_ZHOST=%s\nSAMOZA_LEVEL=%s\n",
			    sink_severity(r->level), r->topology, r->path,
			    (long long)r->wall_ms, r->topology, r->id, r->space, r->path,
			    r->zhost, r->level);
}

/* errno on failure. */
static int send_large(struct journal_writer *w)
{
	CLEANUP(closep) int fd = memfd_create("samoza-log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr message = {.msg_name = &w->address,
				 .msg_namelen = sizeof(w->address),
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (fd < 0 || write(fd, w->message.data, w->message.size) != (ssize_t)w->message.size ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) <
		    0)
		return -1;
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	return sendmsg(w->fd, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int journal_write(struct sink_writer *writer, const struct sink_record *r,
			 struct error **err)
{
	struct journal_writer *w = (struct journal_writer *)writer;
	const struct timeval wait = {.tv_sec = WAIT_S};

	encode(&w->message, r);
	if (w->fd < 0) {
		w->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (w->fd >= 0)
			(void)setsockopt(w->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	}
	if (w->fd >= 0 && sendto(w->fd, w->message.data, w->message.size, MSG_NOSIGNAL,
				 (const struct sockaddr *)&w->address, sizeof(w->address)) >= 0)
		return 0;
	if (w->fd >= 0 && (errno == EMSGSIZE || errno == ENOBUFS) && send_large(w) == 0)
		return 0;
	return error_set(err, ERR_UNAVAILABLE, "%s: %s", w->address.sun_path, strerror(errno));
}

static void journal_free(struct sink_writer *writer)
{
	struct journal_writer *w = (struct journal_writer *)writer;

	closep(&w->fd);
	buffer_done(&w->message);
	free(w);
}

struct sink_writer *journal_writer_new(const char *socket)
{
	static const struct sink_writer_ops ops = {.write = journal_write,
						   .free = journal_free};
	struct journal_writer *w = mem_new(struct journal_writer);

	w->writer.ops = &ops;
	w->fd = -1;
	w->message = BUFFER_INIT(MESSAGE_MAX);
	w->address.sun_family = AF_UNIX;
	(void)snprintf(w->address.sun_path, sizeof(w->address.sun_path), "%s", socket);
	return &w->writer;
}
