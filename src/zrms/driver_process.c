#include "zrms/driver_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

enum {
	OUT_MAX = 1024 * 1024,
	ERR_MAX = 64 * 1024, /* what is beyond is read, and dropped */
	CHUNK = 4096,
	READS_MAX = 32, /* in one turn of the loop; more than a pipe holds */
};

struct output {
	int fd;
	uv_poll_t *poll;
	struct buffer text;
	bool is_cut; /* what came after it was dropped */
};

struct driver_process {
	struct loop *loop;
	pid_t pid;
	struct pid_watch *watch;
	struct output out, err;
	struct loop_timer *timer;
	bool is_late;
	driver_end_fn *done;
	void *user;
};

/* ---- what it is ---- */

static const char *const kept[] = {"PATH", "HOME", "USER", "LANG", "TMPDIR", "SSH_AUTH_SOCK"};

/* And where the programs are. Nothing else: zrms' environment may hold secrets. The caller frees what the array holds. */
static void make_environment(char **environment)
{
	size_t count = 0;
	for (size_t k = 0; k < ARRAY_SIZE(kept); k++)
		if (getenv(kept[k]) != NULL)
			environment[count++] = str_printf("%s=%s", kept[k], getenv(kept[k]));
	char program[4096];
	ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
	program[size > 0 ? size : 0] = '\0';
	char *slash = strrchr(program, '/');
	if (slash != NULL)
		*slash = '\0';
	environment[count++] = str_printf("SAMOZA_BIN=%s", program);
	environment[count] = NULL;
}

/* In memory, so that it is written before the process begins, whatever its size. */
static int make_input(const char *input, size_t size, int *ret_fd, struct error **err)
{
	int fd = memfd_create("driver", MFD_CLOEXEC);
	if (fd < 0)
		return error_errno(err, "cannot make room for the input of a driver");
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, input + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int r = error_errno(err, "cannot write the input of a driver");
			close(fd);
			return r;
		}
		done += (size_t)n;
	}
	(void)lseek(fd, 0, SEEK_SET);
	*ret_fd = fd;
	return 0;
}

/* In the child: calls nothing that may take a lock. */
static _Noreturn void become(const struct driver_program *program, char *const *argv,
			     char **environment, int in, int out, int err)
{
	sigset_t none;
	sigemptyset(&none);
	(void)setpgid(0, 0);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	for (int signum = 1; signum < 32; signum++)
		(void)signal(signum, SIG_DFL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 ||
	    chdir(program->directory) < 0)
		_exit(127);
	(void)syscall(SYS_close_range, 3u, ~0u, 0u);
	execve(program->path, argv, environment);
	_exit(127);
}

/* ---- what it writes ---- */

static void read_some(struct output *o)
{
	char chunk[CHUNK];
	ssize_t n = 1;
	for (int k = 0; k < READS_MAX && (n = read(o->fd, chunk, sizeof(chunk))) > 0; k++)
		/* What is beyond is read and dropped, all of it: the end of a long answer is not its middle. */
		o->is_cut = o->is_cut || buffer_add(&o->text, chunk, (size_t)n) < 0;
	if (n == 0 && o->poll != NULL)
		(void)uv_poll_stop(o->poll);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	read_some(poll->data);
}

static int output_open(struct loop *loop, struct output *o, int fd, size_t most,
		       struct error **err)
{
	o->fd = fd;
	o->text = (struct buffer)BUFFER_INIT(most);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	int r = loop_poll_new(loop, fd, &o->poll, err);
	if (r < 0)
		return r;
	o->poll->data = o;
	(void)uv_poll_start(o->poll, UV_READABLE, on_readable);
	return 0;
}

static void output_close(struct output *o)
{
	if (o->poll != NULL) {
		(void)uv_poll_stop(o->poll);
		uv_close((uv_handle_t *)o->poll, loop_handle_free);
	}
	if (o->fd >= 0)
		close(o->fd);
	buffer_done(&o->text);
}

static const char *output_text(struct output *o)
{
	read_some(o);
	if (buffer_add(&o->text, "", 1) < 0)
		o->text.data[o->text.size - 1] = '\0';
	return (const char *)o->text.data;
}

