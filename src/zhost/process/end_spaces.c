#include "zhost/process/end_spaces.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapter/uv/loop.h"
#include "base/str.h"
#include "base/vector.h"
#include "zhost/process/remains.h"
#include "zrun/launch/launch.h"
#include "zrun/protocol/protocol.h"

#define KILL_MS 5000
#define LOOK_MS 10 /* between looks at what processes have left */

struct ending {
	int fd, pidfd;
};

typedef VECTOR(struct ending) ending_vector;

/* Who listens there, if it is one of ours and alive. */
static void find(int run_fd, const char *name, ending_vector *all)
{
	struct ending e = {-1, -1};
	pid_t pid;

	if (launch_connect(run_fd, name, &e.fd, NULL) < 0)
		return;
	if (launch_adopt(e.fd, &pid, &e.pidfd, NULL) == 0 && launch_is_zrun(pid)) {
		vector_push(all, e);
		return;
	}
	closep(&e.pidfd);
	closep(&e.fd);
}

static void ask(const struct ending *e)
{
	struct {
		struct zrun_frame frame;
		struct zrun_stop stop;
	} __attribute__((packed)) stop = {
		.frame = {.size = sizeof(struct zrun_stop), .type = ZRUN_STOP},
		.stop = {.grace_ms = END_GRACE_MS},
	};

	(void)!send(e->fd, &stop, sizeof(stop), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Waits until all have ended or the time is over; those that have are dropped. */
static void wait_for_all(ending_vector *all, int64_t wait_ms)
{
	int64_t until = clock_now().mono_ms + wait_ms;

	while (all->count > 0) {
		struct pollfd *polls = mem_new_array(struct pollfd, all->count);
		int64_t left = until - clock_now().mono_ms;
		size_t kept = 0;
		int n;

		for (size_t i = 0; i < all->count; i++)
			polls[i] = (struct pollfd){.fd = all->items[i].pidfd, .events = POLLIN};
		n = poll(polls, (nfds_t)all->count, left > 0 ? (int)left : 0);
		for (size_t i = 0; i < all->count; i++) {
			if (polls[i].revents == 0) {
				all->items[kept++] = all->items[i];
				continue;
			}
			closep(&all->items[i].pidfd);
			closep(&all->items[i].fd);
		}
		all->count = kept;
		free(polls);
		if (n <= 0 && left <= 0)
			return;
	}
}

/* Ends what processes have left, those that ended earlier included. Returns of how many instances
 * something would not end. */
static unsigned end_all_remains(int run_fd, DIR *dir)
{
	int64_t until = clock_now().mono_ms + KILL_MS;
	unsigned count = 0;

	rewinddir(dir);
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		struct remains remains;
		if (!str_has_suffix(e->d_name, ".e"))
			continue;
		e->d_name[strlen(e->d_name) - 2] = '\0';
		remains_read(&remains, run_fd, e->d_name);
		while (!remains_end(&remains) && clock_now().mono_ms < until)
			(void)poll(NULL, 0, LOOK_MS);
		count += !remains_end(&remains);
	}
	return count;
}

int end_spaces(int run_fd, const char *dir_path, unsigned *ret_count, struct error **err)
{
	int fd = openat(run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	ending_vector all = {0};
	int r = 0;

	if (dir == NULL) {
		closep(&fd);
		return error_errno(err, "cannot read %s/run", dir_path);
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		if (str_has_suffix(e->d_name, ".s"))
			find(run_fd, e->d_name, &all);
	*ret_count = (unsigned)all.count;
	vector_for_each (&all, e)
		ask(e);
	wait_for_all(&all, END_GRACE_MS + END_GRACE_MS / 2);
	vector_for_each (&all, e)
		launch_kill(e->pidfd);
	wait_for_all(&all, KILL_MS);
	size_t left = all.count;
	if (left == 0)
		left = end_all_remains(run_fd, dir);
	if (left > 0)
		r = error_set(err, ERR_CONFLICT, "%zu instance%s did not end", left,
			      str_plural(left));
	rewinddir(dir);
	for (struct dirent *e; r == 0 && (e = readdir(dir)) != NULL;)
		if (str_has_suffix(e->d_name, ".s"))
			(void)unlinkat(run_fd, e->d_name, 0);
	vector_for_each (&all, e) {
		closep(&e->pidfd);
		closep(&e->fd);
	}
	vector_done(&all);
	closedir(dir);
	return r;
}
