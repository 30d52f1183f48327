/* Secrets that instances are given (zhost/secret/secrets.h), as zrms is asked for them. In virtual time. */
#include "test.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "adapter/sim/loop.h"
#include "base/memory.h"
#include "base/str.h"
#include "fake_upstream.h"
#include "zhost/secret/secrets.h"

enum { INSTANCES = 40 };

struct instance {
	Samoza__V1__InstanceKey key;
	Samoza__V1__InstanceSpec spec;
	Samoza__V1__SecretGrant grants[3], *all[3];
	struct secret_fetch *fetch;
	unsigned ends;
	char seen[400]; /* "db 3=hunter2", or the error */
};

struct fixture {
	struct loop loop;
	struct fake_upstream upstream;
	struct secrets_service *service;
	struct instance instances[INSTANCES];
};

static void grant(struct instance *i, size_t at, const char *name, uint64_t version,
		  const char *variable, const char *file)
{
	Samoza__V1__SecretGrant *g = i->all[at] = &i->grants[at];
	samoza__v1__secret_grant__init(g);
	g->name = (char *)(uintptr_t)name;
	g->version = version;
	g->has_version = version != 0;
	g->variable = (char *)(uintptr_t)variable;
	g->file = (char *)(uintptr_t)file;
	i->spec.n_secrets = at + 1;
}

static int begin(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	assert_true(sodium_init() >= 0);
	sim_loop_init(&f->loop);
	fake_upstream_init(&f->upstream);
	f->service = secrets_service_new(&f->loop, &f->upstream.upstream);
	for (size_t k = 0; k < INSTANCES; k++) {
		struct instance *i = &f->instances[k];
		samoza__v1__instance_key__init(&i->key);
		samoza__v1__instance_spec__init(&i->spec);
		i->key.topology = i->key.path = (char *)"api";
		i->spec.topology_name = (char *)"shop";
		i->spec.secrets = i->all;
		grant(i, 0, "db", 3, "DB", NULL);
	}
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	for (size_t k = 0; k < INSTANCES; k++)
		secret_fetch_cancel(f->instances[k].fetch);
	secrets_service_free(f->service);
	fake_upstream_done(&f->upstream);
	sim_loop_done(&f->loop);
	free(f);
	return 0;
}

static void on_secrets(void *user, struct secret_values *take_values, const char *error)
{
	struct instance *i = user;
	i->fetch = NULL;
	i->ends++;
	i->seen[0] = '\0';
	if (error != NULL) {
		assert_int_equal(take_values->count, 0);
		(void)snprintf(i->seen, sizeof(i->seen), "%s", error);
		return;
	}
	for (size_t k = 0; k < take_values->count; k++) {
		const struct secret_value *v = &take_values->items[k];
		size_t used = strlen(i->seen);
		(void)snprintf(i->seen + used, sizeof(i->seen) - used, "%s%s=%s",
			       k > 0 ? ", " : "", v->key, v->data);
		assert_int_equal(v->data[v->size], 0);
	}
}

static void fetch(struct fixture *f, struct instance *i)
{
	struct secret_fetch *made =
		secret_fetch_new(f->service, &i->key, &i->spec, on_secrets, i);
	if (made != NULL)
		i->fetch = made;
}

static const Samoza__V1__SecretAsk *asked(const struct fixture *f)
{
	assert_int_equal(f->upstream.last_type, SAMOZA__V1__FRAME_TYPE__FRAME_SECRET_REQUEST);
	return (const Samoza__V1__SecretAsk *)f->upstream.last;
}

/* To the request with that number; the value is wiped with it. */
static void say(struct fixture *f, uint64_t request, const char *value, const char *refused,
		bool later)
{
	static const char zeros[64];
	char copy[64] = "";
	Samoza__V1__SecretAnswer a = SAMOZA__V1__SECRET_ANSWER__INIT;
	a.request = request;
	a.refused = (char *)(uintptr_t)refused;
	a.has_later = a.later = later;
	if (value != NULL) {
		(void)snprintf(copy, sizeof(copy), "%s", value);
		a.has_value = true;
		a.value = (ProtobufCBinaryData){strlen(copy), (uint8_t *)copy};
	}
	secrets_service_take(f->service, &a);
	assert_memory_equal(copy, zeros, sizeof(copy));
}

static void each_secret_is_asked_for_once_and_by_its_version(void **state)
{
	struct fixture *f = *state;
	struct instance *i = &f->instances[0];
	grant(i, 1, "db", 3, NULL, "db.txt");
	grant(i, 2, "tls", 7, NULL, "tls.key");
	fetch(f, i);
	assert_string_equal(asked(f)->name, "db");
	assert_int_equal(asked(f)->version, 3);
	assert_string_equal(asked(f)->key->path, "api");
	say(f, asked(f)->request, "hunter2", NULL, false);
	assert_int_equal(f->upstream.sent, 2);
	assert_string_equal(asked(f)->name, "tls");
	assert_int_equal(asked(f)->version, 7);
	assert_int_equal(i->ends, 0);
	say(f, asked(f)->request, "", NULL, false);
	assert_int_equal(i->ends, 1);
	assert_string_equal(i->seen, "db 3=hunter2, tls 7=");
}

