// What may be done with a topology. Only what the role permits is there; what stops or takes away something shows what
// would follow, and asks for the name.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Refusal, change } from '../base/api';
import { difference, lines } from '../base/diff';
import type { Content, Instance, Revision, TopologyDetail } from '../base/topology_types';
import { plural } from '../base/words';
import { isStarted } from '../graph/model';
import { isLost, self } from '../store/store';
import { address, contentOf } from '../store/topology';
import { ConfirmByName, useRequest } from './confirm';

/** zrms decides; this is what is offered. */
export const mayChange = () => self.value?.role === 'operator' || self.value?.role === 'admin';

const ask = (name: string, rest: string, method: 'POST' | 'DELETE' = 'POST') => change(method, address(name, rest));

function Button({ text, run, isPrimary = false }: { text: string; run: () => Promise<unknown>; isPrimary?: boolean }) {
  const [request, waits, why] = useRequest();
  return (
    <>
      <button type="button" class={isPrimary ? 'button primary' : 'button'} disabled={waits || isLost.value} onClick={() => void request(run)}>{text}</button>
      {why !== '' && <span class="refusal" role="alert">{why}</span>}
    </>
  );
}

/** A button whose plan opens above the page; Escape leaves it. */
function Planned({ text, verb, name, title, command, run, plan }: {
  text: string; verb: string; name: string; title: string; command: string; run: () => Promise<unknown>; plan: () => ComponentChildren;
}) {
  const [isOpen, setOpen] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (isOpen && dialog.current?.open === false) dialog.current.showModal(); }, [isOpen]);
  const close = () => { dialog.current?.close(); };
  const id = `plan-${verb.toLowerCase().replaceAll(' ', '-')}`;
  return (
    <>
      <button type="button" class="button danger" aria-haspopup="dialog" disabled={isLost.value} onClick={() => setOpen(true)}>{text}…</button>
      {isOpen && (
        <dialog ref={dialog} class="plan" aria-labelledby={id} onClose={() => setOpen(false)}>
          <h2 id={id}>{title}</h2>
          <ConfirmByName name={name} of="topology" verb={verb} command={command} run={async () => { await run(); close(); }}>
            <ul class="steps">{plan()}</ul>
          </ConfirmByName>
          <button type="button" class="button leave" onClick={close}>Leave it as it is</button>
        </dialog>
      )}
    </>
  );
}

/* ---- what would follow ---- */

const count = (list: Instance[]) => list.filter(isStarted).length;
const places = (list: Instance[]) => new Set(list.filter(isStarted).map((i) => i.zhost)).size;

function Dependents({ of }: { of: TopologyDetail }) {
  if (of.dependents.length === 0) return null;
  const hard = of.dependents.filter((d) => !d.optional_import);
  return (
    <li class="costs">{hard.length > 0 ? <>{plural(hard.length, 'space')} of other topologies then {hard.length === 1 ? 'waits' : 'wait'}: {hard.slice(0, 6).map((d) => d.space).join(', ')}{hard.length > 6 && ' and others'}.</>
      : <>{plural(of.dependents.length, 'space')} of other topologies {of.dependents.length === 1 ? 'runs' : 'run'} on without it.</>}</li>
  );
}

function StopPlan({ detail, instances, isUndeployed }: { detail: TopologyDetail; instances: Instance[]; isUndeployed: boolean }) {
  const kept = detail.rollout;
  return (
    <>
      <li>{plural(count(instances), 'running instance')} on {plural(places(instances), 'zhost')} {count(instances) === 1 ? 'stops' : 'stop'}: importers before their providers.</li>
      {isUndeployed ? <li>Their places are given up. A start finds new ones, if there are any then.</li> : <li>Their places are kept. They start there again.</li>}
      {kept !== undefined && <li class="costs">The rollout to {kept.version ?? `revision ${kept.revision}`} does not go on.</li>}
      <Dependents of={detail} />
      <li>What they have stored stays.</li>
    </>
  );
}

