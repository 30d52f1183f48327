/* `notices` of zrms' settings file: what is read, what is refused and where, and how a request is signed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/webhook/webhook.h"
#include "base/memory.h"
#include "base/str.h"
#include "zrms/notice_settings.h"

static char directory[] = "/tmp/samoza-notices-XXXXXX";

static char *path_of(const char *name)
{
	return str_printf("%s/%s", directory, name);
}

static void put(const char *name, const char *text, mode_t mode)
{
	CLEANUP(freep) char *path = path_of(name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int read_text(const char *text, struct notice_settings *s, struct error **err)
{
	CLEANUP(freep) char *path = path_of("zrms.yaml");
	put("zrms.yaml", text, 0600);
	return notice_settings_read(path, s, err);
}

/* `at`: "LINE:COLUMN: BEGINNING OF THE MESSAGE". */
static void refused(const char *text, const char *at)
{
	struct notice_settings s;
	struct error *err = NULL;
	CLEANUP(freep) char *expected = str_printf("%s/zrms.yaml:%s", directory, at);
	if (read_text(text, &s, &err) == 0)
		fail_msg("accepted: %s", text);
	if (!str_has_prefix(err->message, expected))
		fail_msg("\"%s\" is not \"%s...\"", err->message, expected);
	error_free(err);
	notice_settings_done(&s);
}

static void test_all_of_it(void **state)
{
	(void)state;
	struct notice_settings s;
	struct error *err = NULL;
	CLEANUP(freep) char *url_file = path_of("url");
	CLEANUP(freep) char *secret_file = path_of("secret");
	put("url", "https://user:pw@hooks.example.com:8443/services/T0/secret\nmore\n", 0600);
	put("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", 0400);
	CLEANUP(freep)
	char *text = str_printf(
		"backup: {every: 1h}\n"
		"notices:\n"
		"  - name: ops\n"
		"    on: [topology.failed, zhost.problem, rollout.failed, backup.old]\n"
		"    to: webhook\n"
		"    url_file: %s\n"
		"    secret_file: %s\n"
		"    topologies: [\"shop-*\"]\n"
		"    timeout: 3s\n"
		"    retry_max: 1m\n"
		"    give_up: 2h\n"
		"    queue: 5\n"
		"  - {name: pager, on: [zhost.problem], to: command, command: [/bin/true, "
		"-x]}\n"
		"  - {name: here, on: [zhost.problem], to: webhook, url: "
		"\"http://[::1]:80\"}\n",
		url_file, secret_file);
	if (read_text(text, &s, &err) < 0)
		fail_msg("%s", err->message);
	assert_int_equal(s.count, 3);
	const struct notice_target *t = s.targets;
	assert_string_equal(t->url,
			    "https://user:pw@hooks.example.com:8443/services/T0/secret");
	assert_string_equal(t->where, "https://hooks.example.com:8443/...");
	assert_int_equal(t->secret_size, 24);
	assert_int_equal(t->timeout_ms, 3000);
	assert_int_equal(t->limits.retry_ms, 1000);
	assert_int_equal(t->limits.retry_max_ms, 60000);
	assert_int_equal(t->limits.give_up_ms, 2 * 60 * 60 * 1000);
	assert_int_equal(t->limits.room, 5);
	assert_int_equal(t->rule.on_count, 4);
	assert_string_equal(t->rule.topologies[0], "shop-*");
	assert_string_equal(t[1].where, "/bin/true");
	assert_int_equal(t[1].limits.room, 1000);
	assert_int_equal(t[1].timeout_ms, 10000);
	assert_int_equal(t[1].limits.give_up_ms, INT64_C(24) * 60 * 60 * 1000);
	assert_string_equal(t[2].where, "http://[::1]:80");
	notice_settings_done(&s);
}

