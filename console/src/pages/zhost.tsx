// One zhost: what it uses, what runs there, what it offers, and how everything there goes elsewhere.
import { useEffect, useRef, useState } from 'preact/hooks';
import { change, read } from '../base/api';
import { useLoaded } from '../base/loaded';
import { route } from '../base/route';
import type { Happened, SpaceView, Usage, ZhostView } from '../base/types';
import { bytes, cores, duration, number, percent, plural, word } from '../base/words';
import { Card, Choice, Empty } from '../parts/card';
import { ColumnHeads, useSorted, type Column } from '../parts/columns';
import { useRequest } from '../parts/confirm';
import { DrainCard } from '../parts/drain';
import { Event, isOwn } from '../parts/events';
import { State } from '../parts/glyph';
import { Sentence, topologyPage } from '../parts/sentence';
import { UsageChart, type Series } from '../parts/usage_chart';
import { happened, isLost, now, self } from '../store/store';

const SAMPLE_MS = 10000;
const PAGE = 1000;
const ROWS_MAX = 200;

const path = (name: string) => `/v1/zhosts/${encodeURIComponent(name)}`;
const mayChange = () => self.value?.role === 'admin';

/* ---- heading ---- */

const state = (z: ZhostView) => z.state !== 'deployed-started' ? z.state
  : z.drain !== undefined && z.drain.state !== 'drained' && z.drain.state !== 'ended' ? 'draining' : z.cordoned ? 'cordoned' : z.state;

function Head({ of, drains, again }: { of: ZhostView; drains: (on: boolean) => void; again: () => void }) {
  const [ask, waits, why] = useRequest();
  const ago = (text: string) => duration(now.value.getTime() - Date.parse(text));
  const asks = (action: string) => ask(async () => { await change('POST', `${path(of.name)}/${action}`); again(); });
  const isOff = waits || isLost.value;
  return (
    <section class="head" aria-label="State">
      <h1 class="cut" title={of.name}>{of.name}</h1>
      <State state={state(of)} />
      <ul class="facts">
        {of.address !== undefined && <li>{of.address}</li>}
        {of.last_heartbeat !== undefined && <li>heartbeat <b>{ago(of.last_heartbeat)} ago</b></li>}
        {of.since !== undefined && <li>{word(of.state)} for <b>{ago(of.since)}</b></li>}
        {of.version !== undefined && <li>version <b>{of.version}</b></li>}
        {of.certificate_expires !== undefined && <li>certificate for <b>{duration(Date.parse(of.certificate_expires) - now.value.getTime())}</b></li>}
      </ul>
      <span class="space" />
      {mayChange() && (
        <span class="do">
          {of.drain !== undefined && of.drain.state !== 'ended' ? null : of.cordoned
            ? <button type="button" class="button" disabled={isOff} onClick={() => asks('uncordon')}>Uncordon {of.name}</button>
            : <button type="button" class="button" disabled={isOff} onClick={() => asks('cordon')}>Cordon {of.name}</button>}
          {(of.drain === undefined || of.drain.state === 'ended') &&
            <button type="button" class="button" disabled={isLost.value} onClick={() => drains(true)}>Drain {of.name}…</button>}
        </span>
      )}
      {why !== '' && <p role="alert" class="c-problem">{why}</p>}
    </section>
  );
}

/* ---- usage ---- */

type Span = '1h' | '24h' | '7d';
const SPANS: { value: Span; text: string }[] = [{ value: '1h', text: '1 h' }, { value: '24h', text: '24 h' }, { value: '7d', text: '7 d' }];
const SECONDS: Record<Span, number> = { '1h': 3600, '24h': 24 * 3600, '7d': 7 * 24 * 3600 };
const SPOKEN: Record<Span, string> = { '1h': 'last hour', '24h': 'last 24 hours', '7d': 'last 7 days' };

const known = (list: number[]) => list.map((value) => value >= 0 ? value : null);

function series(span: number, u: Usage | null, used: number[] | undefined, reserved: number[] | undefined, total: number): Series {
  const since = u?.since !== undefined ? Date.parse(u.since) : 0;
  return { span, times: (used ?? []).map((_, k) => (since + k * (u?.interval_ms ?? 0)) / 1000), used: known(used ?? []), reserved: known(reserved ?? []), total };
}

