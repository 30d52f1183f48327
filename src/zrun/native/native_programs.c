#include "zrun/native/native_programs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zrun/native/native_api.h"
#include "zrun/native/native_memory.h"
#include "zrun/native/native_secret_uses.h"
#include "zrun/native/native_settings.h"

#define SHELL "/bin/sh"

/* The path of a directory of the instance as its programs see it. Without a root directory of their
 * own, an unprivileged user may not be let through the directories above: then the path begins in
 * data/, where they begin. */
static const char *inside(const struct native *n, const char *directory, const char *name)
{
	static char path[4200];

	if (n->enclosure.has_root)
		native_text(path, sizeof(path), "%s", directory);
	else if (n->is_root)
		native_text(path, sizeof(path), "../%s", name);
	else
		native_text(path, sizeof(path), "%s/%s", n->directory, name);
	return path;
}

/* Without a root directory of their own, from data/ up to zhost's directory and down again. */
const char *native_kept(const struct native *n)
{
	static char path[4200];

	if (n->enclosure.kept == NULL || n->enclosure.has_root)
		return n->enclosure.kept != NULL ? ENCLOSE_KEPT : NULL;
	if (!n->is_root)
		return n->enclosure.kept;
	native_text(path, sizeof(path), "../../..%s",
		    n->enclosure.kept + strlen(n->enclosure.hidden));
	return path;
}

/* Where zrms is, and with what its programs ask it. */
static void add_api(const struct native *n, struct strings *e)
{
	char path[4300];

	if (native_setting(n, "api_url")[0] == '\0')
		return;
	strings_add(e, "SAMOZA_API_URL", native_setting(n, "api_url"));
	native_text(path, sizeof(path), "%s/" NATIVE_API_TOKEN,
		    inside(n, ENCLOSE_PACKAGE, "package"));
	strings_add(e, "SAMOZA_API_TOKEN_FILE", path);
	if (native_setting(n, "api_authorities")[0] == '\0')
		return;
	native_text(path, sizeof(path), "%s/" NATIVE_API_AUTHORITIES,
		    inside(n, ENCLOSE_PACKAGE, "package"));
	strings_add(e, "SAMOZA_API_CA_FILE", path);
}

/* Where the files of `config` are (zhost/native/native_config.h). */
static void add_config(const struct native *n, struct strings *e)
{
	const struct import_set *set = &n->instance->imports;
	char path[4300];

	if (!environment_has_config(set->data, set->size))
		return;
	native_text(path, sizeof(path), "%s/.samoza/config",
		    inside(n, ENCLOSE_PACKAGE, "package"));
	strings_add(e, "SAMOZA_CONFIG", path);
}

/* Unless the space has another value for it. */
static void add_default(struct strings *e, const char *name, const char *value)
{
	if (strings_find(e->data, e->size, name) == NULL)
		strings_add(e, name, value);
}

