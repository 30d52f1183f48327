#include "fixture.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/str.h"
#include "schema/message.h"

#define MOST_LISTS 8

static const char *const phase_names[] = {"absent",  "deploying", "deployed",	"starting",
					  "started", "stopping",  "undeploying"};

static void say(struct fixture *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void say(struct fixture *f, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	assert_int_equal(buffer_vprintf(&f->seen, format, args), 0);
	va_end(args);
}

/* ---- what it does, as text ---- */

/* It is there when an error is, and says what the error begins with. */
static void check_failed_action(const Samoza__V1__InstanceReport *r)
{
	static const char *const prefixes[] = {
		"", "deploy: ", "start: ", "update: ", "stop: ", "undeploy: ", "process: "};
	assert_int_equal(r->has_failed_action, r->error != NULL);
	if (r->error == NULL)
		return;
	assert_int_not_equal(r->failed_action, SAMOZA__V1__FAILED_ACTION__FAILED_NONE);
	if (r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_ENDED)
		assert_true(str_has_prefix(r->error, "process: ended with exit status 0"));
	else
		assert_true(str_has_prefix(r->error, prefixes[r->failed_action]));
}

static void say_report(struct fixture *f, const char *what, const Samoza__V1__InstanceReport *r)
{
	say(f, "%s %s@%" PRIu64 " g%" PRIu64 " %s", what, r->key->path, r->key->epoch,
	    r->observed_generation, phase_names[r->phase]);
	for (size_t i = 0; i < r->n_exports; i++)
		say(f, " %s=%s", r->exports[i]->name, r->exports[i]->value);
	if (r->has_imports_version && r->imports_version > 0)
		say(f, " i%" PRIu64, r->imports_version);
	if (r->failures > 0)
		say(f, " failures=%u", r->failures);
	if (r->restarts > 0)
		say(f, " restarts=%u", r->restarts);
	if (r->exhausted)
		say(f, " exhausted");
	if (r->finished)
		say(f, " finished");
	if (r->has_retry_ms)
		say(f, " retry=%" PRIu64, r->retry_ms);
	if (r->has_healthy && !r->healthy)
		say(f, " unhealthy");
	if (r->well)
		say(f, " well");
	if (r->failed_action == SAMOZA__V1__FAILED_ACTION__FAILED_ENDED)
		say(f, " ended");
	if (r->error != NULL)
		say(f, " \"%s\"", r->error);
	check_failed_action(r);
	say(f, "\n");
}

static void say_message(struct fixture *f, const struct agent_message *m)
{
	assert_true(protobuf_c_message_check(m->message));
	if (m->type == SAMOZA__V1__FRAME_TYPE__FRAME_HELLO) {
		const Samoza__V1__Hello *h = (const Samoza__V1__Hello *)m->message;
		say(f, "hello %s %" PRIu64 "\n", h->spec->name, h->incarnation);
		for (size_t i = 0; i < h->n_instances; i++)
			say_report(f, "  holds", h->instances[i]);
	} else if (m->type == SAMOZA__V1__FRAME_TYPE__FRAME_HEARTBEAT) {
		const Samoza__V1__Heartbeat *h = (const Samoza__V1__Heartbeat *)m->message;
		say(f, "heartbeat %" PRIu64 "\n", h->counter);
	} else {
		const Samoza__V1__Report *r = (const Samoza__V1__Report *)m->message;
		assert_int_equal(m->type, SAMOZA__V1__FRAME_TYPE__FRAME_REPORT);
		for (size_t i = 0; i < r->n_instances; i++)
			say_report(f, "report", r->instances[i]);
	}
}

static void say_order(struct fixture *f, const struct agent_order *o)
{
	switch (o->type) {
	case ORDER_ACTION:
		say(f, "do %" PRIu64 " %s %s@%" PRIu64, o->action, agent_action_name(o->kind),
		    o->key->path, o->key->epoch);
		if (o->imports_version > 0)
			say(f, " i%" PRIu64, o->imports_version);
		if (f->imports_shown)
			for (size_t i = 0; i < o->n_imports; i++)
				say(f, " %s:%s=%s", o->imports[i]->import, o->imports[i]->path,
				    o->imports[i]->variables[0]->value);
		if (!o->writes)
			say(f, " readonly");
		if (o->kind == ACTION_UPDATE && o->keeps_settings && o->spec->n_env > 0)
			say(f, " keeps-env");
		if (!o->serves)
			say(f, " beside");
		if (o->kind == ACTION_STOP)
			say(f, " grace=%" PRId64, o->grace_ms);
		if (o->deadline_ms != NEVER_MS)
			say(f, " until=%" PRId64, o->deadline_ms);
		say(f, "\n");
		return;
	case ORDER_KILL:
		say(f, "kill %" PRIu64 " %s %s@%" PRIu64 "\n", o->action,
		    agent_action_name(o->kind), o->key->path, o->key->epoch);
		return;
	case ORDER_RENEW:
		say(f, "renew %s until=%" PRId64 "\n", o->key->path, o->deadline_ms);
		return;
	case ORDER_RIGHTS:
		say(f, "rights %s@%" PRIu64 "%s%s\n", o->key->path, o->key->epoch,
		    o->writes ? " writes" : "", o->serves ? " serves" : "");
		return;
	case ORDER_TRY:
		say(f, "try %s\n", o->text);
		return;
	case ORDER_WAITS:
		say(f, "waits %s@%" PRIu64 ": %s\n", o->key->path, o->key->epoch, o->text);
		return;
	case ORDER_END:
		say(f, "end\n");
		return;
	}
	fail();
}

static void store(struct fixture *f, const struct agent_record *r)
{
	struct agent_record *slot = NULL;
	for (size_t i = 0; i < FIXTURE_RECORDS; i++) {
		if (str_equal(f->disk[i].id, r->id)) {
			slot = &f->disk[i];
			break;
		}
		if (f->disk[i].id == NULL && slot == NULL)
			slot = &f->disk[i];
	}
	assert_non_null(slot);
	free(slot->id);
	free(slot->data);
	*slot = (struct agent_record){0};
	if (r->data != NULL)
		*slot = (struct agent_record){r->owner, mem_strdup(r->id),
					      mem_memdup(r->data, r->size), r->size};
	if (!f->records_shown || str_equal(r->owner, AGENT_LINK))
		return;
	if (r->data == NULL) {
		say(f, "record %s -\n", r->id);
		return;
	}
	Samoza__V1__AgentRecord *record =
		samoza__v1__agent_record__unpack(NULL, r->size, r->data);
	assert_non_null(record);
	say(f, "record %s %s\n", r->id, phase_names[record->phase]);
	samoza__v1__agent_record__free_unpacked(record, NULL);
}

static void take(struct fixture *f, const struct agent_input *input)
{
	struct agent_outbox o;
	agent_outbox_init(&o);
	agent_handle(f->agent,
		     (struct instant){f->now_ms, 1000000 + f->now_ms + f->wall_ahead_ms}, input,
		     &o);
	vector_for_each (&o.records, r)
		store(f, r);
	vector_for_each (&o.orders, order)
		say_order(f, order);
	vector_for_each (&o.messages, m)
		say_message(f, m);
	agent_outbox_done(&o);
}

/* ---- life ---- */

static struct agent *new_agent(uint64_t incarnation, const char *boot)
{
	Samoza__V1__ZhostSpec spec = SAMOZA__V1__ZHOST_SPEC__INIT;
	spec.name = (char *)"n1";
	return agent_new(&(struct agent_config){.identity = "id",
						.incarnation = incarnation,
						.boot = boot,
						.spec = &spec,
						.heartbeat_ms = 10000,
						.failure_timeout_ms = 30000});
}

static struct fixture *fixture_new(void)
{
	struct fixture *f = mem_new(struct fixture);
	f->seen = BUFFER_INIT(1 << 20);
	f->agent = new_agent(1, "first");
	return f;
}

int fixture_alone(void **state)
{
	*state = fixture_new();
	return 0;
}

int fixture_joined(void **state)
{
	struct fixture *f = *state = fixture_new();
	join(f);
	return 0;
}

int fixture_end(void **state)
{
	struct fixture *f = *state;
	expect(f, "");
	agent_free(f->agent);
	buffer_done(&f->seen);
	for (size_t i = 0; i < FIXTURE_RECORDS; i++) {
		free(f->disk[i].id);
		free(f->disk[i].data);
	}
	free(f);
	return 0;
}

void expect_at(struct fixture *f, const char *text, const char *file, int line)
{
	const char *seen = f->seen.data != NULL ? f->seen.data : "";
	if (strcmp(seen, text) != 0) {
		print_error("expected:\n%s\nseen:\n%s\n", text, seen);
		_fail(file, line);
	}
	buffer_clear(&f->seen);
}

void ignore(struct fixture *f)
{
	buffer_clear(&f->seen);
}

/* ---- inputs ---- */

void up(struct fixture *f)
{
	take(f, &(struct agent_input){.type = AGENT_LINK_UP});
}

void down(struct fixture *f)
{
	take(f, &(struct agent_input){.type = AGENT_LINK_DOWN});
}

void hello_ack(struct fixture *f, Samoza__V1__HelloAck__Verdict verdict)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = verdict;
	take(f, &(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack});
}

