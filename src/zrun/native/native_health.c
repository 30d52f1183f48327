#include "zrun/native/native_health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zrun/native/native_programs.h"
#include "zrun/native/native_settings.h"
#include "zrun/runner/clocks.h"

#define JOB_KILL 9
#define OWNER_MS 1000 /* for the keeper to look whose port it is */

static const char *setting_of(const struct native *n, const char *name, const char *what)
{
	char key[32];

	(void)snprintf(key, sizeof(key), "%s.%s", name, what);
	return native_setting(n, key);
}

bool native_probe_read(const struct native *n, const char *name, struct probe *p, char *text,
		       size_t size)
{
	static const struct {
		const char *what;
		enum probe_kind kind;
	} kinds[] = {{"tcp", PROBE_TCP}, {"http", PROBE_HTTP}, {"command", PROBE_COMMAND}};

	*p = (struct probe){.fd = -1};
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const char *value = setting_of(n, name, kinds[k].what);

		if (value[0] != '\0') {
			p->kind = kinds[k].kind;
			p->value = value;
		}
	}
	p->interval_ms = (uint32_t)strtoul(setting_of(n, name, "interval_ms"), NULL, 10);
	p->timeout_ms = (uint32_t)strtoul(setting_of(n, name, "timeout_ms"), NULL, 10);
	p->failures = (uint32_t)strtoul(setting_of(n, name, "failures"), NULL, 10);
	return probe_prepare(p, text, size);
}

void native_probe_stop(struct native *n, struct probe *p)
{
	probe_end(p);
	if (n->is_probing && p->kind == PROBE_COMMAND && n->jobs[JOB_PROBE].is_running)
		native_signal(n, JOB_PROBE, JOB_KILL, false);
	n->is_probing = n->asks_owner = false;
}

uint64_t native_probe_due_ms(const struct native *n, const struct probe *p)
{
	if (p->kind == PROBE_NONE)
		return UINT64_MAX;
	return n->is_probing ? n->probe_until_ms : n->probe_next_ms;
}

static enum probe_result begin(struct native *n, struct probe *p)
{
	n->has_answer = n->asks_owner = false;
	if (p->kind != PROBE_COMMAND)
		return probe_begin(p, n->probe_error, sizeof(n->probe_error));
	if (n->jobs[JOB_PROBE].is_running)
		return PROBE_PENDING; /* a killed one has not ended yet */
	n->jobs[JOB_PROBE].output.is_quiet = n->jobs[JOB_PROBE].errors.is_quiet = true;
	return native_start_command(n, JOB_PROBE, p->value) ? PROBE_PENDING : PROBE_BAD;
}

/* That a port of this machine answers is not enough: another program may have it. An instance
 * without processes (`start` left none) can own no port, and looks at another's. */
static bool must_own(const struct native *n, const struct probe *p)
{
	return p->is_local && (n->is_foreground || n->jobs[JOB_MAIN].left);
}

void native_port_look(struct native *n)
{
	const struct probe *probes[] = {&n->ready, &n->health};

	n->taken = (struct port_taken){0};
	for (size_t k = 0; k < sizeof(probes) / sizeof(probes[0]) && n->taken.port == 0; k++) {
		uint16_t port = probe_local_port(probes[k]);

		if (port != 0 &&
		    port_user(port, n->taken.user, sizeof(n->taken.user), &n->taken.socket))
			n->taken.port = port;
	}
}

const char *native_port_text(const struct native *n)
{
	static char text[120];

	if (n->taken.port == 0 || !port_has_socket(n->taken.port, n->taken.socket))
		return "";
	native_text(text, sizeof(text), "; port %u is in use by %s", (unsigned)n->taken.port,
		    n->taken.user);
	return text;
}

static enum probe_result judge_owner(struct native *n, const struct probe *p)
{
	if (!n->knows_owner)
		return PROBE_PENDING;
	if (n->owner != PORT_FOREIGN)
		return PROBE_GOOD;
	native_text(n->probe_error, sizeof(n->probe_error),
		    "port %u: answered, but no process of this instance listens on it%s",
		    (unsigned)p->port, native_port_text(n));
	return PROBE_BAD;
}

static enum probe_result step_network(struct native *n, struct probe *p, uint64_t now)
{
	enum probe_result result;

	if (n->asks_owner)
		return judge_owner(n, p);
	if (n->has_answer)
		result = probe_step(p, n->probe_error, sizeof(n->probe_error));
	else
		result = PROBE_PENDING;
	n->has_answer = false;
	if (result == PROBE_PENDING && now >= n->probe_until_ms)
		result = probe_timeout(p, n->probe_error, sizeof(n->probe_error));
	if (result != PROBE_GOOD || !must_own(n, p))
		return result;
	native_find_port(n, JOB_PROBE, p->port);
	n->probe_until_ms = now + OWNER_MS;
	return PROBE_PENDING;
}

static enum probe_result step(struct native *n, struct probe *p, uint64_t now)
{
	char error[NATIVE_TEXT];

	if (p->kind != PROBE_COMMAND)
		return step_network(n, p, now);
	if (n->jobs[JOB_PROBE].is_running)
		return PROBE_PENDING;
	native_job_error(n, JOB_PROBE, error, sizeof(error));
	native_text(n->probe_error, sizeof(n->probe_error), "the command failed: %s", error);
	return error[0] == '\0' ? PROBE_GOOD : PROBE_BAD;
}

enum probe_result native_probe(struct native *n, struct probe *p)
{
	enum probe_result result;
	uint64_t now = mono_ms();

	if (!n->is_probing && now < n->probe_next_ms)
		return PROBE_PENDING;
	if (!n->is_probing) {
		n->is_probing = true;
		n->probe_until_ms = now + p->timeout_ms;
		result = begin(n, p);
	} else {
		result = step(n, p, now);
	}
	if (result == PROBE_PENDING) {
		if (now < n->probe_until_ms)
			return PROBE_PENDING;
		native_probe_stop(n, p);
		native_text(n->probe_error, sizeof(n->probe_error),
			    "%s%.300s: no answer within %u ms",
			    p->kind == PROBE_TCP ? "port " : "", p->value, p->timeout_ms);
		result = PROBE_BAD;
	}
	n->is_probing = n->asks_owner = false;
	n->probe_next_ms = now + p->interval_ms;
	return result;
}