/** What differs from what runs, by space. */
function BackPlan({ id, now, to }: { id: string; now: Content; to: Revision }) {
  const [then, set] = useState<Content | string | null>(null);
  useEffect(() => { contentOf(id, to.revision).then(set, (error) => set(error instanceof Refusal ? error.message : 'zrms does not answer')); }, [id, to.revision]);
  if (then === null) return <li>Reading revision {to.revision}</li>;
  if (typeof then === 'string') return <li class="costs">What would change is not known: {then}. Leave it and ask again.</li>;
  const find = (content: Content, name: string) => content.topology.spaces.find((s) => s.name === name);
  const names = [...new Set([...now.topology.spaces, ...then.topology.spaces].map((s) => s.name))];
  const changed = names.map((name) => {
    const [a, b] = [find(now, name), find(then, name)];
    if (a === undefined || b === undefined) return { name, text: a === undefined ? 'comes back' : 'goes' };
    const found = difference(lines(a), lines(b));
    const of = (kind: string) => found.filter((l) => l.kind === kind).map((l) => l.text.trim()).filter((text) => !text.endsWith(':')).join(', ');
    return { name, text: of('come') || (of('gone') !== '' ? `without ${of('gone')}` : '') };
  }).filter((c) => c.text !== '');
  return (
    <>
      <li>A new revision with the content of revision {to.revision}{to.version !== undefined && ` (${to.version})`} takes the place of what runs, at once. Data is not rolled back.</li>
      {changed.map((c) => <li key={c.name}><b>{c.name}</b>: {c.text}</li>)}
      {changed.length === 0 && <li>What is declared is the same; programs are those of then.</li>}
    </>
  );
}

/* ---- the buttons ---- */

export function TopologyActions({ detail, instances }: { detail: TopologyDetail; instances: Instance[] }) {
  if (!mayChange()) return null;
  const { name } = detail;
  const wanted = instances.some((i) => i.goal !== 'not-deployed');
  const stopped = instances.some((i) => i.goal === 'deployed-stopped');
  const started = instances.some((i) => i.goal === 'deployed-started');
  return (
    <>
      {!wanted && <Button text="Start" isPrimary run={() => ask(name, '/start')} />}
      {wanted && stopped && <Button text="Start instances" isPrimary run={() => ask(name, '/start-all')} />}
      {(detail.state === 'failed' || detail.state === 'degraded') && <Button text="Try again" run={() => ask(name, '/recover')} />}
      {started && <Planned text="Stop instances" verb="Stop the instances of" name={name} title={`Stop the instances of ${name}`} command={`zshell spaces stop ${name} --all`}
        run={() => ask(name, '/stop-all')} plan={() => <StopPlan detail={detail} instances={instances} isUndeployed={false} />} />}
      {wanted && <Planned text="Stop" verb="Stop" name={name} title={`Stop and undeploy ${name}`} command={`zshell topo stop ${name}`}
        run={() => ask(name, '/stop')} plan={() => <StopPlan detail={detail} instances={instances} isUndeployed />} />}
      {detail.state === 'stopped' && <Planned text="Remove" verb="Remove" name={name} title={`Remove ${name}`} command={`zshell topo rm ${name}`}
        run={() => ask(name, '', 'DELETE')} plan={() => <><li>It is in no list any more, and its revisions are forgotten.</li><li>What its spaces stored stays for a topology of the same name.</li></>} />}
    </>
  );
}

export function RolloutActions({ detail }: { detail: TopologyDetail }) {
  const { name, rollout } = detail;
  if (!mayChange() || rollout === undefined || rollout.state === 'returning') return null;
  const to = rollout.version ?? `revision ${rollout.revision}`;
  return (
    <>
      {rollout.state === 'waiting' && <Button text={`Promote ${to}`} isPrimary run={() => ask(name, '/promote')} />}
      {rollout.state === 'paused' ? <Button text="Continue" isPrimary run={() => ask(name, '/resume')} /> : <Button text="Pause" run={() => ask(name, '/pause')} />}
      <Planned text="Abort" verb="Abort the rollout of" name={name} title={`Abort the rollout of ${name} to ${to}`} command={`zshell topo abort ${name}`} run={() => ask(name, '/abort')}
        plan={() => <><li>{plural(rollout.done, 'copy', 'copies')} in {to} {rollout.done === 1 ? 'is' : 'are'} taken back, in the order of the rollout.</li>
          <li>What runs then is {detail.version ?? `revision ${detail.revision ?? 1}`}, as before.</li></>} />
    </>
  );
}

export function RollBack({ detail, content, to }: { detail: TopologyDetail; content: Content; to: Revision }): ComponentChildren {
  return (
    <Planned text="Roll back" verb="Roll back" name={detail.name} title={`Roll ${detail.name} back to revision ${to.revision}`}
      command={`zshell topo rollback ${detail.name} --to ${to.revision}`} run={() => ask(detail.name, `/rollback?to=${to.revision}`)}
      plan={() => <BackPlan id={detail.id} now={content} to={to} />} />
  );
}

/** Only what ran as a whole, and does not run now. */
export const canGoBack = (detail: TopologyDetail, r: Revision) =>
  mayChange() && detail.rollout === undefined && r.result === 'completed' && r.revision !== (detail.revision ?? r.revision);