/* ---- how it ends ---- */

static void kill_all(const struct driver_process *p)
{
	if (p->pid > 0)
		(void)kill(-p->pid, SIGKILL);
}

static void on_end(void *user, pid_t pid, int status)
{
	struct driver_process *p = user;
	(void)pid;
	const struct driver_end end = {.status = status,
				       .is_late = p->is_late,
				       .out = output_text(&p->out),
				       .err = output_text(&p->err),
				       .is_cut = p->out.is_cut};
	p->pid = 0;
	p->done(p->user, &end);
}

static void on_late(void *user)
{
	struct driver_process *p = user;
	p->is_late = true;
	kill_all(p);
}

void driver_process_free(struct driver_process *p)
{
	if (p == NULL)
		return;
	kill_all(p);
	pid_watch_free(p->watch);
	loop_timer_free(p->timer);
	output_close(&p->out);
	output_close(&p->err);
	free(p);
}

/* ---- begin ---- */

/* Ends with NULL; the caller frees the array. */
static char **arguments_of(const struct driver_program *program)
{
	char **argv = mem_new_array(char *, program->argument_count + 2);
	argv[0] = (char *)(uintptr_t)program->path;
	for (size_t k = 0; k < program->argument_count; k++)
		argv[k] = program->arguments[k];
	return argv;
}

static int begin(struct driver_process *p, const struct driver_program *program, int in,
		 struct error **err)
{
	int out[2] = {-1, -1}, wrong[2] = {-1, -1};
	char *environment[ARRAY_SIZE(kept) + 2];
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(wrong, O_CLOEXEC) < 0) {
		int r = error_errno(err, "cannot make the pipes of a driver");
		if (out[0] >= 0) {
			close(out[0]);
			close(out[1]);
		}
		return r;
	}
	make_environment(environment);
	CLEANUP(freep) char **argv = arguments_of(program);
	p->pid = fork();
	if (p->pid == 0)
		become(program, argv, environment, in, out[1], wrong[1]);
	int r = p->pid < 0 ? error_errno(err, "cannot start %s", program->path) : 0;
	for (size_t k = 0; environment[k] != NULL; k++)
		free(environment[k]);
	close(out[1]);
	close(wrong[1]);
	if (p->pid > 0)
		(void)setpgid(p->pid, p->pid);
	p->err.fd = wrong[0];
	int opened = output_open(p->loop, &p->out, out[0], OUT_MAX, r == 0 ? err : NULL);
	if (opened == 0)
		opened = output_open(p->loop, &p->err, wrong[0], ERR_MAX, r == 0 ? err : NULL);
	if (r == 0)
		r = opened;
	if (r == 0)
		r = pid_watch_new(p->loop, p->pid, -1, on_end, p, &p->watch, err);
	return r;
}

int driver_process_new(struct loop *loop, const char *path, const char *directory,
		       const char *input, size_t size, int64_t timeout_ms, driver_end_fn *done,
		       void *user, struct driver_process **ret_process, struct error **err)
{
	const struct driver_program program = {.path = path, .directory = directory};
	return driver_process_run(loop, &program, input, size, timeout_ms, done, user,
				  ret_process, err);
}

int driver_process_run(struct loop *loop, const struct driver_program *program,
		       const char *input, size_t size, int64_t timeout_ms, driver_end_fn *done,
		       void *user, struct driver_process **ret_process, struct error **err)
{
	struct driver_process *p = mem_new(struct driver_process);
	int in = -1;
	*p = (struct driver_process){
		.loop = loop, .out.fd = -1, .err.fd = -1, .done = done, .user = user};
	int r = make_input(input, size, &in, err);
	if (r == 0)
		r = begin(p, program, in, err);
	if (in >= 0)
		close(in);
	if (r < 0) {
		driver_process_free(p);
		return r;
	}
	p->timer = loop_timer_new(loop, on_late, p);
	loop_timer_at(p->timer, loop_now(loop).mono_ms + timeout_ms);
	*ret_process = p;
	return 0;
}
