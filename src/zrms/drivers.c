#include "zrms/drivers.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/log/log.h"
#include "adapter/pki/token.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"
#include "schema/message.h"
#include "zrms/driver_process.h"
#include "zrms/joining.h"
#include "zrms/zrms.h"

enum {
	PARALLEL = 4,
	QUEUE_MAX = 4096,
	TOKENS_KEPT = 1024, /* of which most are never used */
	QUOTED_MAX = 400,
	KEYS_MAX = 10000,
};

struct call {
	struct drivers *drivers;
	uint64_t id;
	enum driver_operation operation;
	const char *name, *path;
	char *directory;
	char *key;			/* of the machine; NULL: it is about all of them */
	char *input;			/* a line of JSON, with a secret */
	struct driver_process *process; /* NULL: it waits */
};

struct kept_token {
	struct join_token token;
};

struct drivers {
	struct zrms *zrms;
	int64_t timeout_ms;
	VECTOR(char *) paths;
	const char **names;	     /* ends with NULL */
	VECTOR(struct call *) calls; /* the first ones run */
	VECTOR(struct join_token *) tokens;
	Samoza__V1__JoinTokenRecord record; /* that was drawn last */
	struct token_hash hash;
};

static const char *const operations[] = {
	[DRIVER_CREATE] = "create",
	[DRIVER_STATUS] = "status",
	[DRIVER_DESTROY] = "destroy",
	[DRIVER_LIST] = "list",
};

/* ---- settings ---- */

