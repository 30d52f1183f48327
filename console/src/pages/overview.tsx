// The cluster at a glance: what is wrong, why, and everything else quietly beside it.
import type { ComponentChildren } from 'preact';
import type { Count } from '../base/types';
import { number, percent, plural } from '../base/words';
import { Attention } from '../parts/attention';
import { LatestEvents } from '../parts/events';
import { TileMap } from '../parts/tilemap';
import { TopologyTable } from '../parts/topology_table';
import { summary, topologies, zhosts } from '../store/store';

const ROWS = 40;
const EVENTS = 14;

const of = (states: Count[], state: string) => states.find((c) => c.state === state)?.count ?? 0;
const is = (count: number) => count === 1 ? 'is' : 'are';

/** One sentence, the worst first. */
function Headline() {
  const s = summary.value!;
  const failed = of(s.topology_states, 'failed');
  const degraded = of(s.topology_states, 'degraded');
  const silent = zhosts.value.filter((z) => z.state === 'problem').length;
  const rest = s.attention.filter((a) => a.state !== 'failed' && a.state !== 'degraded' && a.state !== 'problem');
  const parts: ComponentChildren[] = [];
  if (failed > 0) parts.push(<em class="c-failed">{plural(failed, 'topology has', 'topologies have')} failed</em>);
  if (degraded > 0) parts.push(failed > 0 ? `${degraded} ${is(degraded)} degraded` : <em class="c-degraded">{plural(degraded, 'topology is', 'topologies are')} degraded</em>);
  if (silent > 0) parts.push(parts.length > 0 ? `${plural(silent, 'zhost is', 'zhosts are')} silent` : <em class="c-problem">{plural(silent, 'zhost is', 'zhosts are')} silent</em>);
  if (parts.length === 0 && rest.length > 0) parts.push(`${plural(s.attention_count, 'thing waits', 'things wait')}`);
  if (parts.length === 0) parts.push(topologies.value.length > 0 ? 'Everything runs' : zhosts.value.length > 0 ? 'Nothing is deployed' : 'No zhost has joined');
  return <h1>{parts.map((part, k) => <>{k > 0 && ', '}{part}</>)}.</h1>;
}

function Stat({ name, more = '', value, rest = '', of = '', bar, extra = '' }: {
  name: string; more?: string; value: string; rest?: string; of?: string; bar?: number; extra?: string;
}) {
  return (
    <div class={`${bar !== undefined ? 'measure' : ''} ${extra}`}>
      <dt>{name}{more !== '' && <span class="wide"> {more}</span>}</dt>
      <dd>
        {value}{rest !== '' && <small> {rest}<span class="wide"> {of}</span></small>}
        {bar !== undefined && <span class="bar" aria-hidden="true"><i class={bar > 90 ? 'hot' : ''} style={{ width: `${bar}%` }} /></span>}
      </dd>
    </div>
  );
}

function Sum() {
  const s = summary.value!;
  const all = s.zhost_states.reduce((sum, c) => sum + c.count, 0);
  const asked = topologies.value.filter((t) => t.state !== 'stopped').reduce((sum, t) => sum + t.instances, 0);
  const cpu = percent(s.cpu_millicores.reserved, s.cpu_millicores.total);
  const memory = percent(s.memory_bytes.reserved, s.memory_bytes.total);
  const { total, reserved } = s.devices;
  return (
    <section class="sum" aria-label="Summary">
      <Headline />
      <dl>
        <Stat name="zhosts" value={number(s.open_zhosts)} rest={`of ${number(all)}`} of="take placements" />
        <Stat name="Instances" value={number(of(s.space_states, 'deployed-started'))} rest={`of ${number(asked)}`} of="running" />
        <Stat name="cpu" more="reserved" value={`${cpu} %`} bar={cpu} />
        <Stat name="memory" more="reserved" value={`${memory} %`} bar={memory} />
        {total > 0 && <Stat name="devices in use" value={number(reserved)} rest={`of ${number(total)}`} bar={percent(reserved, total)} extra="devices" />}
      </dl>
    </section>
  );
}

export function Overview() {
  return (
    <main id="main" class="overview">
      <Sum />
      <div class="left"><Attention /><LatestEvents max={EVENTS} /></div>
      <TileMap />
      <TopologyTable max={ROWS} />
    </main>
  );
}
