// A drain: what would follow, then the button that asks for the name; while it goes on, what is left and why.
import { useEffect, useState } from 'preact/hooks';
import { change, Refusal } from '../base/api';
import type { PlanView, ZhostView } from '../base/types';
import { clock, duration, moment, number, plural } from '../base/words';
import { now } from '../store/store';
import { Card, Empty } from './card';
import { ConfirmByName, useRequest } from './confirm';
import { Glyph } from './glyph';
import { Sentence, zhostPage } from './sentence';

const ROWS_MAX = 60;
const BUSY_MS = 1000;
const DEADLINES = [['', 'none'], ['10m', '10 min'], ['30m', '30 min'], ['1h', '1 h'], ['12h', '12 h']] as const;

const path = (name: string) => `/v1/zhosts/${encodeURIComponent(name)}`;

/** The end of a name says more than its beginning. */
function Name({ of }: { of: string }) {
  const at = of.indexOf('/') + 1;
  return <td class="name" title={of}><span><span class="cut soft">{of.slice(0, at)}</span><b>{of.slice(at)}</b></span></td>;
}

/* ---- before ---- */

const KINDS: { kind: string; text: (count: number) => string; is: (effect: string) => boolean }[] = [
  { kind: 'stays-up', text: (n) => n === 1 ? 'stays available' : 'stay available', is: (e) => e === 'stays available' },
  { kind: 'gap', text: (n) => n === 1 ? 'stops and starts' : 'stop and start', is: (e) => /stop/.test(e) },
  { kind: 'room', text: (n) => n === 1 ? 'waits for room' : 'wait for room', is: (e) => e.startsWith('waits') },
  { kind: 'other', text: (n) => n === 1 ? 'does not run' : 'do not run', is: () => true },
];

function headline(plan: PlanView, moves: number) {
  if (!plan.changes) return 'Nothing is there that has to move.';
  const parts = [moves > 0 ? `${plural(moves, 'instance moves', 'instances move')}` : 'Nothing moves'];
  if (plan.left.length > 0) parts.push(`${number(plan.left.length)} ${plan.left.length === 1 ? 'stays' : 'stay'}`);
  return `${parts.join(', ')}${plan.virtual_ms > 0 ? `, in about ${duration(plan.virtual_ms)}` : ''}.`;
}

