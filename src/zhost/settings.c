#include "zhost/settings.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapter/cli/log_options.h"
#include "adapter/cli/version.h"
#include "base/str.h"
#include "model/zhost.h"
#include "schema/message.h"
#include "schema/yaml.h"
#include "zhost/metrics.h"
#include "zhost/uplink/identity.h"

#define FILE_MAX ((off_t)4 * 1024 * 1024)

static const char *const other_keys[] = {"zhosts", "log_sinks", NULL};

#define ZRMS_DEFAULT   "http://127.0.0.1:7331"

#define OPTION(member) offsetof(struct zhost_settings, member)

static const struct cli_option options[] = {
	{.name = "dir",
	 .key = "dir",
	 .environment = "ZHOST_DIR",
	 .type = CLI_PATH,
	 .offset = OPTION(dir),
	 .value = "DIR",
	 .required = true,
	 .help = "Directory of this zhost; created if it is missing"},
	{.name = "name",
	 .key = "name",
	 .environment = "ZHOST_NAME",
	 .type = CLI_STRING,
	 .offset = OPTION(name),
	 .help = "Name of this zhost in the cluster; default: the first label of the machine's "
		 "host name, in lower case"},
	{.name = "zrms",
	 .key = "zrms",
	 .environment = "ZRMS_URL",
	 .type = CLI_STRING,
	 .offset = OPTION(zrms),
	 .value = "URL",
	 .help = "Where zrms is: https://HOST:PORT[,HOST:PORT...] as the machine that "
		 "DIR/credentials say this is, or http://127.0.0.1:PORT on the same machine; "
		 "default: the addresses at which it joined, or " ZRMS_DEFAULT},
	{.name = "join",
	 .environment = "ZHOST_JOIN",
	 .type = CLI_STRING,
	 .offset = OPTION(join),
	 .value = "TOKEN",
	 .help = "Join the cluster that made this token (zshell cluster token create), under "
		 "--name; nothing once this machine has. Better given in ZHOST_JOIN: others "
		 "on this machine can read command lines"},
	{.name = "replace",
	 .type = CLI_FLAG,
	 .offset = OPTION(replace),
	 .help = "With --join: take the place of the zhost that has this name, or leave the "
		 "cluster that this machine has joined before"},
	{.name = "token-file",
	 .key = "token_file",
	 .environment = "ZHOST_TOKEN_FILE",
	 .type = CLI_PATH,
	 .offset = OPTION(token_file),
	 .help = "File with the token that zrms knows this zhost by, by default "
		 "DIR/credentials/zhost"},
	{.name = "zedge",
	 .key = "zedge",
	 .environment = "ZHOST_ZEDGE",
	 .type = CLI_LISTEN_ANY,
	 .offset = OPTION(zedge),
	 .fallback = "127.0.0.1:8088",
	 .help = "Address on which zedge listens for browsers; other machines reach it "
		 "with --zedge-cert and --zedge-key only"},
	{.name = "zedge-cert",
	 .key = "zedge_cert",
	 .environment = "ZHOST_ZEDGE_CERT",
	 .type = CLI_PATH,
	 .offset = OPTION(zedge_certificate),
	 .help = "Certificate of zedge with its chain, PEM, of an authority that browsers "
		 "know; read again when it changes"},
	{.name = "zedge-key",
	 .key = "zedge_key",
	 .environment = "ZHOST_ZEDGE_KEY",
	 .type = CLI_PATH,
	 .offset = OPTION(zedge_key),
	 .help = "Key of that certificate, PEM"},
	{.name = "zedge-url",
	 .key = "zedge_url",
	 .environment = "ZHOST_ZEDGE_URL",
	 .type = CLI_STRING,
	 .offset = OPTION(zedge_url),
	 .value = "URL",
	 .help = "Where browsers find zedge, as it is shown; by default its address"},
	{.name = "zedge-trusted-proxy",
	 .key = "zedge_trusted_proxy",
	 .environment = "ZHOST_ZEDGE_TRUSTED_PROXY",
	 .type = CLI_STRING,
	 .offset = OPTION(zedge_proxies),
	 .value = "NETWORK[,NETWORK...]",
	 .help = "Proxies in front of zedge, such as 127.0.0.1,10.1.0.0/16: what they say in "
		 "X-Forwarded-For and X-Forwarded-Proto is believed, and the Host of "
		 "--zedge-url taken"},
	{.name = "zedge-connections",
	 .key = "zedge_connections",
	 .environment = "ZHOST_ZEDGE_CONNECTIONS",
	 .type = CLI_U32,
	 .offset = OPTION(zedge_connections),
	 .max = 4096,
	 .fallback = "128",
	 .help = "How many connections zedge takes from one address of another machine; 0: "
		 "any number. Not from a trusted proxy"},
	{.name = "zedge-requests",
	 .key = "zedge_requests",
	 .environment = "ZHOST_ZEDGE_REQUESTS",
	 .type = CLI_U32,
	 .offset = OPTION(zedge_requests),
	 .fallback = "200",
	 .help = "Requests per second that zedge answers to one address of another machine, "
		 "four times as many at once; 0: any number"},
	{.name = "zedge-bytes",
	 .key = "zedge_bytes",
	 .environment = "ZHOST_ZEDGE_BYTES",
	 .type = CLI_SIZE,
	 .offset = OPTION(zedge_bytes),
	 .fallback = "32MiB",
	 .help = "Bytes per second that zedge exchanges with one address of another machine, "
		 "four times as many at once; 0: any number"},
	{.name = "address",
	 .key = "address",
	 .environment = "ZHOST_ADDRESS",
	 .type = CLI_STRING,
	 .offset = OPTION(address),
	 .value = "ADDRESS",
	 .help = "Address of this machine for others, which instances export as `ip`; by "
		 "default that by which it reaches zrms"},
	{.name = "mesh",
	 .environment = "ZHOST_MESH",
	 .type = CLI_LISTEN_ANY,
	 .offset = OPTION(mesh),
	 .help = "Address at which other zhosts reach this one for messages, with TLS; by "
		 "default that "
		 "by which it reaches zrms, and a free port. Without "
		 "DIR/credentials/identity.pem messages "
		 "go through zrms"},
	{.name = "cache-size",
	 .key = "cache_size",
	 .environment = "ZHOST_CACHE_SIZE",
	 .type = CLI_SIZE,
	 .offset = OPTION(cache_bytes),
	 .fallback = "1GiB",
	 .min = 1024 * 1024,
	 .help = "Size limit of the artifact cache; the least recently used artifacts are "
		 "removed first"},
	{.name = "starts-at-once",
	 .key = "starts_at_once",
	 .environment = "ZHOST_STARTS_AT_ONCE",
	 .type = CLI_U32,
	 .offset = OPTION(starts_at_once),
	 .min = 1,
	 .max = 1024,
	 .fallback = "16",
	 .help = "How many instances start at the same time; others wait"},
	{.name = "watchdog",
	 .key = "runtime.watchdog",
	 .environment = "ZHOST_WATCHDOG",
	 .type = CLI_DURATION,
	 .offset = OPTION(watchdog_ms),
	 .min = 100,
	 .max = 3600000,
	 .fallback = "30s",
	 .help = "How long a space may run without calling the host before it is killed"},
	{.name = "orphan-timeout",
	 .key = "orphan.timeout",
	 .environment = "ZHOST_ORPHAN_TIMEOUT",
	 .type = CLI_DURATION,
	 .offset = OPTION(orphan_ms),
	 .min = 1000,
	 .max = 86400000,
	 .fallback = "10m",
	 .help = "How long a space keeps running without a zhost"},
	{.name = "allow-exec",
	 .key = "exec.allowed",
	 .environment = "ZHOST_ALLOW_EXEC",
	 .type = CLI_FLAG,
	 .offset = OPTION(allow_exec),
	 .help = "Allow `zshell spaces exec` to run commands in the NATIVE instances of this "
		 "zhost"},
	{.name = "zrun",
	 .key = "zrun",
	 .environment = "ZHOST_ZRUN",
	 .type = CLI_PATH,
	 .offset = OPTION(zrun),
	 .help = "Path of the program zrun; default: ../lib/samoza/zrun from the directory of "
		 "zhost, or beside it"},
	{.name = "no-zygote",
	 .type = CLI_FLAG,
	 .offset = OPTION(no_zygote),
	 .help = "Start each instance by exec instead of from the zygote, for comparison"},
	{.name = "end-spaces",
	 .type = CLI_FLAG,
	 .offset = OPTION(end_spaces),
	 .help = "End every space of DIR and exit; its zhost must not be running"},
	{.name = "new-identity",
	 .type = CLI_FLAG,
	 .offset = OPTION(new_identity),
	 .help = "Give DIR, a copy of another zhost's, an identity of its own and exit; its "
		 "zhost "
		 "must not be running"},
	CLI_LOG_OPTIONS(struct zhost_settings, "ZHOST"),
	{0},
};