static void test_without_notices(void **state)
{
	(void)state;
	struct notice_settings s;
	assert_int_equal(notice_settings_read(NULL, &s, NULL), 0);
	assert_int_equal(s.count, 0);
	notice_settings_done(&s);
	assert_int_equal(read_text("", &s, NULL), 0);
	assert_int_equal(s.count, 0);
	notice_settings_done(&s);
	assert_int_equal(read_text("{\"metrics\": \"public\"}", &s, NULL), 0);
	assert_int_equal(s.count, 0);
	notice_settings_done(&s);
	assert_int_equal(read_text("{\"metrics\": \"public\", \"notices\": [{\"name\": \"a\", "
				   "\"on\": [\"backup.old\"], \"to\": \"command\", "
				   "\"command\": [\"/bin/true\"]}]}",
				   &s, NULL),
			 0);
	assert_int_equal(s.count, 1);
	notice_settings_done(&s);
}

#define ONE(rest) "notices:\n- {name: a, on: [zhost.problem], " rest "}\n"

static void test_what_is_wrong_is_said_with_its_place(void **state)
{
	(void)state;
	refused("notices:\n- {name: a, on: [topologie.failed], to: command, command: "
		"[/bin/true]}",
		"2:18: there is no notice 'topologie.failed'; did you mean 'topology.failed'?");
	refused("notices:\n- {name: a, on: [], to: command, command: [/bin/true]}", "2:");
	refused("notices:\n- {on: [zhost.problem], to: command, command: [/bin/true]}", "2:");
	refused("notices:\n- {name: A, on: [zhost.problem], to: command}", "2:10:");
	refused(ONE("to: mail"), "2:38:");
	refused(ONE("to: webhook"), "2:3: a webhook needs either url or url_file");
	refused(ONE("to: webhook, url: \"ftp://x\""), "2:52: url: expected a URL such as");
	refused(ONE("to: webhook, url: \"http://hooks.example.com/secret\""),
		"2:52: url: http://hooks.example.com/...: other machines are notified by");
	refused(ONE("to: webhook, url: \"http://localhost.example.com\""), "2:52: url: http");
	refused(ONE("to: webhook, url: \"http://localhost@example.com\""), "2:52: url: http");
	refused(ONE("to: webhook, url: \"https://x/ y\""), "2:52: url: a URL holds no spaces");
	refused(ONE("to: webhook, url: \"https://x\", command: [/bin/true]"),
		"2:74: command: it goes with `to: command`");
	refused(ONE("to: webhook, url_file: /nonexistent"), "2:57: url_file: ");
	refused(ONE("to: webhook, url: \"https://x\", ca_file: /nonexistent"),
		"2:74: ca_file: cannot read /nonexistent");
	refused(ONE("to: command"), "2:3: a command needs `command:");
	refused(ONE("to: command, command: [true]"), "2:56: command: true is no program");
	refused(ONE("to: command, command: [/tmp]"), "2:56: command: /tmp is no program");
	refused(ONE("to: command, command: [/bin/true], url: \"https://x\""),
		"2:74: url: it goes with `to: webhook`");
	refused(ONE("to: command, command: [/bin/true], timeout: soon"),
		"2:78: timeout: 'soon'");
	refused(ONE("to: command, command: [/bin/true], timeout: 1h"),
		"2:78: timeout: 1h is out of range: from 100ms to 5m");
	refused(ONE("to: command, command: [/bin/true], queue: 0"), "2:76:");
	refused(ONE("to: command, command: [/bin/true], topologies: [\"a b\"]"),
		"2:82: 'a b' is no pattern");
	refused(ONE("to: command, command: [/bin/true], retry: 1s"),
		"2:69: unknown key 'retry'");
	refused("notices:\n- {name: a, on: [zhost.problem], to: command, command: "
		"[/bin/true]}\n"
		"- {name: a, on: [zhost.problem], to: command, command: [/bin/true]}",
		"3:10: there are two targets called 'a'");
}

