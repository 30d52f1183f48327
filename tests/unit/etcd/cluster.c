#include "cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapter/etcd/rpc.pb-c.h"
#include "adapter/etcd/scan.h"
#include "adapter/etcd/txn.h"
#include "base/str.h"
#include "certificates.h"

enum { START_MS = 30000, CALL_MS = 5000 };

unsigned free_port(void)
{
	enum { FIRST = 20000, COUNT = 8000, SHARE = 16 };
	static unsigned given;
	for (unsigned tried = 0; tried < COUNT; tried++) {
		unsigned port = FIRST + ((unsigned)getpid() * SHARE + given++) % COUNT;
		struct sockaddr_in address = {.sin_family = AF_INET,
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
					      .sin_port = htons((uint16_t)port)};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int r = bind(fd, (struct sockaddr *)&address, sizeof(address));
		(void)close(fd);
		if (r == 0)
			return port;
	}
	fail_msg("no port is free");
	return 0;
}

static int64_t now_ms(clockid_t clock)
{
	struct timespec now;
	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- calls ---- */

static struct rpc *rpc_of(const struct etcd_cluster *c)
{
	const struct etcd_servers servers = cluster_servers(c);
	struct rpc *rpc = NULL;
	assert_int_equal(rpc_new(&servers, &rpc, NULL), 0);
	return rpc;
}

struct etcd_servers cluster_servers(const struct etcd_cluster *c)
{
	return (struct etcd_servers){
		.urls = c->urls, .authorities = c->authorities, .certificate = c->certificate};
}

/* Tried again: other tests load the machine. */
static int64_t txn_send(const struct etcd_cluster *c, struct txn *txn)
{
	Etcd__TxnRequest request;
	ProtobufCMessage *answer = NULL;
	struct error *err = NULL;
	struct rpc *rpc = rpc_of(c);
	(void)txn_request(txn, &request);
	int64_t until_ms = now_ms(CLOCK_MONOTONIC) + START_MS;
	while (rpc_call(rpc, &rpc_txn_read, &request.base, CALL_MS, &answer, &err) < 0) {
		if (now_ms(CLOCK_MONOTONIC) > until_ms)
			fail_msg("%s", err->message);
		error_free(steal_ptr(&err));
		(void)poll(NULL, 0, 50);
	}
	int64_t revision = ((Etcd__TxnResponse *)answer)->header->revision;
	protobuf_c_message_free_unpacked(answer, NULL);
	rpc_free(rpc);
	return revision;
}

int64_t cluster_put_at(const struct etcd_cluster *c, bytes take_key, const char *value)
{
	CLEANUP(txn_done) struct txn txn = {0};
	if (value != NULL)
		txn_put(&txn, take_key, etcd_key_text(value));
	else
		txn_delete(&txn, take_key);
	return txn_send(c, &txn);
}

int64_t cluster_put(const struct etcd_cluster *c, const char *key, const char *value)
{
	return cluster_put_at(c, etcd_key_text(key), value);
}

void cluster_wait(const struct etcd_cluster *c)
{
	(void)cluster_put(c, "test/there", "1");
}

static void alarm_call(const struct etcd_cluster *c, Etcd__AlarmRequest__Action action)
{
	Etcd__AlarmRequest request = ETCD__ALARM_REQUEST__INIT;
	ProtobufCMessage *answer = NULL;
	struct rpc *rpc = rpc_of(c);
	request.action = action;
	request.alarm = ETCD__ALARM_REQUEST__TYPE__NOSPACE;
	assert_int_equal(rpc_call(rpc, &rpc_alarm, &request.base, CALL_MS, &answer, NULL), 0);
	protobuf_c_message_free_unpacked(answer, NULL);
	rpc_free(rpc);
}

void cluster_set_full(const struct etcd_cluster *c, bool is_full)
{
	alarm_call(c, is_full ? ETCD__ALARM_REQUEST__ACTION__ACTIVATE
			      : ETCD__ALARM_REQUEST__ACTION__DEACTIVATE);
}

void cluster_clear(const struct etcd_cluster *c)
{
	CLEANUP(txn_done) struct txn txn = {0};
	alarm_call(c, ETCD__ALARM_REQUEST__ACTION__DEACTIVATE);
	txn_delete_range(&txn, etcd_key_text("samoza/"), etcd_key_text("samoza0"));
	(void)txn_send(c, &txn);
}

/* ---- servers ---- */

static char *peers_of(const struct etcd_cluster *c)
{
	char *all = mem_strdup("");
	for (unsigned i = 0; i < c->count; i++) {
		char *more = str_printf("%s%sm%u=https://127.0.0.1:%u", all, i > 0 ? "," : "",
					i, c->peer_ports[i]);
		free(all);
		all = more;
	}
	return all;
}

static void exec_server(const struct etcd_cluster *c, unsigned i, const char *state)
{
	CLEANUP(freep) char *peers = peers_of(c);
	CLEANUP(freep) char *name = str_printf("m%u", i);
	CLEANUP(freep) char *data = str_printf("%s/m%u", c->directory, i);
	CLEANUP(freep) char *log = str_printf("%s/m%u.log", c->directory, i);
	CLEANUP(freep) char *client = str_printf("https://127.0.0.1:%u", c->ports[i]);
	CLEANUP(freep) char *peer = str_printf("https://127.0.0.1:%u", c->peer_ports[i]);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)execlp(
		"etcd", "etcd", "--name", name, "--data-dir", data, "--listen-client-urls",
		client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", peer, "--initial-cluster", peers,
		"--initial-cluster-state", state, "--cert-file", c->certificate, "--key-file",
		c->certificate, "--trusted-ca-file", c->authorities, "--client-cert-auth",
		"--peer-cert-file", c->certificate, "--peer-key-file", c->certificate,
		"--peer-trusted-ca-file", c->authorities, "--peer-client-cert-auth",
		c->is_small ? "--max-txn-ops=128" : "--max-txn-ops=4096",
		c->is_small ? "--max-request-bytes=1572864" : "--max-request-bytes=8388608",
		"--heartbeat-interval=100", "--election-timeout=1000", "--logger=zap",
		(char *)NULL);
	_exit(127);
}

