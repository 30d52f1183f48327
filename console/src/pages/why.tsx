// Why an instance is where it is, or has no place: the verdict of the placement as a picture.
import { effect } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { read } from '../base/api';
import { route } from '../base/route';
import type { Explained, Instance } from '../base/topology_types';
import { number, plural, word } from '../base/words';
import { chain, graphOf, isStarted, isWanted } from '../graph/model';
import { Load } from '../parts/bar';
import { Card, Empty } from '../parts/card';
import { Glyph, State, shape } from '../parts/glyph';
import { RuleMatrix } from '../parts/rule_matrix';
import { Settings } from '../parts/settings';
import { Sentence, ToDo, topologyPage, whyPage, zhostPage } from '../parts/sentence';
import { Chain } from '../parts/wait_chain';
import { happened } from '../store/store';
import { address, refused, useTopology, type Opened } from '../store/topology';

const SOON_MS = 250;
const SPACING = 10; // times as long as an answer takes is waited between two
const CHIPS = 14;
const NEAREST = 12;

/** What is placed with others is judged with what contains them. */
function rootOf(of: Opened, path: string): string {
  const at = of.instances.find((i) => i.path === path);
  return at?.parent !== undefined ? rootOf(of, at.parent) : path;
}

function useExplained(topology: string, path: string): Explained | null {
  const [found, set] = useState<{ path: string; explained: Explained } | null>(null);
  useEffect(() => {
    if (path === '') return undefined;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined, pause = 0, again = false;
    const plan = () => { timer = setTimeout(ask, pause); };
    const ask = async () => {
      again = false;
      const began = performance.now();
      const answer = await read<{ spaces: Explained[] }>(address(topology, `/explain?each=1&path=${encodeURIComponent(path)}`), abort.signal).catch(() => null);
      pause = Math.max(SOON_MS, SPACING * (performance.now() - began));
      timer = undefined;
      if (abort.signal.aborted) return;
      if (again) plan();
      if (answer?.spaces[0] !== undefined) set({ path, explained: answer.spaces[0] });
    };
    // Whatever happens may change it; what comes meanwhile waits for the same answer.
    const end = effect(() => {
      void happened.value;
      if (timer !== undefined) again = true;
      else plan();
    });
    return () => { end(); clearTimeout(timer); abort.abort(); };
  }, [topology, path]);
  return found?.path === path ? found.explained : null;
}

function Chips({ of, path }: { of: Opened; path: string }) {
  const held = (i: Instance) => isWanted(i) && !isStarted(i) ? 0 : 1;
  const list = [...of.instances].sort((a, b) => held(a) - held(b));
  const first = list.slice(0, CHIPS);
  const chosen = list.find((i) => i.path === path);
  const shown = chosen !== undefined && !first.includes(chosen) ? [...first.slice(0, -1), chosen] : first;
  return (
    <nav class="chips" aria-label="Instances">
      {shown.map((i) => (
        <a key={i.path} href={whyPage(of.detail.name, i.path)} aria-current={i.path === path ? 'true' : undefined} title={`${i.path}: ${word(i.state)}`}>
          <Glyph state={i.state} size="small" /><span class="cut">{i.path}</span></a>
      ))}
      {list.length > CHIPS && <a class="more" href={topologyPage(of.detail.name)}>all {number(list.length)}</a>}
    </nav>
  );
}

function Change({ of }: { of: Explained }) {
  const alone = of.zhosts.filter((z) => !z.eligible && z.failures.length === 1);
  const by = new Map<string, typeof alone>();
  for (const z of alone) { const text = z.failures[0]!.text; by.set(text, [...(by.get(text) ?? []), z]); }
  return (
    <Card id="change" name="Smallest change that gives it a place">
      {of.smallest_change !== undefined ? <p class="sentence"><Sentence text={of.smallest_change} /></p> : <Empty text="No single change is known that gives it a place." />}
      {by.size > 0 && (
        <ul>
          {[...by].slice(0, 6).map(([text, list]) => (
            <li key={text}><p class="soft">1 rule on {plural(list.length, 'zhost')}</p>
              <p><b>{list.slice(0, 3).map((z, k) => <>{k > 0 && ', '}<a href={zhostPage(z.zhost)}>{z.zhost}</a></>)}{list.length > 3 && ` and ${number(list.length - 3)} more`}</b>: <Sentence text={text} /></p></li>
          ))}
        </ul>
      )}
    </Card>
  );
}