void hello_ack_of(struct fixture *f, Samoza__V1__HelloAck__Verdict verdict, uint64_t term)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = verdict;
	ack.has_term = true;
	ack.term = term;
	take(f, &(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack});
}

void supersede(struct fixture *f, const char *path, uint64_t epoch)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = (char *)"T";
	key.path = (char *)path;
	key.epoch = epoch;
	Samoza__V1__InstanceKey *keys[] = {&key};
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__REFUSED;
	ack.n_superseded = 1;
	ack.superseded = keys;
	take(f, &(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack});
}

void accept(struct fixture *f)
{
	hello_ack(f, SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED);
}

void accept_within(struct fixture *f, uint64_t heartbeat_ms, uint64_t timeout_ms)
{
	Samoza__V1__HelloAck ack = SAMOZA__V1__HELLO_ACK__INIT;
	ack.verdict = SAMOZA__V1__HELLO_ACK__VERDICT__ACCEPTED;
	ack.has_heartbeat_ms = ack.has_failure_timeout_ms = true;
	ack.heartbeat_ms = heartbeat_ms;
	ack.failure_timeout_ms = timeout_ms;
	take(f, &(struct agent_input){.type = AGENT_HELLO_ACK, .hello_ack = &ack});
}

void rejoin(struct fixture *f)
{
	up(f);
	accept(f);
	ignore(f);
}