static int add_driver(struct drivers *d, const char *word, struct error **err)
{
	const char *equals = strchr(word, '=');
	size_t size = equals != NULL ? (size_t)(equals - word) : strlen(word);
	if (size == 0 || strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") < size)
		return error_set(err, ERR_INVALID,
				 "machines.drivers: '%s' names no driver: expected NAME or "
				 "NAME=PATH, the name with a-z, 0-9 and -",
				 word);
	char *name = mem_strndup(word, size);
	char *path = equals != NULL ? mem_strdup(equals + 1)
				    : str_printf("%s/%s", SAMOZA_DRIVERS_DIR, name);
	size_t count = d->paths.count;
	d->names = mem_resize(d->names, count + 2, sizeof(*d->names));
	d->names[count] = name;
	d->names[count + 1] = NULL;
	vector_push(&d->paths, path);
	if (path[0] == '/' && access(path, X_OK) == 0)
		return 0;
	return error_set(
		err, ERR_INVALID,
		"machines.drivers: %s is no program that can be run: driver %s needs the "
		"whole path of one",
		path, name);
}

int drivers_new(struct zrms *zrms, const char *text, int64_t timeout_ms,
		struct drivers **ret_drivers, struct error **err)
{
	struct drivers *d = mem_new(struct drivers);
	CLEANUP(freep) char *copy = mem_strdup(text != NULL ? text : "");
	char *rest = NULL;
	int r = 0;
	d->zrms = zrms;
	d->timeout_ms = timeout_ms;
	d->names = mem_new_array(const char *, 1);
	for (char *word = strtok_r(copy, ", ", &rest); word != NULL && r == 0;
	     word = strtok_r(NULL, ", ", &rest))
		r = add_driver(d, word, err);
	if (r < 0) {
		drivers_free(d);
		return r;
	}
	*ret_drivers = d;
	return 0;
}

const char *const *drivers_names(const struct drivers *d)
{
	return d->names;
}

static const char *path_of(const struct drivers *d, const char *name)
{
	for (size_t k = 0; k < d->paths.count; k++)
		if (str_equal(d->names[k], name))
			return d->paths.items[k];
	return NULL;
}

/* ---- tokens ---- */

static void token_free(struct join_token *token)
{
	join_token_done(token);
	free(token);
}

int drivers_token(struct drivers *d, const Samoza__V1__JoinTokenRecord **ret_token,
		  struct error **err)
{
	struct join_token *token = mem_new(struct join_token);
	int r = joining_word(d->zrms, token, err);
	if (r < 0) {
		free(token);
		return r;
	}
	if (d->tokens.count == TOKENS_KEPT) {
		token_free(d->tokens.items[0]);
		vector_remove_at(&d->tokens, 0);
	}
	vector_push(&d->tokens, token);
	samoza__v1__join_token_record__init(&d->record);
	d->hash = join_token_hash(token);
	d->record.id = token->id;
	d->record.hash = (ProtobufCBinaryData){sizeof(d->hash.bytes), d->hash.bytes};
	*ret_token = &d->record;
	return 0;
}

/* It is used once; NULL: it is not known here. pki_secret_free(). */
static char *take_word(struct drivers *d, const char *id)
{
	for (size_t k = 0; k < d->tokens.count; k++) {
		struct join_token *token = d->tokens.items[k];
		if (!str_equal(token->id, id))
			continue;
		char *word = join_token_write(token);
		token_free(token);
		vector_remove_at(&d->tokens, k);
		return word;
	}
	return NULL;
}

/* ---- what came of a call ---- */

struct outcome {
	enum driver_state state;
	char *error, *note;
	const char **keys;
	size_t key_count;
	json_t *answer; /* keys are its */
};

/* The last line that says something, fit to be shown. The caller frees. */
static char *last_line(const char *text)
{
	size_t end = strlen(text);
	while (end > 0 && isspace((unsigned char)text[end - 1]))
		end--;
	size_t begin = end;
	while (begin > 0 && text[begin - 1] != '\n' && end - begin < QUOTED_MAX)
		begin--;
	char *line = mem_strndup(text + begin, end - begin);
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	return line;
}

static char *end_text(const struct drivers *d, const struct driver_end *end)
{
	if (end->is_late)
		return str_printf("no answer in %lld s", (long long)(d->timeout_ms / 1000));
	if (WIFSIGNALED(end->status))
		return str_printf("killed by signal %d", WTERMSIG(end->status));
	if (WIFEXITED(end->status) && WEXITSTATUS(end->status) != 0)
		return str_printf("exit status %d", WEXITSTATUS(end->status));
	return NULL;
}

static void fail(struct outcome *o, char *take_error)
{
	o->state = DRIVER_FAILED;
	free(o->error);
	o->error = take_error;
}

static void read_list(struct outcome *o)
{
	const json_t *machines = json_object_get(o->answer, "machines");
	size_t k;
	json_t *one;
	if (!json_is_array(machines) || json_array_size(machines) > KEYS_MAX) {
		fail(o, mem_strdup("its answer names no machines"));
		return;
	}
	o->state = DRIVER_READY;
	o->keys = mem_new_array(const char *, json_array_size(machines) + 1);
	json_array_foreach(machines, k, one)
	{
		const char *key = json_string_value(json_object_get(one, "key"));
		if (key != NULL)
			o->keys[o->key_count++] = key;
	}
}

/* It need not say for which machine it answers. */
static void read_state(const struct call *call, struct outcome *o)
{
	const char *state = json_string_value(json_object_get(o->answer, "state"));
	const char *key = json_string_value(json_object_get(o->answer, "key"));
	const char *note = json_string_value(json_object_get(o->answer, "note"));
	if (key != NULL && !str_equal(key, call->key)) {
		CLEANUP(freep) char *line = last_line(key);
		fail(o, str_printf("it answers for another machine, %s", line));
	} else if (str_equal(state, "ready")) {
		o->state = DRIVER_READY;
		o->note = note != NULL ? last_line(note) : NULL;
	} else if (str_equal(state, "changing")) {
		o->state = DRIVER_CHANGING;
	} else if (str_equal(state, "absent")) {
		o->state = DRIVER_ABSENT;
	} else {
		fail(o,
		     mem_strdup("its answer has no state: expected ready, changing or absent"));
	}
}

static void read_outcome(const struct call *call, const struct driver_end *end,
			 struct outcome *o)
{
	CLEANUP(freep) char *how = end_text(call->drivers, end);
	CLEANUP(freep) char *wrong = last_line(end->err);
	const char *quoted = str_is_empty(wrong) ? "" : ": ";
	o->answer = json_loads(end->out, JSON_DISABLE_EOF_CHECK, NULL);
	const char *error = json_string_value(json_object_get(o->answer, "error"));
	if (error != NULL) {
		CLEANUP(freep) char *line = last_line(error);
		fail(o, str_printf("%s%s%s", line, quoted, wrong));
	} else if (how != NULL) {
		fail(o, str_printf("%s%s%s", how, quoted, wrong));
	} else if (end->is_cut) {
		fail(o, mem_strdup("its answer is longer than 1 MiB"));
	} else if (!json_is_object(o->answer)) {
		fail(o, str_printf("its answer is no line of JSON%s%s", quoted, wrong));
	} else if (call->operation == DRIVER_LIST) {
		read_list(o);
	} else {
		read_state(call, o);
	}
}

static void tell(struct call *call, struct outcome *o)
{
	struct zrms *zrms = call->drivers->zrms;
	CLEANUP(error_freep) struct error *err = NULL;
	struct control_input input = {.type = CONTROL_DRIVER, .driver = {.call = call->id}};
	if (o->state == DRIVER_ABSENT && call->operation == DRIVER_STATUS &&
	    drivers_token(call->drivers, &input.driver.token, &err) < 0)
		fail(o, error_text(err));
	input.driver.state = o->state;
	input.driver.error = o->error;
	input.driver.note = o->note;
	input.driver.keys = o->keys;
	input.driver.key_count = o->key_count;
	if (o->state == DRIVER_FAILED)
		log_warn("driver", operations[call->operation], LOG_S("driver", call->name),
			 LOG_S("error", o->error));
	else
		log_info("driver", operations[call->operation], LOG_S("driver", call->name));
	commit_driver_input(zrms->commits, &input);
	free(o->error);
	free(o->note);
	free(o->keys);
	json_decref(o->answer);
}

/* ---- calls ---- */

static void wipe(char *take_text)
{
	if (take_text != NULL)
		explicit_bzero(take_text, strlen(take_text));
	free(take_text);
}

static void call_free(struct call *call)
{
	driver_process_free(call->process);
	wipe(call->input);
	free(call->directory);
	free(call->key);
	free(call);
}

static void run_next(struct drivers *d);

static void remove_call(struct call *call)
{
	struct drivers *d = call->drivers;
	for (size_t k = 0; k < d->calls.count; k++)
		if (d->calls.items[k] == call) {
			vector_remove_at(&d->calls, k);
			break;
		}
	call_free(call);
	run_next(d);
}

static void on_end(void *user, const struct driver_end *end)
{
	struct call *call = user;
	struct outcome o = {0};
	read_outcome(call, end, &o);
	tell(call, &o);
	remove_call(call);
}

/* What a driver keeps from one call to the next. */
static int make_directory(const struct call *call, struct error **err)
{
	CLEANUP(freep) char *all = str_printf("%s/drivers", call->drivers->zrms->settings.dir);
	bool is_there = (mkdir(all, 0700) == 0 || errno == EEXIST) &&
			(mkdir(call->directory, 0700) == 0 || errno == EEXIST);
	return is_there ? 0 : error_errno(err, "cannot make %s", call->directory);
}

static int run(struct call *call, struct error **err)
{
	struct drivers *d = call->drivers;
	if (call->input == NULL)
		return error_set(err, ERR_UNAVAILABLE, "its token is not known any longer");
	int r = make_directory(call, err);
	if (r < 0)
		return r;
	return driver_process_new(&d->zrms->loop, call->path, call->directory, call->input,
				  strlen(call->input), d->timeout_ms, on_end, call,
				  &call->process, err);
}

static void run_next(struct drivers *d)
{
	for (size_t k = 0; k < d->calls.count && k < PARALLEL; k++) {
		struct call *call = d->calls.items[k];
		CLEANUP(error_freep) struct error *err = NULL;
		if (call->process != NULL || run(call, &err) == 0)
			continue;
		struct outcome o = {.error = error_text(err)};
		tell(call, &o);
		remove_call(call);
		return;
	}
}

static json_t *pairs(Samoza__V1__LabelRecord *const *list, size_t count)
{
	json_t *object = json_object();
	for (size_t k = 0; k < count; k++)
		(void)json_object_set_new(object, list[k]->name, json_string(list[k]->value));
	return object;
}

/* Its own words come before those of who asks: drivers in shell cut there. NULL: it is to be told a token that
 * is not known. */
static char *input_of(struct drivers *d, const struct driver_call *call)
{
	const Samoza__V1__MachineRecord *m = call->machine;
	json_t *object = json_pack("{s:s}", "operation", operations[call->operation]);
	bool is_known = true;
	if (d->zrms->cluster != NULL)
		(void)json_object_set_new(object, "cluster",
					  json_string(d->zrms->cluster->name));
	if (m != NULL) {
		(void)json_object_set_new(object, "key", json_string(m->key));
		(void)json_object_set_new(object, "name", json_string(m->name));
	}
	if (call->token != NULL) {
		char *word = take_word(d, call->token);
		is_known = word != NULL;
		if (is_known)
			(void)json_object_set_new(object, "token", json_string(word));
		pki_secret_free(word);
	}
	if (m != NULL) {
		(void)json_object_set_new(object, "settings",
					  pairs(m->settings, m->n_settings));
		(void)json_object_set_new(object, "labels", pairs(m->labels, m->n_labels));
	}
	char *line = NULL;
	if (is_known) {
		char *text = json_dumps(object, JSON_COMPACT);
		line = str_printf("%s\n", text);
		wipe(text);
	}
	json_decref(object);
	return line;
}

void drivers_call(struct drivers *d, const struct driver_call *asked)
{
	const char *path = path_of(d, asked->driver);
	if (path == NULL || d->calls.count >= QUEUE_MAX)
		return; /* the core names none but those of the settings, and one call for each machine */
	struct call *call = mem_new(struct call);
	call->drivers = d;
	call->id = asked->id;
	call->operation = asked->operation;
	call->path = path;
	for (size_t k = 0; k < d->paths.count; k++)
		if (d->paths.items[k] == path)
			call->name = d->names[k];
	call->directory = str_printf("%s/drivers/%s", d->zrms->settings.dir, call->name);
	call->key = asked->machine != NULL ? mem_strdup(asked->machine->key) : NULL;
	call->input = input_of(d, asked);
	vector_push(&d->calls, call);
	run_next(d);
}

void drivers_free(struct drivers *d)
{
	if (d == NULL)
		return;
	vector_for_each (&d->calls, call)
		call_free(*call);
	vector_done(&d->calls);
	vector_for_each (&d->tokens, token)
		token_free(*token);
	vector_done(&d->tokens);
	for (size_t k = 0; d->names[k] != NULL; k++)
		free((char *)(uintptr_t)d->names[k]);
	free(d->names);
	vector_for_each (&d->paths, path)
		free(*path);
	vector_done(&d->paths);
	free(d);
}