static const struct cli_exit exits[] = {
	{0, "graceful shutdown, also after removal from the cluster"},
	{1, "the program cannot start, or its store failed"},
	{2, "incorrect usage"},
	{0},
};

const struct cli_program zhost_program = {
	.name = "zhost",
	.summary = "agent of one machine: runs spaces, serves pages",
	.options = options,
	.version = SAMOZA_VERSION,
	.exits = exits,
	.has_file = true,
	.metrics = zhost_metric_sources,
	.other_keys = other_keys,
	.notes =
		"The file may list `zhosts` with capacity, labels and capabilities; zhost uses "
		"the entry with its own name. `log_sinks` in it is a list of where the lines "
		"of "
		"spaces are forwarded: journald, file:/DIRECTORY, syslog+tcp://HOST:PORT, "
		"syslog+udp://HOST:PORT. Both are read again on SIGHUP. On SIGTERM zhost exits "
		"and its spaces continue; "
		"the next zhost of the same DIR adopts them, or --end-spaces ends them.",
};

/* "Edge-1.example.com": "edge-1". Nothing is set where that is no name for a zhost. */
static void name_after_machine(struct zhost_settings *s)
{
	char name[HOST_NAME_MAX + 1] = "";

	if (gethostname(name, sizeof(name) - 1) < 0)
		return;
	name[strcspn(name, ".")] = '\0';
	for (char *c = name; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	if (zhost_name_is_valid(name))
		s->name = mem_strdup(name);
}

void settings_done(struct zhost_settings *s)
{
	zrms_addresses_done(&s->addresses);
}

/* A machine that has joined goes where it joined, if it is told nothing else. */
static int addresses_find(struct zhost_settings *s, struct error **err)
{
	if (s->zrms != NULL)
		return zrms_addresses_read(s->zrms, &s->addresses, err);
	if (!identity_is_there(s->dir))
		return zrms_addresses_read(ZRMS_DEFAULT, &s->addresses, err);
	int r = zrms_addresses_load(s->dir, &s->addresses, err);
	return r < 0 ? error_wrap(err, "say where zrms is by --zrms https://HOST:PORT") : 0;
}

/* Over plain streams only programs of this machine may be reached. */
static int addresses_check(const struct zhost_settings *s, struct error **err)
{
	const struct zrms_addresses *a = &s->addresses;
	for (size_t i = 0; !a->is_secure && i < a->count; i++) {
		struct cli_address at = {.port = a->ports[i]};
		(void)snprintf(at.host, sizeof(at.host), "%s", a->hosts[i]);
		if (!str_equal(at.host, "localhost") && !cli_address_is_loopback(&at))
			return error_set(err, ERR_DENIED,
					 "invalid --zrms '%s': other machines are reached by "
					 "https:// only",
					 a->text);
	}
	if (a->is_secure && !identity_is_there(s->dir))
		return error_set(err, ERR_NOT_FOUND,
				 "there is no certificate in %s/credentials to show to %s: "
				 "this machine must join the cluster first",
				 s->dir, a->text);
	return 0;
}

int settings_joined(struct zhost_settings *s, struct error **err)
{
	int r = addresses_find(s, err);
	return r < 0 ? r : addresses_check(s, err);
}

/* [machines.transport.zedge]: there is no insecure way. */
static int zedge_check(const struct zhost_settings *s, struct error **err)
{
	if ((s->zedge_certificate == NULL) != (s->zedge_key == NULL))
		return error_set(err, ERR_INVALID, "--zedge-cert and --zedge-key go together");
	if (s->zedge_url != NULL && !str_has_prefix(s->zedge_url, "https://") &&
	    !str_has_prefix(s->zedge_url, "http://"))
		return error_set(err, ERR_INVALID,
				 "invalid --zedge-url '%s': expected such as "
				 "https://shop.example",
				 s->zedge_url);
	if (s->zedge_proxies != NULL && s->zedge_url == NULL)
		return error_set(err, ERR_INVALID,
				 "--zedge-trusted-proxy goes with --zedge-url: the name by "
				 "which browsers ask the proxy, such as https://shop.example");
	if (s->zedge_certificate != NULL || cli_address_is_loopback(&s->zedge))
		return 0;
	CLEANUP(freep) char *at = cli_address_text(&s->zedge);
	return error_set(err, ERR_DENIED,
			 "other machines reach --zedge %s: give it a certificate with "
			 "--zedge-cert and --zedge-key, or listen on 127.0.0.1 with a proxy "
			 "in front (--zedge-trusted-proxy)",
			 at);
}

int settings_check(struct zhost_settings *s, struct error **err)
{
	if (s->end_spaces && s->new_identity)
		return error_set(
			err, ERR_INVALID,
			"--end-spaces and --new-identity are two things: run one after "
			"the other");
	if (s->end_spaces || s->new_identity)
		return 0;
	if (s->name == NULL)
		name_after_machine(s);
	if (str_is_empty(s->name))
		return error_set(err, ERR_INVALID,
				 "missing --name: the name of this zhost in the cluster (the "
				 "machine's host name cannot be one)");
	if (!zhost_name_is_valid(s->name))
		return error_set(err, ERR_INVALID,
				 "invalid --name '%s': expected " ZHOST_NAME_EXPECTED, s->name);
	if (s->replace && s->join == NULL)
		return error_set(err, ERR_INVALID, "--replace goes with --join TOKEN");
	int r = zedge_check(s, err);
	return r < 0 || s->join != NULL ? r : settings_joined(s, err);
}

static int read_file(const char *path, char **ret_text, size_t *ret_size, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(freep) char *text = NULL;
	struct stat st;
	size_t have = 0;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot read %s", path);
	if (st.st_size > FILE_MAX)
		return error_set(err, ERR_LIMIT, "%s is larger than 4 MiB", path);
	text = mem_calloc(1, (size_t)st.st_size + 1);
	while (have < (size_t)st.st_size) {
		ssize_t n = read(fd, text + have, (size_t)st.st_size - have);

		if (n < 0)
			return error_errno(err, "cannot read %s", path);
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*ret_text = steal_ptr(&text);
	*ret_size = have;
	return 0;
}

/* What the entry leaves open is the machine's [topology.zhosts.whole-machine]. */
static void fill_from_machine(Samoza__V1__ZhostSpec *spec)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);

	if (spec->cpu == NULL)
		spec->cpu = str_printf("%ld", cores > 0 ? cores : 1);
	if (spec->memory == NULL)
		spec->memory =
			str_printf("%" PRIu64 "B", (uint64_t)(pages > 0 ? pages : 1) *
							   (uint64_t)sysconf(_SC_PAGESIZE));
}