function Nearest({ of }: { of: Explained }) {
  const [all, setAll] = useState(false);
  const list = of.zhosts.filter((z) => !z.eligible).sort((a, b) => a.failures.length - b.failures.length || (a.zhost < b.zhost ? -1 : 1));
  const shown = all ? list : list.slice(0, NEAREST);
  return (
    <Card id="nearest" name="Why not there, with figures" count={number(list.length)}
      more={list.length > NEAREST && !all && <button type="button" class="button quiet" onClick={() => setAll(true)}>All {number(list.length)}</button>}>
      {list.length === 0 ? <Empty text="Every zhost could take it." /> : (
        <div class="table-box" tabIndex={0} role="region" aria-label="Failed rules of each zhost">
          <table>
            <thead><tr><th class="zh">zhost</th><th class="no">Rules</th><th>What it lacks</th></tr></thead>
            <tbody>{shown.map((z) => (
              <tr key={z.zhost} data-zhost={z.zhost}><td class="name"><a href={zhostPage(z.zhost)}>{z.zhost}</a></td><td class="soft">{z.failures.length}</td>
                <td class="on">{z.failures.map((f, k) => <span key={k} class="lack">{f.text}</span>)}</td></tr>
            ))}</tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

const PARTS = ['preference', 'neighbours', 'fragmentation', 'load'];

function Scores({ of }: { of: Explained }) {
  const list = of.zhosts.filter((z) => z.eligible);
  const part = (z: typeof list[number], name: string) => z.scores.find((s) => s.name === name)?.value ?? '';
  return (
    <Card id="scores" name="Scores" count={list.length > 0 ? `${number(list.length)} could take it, the best first` : undefined}>
      {list.length === 0 ? <Empty text="Of zhosts that could take it: there is none." /> : (
        <div class="table-box" tabIndex={0} role="region" aria-label="Scores of the zhosts that could take it">
          <table>
            <thead><tr><th class="zh">zhost</th>{PARTS.map((name) => <th key={name} class={name === 'load' ? 'load-column' : 'num'}>{name}</th>)}</tr></thead>
            <tbody>{list.slice(0, 60).map((z) => (
              <tr key={z.zhost} class={z.chosen === true ? 'chosen' : ''} data-zhost={z.zhost}>
                <td class="name"><a href={zhostPage(z.zhost)}>{z.zhost}</a>{z.chosen === true && <span class="tag">it is there</span>}</td>
                {PARTS.slice(0, 3).map((name) => <td key={name} class="num">{part(z, name)}</td>)}
                <td class="load-column"><span class="load"><Load value={Math.min(1, parseFloat(part(z, 'load')) / 100 || 0)} /><em>{part(z, 'load')}</em></span></td>
              </tr>
            ))}</tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function headline(path: string, root: string, e: Explained | null, i: Instance | undefined): string {
  if (e === null || i === undefined) return path;
  if (path !== root) return `${path} is placed with ${root}, which contains it`;
  if (e.zhost === undefined && isWanted(i)) return `${path} has no place${e.reason !== undefined ? `: ${e.reason.split(': ')[0]}` : ''}`;
  return e.summary;
}

export function Why() {
  const topology = route.value.query.get('topology') ?? '';
  const of = useTopology(topology);
  const asked = route.value.query.get('space');
  const path = asked ?? of?.instances.find((i) => isWanted(i) && !isStarted(i))?.path ?? of?.instances[0]?.path ?? '';
  const root = of !== null ? rootOf(of, path) : '';
  const e = useExplained(topology, root);
  if (of === null) return <main id="main"><p class="waits" role="status">{refused.value !== '' ? refused.value : `Reading ${topology}`}</p></main>;
  const instance = of.instances.find((i) => i.path === path);
  const links = instance !== undefined ? chain(instance, graphOf(of.detail, of.content, of.instances), of.detail) : [];
  return (
    <main id="main" class="why">
      <section class="why-head" aria-label="Summary">
        <p class="crumb"><a href={topologyPage(of.detail.name)}>{of.detail.name}</a> <State state={of.detail.state} />
          {instance !== undefined && <span class={`c-${shape(instance.state)}`}>{path}: {word(instance.state)}</span>}</p>
        <h1><Sentence text={headline(path, root, e, instance)} /></h1>
        {e?.reason !== undefined && <p class="soft"><Sentence text={e.reason.split(': ').slice(1).join(': ')} /><ToDo code={e.failure_code} /></p>}
        <Chips of={of} path={path} />
      </section>
      {instance === undefined && <p class="waits">There is no instance {path} in {of.detail.name}.</p>}
      {e === null && instance !== undefined && <p class="waits" role="status">Asking zrms why</p>}
      {e !== null && e.zhosts.length > 0 && <RuleMatrix of={e} />}
      {e !== null && (
        <div class="why-columns">
          <div class="main-column">{!e.zhosts.some((z) => z.eligible) && <Change of={e} />}<Nearest of={e} /></div>
          <div class="side-column">
            <Card id="chain-card" name={instance !== undefined && isStarted(instance) ? 'It runs' : 'What holds it up'}>
              <Chain links={links} topology={of.detail.name} />
            </Card>
            <Settings topology={topology} path={path} />
            <Scores of={e} />
          </div>
        </div>
      )}
    </main>
  );
}
