// The lists that stand beside the pictures: everything that they show, by name.
import { number, percent, plural, word } from '../base/words';
import { go, route } from '../base/route';
import { Instances, Load } from '../parts/bar';
import { Card, Empty } from '../parts/card';
import { Event, isOwn } from '../parts/events';
import { Glyph, State, shape } from '../parts/glyph';
import { topologyPage, zhostPage } from '../parts/sentence';
import { shown } from '../parts/tilemap';
import { GoesOn, order } from '../parts/topology_table';
import { Virtual } from '../parts/virtual';
import { happened, topologies, zhosts, type Zhost } from '../store/store';

const ROW = 34;

/** Of a name or a state, as the address says. */
function Filter({ page, names }: { page: string; names: string }) {
  const { query } = route.value;
  const state = query.get('state') ?? '';
  const write = (name: string) => go(`#/${page}${name !== '' ? `?name=${encodeURIComponent(name)}` : ''}`);
  return (
    <>
      {state !== '' && <a class="tag" href={`#/${page}`} title="Show all">{word(state)} ×</a>}
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

export function Zhosts() {
  const list = zhosts.value.filter((z) => matches(z, z.state) || matches(z, shown(z)));
  return (
    <main id="main" class="list-page">
      <h1 class="hidden">zhosts</h1>
      <Card id="all" name="zhosts" count={`${number(list.length)} of ${number(zhosts.value.length)}`} more={<Filter page="zhosts" names="zhosts" />}>
        {list.length === 0 ? <Empty text="No zhost is so." /> : (
          <Virtual of={list} height={ROW} label="List of zhosts" row={(z) => (
            <li class="row of-zhost" key={z.name}>
              <span class="state"><Glyph state={shown(z)} /><a class="cut" href={zhostPage(z.name)} title={z.name}>{z.name}</a></span>
              <span class={`c-${shape(shown(z))}`}>{shown(z) === 'draining' ? `draining, ${z.left} left` : word(shown(z))}</span>
              {load('cpu', z, z.cpu)}{load('mem', z, z.memory)}
              <span class="soft">{plural(z.instances, 'instance')}</span>
              <span class="soft cut">{Object.entries(z.labels).map(([name, value]) => `${name}=${value}`).join(', ')}</span>
            </li>
          )} />
        )}
      </Card>
    </main>
  );
}

export function Topologies() {
  const list = order(topologies.value.filter((t) => matches(t, t.state)));
  return (
    <main id="main" class="list-page">
      <h1 class="hidden">Topologies</h1>
      <Card id="all" name="Topologies" count={`${number(list.length)} of ${number(topologies.value.length)}`} more={<Filter page="topologies" names="topologies" />}>
        {list.length === 0 ? <Empty text="No topology is so." command="zshell topo submit FILE.mex" /> : (
          <Virtual of={list} height={ROW} label="List of topologies" row={(t) => (
            <li class="row of-topology" key={t.id}>
              <span class="state"><Glyph state={t.state} /><a class="cut" href={topologyPage(t.name)} title={t.name}>{t.name}</a></span>
              <span class={`c-${shape(t.state)}`}>{word(t.state)}</span>
              <Instances of={t} />
              <span class="soft">{t.version}</span>
              <span class="cut"><GoesOn of={t} /></span>
            </li>
          )} />
        )}
      </Card>
    </main>
  );
}

export function Events() {
  const list = happened.value.filter(isOwn);
  return (
    <main id="main" class="list-page">
      <h1 class="hidden">Events</h1>
      <Card id="all" name="Events" count={number(list.length)} more={<State state="running" text="following" />}>
        {list.length === 0 ? <Empty text="Changes of state, as they occur. There was none yet." />
          : <Virtual of={list} height={ROW} label="Events, the newest first" row={(e) => <Event key={e.seq} of={e} />} />}
      </Card>
    </main>
  );
}