/* Whether a line begins with that key, in quotation marks or not. */
static bool is_list_key(const char *line, const char *key)
{
	size_t size = strlen(key);

	if (line[0] == '"' || line[0] == '\'')
		return strncmp(line + 1, key, size) == 0 && line[size + 1] == line[0] &&
		       line[size + 2] == ':';
	return strncmp(line, key, size) == 0 && line[size] == ':';
}

/* Blanks what belongs to other keys than `key`, which cli_start() has read and checked
 * already: blocks that begin in the first column, and comments there. Lines stay where they are, for messages. */
static void keep_list(char *text, const char *key)
{
	bool keep = true;

	for (char *line = text; *line != '\0';) {
		size_t size = strcspn(line, "\n");

		if (strchr(" \t#-%.\r\n{}[]\"'", *line) == NULL || is_list_key(line, key))
			keep = is_list_key(line, key);
		if (!keep || *line == '#')
			memset(line, ' ', size);
		line += size + (line[size] == '\n');
	}
}

/* The file's list `key`, as a message of `type`. *ret_message NULL: it has none. */
static int read_list(const char *path, const char *key, const ProtobufCMessageDescriptor *type,
		     unsigned flags, ProtobufCMessage **ret_message, struct error **err)
{
	CLEANUP(freep) char *text = NULL;
	size_t size = 0;
	int r = read_file(path, &text, &size, err);

	*ret_message = NULL;
	if (r < 0)
		return r;
	keep_list(text, key);
	if (text[strspn(text, " \t\r\n")] == '\0')
		return 0; /* it holds other settings alone */
	return schema_read_yaml(type, path, text, size, SCHEMA_PARTIAL | flags, NULL,
				ret_message, NULL, err);
}

