// One topology: its graph, its placements, its rollout, its history.
import { useSignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { route } from '../base/route';
import { moment, number, plural } from '../base/words';
import { useLayout } from '../graph/layout';
import { chains, graphOf, isStarted, isWanted, type Graph } from '../graph/model';
import { Picture } from '../graph/picture';
import { RollBack, RolloutActions, TopologyActions, canGoBack } from '../parts/actions';
import { Card } from '../parts/card';
import { Event } from '../parts/events';
import { State } from '../parts/glyph';
import { Needs } from '../parts/needs';
import { Placements } from '../parts/placements';
import { RevisionDiff, Revisions } from '../parts/revisions';
import { RolloutBar } from '../parts/rollout';
import { Sentence, ToDo, whyPage } from '../parts/sentence';
import { WaitChains } from '../parts/wait_chain';
import { now } from '../store/store';
import { own, refused, useTopology, type Opened } from '../store/topology';

const EVENTS = 60;
const NARROW = matchMedia('(max-width: 720px)');

function useNarrow(): boolean {
  const [is, set] = useState(NARROW.matches);
  useEffect(() => {
    const change = () => set(NARROW.matches);
    NARROW.addEventListener('change', change);
    return () => NARROW.removeEventListener('change', change);
  }, []);
  return is;
}

function Head({ of }: { of: Opened }) {
  const { detail, instances } = of;
  const running = instances.filter(isStarted).length;
  const places = new Set(instances.map((i) => i.zhost).filter((z) => z !== undefined)).size;
  const first = instances.find((i) => isWanted(i) && !isStarted(i)) ?? instances[0];
  return (
    <section class="topology-head" aria-label="Summary">
      <h1>{detail.name}</h1>
      <State state={detail.state} />
      <p class="facts">
        {detail.version !== undefined && <span>Version <b>{detail.version}</b></span>}
        <span>Revision <b>{detail.revision ?? 1}</b></span>
        <span><b>{number(running)}</b> of {plural(instances.length, 'instance')} running</span>
        <span>on <b>{number(places)}</b> {places === 1 ? 'zhost' : 'zhosts'}</span>
        <span>Updated <b>{moment(detail.updated, now.value)}</b></span>
      </p>
      <span class="space" />
      <div class="do">
        {first !== undefined && <a class="button" href={whyPage(detail.name, first.path)}>Why here?</a>}
        <TopologyActions detail={detail} instances={instances} />
      </div>
      {detail.failure_reason !== undefined && detail.failure_reason !== '' && detail.state !== 'running' && <p class="reason"><Sentence text={detail.failure_reason} /><ToDo code={detail.failure_code} /></p>}
    </section>
  );
}

const Key = ({ kind, text }: { kind: string; text: string }) => (
  <span><svg width="28" height="9" aria-hidden="true"><path class={`edge ${kind}`} d="M1 4.500h24" marker-end={`url(#end-${kind})`} /></svg>{text}</span>
);

function GraphCard({ graph, of, choose }: { graph: Graph; of: Opened; choose: (space: string) => void }) {
  const laid = useLayout(graph, useNarrow());
  const spaces = graph.nodes.filter((n) => !n.isOutside);
  const inside = spaces.filter((n) => n.parent !== null).length;
  const kinds = new Set(graph.edges.map((e) => e.kind));
  const legend = (
    <span class="legend">
      {kinds.has('import') && <Key kind="import" text="imports" />}
      {kinds.has('path') && <Key kind="path" text="messages" />}
      {kinds.has('waits') && <Key kind="waits" text="waits for" />}
      {of.detail.rollout !== undefined && <span><i class="new" />new version</span>}
    </span>
  );
  return (
    <Card id="graph-card" name="Graph" count={`${plural(spaces.length, 'space')}${inside > 0 ? `, ${inside} inside others` : ''}`} more={legend}>
      <div class="graph-box" tabIndex={0} role="region" aria-label="Graph of spaces and their instances">
        {laid !== null ? <Picture graph={graph} laid={laid} detail={of.detail} choose={choose} /> : <p class="empty" role="status">Laying out the graph</p>}
      </div>
    </Card>
  );
}

function OwnEvents() {
  const list = own.value.slice(0, EVENTS);
  return (
    <Card id="own-events" name="Events" count={own.value.length > EVENTS ? `the newest ${EVENTS}` : String(list.length)} more={<State state="running" text="following" />}>
      <ol class="table-box" tabIndex={0} aria-label="Events of this topology, the newest first">{list.map((e) => <Event key={e.seq} of={e} />)}</ol>
    </Card>
  );
}

function compared(): [number, number] | null {
  const from = Number(route.value.query.get('from') ?? ''), to = Number(route.value.query.get('to') ?? '');
  return from > 0 && to > 0 ? [from, to] : null;
}

export function Topology() {
  const name = route.value.query.get('name') ?? '';
  const of = useTopology(name);
  const filter = useSignal('');
  const chosen = compared();
  if (of === null) return <main id="main"><p class="waits" role="status">{refused.value !== '' ? refused.value : `Reading ${name}`}</p></main>;
  const graph = graphOf(of.detail, of.content, of.instances);
  const choose = (space: string) => { filter.value = filter.value === `space:${space}` ? '' : `space:${space}`; };
  return (
    <main id="main" class="topology">
      <Head of={of} />
      <RolloutBar detail={of.detail} buttons={<RolloutActions detail={of.detail} />} />
      <GraphCard graph={graph} of={of} choose={choose} />
      <div class="main-column">
        {chosen !== null && <RevisionDiff key={of.detail.id} id={of.detail.id} from={chosen[0]} to={chosen[1]} />}
        <Placements detail={of.detail} instances={of.instances} filter={filter.value} choose={(text) => { filter.value = text; }} />
      </div>
      <div class="side-column">
        <WaitChains of={chains(graph, of.detail)} topology={of.detail.name} isStopped={!of.instances.some(isWanted)} />
        <Revisions topology={of.detail.name} of={of.revisions} compared={chosen} buttons={(r) => canGoBack(of.detail, r) ? <RollBack detail={of.detail} content={of.content} to={r} /> : null} />
        <Needs content={of.content} instances={of.instances} />
        <OwnEvents />
      </div>
    </main>
  );
}