void heartbeat_ack(struct fixture *f, uint64_t counter)
{
	Samoza__V1__HeartbeatAck ack = SAMOZA__V1__HEARTBEAT_ACK__INIT;
	ack.counter = counter;
	take(f, &(struct agent_input){.type = AGENT_HEARTBEAT_ACK, .heartbeat_ack = &ack});
}

void join(struct fixture *f)
{
	up(f);
	accept(f);
	heartbeat_ack(f, 1);
	ask_full(f, "");
	ignore(f);
}

struct entry {
	Samoza__V1__DesiredInstance desired;
	Samoza__V1__InstanceKey key;
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__Provider provider, *providers[1];
	Samoza__V1__Variable variable, *variables[1];
	char value[32], parent[32];
	uint64_t lists[4];
};

static Samoza__V1__Variable env_db = {
	PROTOBUF_C_MESSAGE_INIT(&samoza__v1__variable__descriptor), .name = (char *)"DB",
	.value = (char *)"${imports.db.port}"};
static Samoza__V1__Variable *env[] = {&env_db};
static char *references[] = {(char *)"db.port"};

static void read_word(struct entry *w, const char *word, unsigned index)
{
	Samoza__V1__DesiredInstance *d = &w->desired;
	uint64_t number = 0;
	if (index == 0) {
		char *at = strchr(word, '@');
		assert_non_null(at);
		assert_int_equal(str_to_u64(at + 1, &w->key.epoch), 0);
		w->key.path = mem_strndup(word, (size_t)(at - word));
	} else if (strcmp(word, "started") == 0) {
		d->target = SAMOZA__V1__TARGET__TARGET_STARTED;
	} else if (strcmp(word, "deployed") == 0) {
		d->target = SAMOZA__V1__TARGET__TARGET_DEPLOYED;
	} else if (strcmp(word, "none") == 0) {
		d->target = SAMOZA__V1__TARGET__TARGET_NONE;
	} else if (strcmp(word, "nospec") == 0) {
		d->spec = NULL;
	} else if (sscanf(word, "in=%31s", w->parent) == 1) {
		w->spec.parent = w->parent;
	} else if (strcmp(word, "readonly") == 0) {
		d->has_writes = true;
		d->writes = false;
	} else if (strcmp(word, "beside") == 0) {
		d->has_serves = true;
		d->serves = false;
	} else if (strcmp(word, "together") == 0) {
		w->spec.has_alone = true;
		w->spec.alone = false;
	} else if (sscanf(word, "next-to=%" SCNu64, &number) == 1) {
		w->spec.has_beside = true;
		w->spec.beside = number;
	} else if (sscanf(word, "of=%" SCNu64, &number) == 1) {
		w->spec.has_placement = true;
		w->spec.placement = number;
	} else if (sscanf(word, "revision=%" SCNu64, &number) == 1) {
		w->spec.has_revision = true;
		w->spec.revision = (uint32_t)number;
	} else if (strcmp(word, "env") == 0) {
		w->spec.has_reload = true;
		w->spec.reload = SAMOZA__V1__RELOAD__RELOAD_UPDATE;
		w->spec.env = env;
		w->spec.n_env = 1;
		w->spec.references = references;
		w->spec.n_references = 1;
	} else if (strcmp(word, "exclusive") == 0) {
		w->spec.has_exclusive = w->spec.exclusive = true;
	} else if (sscanf(word, "attempts=%" SCNu64, &number) == 1) {
		w->spec.has_restart_attempts = true;
		w->spec.restart_attempts = (uint32_t)number;
	} else if (sscanf(word, "window=%" SCNu64, &number) == 1) {
		w->spec.has_restart_window_ms = true;
		w->spec.restart_window_ms = number;
	} else if (sscanf(word, "grace=%" SCNu64, &number) == 1) {
		w->spec.has_stop_grace_ms = true;
		w->spec.stop_grace_ms = number;
	} else if (sscanf(word, "timeout=%" SCNu64, &number) == 1) {
		w->spec.has_action_timeout_ms = true;
		w->spec.action_timeout_ms = number;
	} else if (sscanf(word, "g%" SCNu64, &number) == 1) {
		d->generation = number;
	} else if (sscanf(word, "r%" SCNu64, &number) == 1) {
		d->has_retry_generation = true;
		d->retry_generation = number;
	} else if (sscanf(word, "i%" SCNu64, &number) == 1) {
		d->has_imports_version = true;
		d->imports_version = number;
		d->n_imports = 1;
		if (w->value[0] == '\0')
			snprintf(w->value, sizeof(w->value), "%" PRIu64, number);
	} else if (sscanf(word, "list=%" SCNu64, &number) == 1) {
		assert_true(d->n_import_lists < ARRAY_SIZE(w->lists));
		w->lists[d->n_import_lists++] = number;
		d->n_imports = 0;
	} else if (sscanf(word, "port=%31s", w->value) == 1) {
		w->variable.value = w->value;
	} else {
		print_error("unknown word: %s\n", word);
		fail();
	}
}

