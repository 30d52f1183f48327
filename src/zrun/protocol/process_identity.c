#include "zrun/protocol/process_identity.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* State and start: fields 3 and 22 of stat. */
static bool look_up(pid_t pid, char *ret_state, uint64_t *ret_start)
{
	char path[40], text[1024];
	unsigned long long start;
	const char *end;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	end = strrchr(text, ')'); /* the name may hold anything */
	if (end == NULL || sscanf(end + 1,
				  " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d "
				  "%*d %*d %*d %*d %llu",
				  ret_state, &start) != 2)
		return false;
	*ret_start = start;
	return true;
}

bool process_identity_start(pid_t pid, uint64_t *ret_start)
{
	char state;

	return look_up(pid, &state, ret_start);
}

bool process_identity_runs(pid_t pid, uint64_t start)
{
	uint64_t found;
	char state;

	return look_up(pid, &state, &found) && found == start && state != 'Z' && state != 'X';
}

void process_identity_kill(pid_t pid, uint64_t start)
{
	/* First the descriptor, then the look: from then on it is the same process. */
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return;
	if (process_identity_runs(pid, start))
		(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	close(fd);
}
