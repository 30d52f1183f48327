#include "zrms/notice_settings.h"

#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/pki/credentials.h"
#include "base/buffer.h"
#include "base/diagnostics.h"
#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "model/quantity.h"
#include "schema/message.h"
#include "schema/yaml.h"

enum { LINE_MAX_BYTES = 4096 };
#define RETRY_FIRST_MS 1000
#define SECRET_PREFIX  "whsec_" /* what follows is base64 */

struct reader {
	const char *path;
	const struct schema_positions *positions;
	struct diagnostics findings;
	size_t n; /* of the target that is looked at */
};

/* About `key` of the target. */
#define FINDING(r, key, ...)                                                                   \
	do {                                                                                   \
		const struct schema_position at_ =                                             \
			schema_position_of((r)->positions, "notices[%zu]%s%s", (r)->n,         \
					   *(key) != '\0' ? "." : "", key);                    \
		diagnostics_add(&(r)->findings, (r)->path, at_.line, at_.column, __VA_ARGS__); \
	} while (0)

/* ---- texts ---- */

static void read_duration(struct reader *r, const char *key, const char *text, uint64_t least,
			  uint64_t most, int64_t *ret_ms)
{
	CLEANUP(error_freep) struct error *err = NULL;
	uint64_t ms = 0;
	if (duration_parse(text, &ms, &err) < 0) {
		FINDING(r, key, "%s: %s", key, err->message);
		return;
	}
	if (ms < least || ms > most) {
		CLEANUP(freep) char *from = duration_format(least);
		CLEANUP(freep) char *to = duration_format(most);
		FINDING(r, key, "%s: %s is out of range: from %s to %s", key, text, from, to);
		return;
	}
	*ret_ms = (int64_t)ms;
}

/* The first line of a file, without its end; the caller frees. NULL after a finding. */
static char *read_line(struct reader *r, const char *key, const char *path)
{
	CLEANUP(error_freep) struct error *err = NULL;
	CLEANUP(pki_secret_freep) char *text = NULL;
	size_t size = 0;
	if (pki_file_read(path, &text, &size, &err) < 0) {
		FINDING(r, key, "%s: %s", key, err->message);
		return NULL;
	}
	size_t length = strcspn(text, "\r\n");
	if (length == 0 || length > LINE_MAX_BYTES) {
		FINDING(r, key, "%s: the first line of %s is %s", key, path,
			length == 0 ? "empty" : "too long");
		return NULL;
	}
	return mem_strndup(text, length);
}

/* ---- a webhook ---- */

