/* zrms/secret/secret_store.h, member_secrets.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapter/pki/credentials.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/secret/member_secrets.h"
#include "zrms/secret/secret_store.h"

/* ---- directories ---- */

struct place {
	char dir[64], path[128];
};

static struct place place_new(void)
{
	struct place p = {.dir = "/tmp/samoza-secrets-XXXXXX"};
	assert_non_null(mkdtemp(p.dir));
	(void)snprintf(p.path, sizeof(p.path), "%s/credentials", p.dir);
	assert_int_equal(mkdir(p.path, 0700), 0);
	(void)snprintf(p.path, sizeof(p.path), "%s/" SECRET_KEYS_FILE, p.dir);
	return p;
}

static void place_done(struct place *p)
{
	char path[128];
	(void)unlink(p->path);
	(void)snprintf(path, sizeof(path), "%s/credentials", p->dir);
	(void)rmdir(path);
	(void)rmdir(p->dir);
}

static struct secret_vault *vault_at(const struct place *p)
{
	struct secret_vault *vault = NULL;
	assert_int_equal(secret_vault_open(p->dir, NULL, &vault, NULL), 0);
	return vault;
}

/* ---- the vault ---- */

static bool looks(struct secret_vault *vault)
{
	bool is_new = false;
	assert_int_equal(secret_vault_look(vault, &is_new, NULL), 0);
	return is_new;
}

static bool file_has(const struct place *p, const char *id)
{
	CLEANUP(secret_vault_freep) struct secret_vault *file = vault_at(p);
	return file->keys != NULL && secret_keys_has(file->keys, id);
}

static void put(struct secrets *all, const struct secret_vault *vault, const char *name,
		const char *value, uint64_t number)
{
	Samoza__V1__SecretRecord record = SAMOZA__V1__SECRET_RECORD__INIT;
	Samoza__V1__SecretVersion version = SAMOZA__V1__SECRET_VERSION__INIT;
	Samoza__V1__SecretVersion *versions[] = {&version};
	record.name = (char *)(uintptr_t)name;
	record.versions = versions;
	record.n_versions = 1;
	version.number = number;
	version.topologies = (char *)"shop-*";
	version.set_by = (char *)"ann";
	secret_seal_value(vault, name, value, strlen(value), &version);
	assert_int_equal(secrets_put(all, &record, NULL), 0);
	free(version.sealed.data);
	free(version.key);
}

static int open_of(const struct secret_vault *vault, const struct secrets *all,
		   const char *name, const char *expected)
{
	char *value = NULL;
	size_t size = 0;
	int r = secret_open_value(vault, name, secrets_find(all, name)->versions[0], &value,
				  &size, NULL);
	if (r == 0)
		assert_string_equal(value, expected);
	free(value);
	return r;
}

static void what_is_sealed_is_opened_with_the_file_alone(void **state)
{
	CLEANUP(place_done) struct place p = place_new();
	CLEANUP(secrets_done) struct secrets all = {0};
	CLEANUP(secret_vault_freep) struct secret_vault *vault = vault_at(&p);
	struct stat st;
	(void)state;
	assert_null(vault->keys);
	/* Nothing of it comes into a dump, where one was allowed. */
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_true(limit.rlim_cur <= 1 && limit.rlim_max <= 1);
	assert_int_equal(secret_vault_keep(vault, secret_keys_new(), NULL), 0);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	put(&all, vault, "db", "one", 1);
	CLEANUP(secret_vault_freep) struct secret_vault *other = vault_at(&p);
	assert_int_equal(open_of(other, &all, "db", "one"), 0);
	assert_int_equal(secret_vault_missing(other, &all), 0);
	/* With another key of now: the one before is needed until it is sealed again. */
	struct secret_keys *keys = secret_keys_copy(other->keys);
	secret_keys_add(keys);
	assert_int_equal(secret_vault_keep(other, keys, NULL), 0);
	put(&all, other, "tls", "two", 2);
	CLEANUP(freep) const char **needed = secret_keys_needed(&all);
	assert_non_null(needed[0]);
	assert_non_null(needed[1]);
	assert_null(needed[2]);
	assert_int_equal(open_of(other, &all, "db", "one"), 0);
	assert_int_equal(secret_vault_missing(vault, &all), 1);
	assert_int_equal(open_of(vault, &all, "tls", NULL), ERR_NOT_FOUND);
	/* The file is looked at again. */
	assert_true(looks(vault));
	assert_false(looks(vault));
	assert_int_equal(open_of(vault, &all, "tls", "two"), 0);
}