function Measure({ name, amount, isKnown, of, figure, unit }: {
  name: string; amount: { total: number; reserved: number; used?: number }; isKnown: boolean; of: Series; figure: (value: number) => string; unit: string;
}) {
  const used = isKnown && amount.used !== undefined ? figure(amount.used) : 'not known';
  const all = `of ${figure(amount.total)}${unit}`;
  const reserved = `${percent(amount.reserved, amount.total)} % reserved`;
  return (
    <div class="use">
      <h3>{name} <b>{used}</b> {all}<span>{reserved}</span></h3>
      <UsageChart of={of} label={`${name} over time: now ${used} ${all}, ${reserved}`} figure={figure} />
    </div>
  );
}

function UsageCard({ of }: { of: ZhostView }) {
  const [span, setSpan] = useState<Span>('1h');
  const { value, why } = useLoaded(`${of.name} ${span}`, (signal) => read<Usage>(`${path(of.name)}/usage?span=${span}`, signal), SAMPLE_MS);
  // Of another period, the one before stays until it is there.
  const last = useRef({ name: of.name, span, u: value });
  if (value !== null || last.current.name !== of.name) last.current = { name: of.name, span, u: value };
  const { u, span: shown } = last.current;
  const more = (
    <>
      <span class="legend lines"><span><i class="used" />used</span><span><i class="kept" />reserved</span></span>
      <Choice label="Period" of={SPANS} value={span} choose={setSpan} />
    </>
  );
  return (
    <Card id="usage" name="Usage" count={SPOKEN[shown]} more={more}>
      {why !== '' && <p class="empty" role="alert">{why}</p>}
      <div class="uses" aria-busy={shown !== span}>
        <Measure name="cpu" amount={of.cpu_millicores} isKnown={of.state !== 'problem'} figure={cores} unit=" cores"
          of={series(SECONDS[shown], u, u?.cpu_used, u?.cpu_reserved, of.cpu_millicores.total)} />
        <Measure name="Memory" amount={of.memory_bytes} isKnown={of.state !== 'problem'} figure={bytes} unit=""
          of={series(SECONDS[shown], u, u?.memory_used, u?.memory_reserved, of.memory_bytes.total)} />
      </div>
    </Card>
  );
}

/* ---- what runs there ---- */

const COLUMNS: Column<SpaceView>[] = [
  { id: 'name', name: 'Instance', of: (s) => s.name },
  { id: 'state', name: 'State', of: (s) => `${s.state === 'problem' ? 0 : s.state === 'deployed-started' ? 2 : 1}${s.state}` },
  { id: 'since', name: 'For', of: (s) => -Date.parse(s.since) },
  { id: 'restarts', name: 'Restarts', of: (s) => s.restarts, down: true },
  { id: 'log', name: 'Log' },
];

async function spacesOf(name: string, signal: AbortSignal) {
  const all: SpaceView[] = [];
  let after = '';
  do {
    const page = await read<{ spaces: SpaceView[]; next?: string }>(`/v1/spaces?zhost=${encodeURIComponent(name)}&limit=${PAGE}${after}`, signal);
    all.push(...page.spaces);
    after = page.next !== undefined ? `&after=${encodeURIComponent(page.next)}` : '';
  } while (after !== '');
  return all;
}

export const logPage = (s: { topology: string; path: string }) => `#/logs?topology=${encodeURIComponent(s.topology)}&path=${encodeURIComponent(s.path)}`;