static void one_that_is_not_set_is_not_asked_for(void **state)
{
	struct fixture *f = *state;
	struct instance *i = &f->instances[0];
	grant(i, 1, "tls", 0, NULL, "tls.key");
	fetch(f, i);
	assert_int_equal(f->upstream.sent, 0);
	assert_string_equal(
		i->seen,
		"the secret tls is not set for shop: zshell secret set tls --topology shop");
}

static void a_refusal_ends_it_with_the_reason(void **state)
{
	struct fixture *f = *state;
	struct instance *i = &f->instances[0];
	fetch(f, i);
	say(f, asked(f)->request + 1, "another's", NULL, false);
	assert_int_equal(i->ends, 0);
	say(f, asked(f)->request, NULL, "its space does not name it", false);
	assert_string_equal(i->seen,
			    "zrms does not give it the secret db: its space does not name it");
	say(f, asked(f)->request, "too late", NULL, false);
	assert_int_equal(i->ends, 1);
}

static void it_is_asked_again_later_and_on_another_link(void **state)
{
	struct fixture *f = *state;
	struct instance *i = &f->instances[0];
	fetch(f, i);
	uint64_t first = asked(f)->request;
	say(f, first, NULL, NULL, true);
	assert_int_equal(f->upstream.sent, 1);
	sim_loop_run(&f->loop, SECRETS_AGAIN_MS);
	assert_int_equal(f->upstream.sent, 2);
	uint64_t second = asked(f)->request;
	secrets_service_connected(f->service);
	assert_int_equal(f->upstream.sent, 3);
	say(f, first, "old", NULL, false);
	say(f, second, "old", NULL, false);
	assert_int_equal(i->ends, 0);
	say(f, asked(f)->request, "new", NULL, false);
	assert_string_equal(i->seen, "db 3=new");
}

static void without_zrms_it_fails_with_words(void **state)
{
	struct fixture *f = *state;
	struct instance *i = &f->instances[0], *j = &f->instances[1];
	f->upstream.is_up = false;
	f->upstream.result = 0;
	fetch(f, i);
	sim_loop_run(&f->loop, SECRETS_AWAY_MS - 2 * SECRETS_AGAIN_MS);
	assert_int_equal(i->ends, 0);
	sim_loop_run(&f->loop, 3 * SECRETS_AGAIN_MS);
	assert_string_equal(i->seen,
			    "zrms cannot be asked for the secret db, which is kept nowhere "
			    "else: it starts once zrms answers");
	/* The next one waits as long, and zrms is back. */
	fetch(f, j);
	sim_loop_run(&f->loop, SECRETS_AWAY_MS / 2);
	f->upstream.is_up = true;
	secrets_service_connected(f->service);
	say(f, asked(f)->request, "x", NULL, false);
	assert_string_equal(j->seen, "db 3=x");
	/* What is sent, and not answered, has the time of its action. */
	fetch(f, i);
	sim_loop_run(&f->loop, 10 * SECRETS_AWAY_MS);
	assert_int_equal(i->ends, 1);
	secret_fetch_abort(i->fetch);
	assert_string_equal(i->seen, "zrms did not answer in time with the secret db");
}

static void so_many_are_asked_for_at_once(void **state)
{
	struct fixture *f = *state;
	for (size_t k = 0; k < INSTANCES; k++)
		fetch(f, &f->instances[k]);
	assert_int_equal(f->upstream.sent, SECRETS_ASKED_MAX);
	/* One that ends makes room for another one, whichever way. */
	say(f, 1, "x", NULL, false);
	assert_int_equal(f->upstream.sent, SECRETS_ASKED_MAX + 1);
	secret_fetch_cancel(f->instances[1].fetch);
	f->instances[1].fetch = NULL;
	sim_loop_run(&f->loop, SECRETS_AGAIN_MS);
	assert_int_equal(f->upstream.sent, SECRETS_ASKED_MAX + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_secret_is_asked_for_once_and_by_its_version, begin, end),
		cmocka_unit_test_setup_teardown(one_that_is_not_set_is_not_asked_for, begin,
						end),
		cmocka_unit_test_setup_teardown(a_refusal_ends_it_with_the_reason, begin, end),
		cmocka_unit_test_setup_teardown(it_is_asked_again_later_and_on_another_link,
						begin, end),
		cmocka_unit_test_setup_teardown(without_zrms_it_fails_with_words, begin, end),
		cmocka_unit_test_setup_teardown(so_many_are_asked_for_at_once, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
