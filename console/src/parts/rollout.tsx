// A rollout that is under way: how far it is, what it waits for, and its buttons.
import type { ComponentChildren } from 'preact';
import type { TopologyDetail } from '../base/topology_types';
import type { Rollout } from '../base/types';
import { duration, moment, plural } from '../base/words';
import { now } from '../store/store';
import { Glyph } from './glyph';
import { Sentence } from './sentence';

const STATES: Record<string, string> = { waiting: 'waits for promote', paused: 'is paused', returning: 'goes back' };
const POLICIES: Record<string, string> = { canary: 'Canary', rolling: 'Rolling rollout', 'blue-green': 'Blue-green rollout', replace: 'Replacement' };

const headline = (r: Rollout) => `${POLICIES[r.policy] ?? 'Rollout'} to ${r.version ?? `revision ${r.revision}`} ${STATES[r.state] ?? 'is under way'}`;

/** A canary by its steps, everything else by what is done. */
function Progress({ of }: { of: Rollout }) {
  const rest = Math.max(0, of.all - of.done);
  const text = `${of.done} of ${of.all} in ${of.version ?? `revision ${of.revision}`}`;
  const { step, steps } = of;
  return (
    <div class="progress-box">
      <div class="bar" role="progressbar" aria-label="Progress of the rollout" aria-valuemin={0} aria-valuemax={of.all} aria-valuenow={of.done} aria-valuetext={text}>
        {of.done > 0 && <i class="new" style={{ flexGrow: of.done }} />}
        {rest > 0 && <i class={of.state === 'returning' ? 'waits' : 'off'} style={{ flexGrow: rest }} />}
      </div>
      <p><b>{of.done}</b> of {plural(of.all, 'copy', 'copies')} in {of.version ?? `revision ${of.revision}`}
        {steps !== undefined && steps > 0 && step !== undefined && <>, {step <= steps ? `step ${step} of ${steps}` : 'the rest, after the last step'}</>}
        {of.promotes_at !== undefined && <>, the next step follows {moment(of.promotes_at, now.value)}</>}</p>
    </div>
  );
}

export function RolloutBar({ detail, buttons }: { detail: TopologyDetail; buttons: ComponentChildren }) {
  const r = detail.rollout;
  if (r !== undefined) return (
    <section class={`card rollout-bar${r.state === 'returning' || r.cause !== undefined ? ' hot' : ''}`} aria-labelledby="rollout-name" data-rollout={r.state}>
      <div>
        <h2 id="rollout-name"><Glyph state="rollout" /> {headline(r)}</h2>
        <p>{r.cause !== undefined ? <><Sentence text={r.cause} />. </> : null}{r.detail !== undefined ? <Sentence text={r.detail} /> : r.cause === undefined && 'Nothing holds it up.'}</p>
      </div>
      <Progress of={r} />
      <div class="do">{buttons}</div>
    </section>
  );
  const last = detail.last_rollout;
  const kept = detail.kept;
  if (last !== undefined) return (
    <section class="card rollout-bar hot" aria-labelledby="rollout-name" data-rollout={last.result}>
      <div class="whole">
        <h2 id="rollout-name"><Glyph state="failed" /> The rollout to {last.version ?? `revision ${last.revision}`} {last.result === 'aborted' ? 'was aborted' : 'failed'} {moment(last.time, now.value)}</h2>
        <p>{last.cause !== undefined && <><Sentence text={last.cause} />. </>}{last.back_on !== undefined && `What runs is ${last.back_on} again.`}</p>
      </div>
    </section>
  );
  if (kept !== undefined) return (
    <section class="card rollout-bar" aria-labelledby="rollout-name" data-rollout="kept">
      <div class="whole">
        <h2 id="rollout-name"><Glyph state="rollout" /> {kept.version ?? `Revision ${kept.revision}`} runs on without traffic</h2>
        <p>{plural(kept.copies, 'copy', 'copies')}, for another {duration(Date.parse(kept.until) - now.value.getTime())}: a rollback until then needs no start.</p>
      </div>
    </section>
  );
  return null;
}