static void fill_environment(const struct native *n, struct strings *e, const char *recipe)
{
	const struct runner *i = n->instance;
	const char *at = i->environment;

	environment_settings(e, i->imports.data, i->imports.size);
	native_secret_environment(n, e);
	add_default(e, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strings_add(e, "HOME", inside(n, ENCLOSE_DATA, "data"));
	strings_add(e, "TMPDIR", inside(n, ENCLOSE_TMP, "tmp"));
	add_default(e, "LANG", "C.UTF-8");
	strings_add(e, "SAMOZA_RECIPE", recipe);
	strings_add(e, "SAMOZA_DIR", inside(n, ENCLOSE_DATA, "data"));
	if (native_kept(n) != NULL)
		strings_add(e, "SAMOZA_DATA", native_kept(n));
	strings_add(e, "SAMOZA_PACKAGE", inside(n, ENCLOSE_PACKAGE, "package"));
	add_config(n, e);
	if (native_secret_files_any(n))
		strings_add(e, "SAMOZA_SECRETS", ENCLOSE_SECRETS);
	add_api(n, e);
	for (uint32_t k = 0; k < i->request->environment_count; k++) {
		strings_add_text(e, at, strlen(at));
		at += strlen(at) + 1;
	}
	environment_imports(e, "SAMOZA", i->imports.data, i->imports.size);
	if (strcmp(recipe, "update") == 0) {
		environment_imports(e, "SAMOZA_OLD", n->known.data, n->known.size);
		environment_changes(e, n->known.data, n->known.size, i->imports.data,
				    i->imports.size);
	}
}

/* The program in a file without a name. */
static int write_program(const char *path, const struct strings *arguments,
			 const struct strings *environment)
{
	struct keeper_program head = {
		.path_size = (uint32_t)strlen(path) + 1,
		.arguments_size = (uint32_t)arguments->size,
		.arguments_count = arguments->count,
		.environment_size = (uint32_t)environment->size,
		.environment_count = environment->count,
	};
	int fd = (int)syscall(SYS_memfd_create, "program", 1u /* CLOEXEC */);

	if (fd < 0)
		return -1;
	if (write(fd, &head, sizeof(head)) != sizeof(head) ||
	    write(fd, path, head.path_size) != (ssize_t)head.path_size ||
	    write(fd, arguments->data, arguments->size) != (ssize_t)arguments->size ||
	    write(fd, environment->data, environment->size) != (ssize_t)environment->size) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool send_run(const struct native *n, const struct keeper_order *order, const int *fds,
		     size_t count)
{
	struct keeper_order copy = *order;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(KEEPER_FDS * sizeof(int))];
	} control = {.bytes = {0}};
	struct iovec vector = {&copy, sizeof(copy)};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control.bytes,
				 .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	return n->socket >= 0 && sendmsg(n->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

bool native_send_program(struct native *n, const struct keeper_order *order,
			 const struct native_program *program, const int *files, size_t count)
{
	struct strings environment = {0};
	int fds[KEEPER_FDS];
	bool is_sent;

	if (program->term != NULL) /* of the terminal that is there, whatever `env` says */
		strings_add(&environment, "TERM", program->term);
	fill_environment(n, &environment, program->recipe);
	fds[0] = write_program(program->path, program->arguments, &environment);
	strings_done(&environment);
	if (fds[0] < 0)
		return false;
	memcpy(fds + 1, files, count * sizeof(int));
	is_sent = send_run(n, order, fds, 1 + count);
	close(fds[0]);
	return is_sent;
}

static bool run(struct native *n, enum job job, const char *path,
		const struct strings *arguments, const char *recipe)
{
	const struct keeper_order order = {
		.type = KEEPER_RUN, .id = (uint32_t)job, .is_guarded = job == JOB_PROBE};
	const struct native_program program = {path, arguments, recipe, NULL};
	struct job_state *state = &n->jobs[job];
	int files[2] = {-1, -1};
	bool is_sent = false;

	native_close_outputs(n, job);
	if (output_open(&state->output, &files[0]) == 0 &&
	    output_open(&state->errors, &files[1]) == 0)
		is_sent = native_send_program(n, &order, &program, files, 2);
	state->is_running = is_sent;
	state->is_refused = !is_sent;
	state->status = 0;
	if (!is_sent)
		native_text(state->refusal, sizeof(state->refusal), "cannot run it: %s",
			    n->socket < 0 ? n->keeper_error : strerror(errno));
	for (unsigned k = 0; k < 2; k++)
		if (files[k] >= 0)
			close(files[k]);
	return is_sent;
}

void native_read_outputs(struct native *n, enum job job)
{
	struct job_state *state = &n->jobs[job];

	if (state->output.fd >= 0)
		output_read(n->instance, &state->output, &n->budget);
	if (state->errors.fd >= 0)
		output_read(n->instance, &state->errors, &n->budget);
}

void native_close_outputs(struct native *n, enum job job)
{
	output_close(n->instance, &n->jobs[job].output, &n->budget);
	output_close(n->instance, &n->jobs[job].errors, &n->budget);
}

bool native_has_recipe(const struct native *n, const char *name)
{
	const char *at = native_setting(n, "recipes"); /* with a blank between */

	while (at[0] != '\0') {
		size_t size = strcspn(at, " ");

		if (size == strlen(name) && memcmp(at, name, size) == 0)
			return true;
		at += size + (at[size] == ' ');
	}
	return false;
}

bool native_start_recipe(struct native *n, enum job job, const char *name)
{
	struct strings arguments = {0};
	char path[4300], title[32];
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/recipes/%s",
		       inside(n, ENCLOSE_PACKAGE, "package"), name);
	(void)snprintf(title, sizeof(title), "%s", name);
	strings_add_text(&arguments, path, strlen(path));
	ok = run(n, job, path, &arguments, title);
	strings_done(&arguments);
	return ok;
}

bool native_start_command(struct native *n, enum job job, const char *command)
{
	struct strings arguments = {0};
	bool ok;

	strings_add_text(&arguments, SHELL, strlen(SHELL));
	strings_add_text(&arguments, "-c", 2);
	strings_add_text(&arguments, command, strlen(command));
	ok = run(n, job, SHELL, &arguments, "probe");
	strings_done(&arguments);
	return ok;
}

void native_job_error(struct native *n, enum job job, char *text, size_t size)
{
	const struct job_state *state = &n->jobs[job];
	char last[NATIVE_TEXT];

	text[0] = '\0';
	output_last(&state->errors, last, sizeof(last));
	if (state->is_refused)
		native_text(text, size, "%s", state->refusal);
	else if (WIFSIGNALED(state->status))
		native_text(text, size, "killed by signal %d%s%s", WTERMSIG(state->status),
			    native_memory_text(n), last);
	else if (WEXITSTATUS(state->status) != 0)
		native_text(text, size, "exit status %d%s%s", WEXITSTATUS(state->status),
			    native_memory_text(n), last);
}

void native_find_port(struct native *n, enum job job, uint16_t port)
{
	const struct runner *i = n->instance;
	uid_t uid = n->enclosure.uid;
	struct keeper_order order = {
		.type = KEEPER_FIND_PORT,
		.id = (uint32_t)job,
		.port = port,
		.is_own_user = n->is_root && uid != i->request->unprivileged_uid,
	};

	n->asks_owner = true;
	n->knows_owner = false;
	if (n->socket >= 0)
		(void)!send(n->socket, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void native_signal(struct native *n, uint32_t id, int number, bool only_first)
{
	struct keeper_order order = {
		.type = KEEPER_SIGNAL, .id = id, .signal = number, .only_first = only_first};

	if (n->socket >= 0)
		(void)!send(n->socket, &order, sizeof(order), MSG_NOSIGNAL | MSG_DONTWAIT);
}