void cluster_start(struct etcd_cluster *c, unsigned i)
{
	pid_t parent = getpid(), pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)parent;
		exec_server(c, i, "new");
	}
	c->pids[i] = pid;
}

void cluster_signal(const struct etcd_cluster *c, unsigned i, int signum)
{
	int status;
	assert_int_equal(kill(c->pids[i], signum), 0);
	/* On a busy machine its threads go on for a moment. */
	if (signum == SIGSTOP)
		assert_int_equal(waitpid(c->pids[i], &status, WUNTRACED), c->pids[i]);
}

void cluster_kill(struct etcd_cluster *c, unsigned i)
{
	int status;
	if (c->pids[i] == 0)
		return;
	(void)kill(c->pids[i], SIGKILL);
	assert_int_equal(waitpid(c->pids[i], &status, 0), c->pids[i]);
	c->pids[i] = 0;
}

/* ---- life ---- */

static void certificates_make(const struct etcd_cluster *c)
{
	int64_t wall_ms = now_ms(CLOCK_REALTIME);
	struct pki_authority *authority = authority_at("test", 1, wall_ms);
	struct machine machine = machine_at(authority, "zrms", "zrms", wall_ms, PKI_SERVER_MS);
	struct pki_trust *trust = trust_of(authority, NULL);
	directory_fill(c->directory, &machine, trust);
	pki_trust_free(trust);
	machine_done(&machine);
	pki_authority_free(authority);
}

static void etcd_require(void)
{
	if (system("command -v etcd >/dev/null 2>&1") != 0)
		fail_msg("there is no etcd on this machine: tools/setup test installs it");
}

static struct etcd_cluster *cluster_make(unsigned count, bool is_small)
{
	struct etcd_cluster *c = mem_new(struct etcd_cluster);
	etcd_require();
	c->is_small = is_small;
	c->count = count;
	c->directory = mem_strdup("/tmp/samoza-test-etcd-XXXXXX");
	assert_non_null(mkdtemp(c->directory));
	c->certificate = str_printf("%s/" PKI_IDENTITY_FILE, c->directory);
	c->authorities = str_printf("%s/" PKI_AUTHORITIES_FILE, c->directory);
	certificates_make(c);
	c->urls = mem_strdup("");
	for (unsigned i = 0; i < count; i++) {
		c->ports[i] = free_port();
		c->peer_ports[i] = free_port();
		char *urls = str_printf("%s%shttps://127.0.0.1:%u", c->urls, i > 0 ? "," : "",
					c->ports[i]);
		free(c->urls);
		c->urls = urls;
	}
	for (unsigned i = 0; i < count; i++)
		cluster_start(c, i);
	cluster_wait(c);
	return c;
}

struct etcd_cluster *cluster_new(unsigned count)
{
	return cluster_make(count, false);
}

struct etcd_cluster *cluster_new_small(unsigned count)
{
	return cluster_make(count, true);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

void cluster_free(struct etcd_cluster *c)
{
	for (unsigned i = 0; i < c->count; i++)
		cluster_kill(c, i);
	(void)nftw(c->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(c->directory);
	free(c->urls);
	free(c->certificate);
	free(c->authorities);
	free(c);
}