function RunsHere({ name }: { name: string }) {
  const names = useRef(new Set<string>());
  const here = (e: Happened) => (e.kind === 'placement' && (e.from === name || e.to === name)) ||
    (e.kind === 'space' && names.current.has(e.subject)) || (e.kind === 'zhost' && e.subject === name);
  const list = useLoaded(name, (signal) => spacesOf(name, signal), SAMPLE_MS, here);
  names.current = new Set((list.value ?? []).map((s) => s.name));
  const rows = useSorted(list.value ?? [], COLUMNS);
  const topologies = new Set(rows.map((s) => s.topology_id)).size;
  return (
    <Card id="runs" name="Runs here" count={list.value !== null ? `${plural(rows.length, 'instance')} of ${plural(topologies, 'topology', 'topologies')}` : ''}>
      {list.why !== '' && <p class="empty" role="alert">{list.why}</p>}
      {list.value !== null && rows.length === 0 && <Empty text="Instances that are placed here. There is none." />}
      {rows.length > 0 && (
        <table class="sorts">
          <thead><tr><ColumnHeads of={COLUMNS} /></tr></thead>
          <tbody>
            {rows.slice(0, ROWS_MAX).map((s) => (
              <tr key={s.name}>
                <td class="name"><a href={topologyPage(s.topology)} title={s.name}><span class="cut soft">{s.topology}/</span><b>{s.path}</b></a></td>
                <td class="state-of"><State state={s.state} /></td>
                <td class="for soft">{duration(now.value.getTime() - Date.parse(s.since))}</td>
                <td class="restarts soft">{number(s.restarts)}</td>
                <td class="log"><a href={logPage(s)} aria-label={`Log of ${s.name}`}>Log</a></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {rows.length > ROWS_MAX && <p class="rest">{number(rows.length - ROWS_MAX)} more: <code>zshell spaces list --zhost {name}</code></p>}
    </Card>
  );
}

/* ---- what has happened there ---- */

const EVENTS_MAX = 8;

function Happenings({ name }: { name: string }) {
  const list = happened.value.filter((e) => (e.kind === 'zhost' && e.subject === name && isOwn(e)) || (e.kind === 'placement' && (e.from === name || e.to === name)));
  return (
    <Card id="events" name="Events" more={<a class="button quiet" href={`#/events?subject=${encodeURIComponent(name)}`}>All of {name}</a>}>
      {list.length === 0 && <Empty text="What has happened to it, and what came and left. Nothing, lately." />}
      <ol>{list.slice(0, EVENTS_MAX).map((e) => <Event key={e.seq} of={e} />)}</ol>
    </Card>
  );
}

/* ---- what it offers ---- */

const Tags = ({ of }: { of: string[] }) => <dd>{of.length > 0 ? of.map((text) => <span class="tag" key={text}>{text}</span>) : <span class="dim">none</span>}</dd>;

function Offers({ of }: { of: ZhostView }) {
  return (
    <Card id="offers" name="Offers">
      <dl>
        <dt>Capacity</dt><Tags of={[`${cores(of.cpu_millicores.total)} cores`, bytes(of.memory_bytes.total)]} />
        <dt>Capabilities</dt><Tags of={of.capabilities} />
        {of.withdrawn !== undefined && of.withdrawn.length > 0 && <><dt>Withdrawn</dt><Tags of={of.withdrawn.map((w) => `${w.capability}: ${w.missing} is missing`)} /></>}
        <dt>Devices</dt><Tags of={of.devices.map((d) => `${d.kind}${d.model !== undefined ? ` ${d.model}` : ''}: ${d.count}, ${d.free} free`)} />
        <dt>Labels</dt><Tags of={of.labels.map((l) => `${l.name} = ${l.value}`)} />
        {of.latitude !== undefined && of.longitude !== undefined && <><dt>Position</dt><dd>{of.latitude}, {of.longitude}</dd></>}
        {of.made !== undefined && <><dt>Made by</dt><dd>{of.made.driver}, {of.made.step}{of.made.error !== undefined && <>: <Sentence text={of.made.error} /></>}</dd></>}
      </dl>
    </Card>
  );
}

/* ---- page ---- */

export function ZhostPage() {
  const name = route.value.query.get('name') ?? '';
  const [drains, setDrains] = useState(false);
  const { value: z, why, again } = useLoaded(name, (signal) => read<ZhostView>(path(name), signal), SAMPLE_MS,
    (e) => (e.kind === 'zhost' && e.subject === name) || (e.kind === 'placement' && (e.from === name || e.to === name)));
  // A plan that was carried out is over.
  useEffect(() => setDrains(false), [name, z?.drain?.since]);
  if (z === null) return <main id="main"><h1 class="hidden">{name}</h1><p class="waits" role="status">{why !== '' ? <Sentence text={why} /> : `Reading ${name}`}</p></main>;
  const isDrained = z.drain !== undefined;
  return (
    <main id="main" class={isDrained || drains ? 'zhost-page with-drain' : 'zhost-page'}>
      <Head of={z} drains={setDrains} again={again} />
      <UsageCard of={z} />
      <div class="left">
        <RunsHere name={name} />
        <Happenings name={name} />
      </div>
      <div class="right">
        {(isDrained || drains) && <DrainCard of={z} mayChange={mayChange()} again={again} close={() => setDrains(false)} />}
        <Offers of={z} />
      </div>
    </main>
  );
}