int settings_sinks(const char *config_file, Samoza__V1__LogSinkList **ret_list,
		   struct error **err)
{
	ProtobufCMessage *message = NULL;
	int r = config_file != NULL ? read_list(config_file, "log_sinks",
						&samoza__v1__log_sink_list__descriptor,
						SCHEMA_SOME_KEYS, &message, err)
				    : 0;

	if (r < 0)
		return r;
	*ret_list = message != NULL ? (Samoza__V1__LogSinkList *)message
				    : (Samoza__V1__LogSinkList *)schema_message_new(
					      &samoza__v1__log_sink_list__descriptor);
	return 0;
}

static int find_in_file(const char *path, const char *name, Samoza__V1__ZhostSpec **ret_spec,
			struct error **err)
{
	CLEANUP(schema_message_freep) Samoza__V1__ZhostList *list = NULL;
	ProtobufCMessage *message;
	int r = read_list(path, "zhosts", &samoza__v1__zhost_list__descriptor, 0, &message,
			  err);

	if (r < 0 || message == NULL)
		return r;
	list = (Samoza__V1__ZhostList *)message;
	for (size_t i = 0; i < list->n_zhosts; i++)
		if (strcmp(list->zhosts[i]->name, name) == 0) {
			*ret_spec = (Samoza__V1__ZhostSpec *)schema_message_copy(
				&list->zhosts[i]->base);
			return 0;
		}
	if (list->n_zhosts == 0)
		return 0;
	return error_set(err, ERR_NOT_FOUND, "%s lists zhosts, but none is named '%s'", path,
			 name);
}

/* Amounts and labels, as zrms will read them. */
static int check_spec(const Samoza__V1__ZhostSpec *spec, struct error **err)
{
	struct zhost_spec compiled = {0};
	int r = zhost_spec_compile(spec, "", NULL, NULL, &compiled, err);

	if (r == 0)
		zhost_spec_done(&compiled);
	return r;
}

int settings_spec(const char *config_file, const char *name, Samoza__V1__ZhostSpec **ret_spec,
		  struct error **err)
{
	Samoza__V1__ZhostSpec *spec = NULL;
	int r = config_file != NULL ? find_in_file(config_file, name, &spec, err) : 0;

	if (r < 0)
		return r;
	if (spec == NULL) {
		spec = (Samoza__V1__ZhostSpec *)schema_message_new(
			&samoza__v1__zhost_spec__descriptor);
		spec->name = mem_strdup(name);
	}
	fill_from_machine(spec);
	r = check_spec(spec, err);
	if (r < 0) {
		schema_message_free(spec);
		return error_wrap(err, "zhost '%s'", name);
	}
	*ret_spec = spec;
	return 0;
}