/* "https://HOST[:PORT]", without what may stand before the host and after it. */
static char *where_of(const char *url)
{
	size_t scheme = (size_t)(strstr(url, "://") - url) + strlen("://");
	const char *host = url + scheme;
	size_t size = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', size);
	if (at != NULL) {
		size -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	const char *rest = host + size;
	bool has_more = rest[0] != '\0' && !str_equal(rest, "/");
	return str_printf("%.*s%.*s%s", (int)scheme, url, (int)size, host,
			  has_more ? "/..." : "");
}

static bool is_of_this_machine(const char *where)
{
	const char *host = where + strlen("http://");
	size_t size = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		if (strlen(names[k]) == size && strncmp(names[k], host, size) == 0)
			return true;
	return false;
}

static void check_url(struct reader *r, const char *key, struct notice_target *t)
{
	bool is_secure = str_has_prefix(t->url, "https://");
	if (!is_secure && !str_has_prefix(t->url, "http://")) {
		FINDING(r, key, "%s: expected a URL such as https://hooks.example.com/samoza",
			key);
		return;
	}
	for (const char *c = t->url; *c != '\0'; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f) {
			FINDING(r, key, "%s: a URL holds no spaces and no control characters",
				key);
			return;
		}
	t->where = where_of(t->url);
	if (!is_secure && !is_of_this_machine(t->where))
		FINDING(r, key,
			"%s: %s: other machines are notified by https:// only; http:// is for "
			"127.0.0.1, [::1] and localhost",
			key, t->where);
}

/* A secret of the Standard Webhooks is base64 after its prefix; any other text stands for its bytes. */
static void take_secret(struct reader *r, struct notice_target *t, char *take_line)
{
	t->secret = take_line;
	t->secret_size = strlen(take_line);
	if (!str_has_prefix(take_line, SECRET_PREFIX))
		return;
	const char *text = take_line + strlen(SECRET_PREFIX);
	size_t size = strlen(text), have = 0;
	char *bytes = mem_calloc(1, size + 1);
	if (sodium_base642bin((unsigned char *)bytes, size, text, size, NULL, &have, NULL,
			      sodium_base64_VARIANT_ORIGINAL) < 0 ||
	    have == 0)
		FINDING(r, "secret_file", "secret_file: what follows %s is not base64",
			SECRET_PREFIX);
	pki_secret_free(t->secret);
	t->secret = bytes;
	t->secret_size = have;
}

static void read_webhook(struct reader *r, struct notice_target *t)
{
	const Samoza__V1__NoticeTarget *said = t->said;
	const char *key = said->url_file != NULL ? "url_file" : "url";
	if ((said->url == NULL) == (said->url_file == NULL))
		FINDING(r, "", "a webhook needs either url or url_file");
	else if (said->url != NULL)
		t->url = mem_strdup(said->url);
	else
		t->url = read_line(r, key, said->url_file);
	if (t->url != NULL)
		check_url(r, key, t);
	if (said->n_command > 0)
		FINDING(r, "command", "command: it goes with `to: command`");
	if (said->secret_file != NULL) {
		char *line = read_line(r, "secret_file", said->secret_file);
		if (line != NULL)
			take_secret(r, t, line);
	}
	if (said->ca_file != NULL && access(said->ca_file, R_OK) < 0)
		FINDING(r, "ca_file", "ca_file: cannot read %s", said->ca_file);
}

/* ---- a command ---- */

static void read_command(struct reader *r, struct notice_target *t)
{
	const Samoza__V1__NoticeTarget *said = t->said;
	static const char *const others[] = {"url", "url_file", "secret_file", "ca_file"};
	for (size_t k = 0; k < ARRAY_SIZE(others); k++)
		if (schema_message_has(&said->base, others[k]))
			FINDING(r, others[k], "%s: it goes with `to: webhook`", others[k]);
	if (said->n_command == 0) {
		FINDING(r, "",
			"a command needs `command: [PROGRAM, ARGUMENT...]`; no shell reads it");
		return;
	}
	const char *program = said->command[0];
	struct stat st;
	t->where = mem_strdup(program);
	if (program[0] != '/' || stat(program, &st) < 0 || !S_ISREG(st.st_mode) ||
	    access(program, X_OK) < 0)
		FINDING(r, "command",
			"command: %s is no program that can be run: expected the whole path of "
			"one",
			program);
}

/* ---- each ---- */

static void check_kinds(struct reader *r, const Samoza__V1__NoticeTarget *said)
{
	for (size_t k = 0; k < said->n_on; k++) {
		if (notice_kind_find(said->on[k]) != NULL)
			continue;
		const char *nearest = notice_kind_nearest(said->on[k]);
		CLEANUP(freep) char *key = str_printf("on[%zu]", k);
		if (nearest != NULL)
			FINDING(r, key, "there is no notice '%s'; did you mean '%s'?",
				said->on[k], nearest);
		else
			FINDING(r, key,
				"there is no notice '%s'; docs/howto/notices.md lists them",
				said->on[k]);
	}
}

static void check_patterns(struct reader *r, const char *of, char *const *patterns,
			   size_t count)
{
	for (size_t k = 0; k < count; k++) {
		CLEANUP(freep) char *key = str_printf("%s[%zu]", of, k);
		if (!access_pattern_is_valid(patterns[k]))
			FINDING(r, key, "'%s' is no pattern: expected " ACCESS_PATTERN_EXPECTED,
				patterns[k]);
	}
}

static void check_name(struct reader *r, const struct notice_settings *s)
{
	const char *name = s->message->notices[r->n]->name;
	for (size_t k = 0; k < r->n; k++)
		if (str_equal(s->message->notices[k]->name, name)) {
			FINDING(r, "name", "there are two targets called '%s'", name);
			return;
		}
}

static void read_target(struct reader *r, const struct notice_settings *s,
			struct notice_target *t)
{
	const Samoza__V1__NoticeTarget *said = s->message->notices[r->n];
	const uint64_t hour = UINT64_C(60) * 60 * 1000;
	t->said = said;
	t->rule = (struct notice_rule){.on = said->on,
				       .on_count = said->n_on,
				       .topologies = said->topologies,
				       .topology_count = said->n_topologies,
				       .zhosts = said->zhosts,
				       .zhost_count = said->n_zhosts};
	t->limits.room = said->queue;
	check_name(r, s);
	check_kinds(r, said);
	check_patterns(r, "topologies", said->topologies, said->n_topologies);
	check_patterns(r, "zhosts", said->zhosts, said->n_zhosts);
	read_duration(r, "timeout", said->timeout, 100, hour / 60 * 5, &t->timeout_ms);
	read_duration(r, "retry_max", said->retry_max, 100, hour * 24, &t->limits.retry_max_ms);
	read_duration(r, "give_up", said->give_up, 1000, hour * 24 * 30, &t->limits.give_up_ms);
	t->limits.retry_ms = RETRY_FIRST_MS < t->limits.retry_max_ms ? RETRY_FIRST_MS
								     : t->limits.retry_max_ms;
	if (said->to == SAMOZA__V1__NOTICE_MEANS__NOTICE_WEBHOOK)
		read_webhook(r, t);
	else
		read_command(r, t);
}

static int read_text(const char *path, char **ret_text, size_t *ret_size, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot read %s", path);
	if (st.st_size > (off_t)SCHEMA_TEXT_MAX)
		return error_set(err, ERR_LIMIT, "%s is larger than 4 MiB", path);
	CLEANUP(freep) char *text = mem_calloc(1, (size_t)st.st_size + 1);
	ssize_t have = pread(fd, text, (size_t)st.st_size, 0);
	if (have < 0)
		return error_errno(err, "cannot read %s", path);
	*ret_text = steal_ptr(&text);
	*ret_size = (size_t)have;
	return 0;
}

/* The log has messages without places. Takes `why` over. */
static int with_place(struct error *why, struct error **err)
{
	CLEANUP(freep) char *text = error_text(why);
	int r = error_set(err, why->code, "%s", text);
	error_free(why);
	return r;
}

int notice_settings_read(const char *path, struct notice_settings *s, struct error **err)
{
	struct error *why = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(schema_positions_freep) struct schema_positions *positions = NULL;
	ProtobufCMessage *message = NULL;
	size_t size = 0;
	*s = (struct notice_settings){0};
	int r = path != NULL ? read_text(path, &text, &size, err) : 0;
	if (r < 0 || path == NULL || text[strspn(text, " \t\r\n")] == '\0')
		return r;
	r = schema_read_yaml(&samoza__v1__notice_settings__descriptor, path, text, size,
			     SCHEMA_PARTIAL | SCHEMA_SOME_FILE_KEYS, NULL, &message, &positions,
			     &why);
	if (r < 0)
		return with_place(why, err);
	s->message = (Samoza__V1__NoticeSettings *)message;
	s->count = s->message->n_notices;
	s->targets = mem_new_array(struct notice_target, s->count + 1);
	struct reader reader = {.path = path, .positions = positions};
	for (; reader.n < s->count; reader.n++)
		read_target(&reader, s, &s->targets[reader.n]);
	if (diagnostics_any(&reader.findings)) {
		diagnostics_sort(&reader.findings);
		(void)diagnostics_error(&reader.findings, &why);
		r = with_place(why, err);
	}
	diagnostics_done(&reader.findings);
	return r;
}

void notice_settings_done(struct notice_settings *s)
{
	for (size_t k = 0; k < s->count; k++) {
		free(s->targets[k].url);
		free(s->targets[k].where);
		pki_secret_free(s->targets[k].secret);
	}
	free(s->targets);
	schema_message_free(s->message);
	*s = (struct notice_settings){0};
}
