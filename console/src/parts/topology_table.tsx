// Topologies with their instances, what needs a look first. While the pointer or the focus is on it, nothing changes its place.
import { signal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { number, word } from '../base/words';
import { concerns, topologies, type Topology } from '../store/store';
import { Instances } from './bar';
import { Card, Choice, Empty } from './card';
import { Glyph, shape } from './glyph';
import { Sentence, ToDo, topologyPage } from './sentence';

type Filter = 'all' | 'not-running' | 'rollouts';
const filter = signal<Filter>('all');

const RANKS = ['failed', 'degraded', 'pending', 'running', 'stopped'];
const isDifferent = (t: Topology) => t.state !== 'running' && t.state !== 'stopped';

function rank(t: Topology) {
  const own = RANKS.indexOf(t.state);
  return t.rollout !== null && own >= 3 ? 2.5 : own;
}

export function order(list: Topology[]) {
  return [...list].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

const wanted: Record<Filter, (t: Topology) => boolean> = {
  all: () => true, 'not-running': isDifferent, rollouts: (t) => t.rollout !== null,
};

/** What is said of it: how its rollout goes, or why it is as it is. */
export function GoesOn({ of }: { of: Topology }) {
  const concern = concerns.value.get(of.name);
  if (of.rollout !== null)
    return <><Glyph state="rollout" size="small" /> <Sentence text={`to ${of.rollout.version ?? 'the new revision'}: ${of.rollout.cause ?? of.rollout.detail ?? of.rollout.state}`} /></>;
  if (concern !== undefined) return <><Sentence text={concern.reason} /><ToDo code={concern.failure_code} /></>;
  return isDifferent(of) && of.reason !== '' ? <><Sentence text={of.reason} /><ToDo code={of.code} /></> : null;
}

export function TopologyTable({ max }: { max: number }) {
  const held = useRef<string[] | null>(null);
  const all = topologies.value;
  const chosen = all.filter(wanted[filter.value]);
  let rows = order(chosen);
  if (held.current !== null) {
    const places = new Map(held.current.map((name, k) => [name, k]));
    rows = rows.sort((a, b) => (places.get(a.name) ?? Infinity) - (places.get(b.name) ?? Infinity) || 0);
  }
  rows = rows.slice(0, max);
  const hold = () => { held.current ??= rows.map((t) => t.name); };
  const let_go = (event: Event) => {
    const box = event.currentTarget as HTMLElement;
    if (!box.matches(':hover') && !box.contains((event as FocusEvent).relatedTarget as Node | null)) held.current = null;
  };
  const different = all.filter(isDifferent).length;
  const rollouts = all.filter((t) => t.rollout !== null).length;
  const choices: { value: Filter; text: string }[] = [
    { value: 'all', text: 'all' }, { value: 'not-running', text: `not running ${number(different)}` }, { value: 'rollouts', text: `rollouts ${number(rollouts)}` },
  ];
  return (
    <Card id="topologies" name="Topologies" count={number(all.length)}
      more={<Choice label="Filter by state" of={choices} value={filter.value} choose={(value) => { filter.value = value; }} />}>
      {all.length === 0 && <Empty text="What was submitted, with its instances. There is nothing yet." command="zshell topo submit FILE.mex" />}
      {all.length > 0 && chosen.length === 0 && <Empty text="None is so." />}
      {rows.length > 0 && (
        <table onMouseEnter={hold} onMouseLeave={let_go} onFocusIn={hold} onFocusOut={let_go}>
          <thead><tr><th class="name">Name</th><th class="st">State</th><th class="in">Instances</th><th class="ve">Version</th><th>What goes on</th></tr></thead>
          <tbody>
            {rows.map((t) => (
              <tr key={t.id} class={isDifferent(t) || t.rollout !== null ? 'hot' : ''}>
                <td class="name"><span class="state"><Glyph state={t.state} /><a class="cut" href={topologyPage(t.name)} title={t.name}>{t.name}</a></span></td>
                <td class={`st c-${shape(t.state)}`}>{word(t.state)}</td>
                <td class="in"><Instances of={t} /></td>
                <td class="ve">{t.version}</td>
                <td class="on"><GoesOn of={t} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {chosen.length > max && <p class="rest"><a href="#/topologies">All {number(chosen.length)} topologies</a></p>}
    </Card>
  );
}