static void a_file_that_is_none_is_said_and_not_replaced(void **state)
{
	CLEANUP(place_done) struct place p = place_new();
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(error_freep) struct error *open_to_others = NULL;
	struct secret_vault *vault = NULL;
	(void)state;
	assert_int_equal(pki_file_write(p.path, "hello\n", 6, NULL), 0);
	assert_int_equal(secret_vault_open(p.dir, NULL, &vault, &err), ERR_INVALID);
	assert_non_null(strstr(err->message, p.path));
	assert_int_equal(chmod(p.path, 0640), 0);
	assert_int_equal(secret_vault_open(p.dir, NULL, &vault, &open_to_others), ERR_DENIED);
}

static void a_file_that_cannot_be_written_changes_nothing(void **state)
{
	CLEANUP(place_done) struct place p = place_new();
	CLEANUP(secret_vault_freep) struct secret_vault *vault = vault_at(&p);
	char directory[160];
	(void)state;
	assert_int_equal(secret_vault_keep(vault, secret_keys_new(), NULL), 0);
	CLEANUP(freep) char *id = mem_strdup(secret_keys_id(vault->keys, 0));
	(void)snprintf(directory, sizeof(directory), "%s.new", p.path);
	assert_int_equal(mkdir(directory, 0700), 0); /* where it is written first */
	assert_true(secret_vault_keep(vault, secret_keys_new(), NULL) < 0);
	assert_string_equal(secret_keys_id(vault->keys, 0), id);
	/* Nothing is sealed before one write has succeeded. */
	assert_true(secret_vault_settle(vault, NULL) < 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(unlink(p.path), 0);
	assert_int_equal(secret_vault_settle(vault, NULL), 0);
	assert_true(file_has(&p, id));
}

static void a_file_laid_over_it_loses_no_key(void **state)
{
	CLEANUP(place_done) struct place p = place_new();
	CLEANUP(secret_vault_freep) struct secret_vault *vault = vault_at(&p);
	CLEANUP(secret_keys_freep) struct secret_keys *others = secret_keys_new();
	CLEANUP(secret_text_freep) char *text = NULL;
	char directory[160];
	const char *other = secret_keys_id(others, 0);
	bool is_new = false;
	(void)state;
	assert_int_equal(secret_vault_keep(vault, secret_keys_new(), NULL), 0);
	CLEANUP(freep) char *own = mem_strdup(secret_keys_id(vault->keys, 0));
	assert_int_equal(secret_keys_write(others, NULL, &text, NULL), 0);
	assert_int_equal(pki_file_write(p.path, text, strlen(text), NULL), 0);
	/* It cannot be written: both are in memory, and nothing is sealed. */
	(void)snprintf(directory, sizeof(directory), "%s.new", p.path);
	assert_int_equal(mkdir(directory, 0700), 0);
	assert_true(secret_vault_look(vault, &is_new, NULL) < 0);
	assert_true(is_new);
	assert_true(secret_vault_has(vault, own) && secret_vault_has(vault, other));
	assert_true(secret_vault_settle(vault, NULL) < 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(secret_vault_settle(vault, NULL), 0);
	assert_true(file_has(&p, own) && file_has(&p, other));
	/* One with less than this one has gets the rest, too. */
	assert_int_equal(pki_file_write(p.path, text, strlen(text), NULL), 0);
	assert_false(looks(vault));
	assert_true(file_has(&p, own) && file_has(&p, other));
}

/* ---- one that stands by ---- */

/* What the leader says: its file, or not, and which are needed. */
static bool say(struct member_secrets *member, const struct secret_keys *keys, bool with_file,
		const char *needed, bool settled)
{
	Samoza__V1__ZrmsIdentityView view = SAMOZA__V1__ZRMS_IDENTITY_VIEW__INIT;
	CLEANUP(secret_text_freep) char *file = NULL;
	char *ids[SECRET_KEYS_MAX], *more[] = {(char *)(uintptr_t)needed};
	for (; keys != NULL && view.n_secret_keys < secret_keys_count(keys);
	     view.n_secret_keys++)
		ids[view.n_secret_keys] =
			(char *)(uintptr_t)secret_keys_id(keys, view.n_secret_keys);
	view.secret_keys = ids;
	view.secret_keys_needed = more;
	view.n_secret_keys_needed = needed != NULL;
	view.has_secret_keys_settled = true;
	view.secret_keys_settled = settled;
	if (with_file)
		assert_int_equal(secret_keys_write(keys, NULL, &file, NULL), 0);
	view.secret_key_file = file;
	return member_secrets_take(member, &view);
}

/* Of what is asked: ids, and whether the file goes with it. */
static char *asked(struct member_secrets *member)
{
	Samoza__V1__ZrmsIdentityRequest body = SAMOZA__V1__ZRMS_IDENTITY_REQUEST__INIT;
	member_secrets_ask(member, &body);
	char *text = str_printf("%s %s%s", body.n_secret_keys > 0 ? body.secret_keys[0] : "-",
				body.n_secret_keys > 1 ? body.secret_keys[1] : "-",
				body.secret_key_file != NULL ? " file" : "");
	member_secrets_asked(member, &body);
	return text;
}

static void assert_asked(struct member_secrets *member, const char *first, const char *second,
			 bool with_file)
{
	CLEANUP(freep)
	char *expected = str_printf("%s %s%s", first, second, with_file ? " file" : "");
	CLEANUP(freep) char *is = asked(member);
	assert_string_equal(is, expected);
}

static void a_standby_takes_what_it_lacks_and_forgets_what_nobody_needs(void **state)
{
	CLEANUP(place_done) struct place p = place_new();
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	CLEANUP(freep) char *old = mem_strdup(secret_keys_id(keys, 0));
	struct member_secrets *member = member_secrets_new(p.dir);
	(void)state;
	assert_true(member_secrets_has_none(member));
	assert_false(say(member, NULL, false, NULL, false));
	assert_asked(member, "-", "-", false);
	assert_true(say(member, keys, true, NULL, true));
	assert_asked(member, old, "-", false);
	assert_false(say(member, keys, false, NULL, true));
	/* Another key of the leader's is the first here, too. */
	secret_keys_add(keys);
	const char *new = secret_keys_id(keys, 0);
	assert_true(say(member, keys, true, old, true));
	assert_asked(member, new, old, false);
	/* It goes when the leader has it no longer, and no durable record names it: in no other case. */
	assert_true(secret_keys_drop(keys, old));
	assert_false(say(member, keys, false, NULL, false));
	assert_asked(member, new, old, false);
	assert_true(say(member, keys, false, old, true));
	assert_asked(member, new, old, true); /* the leader needs it, and has not got it */
	assert_false(say(member, keys, false, old, true));
	assert_true(say(member, keys, false, NULL, true));
	assert_asked(member, new, "-", false);
	member_secrets_free(member);
	/* What it has is on disk. */
	CLEANUP(secret_vault_freep) struct secret_vault *vault = vault_at(&p);
	assert_int_equal(secret_keys_count(vault->keys), 1);
	assert_string_equal(secret_keys_id(vault->keys, 0), new);
}

static void what_it_cannot_open_it_does_not_take(void **state)
{
	CLEANUP(place_done) struct place p = place_new();
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	CLEANUP(secret_text_freep) char *sealed = NULL;
	Samoza__V1__ZrmsIdentityView view = SAMOZA__V1__ZRMS_IDENTITY_VIEW__INIT;
	struct member_secrets *member = member_secrets_new(p.dir);
	char *ids[] = {(char *)(uintptr_t)secret_keys_id(keys, 0)};
	(void)state;
	assert_int_equal(secret_keys_write(keys, "a passphrase of others", &sealed, NULL), 0);
	view.secret_keys = ids;
	view.n_secret_keys = 1;
	view.secret_key_file = sealed;
	assert_false(member_secrets_take(member, &view));
	assert_true(member_secrets_has_none(member));
	assert_true(access(p.path, F_OK) < 0);
	member_secrets_free(member);
}

static void it_forgets_nothing_before_it_has_what_the_leader_has(void **state)
{
	CLEANUP(place_done) struct place p = place_new();
	CLEANUP(secret_keys_freep) struct secret_keys *keys = secret_keys_new();
	CLEANUP(secret_keys_freep) struct secret_keys *new = secret_keys_new();
	CLEANUP(freep) char *old = mem_strdup(secret_keys_id(keys, 0));
	struct member_secrets *member = member_secrets_new(p.dir);
	(void)state;
	assert_true(say(member, keys, true, NULL, true));
	/* The leader has another one, whose file it could not read. */
	(void)say(member, new, false, NULL, true);
	assert_true(file_has(&p, old));
	assert_true(say(member, new, true, NULL, true));
	assert_true(file_has(&p, secret_keys_id(new, 0)));
	assert_false(file_has(&p, old));
	/* Many that nobody needs make room. */
	while (secret_keys_count(keys) < SECRET_KEYS_MAX)
		secret_keys_add(keys);
	assert_true(say(member, keys, true, NULL, true));
	assert_true(say(member, new, true, NULL, true));
	assert_true(file_has(&p, secret_keys_id(new, 0)));
	assert_false(file_has(&p, old));
	member_secrets_free(member);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sealed_is_opened_with_the_file_alone),
		cmocka_unit_test(a_file_that_is_none_is_said_and_not_replaced),
		cmocka_unit_test(a_file_that_cannot_be_written_changes_nothing),
		cmocka_unit_test(a_standby_takes_what_it_lacks_and_forgets_what_nobody_needs),
		cmocka_unit_test(a_file_laid_over_it_loses_no_key),
		cmocka_unit_test(what_it_cannot_open_it_does_not_take),
		cmocka_unit_test(it_forgets_nothing_before_it_has_what_the_leader_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
