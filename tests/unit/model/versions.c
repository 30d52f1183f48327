#include "versions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "schema/yaml.h"

const char sample[] =
	"apiVersion: samoza/v1\n"
	"kind: Topology\n"
	"metadata: {name: shop, owner: ops}\n"
	"version: 1.2.0\n"
	"rollout: {policy: rolling, batch: '2', healthy: {for: 1s, within: 2m}, keep: 3m, "
	"on_failure: "
	"pause, canary: {steps: ['10%', '50%'], pause: 10m}}\n"
	"parameters: [{name: p, type: integer, default: 1, pattern: x, minimum: 1, maximum: 2, "
	"description: d}]\n"
	"spaces:\n"
	"- {name: host, type: NATIVE}\n"
	"- name: api\n"
	"  type: NATIVE\n"
	"  count: 3\n"
	"  inside: host\n"
	"  provides: [rows]\n"
	"  capabilities: [sensors.camera]\n"
	"  resources:\n"
	"    cpu: 200m\n"
	"    memory: 64MiB\n"
	"    data: 128MiB\n"
	"    cpu_limit: 400m\n"
	"    devices: [{kind: gpu, count: 2, share: 500m, model: T4}]\n"
	"  placement:\n"
	"    region: eu\n"
	"    kind: edge\n"
	"    constraints: ['ssd exists']\n"
	"    near: {latitude: 1, longitude: 2, within: 5km}\n"
	"    affinity: [{with: host, scope: region, required: true, weight: 7}]\n"
	"    anti_affinity: [{with: self, scope: rack, required: true, weight: 8}]\n"
	"    spread: [{over: region, max_skew: 2, required: true}]\n"
	"    strategy: pack\n"
	"  exports: {port: '5432'}\n"
	"  imports: [{from: host, variables: [ip], optional: true, patience: 7s}]\n"
	"  exclusive: true\n"
	"  optional: true\n"
	"  public: true\n"
	"  access: token\n"
	"  api: {role: operator, topologies: ['shop-*']}\n"
	"  loss: {replace_after: 9s, stop_after: 8m, offline_start: false}\n"
	"  handover: stop-first\n"
	"  disruption: {max_unavailable: 2}\n"
	"  storage: local\n"
	"  restart: {attempts: 2, window: 3m}\n"
	"  stop: {grace: 4s}\n"
	"  logs: {size: 3MiB, keep: 2d, rate: 3KiB}\n"
	"  env: {LEVEL: info}\n"
	"  config: [{file: a.conf, template: a.tmpl}]\n"
	"  secrets: [{name: db, as: DB}, {name: tls, file: tls.key}]\n"
	"  reload: update\n"
	"  recipes: {timeout: 5s}\n"
	"  run: {mode: foreground}\n"
	"  build: a\n"
	"  ready: {tcp: port}\n"
	"  health: {http: 'http://127.0.0.1/', interval: 6s, timeout: 7s, failures: 8}\n"
	"paths:\n"
	"- {from: api, to: host, name: rows}\n";

Samoza__V1__Topology *read_text(const char *text)
{
	ProtobufCMessage *message = NULL;
	struct error *err = NULL;
	if (schema_read_yaml(&samoza__v1__topology__descriptor, "t.yaml", text, strlen(text),
			     SCHEMA_SCENARIO, NULL, &message, NULL, &err) < 0)
		fail_msg("%s\n%s", err->message, text);
	return (Samoza__V1__Topology *)message;
}

void compare_messages(const Samoza__V1__Topology *from, const Samoza__V1__Topology *to,
		      struct topology_diff *ret_diff)
{
	topology_diff(&(struct topology_version){from, NULL},
		      &(struct topology_version){to, NULL}, ret_diff);
}

char *words_of(const struct topology_diff *diff)
{
	static const char marks[] = {[SPACE_UNCHANGED] = '=',
				     [SPACE_ADJUSTED] = '~',
				     [SPACE_REPLACED] = '!',
				     [SPACE_ADDED] = '+',
				     [SPACE_REMOVED] = '-'};
	struct buffer out = BUFFER_INIT(10000);
	vector_for_each (&diff->spaces, s) {
		(void)buffer_printf(&out, "%s%c%s%s%s%s", out.size > 0 ? " " : "",
				    marks[s->verdict], s->place_differs ? "p" : "",
				    s->count_differs ? "c" : "", s->names_differ ? "n" : "",
				    s->name);
		vector_for_each (&s->fields, field)
			(void)buffer_printf(&out, ":%s", *field);
	}
	vector_for_each (&diff->fields, field)
		(void)buffer_printf(&out, " %s", *field);
	return buffer_steal(&out);
}
