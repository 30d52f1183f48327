/* What a step does, for people. */

#include "base/memory.h"
#include "base/str.h"
#include "core/agent/agent.h"
#include "core/application/rollout.h"
#include "schema/message.h"
#include "zsim/scenario/sign_ins.h"
#include "zsim/scenario/steps.h"

static const char *zhost_event_name(Samoza__V1__ZhostEvent event)
{
	return schema_enum_spelling(&samoza__v1__zhost_event__descriptor, (int)event);
}

char *step_text(const Samoza__V1__ScenarioStep *step)
{
	char *text = sign_ins_text(step);
	if (text != NULL)
		return text;
	if (step->with_token != NULL)
		return str_printf("with the token of %s", step->with_token);
	if (step->with_key != NULL)
		return str_printf("with key %s", step->with_key);
	if (step->submit != NULL)
		return str_printf("submit %s%s%s%s", step->submit->name,
				  step->submit->as != NULL ? " as " : "",
				  step->submit->as != NULL ? step->submit->as : "",
				  step->submit->start ? "" : " without start");
	if (step->goal != NULL)
		return str_printf("goal %s: %s", step->goal->space, step->goal->to);
	if (step->rollout != NULL)
		return str_printf(
			"rollout %s: %s", step->rollout->topology,
			rollout_command_name((enum rollout_command)step->rollout->do_));
	if (step->scale != NULL)
		return str_printf("scale %s", step->scale->topology);
	if (step->rebalance != NULL)
		return mem_strdup("rebalance");
	if (step->rollback != NULL)
		return str_printf("rollback %s", step->rollback->topology);
	if (step->move != NULL)
		return str_printf("move %s%s%s", step->move->space,
				  step->move->to != NULL ? " to " : "",
				  step->move->to != NULL ? step->move->to : "");
	if (step->exec != NULL)
		return str_printf("exec in %s", step->exec->space);
	if (step->token != NULL)
		return str_printf("%s token %s", step->token->rm ? "remove" : "create",
				  step->token->id);
	if (step->key != NULL)
		return str_printf("%s key %s", step->key->rm ? "remove" : "trust",
				  step->key->name);
	if (step->secret != NULL)
		return str_printf("%s secret %s",
				  step->secret->rm	 ? "remove"
				  : step->secret->reseal ? "seal"
							 : "set",
				  step->secret->name);
	if (step->n_secrets > 0)
		return mem_strdup("secrets");
	if (step->key_files != NULL)
		return mem_strdup("key files");
	if (step->n_signers > 0)
		return mem_strdup("signers");
	if (step->join != NULL)
		return str_printf("%s joins with token %s", step->join->zhost,
				  step->join->token);
	if (step->machine != NULL)
		return str_printf("%s zhost %s",
				  step->machine->create != NULL ? "create" : "destroy",
				  step->machine->create != NULL ? step->machine->create
								: step->machine->destroy);
	if (step->driver != NULL)
		return mem_strdup("driver");
	if (step->authority != NULL)
		return str_printf("authority: %s",
				  schema_enum_spelling(&samoza__v1__authority_verb__descriptor,
						       (int)step->authority->do_));
	if (step->renew != NULL)
		return str_printf("%s renews its certificate", step->renew->zhost);
	if (step->bulk != NULL)
		return str_printf("%s %s%s%s", step->bulk->action, step->bulk->topology,
				  step->bulk->path != NULL ? "/" : "",
				  step->bulk->path != NULL ? step->bulk->path : "");
	if (step->fail != NULL)
		return str_printf("fail %s of %s, %u time%s",
				  agent_action_name((enum agent_action)step->fail->action),
				  step->fail->space, step->fail->times,
				  str_plural(step->fail->times));
	if (step->unhealthy != NULL)
		return str_printf("probes of %s fail", step->unhealthy->space);
	if (step->kill != NULL)
		return str_printf("kill %s", step->kill->space);
	if (step->finish != NULL)
		return str_printf("finish %s", step->finish->space);
	if (step->exit != NULL)
		return str_printf("exit %s", step->exit->space);
	if (step->slow != NULL)
		return str_printf("%s of %s take %s",
				  step->slow->by != NULL ? "frames" : "commits",
				  step->slow->zhost != NULL ? step->slow->zhost : "zrms",
				  step->slow->by != NULL ? step->slow->by : step->slow->disk);
	if (step->zhost != NULL)
		return str_printf("zhost %s: %s", step->zhost->name,
				  zhost_event_name(step->zhost->do_));
	if (step->stall != NULL)
		return str_printf("zrms stands still for %s", step->stall);
	if (step->settings != NULL)
		return mem_strdup("settings of zrms");
	if (step->has_zrms)
		return str_printf("zrms: %s",
				  schema_enum_spelling(&samoza__v1__zrms_event__descriptor,
						       (int)step->zrms));
	if (step->topology != NULL)
		return str_printf("topology %s: %s", step->topology->name,
				  schema_enum_spelling(&samoza__v1__topology_verb__descriptor,
						       (int)step->topology->do_));
	if (step->advance != NULL)
		return str_printf("advance %s", step->advance);
	if (step->reason != NULL)
		return str_printf("reason of %s", step->reason->topology);
	return mem_strdup(step->expect != NULL	      ? "expect"
			  : step->n_trace > 0	      ? "trace"
			  : step->n_order > 0	      ? "order"
			  : step->n_live > 0	      ? "live"
			  : step->n_knows > 0	      ? "knows"
			  : step->n_env > 0	      ? "env"
			  : step->n_away > 0	      ? "away"
			  : step->has_moves	      ? "moves"
			  : step->n_admits > 0	      ? "admits"
			  : step->authorities != NULL ? "authorities"
						      : "settle");
}