static struct entry *read_entry(char *text)
{
	struct entry *w = mem_new(struct entry);
	samoza__v1__desired_instance__init(&w->desired);
	samoza__v1__instance_key__init(&w->key);
	samoza__v1__instance_spec__init(&w->spec);
	w->key.topology = (char *)"T";
	w->desired.key = &w->key;
	w->desired.spec = &w->spec;
	samoza__v1__provider__init(&w->provider);
	samoza__v1__variable__init(&w->variable);
	w->variable.name = (char *)"port";
	w->variable.value = w->value;
	w->variables[0] = &w->variable;
	w->provider.import = w->provider.path = (char *)"db";
	w->provider.variables = w->variables;
	w->provider.n_variables = 1;
	w->providers[0] = &w->provider;
	w->desired.imports = w->providers;
	w->desired.import_lists = w->lists;
	char *rest = NULL;
	unsigned index = 0;
	for (char *word = strtok_r(text, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		read_word(w, word, index++);
	w->spec.topology_name = (char *)"t";
	w->spec.space = w->key.path;
	w->spec.type = SAMOZA__V1__SPACE_TYPE__CALL;
	return w;
}

static Samoza__V1__Provider *provider_new(const char *path, const char *port)
{
	Samoza__V1__Variable v = SAMOZA__V1__VARIABLE__INIT, *variables[] = {&v};
	Samoza__V1__Provider p = SAMOZA__V1__PROVIDER__INIT;
	v.name = (char *)"port";
	v.value = (char *)port;
	p.import = (char *)"db";
	p.path = (char *)path;
	p.n_variables = 1;
	p.variables = variables;
	return (Samoza__V1__Provider *)schema_message_copy(&p.base);
}

static void read_list(Samoza__V1__Desired *d, char *text)
{
	Samoza__V1__ProviderList *list = NULL;
	char *rest = NULL, *word = strtok_r(text, " ", &rest);
	if (strcmp(word, "drop") == 0) {
		word = strtok_r(NULL, " ", &rest);
		assert_int_equal(str_to_u64(word, &d->dropped_lists[d->n_dropped_lists++]), 0);
		return;
	}
	list = (Samoza__V1__ProviderList *)schema_message_new(
		&samoza__v1__provider_list__descriptor);
	list->providers = mem_new_array(Samoza__V1__Provider *, MOST_LISTS);
	list->removed = mem_new_array(char *, MOST_LISTS);
	assert_int_equal(sscanf(word, "%" SCNu64 "@%" SCNu64, &list->id, &list->version), 2);
	while ((word = strtok_r(NULL, " ", &rest)) != NULL) {
		char *value = strchr(word, '=');
		if (strcmp(word, "full") == 0) {
			list->full = true;
		} else if (word[0] == '-') {
			list->removed[list->n_removed++] = mem_strdup(word + 1);
		} else {
			assert_non_null(value);
			*value = '\0';
			list->providers[list->n_providers++] = provider_new(word, value + 1);
		}
	}
	d->lists[d->n_lists++] = list;
}

/* What lists() gave, into a set of which the caller has made room. */
static void take_lists(struct fixture *f, Samoza__V1__Desired *d)
{
	CLEANUP(freep) char *text = mem_strdup(f->lists != NULL ? f->lists : "");
	char *rest = NULL;
	for (char *one = strtok_r(text, ";", &rest); one != NULL;
	     one = strtok_r(NULL, ";", &rest))
		read_list(d, one);
	f->lists = NULL;
}

void lists(struct fixture *f, const char *text)
{
	f->lists = text;
}

static void desired(struct fixture *f, bool full, const char *entries)
{
	Samoza__V1__DesiredInstance *list[16];
	Samoza__V1__ProviderList *provider_lists[MOST_LISTS];
	uint64_t dropped_lists[MOST_LISTS];
	struct entry *owned[16];
	Samoza__V1__Desired d = SAMOZA__V1__DESIRED__INIT;
	d.version = ++f->sets;
	d.full = full;
	d.instances = list;
	d.lists = provider_lists;
	d.dropped_lists = dropped_lists;
	take_lists(f, &d);
	CLEANUP(freep) char *text = mem_strdup(entries);
	char *rest = NULL;
	for (char *one = strtok_r(text, ";", &rest); one != NULL;
	     one = strtok_r(NULL, ";", &rest)) {
		owned[d.n_instances] = read_entry(one);
		list[d.n_instances] = &owned[d.n_instances]->desired;
		d.n_instances++;
	}
	take(f, &(struct agent_input){.type = AGENT_DESIRED, .desired = &d});
	for (size_t i = 0; i < d.n_lists; i++)
		schema_message_free(d.lists[i]);
	for (size_t i = 0; i < d.n_instances; i++) {
		free(owned[i]->key.path);
		free(owned[i]);
	}
}

void ask(struct fixture *f, const char *entries)
{
	desired(f, false, entries);
}

void ask_full(struct fixture *f, const char *entries)
{
	desired(f, true, entries);
}

void succeed(struct fixture *f, uint64_t action)
{
	take(f, &(struct agent_input){.type = AGENT_ACTION_DONE, .done = {.action = action}});
}

void succeed_all(struct fixture *f, uint64_t first, uint64_t last)
{
	for (uint64_t action = first; action <= last; action++)
		succeed(f, action);
}

void fails(struct fixture *f, uint64_t action, const char *error)
{
	take(f, &(struct agent_input){.type = AGENT_ACTION_DONE,
				      .done = {.action = action, .error = error}});
}

void fails_unreached(struct fixture *f, uint64_t action, const char *error)
{
	take(f, &(struct agent_input){
			.type = AGENT_ACTION_DONE,
			.done = {.action = action, .error = error, .is_unreached = true}});
}

void fails_without_env(struct fixture *f, uint64_t action, const char *error)
{
	take(f, &(struct agent_input){
			.type = AGENT_ACTION_DONE,
			.done = {.action = action, .error = error, .settings_failed = true}});
}

void succeed_finished(struct fixture *f, uint64_t action)
{
	take(f, &(struct agent_input){.type = AGENT_ACTION_DONE,
				      .done = {.action = action, .finished = true}});
}

void succeed_exporting(struct fixture *f, uint64_t action, const char *name, const char *value)
{
	Samoza__V1__Variable v = SAMOZA__V1__VARIABLE__INIT;
	v.name = (char *)name;
	v.value = (char *)value;
	const Samoza__V1__Variable *list[] = {&v};
	take(f, &(struct agent_input){
			.type = AGENT_ACTION_DONE,
			.done = {.action = action, .n_exports = 1, .exports = list}});
}

void run(struct fixture *f, const char *entry)
{
	ask(f, entry);
	succeed_all(f, 1, 2);
	ignore(f);
}

void run_family(struct fixture *f, const char *words)
{
	CLEANUP(freep)
	char *entries = str_printf(
		"a/b/c@3 g1 started in=a/b;a/b@2 g1 started in=a;a@1 g1 started%s", words);
	ask(f, entries);
	succeed_all(f, 1, 6);
	ignore(f);
}

static void ended(struct fixture *f, const char *path, uint64_t epoch, const char *error)
{
	take(f, &(struct agent_input){.type = AGENT_PROCESS_ENDED,
				      .ended = {.topology = "T",
						.path = path,
						.epoch = epoch,
						.finished = error == NULL,
						.error = error}});
}

void exits(struct fixture *f, const char *path, uint64_t epoch, const char *error)
{
	ended(f, path, epoch, error);
}

void ends_with_0(struct fixture *f, const char *path, uint64_t epoch, const char *error)
{
	take(f, &(struct agent_input){.type = AGENT_PROCESS_ENDED,
				      .ended = {.topology = "T",
						.path = path,
						.epoch = epoch,
						.is_ended = true,
						.error = error}});
}

void finishes(struct fixture *f, const char *path, uint64_t epoch)
{
	ended(f, path, epoch, NULL);
}

void health(struct fixture *f, const char *path, uint64_t epoch, bool is_healthy)
{
	Samoza__V1__InstanceKey key = SAMOZA__V1__INSTANCE_KEY__INIT;
	key.topology = (char *)"T";
	key.path = (char *)path;
	key.epoch = epoch;
	take(f, &(struct agent_input){.type = AGENT_HEALTH,
				      .health = {.key = &key, .is_healthy = is_healthy}});
}

void wait_ms(struct fixture *f, int64_t ms)
{
	int64_t until = f->now_ms + ms;
	while (agent_next_ms(f->agent) <= until) {
		if (agent_next_ms(f->agent) > f->now_ms)
			f->now_ms = agent_next_ms(f->agent);
		take(f, &(struct agent_input){.type = AGENT_TICK});
	}
	f->now_ms = until;
}

static void load(struct fixture *f, const char *boot, const char *alive)
{
	agent_free(f->agent);
	f->agent = new_agent(2, boot);
	for (size_t i = 0; i < FIXTURE_RECORDS; i++) {
		if (f->disk[i].id == NULL)
			continue;
		if (str_equal(f->disk[i].owner, AGENT_LINK)) {
			assert_int_equal(agent_load_link(f->agent, f->disk[i].data,
							 f->disk[i].size, NULL),
					 0);
			continue;
		}
		Samoza__V1__DesiredInstance *d = NULL;
		assert_int_equal(agent_record_read(f->disk[i].data, f->disk[i].size, &d, NULL),
				 0);
		CLEANUP(freep)
		char *word = str_printf("%s@%" PRIu64 " ", d->key->path, d->key->epoch);
		assert_int_equal(agent_load(f->agent, f->disk[i].data, f->disk[i].size,
					    strstr(alive, word) != NULL, NULL),
				 0);
		samoza__v1__desired_instance__free_unpacked(d, NULL);
	}
	take(f, &(struct agent_input){.type = AGENT_TICK});
}

void restart(struct fixture *f, const char *alive)
{
	load(f, "first", alive);
}

void reboot(struct fixture *f)
{
	load(f, "second", "");
}