function Plan({ plan }: { plan: PlanView }) {
  const left = new Set(plan.left.map((l) => l.name));
  const moves = plan.moves.filter((m) => m.kind === 'placement' && m.to !== undefined && m.to !== '' && m.to !== plan.subject);
  const effects = new Map(plan.spaces.map((s) => [s.space, s.effect]));
  const effectOf = (name: string) => effects.get(name.replace(/-\d+$/, '')) ?? effects.get(name) ?? '';
  const counts = KINDS.map(() => 0);
  for (const m of moves) {
    const at = KINDS.findIndex((k) => k.is(effectOf(m.subject)));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  const pieces = KINDS.map((k, n) => ({ kind: k.kind, text: k.text(counts[n]!), count: counts[n]! })).concat([{ kind: 'left', text: plan.left.length === 1 ? 'stays' : 'stay', count: plan.left.length }]).filter((p) => p.count > 0);
  const steps = [...new Set(moves.map((m) => m.step))];
  const rows = moves.slice(0, Math.max(0, ROWS_MAX - plan.left.length));
  return (
    <>
      <div class="plan-sum">
        <p>{headline(plan, moves.length)}</p>
        {pieces.length > 0 && <span class="bar" aria-hidden="true">{pieces.map((p) => <i key={p.kind} class={`p-${p.kind}`} style={{ flexGrow: p.count }} />)}</span>}
        <ul>{pieces.map((p) => <li key={p.kind}><i class={`p-${p.kind}`} aria-hidden="true" /><b>{number(p.count)}</b> {p.text}</li>)}</ul>
        {plan.detail !== undefined && plan.detail !== '' && plan.left.length === 0 && <p class="soft"><Sentence text={plan.detail} /></p>}
      </div>
      {plan.left.length + rows.length > 0 && (
        <table>
          <thead><tr><th class="order">Order</th><th>Instance</th><th class="to">To</th><th class="means">What it means</th></tr></thead>
          <tbody>
            {plan.left.slice(0, ROWS_MAX).map((l) => (
              <tr key={l.name} class="hot"><td class="order">–</td><Name of={l.name} /><td class="to">none</td><td class="means"><Glyph state="unresolved" size="small" /> <Sentence text={l.why} /></td></tr>
            ))}
            {rows.filter((m) => !left.has(m.subject)).map((m) => (
              <tr key={`${m.step} ${m.subject}`}><td class="order soft">{steps.indexOf(m.step) + 1}</td><Name of={m.subject} />
                <td class="to"><a href={zhostPage(m.to!)}>{m.to}</a></td><td class="means soft">{effectOf(m.subject)}</td></tr>
            ))}
          </tbody>
        </table>
      )}
      {moves.length > rows.length && <p class="rest soft">{number(moves.length - rows.length)} more moves, in order</p>}
    </>
  );
}

/** `of`: the values and the round that `plan`, or `why` it could not be made, is of. */
interface Made { of: string; plan: PlanView | null; why: string; at: Date | null }

function Before({ of, again, close }: { of: ZhostView; again: () => void; close: () => void }) {
  const [deadline, setDeadline] = useState('');
  const [force, setForce] = useState(false);
  const [round, setRound] = useState(0);
  const [made, setMade] = useState<Made>({ of: '', plan: null, why: '', at: null });
  const asked = `${deadline} ${String(force)} ${round}`;
  const body = { ...(deadline !== '' ? { deadline } : {}), ...(force && deadline !== '' ? { force: true } : {}) };
  useEffect(() => {
    let isOld = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () => void change('POST', `${path(of.name)}/drain?plan=1`, body).then(
      (plan) => { if (!isOld) setMade({ of: asked, plan: plan as PlanView, why: '', at: new Date(now.value) }); },
      (error: unknown) => {
        if (isOld) return;
        // zrms makes two plans at once, also of values that were chosen before these.
        if (error instanceof Refusal && error.code === 'busy') timer = setTimeout(ask, BUSY_MS);
        else setMade((before) => ({ ...before, of: asked, why: error instanceof Refusal ? error.message : 'zrms does not answer' }));
      });
    ask();
    return () => { isOld = true; clearTimeout(timer); };
  }, [of.name, asked]);
  // The former plan stays until the next one is there, and with it what was typed below it.
  const isBusy = made.of !== asked;
  const more = (
    <>
      <span class={isBusy ? 'count small busy' : 'count small'} role="status">{made.plan !== null && isBusy ? 'is made again' : made.at !== null && `made at ${clock(made.at)}`}</span>
      <button type="button" class="button quiet" onClick={() => setRound(round + 1)}>Plan again</button>
      <button type="button" class="button quiet" aria-label="Close the plan" onClick={close}>×</button>
    </>
  );
  return (
    <Card id="drain" name="Drain plan" count="nothing has been changed yet" more={more}>
      {made.plan === null && isBusy && <p class="empty" role="status">zrms computes what would follow</p>}
      {!isBusy && made.why !== '' && <p class="empty" role="alert"><Sentence text={made.why} /></p>}
      {made.plan !== null && (isBusy || made.why === '') && <div class="plan-shown" aria-busy={isBusy}><Plan plan={made.plan} /></div>}
      {made.plan !== null && (
        <ConfirmByName name={of.name} of="zhost" verb="Drain" isOff={isBusy || made.why !== ''} run={async () => { await change('POST', `${path(of.name)}/drain`, body); again(); }}
          command={`zshell cluster drain ${of.name}${deadline !== '' ? ` --deadline ${deadline}${force ? ' --force' : ''}` : ''}`}>
          <label>Deadline
            <select class="field" value={deadline} onChange={(event) => setDeadline(event.currentTarget.value)}>{DEADLINES.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select>
          </label>
          {deadline !== '' && <label class="check"><input type="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} /> stop what is left then</label>}
        </ConfirmByName>
      )}
    </Card>
  );
}

/* ---- meanwhile ---- */

const WORDS: Record<string, string> = { draining: 'Drains', stopping: 'Stops what was left at the deadline', drained: 'Everything has left', ended: 'Ended at its deadline' };

function Meanwhile({ of, mayChange, again }: { of: ZhostView; mayChange: boolean; again: () => void }) {
  const [ask, waits, why] = useRequest();
  const d = of.drain!;
  return (
    <Card id="drain" name="Drain" count={`asked for by ${d.by}, ${moment(d.since, now.value)}`}>
      <div class="plan-sum">
        <p>{WORDS[d.state] ?? d.state}{d.left_count > 0 ? `: ${plural(d.left_count, 'instance is', 'instances are')} left` : ''}.</p>
        {d.deadline !== undefined && <p class="soft">Deadline {moment(d.deadline, now.value)}{d.force ? ', then what is left is stopped' : ''}.</p>}
      </div>
      {d.left.length === 0 && d.state !== 'drained' && <Empty text="What is left, and why. There is nothing." />}
      {d.left.length > 0 && (
        <table>
          <thead><tr><th>Instance</th><th class="means">Why it is there still</th></tr></thead>
          <tbody>{d.left.slice(0, ROWS_MAX).map((l) => <tr key={l.name}><Name of={l.name} /><td class="means"><Sentence text={l.why} /></td></tr>)}</tbody>
        </table>
      )}
      {mayChange && (
        <div class="confirm">
          <button type="button" class="button" disabled={waits} onClick={() => ask(async () => { await change('POST', `${path(of.name)}/uncordon`); again(); })}>Undo the drain of {of.name}</button>
          <span class="soft">It takes placements again; what has moved stays where it is.</span>
          <p role="alert">{why}</p>
          <code class="command">zshell cluster uncordon {of.name}</code>
        </div>
      )}
    </Card>
  );
}

export function DrainCard(props: { of: ZhostView; mayChange: boolean; again: () => void; close: () => void }) {
  const isOver = props.of.drain === undefined || props.of.drain.state === 'ended';
  return isOver ? <Before key={props.of.name} {...props} /> : <Meanwhile {...props} />;
}
