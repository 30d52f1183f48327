// The lists that stand beside the pictures: everything that they show, by name.
import { number, percent, plural, word } from '../base/words';
import { go, route } from '../base/route';
import { Instances, Load } from '../parts/bar';
import { Card, Empty } from '../parts/card';
import { addressWith, Columns, useSorted, type Column } from '../parts/columns';
import { Glyph, shape } from '../parts/glyph';
import { topologyPage, zhostPage } from '../parts/sentence';
import { shown } from '../parts/tilemap';
import { GoesOn, order } from '../parts/topology_table';
import { Virtual } from '../parts/virtual';
import { topologies, zhosts, type Topology, type Zhost } from '../store/store';

const ROW = 34;

/** Of a name or a state, as the address says. */
function Filter({ names }: { names: string }) {
  const { query } = route.value;
  const state = query.get('state') ?? '';
  const write = (name: string) => go(addressWith({ name, state: '' }));
  return (
    <>
      {state !== '' && <a class="tag" href={addressWith({ state: '' })} title="Show all">{word(state)} ×</a>}
      <input class="field" type="search" aria-label={`Filter ${names} by name`} placeholder="Filter: name" value={query.get('name') ?? ''}
        onInput={(event) => write(event.currentTarget.value)} />
    </>
  );
}

function matches(one: { name: string }, state: string) {
  const { query } = route.value;
  return one.name.includes(query.get('name') ?? '') && (query.get('state') === null || query.get('state') === state);
}

/** Of a silent one nothing is known. */
const load = (name: string, of: Zhost, value: number) => (
  <span class="load">
    <em>{name}</em>
    {of.state === 'problem' ? <span class="dim">not known</span> : <><Load value={value} /><em>{percent(value, 1)} %</em></>}
  </span>
);

const RANKS = ['problem', 'failed', 'stuck', 'disk-full', 'data-full', 'draining', 'cordoned'];
const rank = (state: string) => RANKS.includes(state) ? RANKS.indexOf(state) : RANKS.length;
const known = (z: Zhost, value: number) => z.state === 'problem' ? -1 : value;

const ZHOST_COLUMNS: Column<Zhost>[] = [
  { id: 'name', name: 'Name', of: (z) => z.name },
  { id: 'state', name: 'State', of: (z) => `${rank(shown(z))}${shown(z)}` },
  { id: 'cpu', name: 'cpu reserved', of: (z) => known(z, z.cpu), down: true },
  { id: 'memory', name: 'Memory reserved', of: (z) => known(z, z.memory), down: true },
  { id: 'instances', name: 'Instances', of: (z) => z.instances, down: true },
  { id: 'labels', name: 'Labels' },
];

const TOPOLOGY_COLUMNS: Column<Topology>[] = [
  { id: 'name', name: 'Name', of: (t) => t.name },
  { id: 'state', name: 'State', of: (t) => t.state },
  { id: 'instances', name: 'Instances', of: (t) => t.instances, down: true },
  { id: 'version', name: 'Version', of: (t) => t.version },
  { id: 'on', name: 'What goes on' },
];

export function Zhosts() {
  const list = useSorted(zhosts.value.filter((z) => matches(z, z.state) || matches(z, shown(z))), ZHOST_COLUMNS);
  return (
    <main id="main" class="list-page">
      <h1 class="hidden">zhosts</h1>
      <Card id="all" name="zhosts" count={`${number(list.length)} of ${number(zhosts.value.length)}`} more={<Filter names="zhosts" />}>
        {list.length === 0 ? <Empty text="No zhost is so." /> : <>
          <Columns of={ZHOST_COLUMNS} row="of-zhost" />
          <Virtual of={list} height={ROW} label="List of zhosts" row={(z) => (
            <li class="row of-zhost" key={z.name}>
              <span class="state"><Glyph state={shown(z)} /><a class="cut" href={zhostPage(z.name)} title={z.name}>{z.name}</a></span>
              <span class={`c-${shape(shown(z))}`}>{shown(z) === 'draining' ? `draining, ${z.left} left` : word(shown(z))}</span>
              {load('cpu', z, z.cpu)}{load('mem', z, z.memory)}
              <span class="soft">{plural(z.instances, 'instance')}</span>
              <span class="soft cut">{Object.entries(z.labels).map(([name, value]) => `${name}=${value}`).join(', ')}</span>
            </li>
          )} />
        </>}
      </Card>
    </main>
  );
}

export function Topologies() {
  const list = useSorted(topologies.value.filter((t) => matches(t, t.state)), TOPOLOGY_COLUMNS, order);
  return (
    <main id="main" class="list-page">
      <h1 class="hidden">Topologies</h1>
      <Card id="all" name="Topologies" count={`${number(list.length)} of ${number(topologies.value.length)}`} more={<Filter names="topologies" />}>
        {list.length === 0 ? <Empty text="No topology is so." command="zshell topo submit FILE.mex" /> : <>
          <Columns of={TOPOLOGY_COLUMNS} row="of-topology" />
          <Virtual of={list} height={ROW} label="List of topologies" row={(t) => (
            <li class="row of-topology" key={t.id}>
              <span class="state"><Glyph state={t.state} /><a class="cut" href={topologyPage(t.name)} title={t.name}>{t.name}</a></span>
              <span class={`c-${shape(t.state)}`}>{word(t.state)}</span>
              <Instances of={t} />
              <span class="soft">{t.version}</span>
              <span class="cut"><GoesOn of={t} /></span>
            </li>
          )} />
        </>}
      </Card>
    </main>
  );
}