static void test_secrets_that_others_may_read_or_that_are_none_are_refused(void **state)
{
	(void)state;
	CLEANUP(freep) char *path = path_of("open");
	CLEANUP(freep)
	char *text = str_printf(ONE("to: webhook, url: \"https://x\", secret_file: %s"), path);
	put("open", "secret\n", 0644);
	refused(text, "2:78: secret_file: ");
	put("open", "\n", 0600);
	refused(text, "2:78: secret_file: the first line of ");
	put("open", "whsec_***\n", 0600);
	refused(text, "2:78: secret_file: what follows whsec_ is not base64");
}

static char *replaced(char *take_text, const char *what, const char *by)
{
	char *at = strstr(take_text, what);
	assert_non_null(at);
	char *text =
		str_printf("%.*s%s%s", (int)(at - take_text), take_text, by, at + strlen(what));
	free(take_text);
	return text;
}

/* The first block of docs/howto/notices.md; only its files are others. The caller frees. */
static char *example(const char *secret_file)
{
	static const char fence[] = "```yaml\n";
	static char page[64 * 1024];
	FILE *file = fopen(DOCS_DIR "/howto/notices.md", "r");
	assert_non_null(file);
	size_t size = fread(page, 1, sizeof(page) - 1, file);
	assert_int_equal(fclose(file), 0);
	page[size] = '\0';
	char *begin = strstr(page, fence);
	assert_non_null(begin);
	begin += strlen(fence);
	char *text = mem_strndup(begin, (size_t)(strstr(begin, "```") - begin));
	text = replaced(text, "/etc/samoza/notices.secret", secret_file);
	return replaced(text, "/usr/local/bin/page", "/bin/true");
}

static void test_the_example_of_the_manual(void **state)
{
	(void)state;
	struct notice_settings s;
	struct error *err = NULL;
	CLEANUP(freep) char *secret_file = path_of("secret");
	put("secret", "a secret\n", 0600);
	CLEANUP(freep) char *text = example(secret_file);
	if (read_text(text, &s, &err) < 0)
		fail_msg("%s", err->message);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.targets[0].where, "https://hooks.example.com/...");
	assert_int_equal(s.targets[0].secret_size, strlen("a secret"));
	assert_int_equal(s.targets[1].said->n_command, 3);
	assert_string_equal(s.targets[1].rule.zhosts[0], "edge-*");
	notice_settings_done(&s);
}

/* The manual's table of kinds is that of the program. */
static void test_the_manual_lists_every_kind(void **state)
{
	(void)state;
	static char page[64 * 1024];
	FILE *file = fopen(DOCS_DIR "/howto/notices.md", "r");
	assert_non_null(file);
	size_t size = fread(page, 1, sizeof(page) - 1, file);
	assert_int_equal(fclose(file), 0);
	page[size] = '\0';
	for (const struct notice_kind *k = notice_kinds; k->name != NULL; k++) {
		CLEANUP(freep) char *row = str_printf("\n| `%s` | ", k->name);
		if (strstr(page, row) == NULL)
			fail_msg("docs/howto/notices.md does not list %s", k->name);
	}
}

/* The example of the specification of the Standard Webhooks. */
static void test_the_signature_is_that_of_the_standard(void **state)
{
	(void)state;
	static const char key[] = "\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3c\x3f\x08"
				  "\x2c\xf6\x48\xa3\x62\xda\x2d\xa4\xb0";
	const char *body = "{\"test\": 2432232314}";
	CLEANUP(freep)
	char *signature =
		webhook_signature(key, sizeof(key) - 1, "msg_p5jXN8AQM9LWM0D4loKWxJek",
				  1614265330, body, strlen(body));
	assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	static const char *const names[] = {"zrms.yaml", "url", "secret", "open"};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		CLEANUP(freep) char *path = path_of(names[k]);
		(void)unlink(path);
	}
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_of_it),
		cmocka_unit_test(test_without_notices),
		cmocka_unit_test(test_what_is_wrong_is_said_with_its_place),
		cmocka_unit_test(
			test_secrets_that_others_may_read_or_that_are_none_are_refused),
		cmocka_unit_test(test_the_example_of_the_manual),
		cmocka_unit_test(test_the_manual_lists_every_kind),
		cmocka_unit_test(test_the_signature_is_that_of_the_standard),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
