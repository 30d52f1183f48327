#include "zrms/again.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "base/str.h"

#define SELF "/proc/self/exe"

enum { CHILDREN_MS = 1000 };

/* Translators and drivers work for a life that is over; the next one would not know them. */
static void children_end(void)
{
	char path[64];
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	FILE *list = fopen(path, "re");
	int pid = 0;
	while (list != NULL && fscanf(list, "%d", &pid) == 1)
		(void)kill(pid, SIGKILL);
	if (list != NULL)
		(void)fclose(list);
	pid_t gone = 1;
	for (int waited = 0; gone >= 0 && waited < CHILDREN_MS; waited += gone == 0) {
		gone = waitpid(-1, NULL, WNOHANG);
		if (gone == 0)
			(void)poll(NULL, 0, 1);
	}
}

/* Under its own name, as processes are listed; after an upgrade of the package, the new one. */
static void program_find(char ret_path[PATH_MAX])
{
	static const char gone[] = " (deleted)";
	ssize_t size = readlink(SELF, ret_path, PATH_MAX - 1);
	ret_path[size > 0 ? size : 0] = '\0';
	if (str_has_suffix(ret_path, gone))
		ret_path[strlen(ret_path) - strlen(gone)] = '\0';
	if (access(ret_path, X_OK) < 0)
		(void)snprintf(ret_path, PATH_MAX, SELF);
}

void again(const struct zrms *zrms)
{
	char path[PATH_MAX];
	sigset_t none;
	if (zrms->stopping && !zrms->is_yielding) /* it was told to end */
		_exit(1);
	children_end();
	service_hand_on(zrms->service);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	program_find(path);
	(void)execv(path, zrms->arguments);
	log_error("zrms", "cannot.begin.again", LOG_S("program", path),
		  LOG_S("why", strerror(errno)));
	_exit(1);
}
