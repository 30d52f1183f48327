// Where each instance of a topology is: what the graph shows, by name.
import { useSignal } from '@preact/signals';
import type { Instance, TopologyDetail } from '../base/topology_types';
import { moment, number, plural, word } from '../base/words';
import { isFresh, isStarted, isWanted } from '../graph/model';
import { now } from '../store/store';
import { Card, Choice, Empty } from './card';
import { State } from './glyph';
import { Sentence, ToDo, whyPage, zhostPage } from './sentence';

type By = 'space' | 'zhost' | 'state';
const MOST = 600; // rows: the rest is found by the filter

/** What holds it up, and what becomes of it. */
function Reason({ of, detail }: { of: Instance; detail: TopologyDetail }) {
  const next = of.handover?.next;
  if (next !== undefined)
    return <>{next.version !== undefined && next.version !== of.version ? `to ${next.version}` : 'moves'} on <a href={zhostPage(next.zhost)}>{next.zhost}</a>, {word(next.state)}</>;
  if (of.handover?.waits !== undefined) return <Sentence text={of.handover.waits} />;
  const shown = detail.placements.find((p) => p.space === of.path && p.why !== undefined) ?? of;
  if (shown.why !== undefined && !isStarted(of)) return <><Sentence text={shown.why} /><ToDo code={shown.failure_code} /></>;
  return of.last_error !== undefined && !isStarted(of) ? <Sentence text={of.last_error} /> : null;
}

function Row({ of, detail }: { of: Instance; detail: TopologyDetail }) {
  const fresh = isFresh(of, detail);
  return (
    <tr data-path={of.path} data-state={of.state} class={isWanted(of) && !isStarted(of) ? 'hot' : ''}>
      <td class="name"><a href={whyPage(detail.name, of.path)} title={of.path}>{of.path}</a></td>
      <td><State state={of.state} /></td>
      <td>{of.zhost !== undefined ? <a href={zhostPage(of.zhost)}>{of.zhost}</a> : <span class="dim">none</span>}</td>
      <td class="ve">{fresh ? <span class="tag new">{of.version}</span> : <span class="soft">{of.version ?? detail.version}</span>}</td>
      <td class="since soft"><time dateTime={of.since}>{moment(of.since, now.value)}</time></td>
      <td class="soft on"><Reason of={of} detail={detail} /></td>
    </tr>
  );
}

function title(by: By, key: string, list: Instance[]): string {
  const running = list.filter(isStarted).length;
  if (by === 'state') return plural(list.length, 'instance');
  return `${plural(list.length, 'instance')}, ${running === list.length ? (list.length > 1 ? 'all running' : 'running') : `${number(running)} running`}${key === '' ? ', without a place' : ''}`;
}

export function Placements({ detail, instances, filter, choose }: {
  detail: TopologyDetail; instances: Instance[]; filter: string; choose: (text: string) => void;
}) {
  const by = useSignal<By>('space');
  const words = filter.toLowerCase();
  const matches = (i: Instance) => words.startsWith('space:') ? i.space === filter.slice(6)
    : [i.path, i.zhost ?? 'none', word(i.state), i.version ?? ''].some((text) => text.toLowerCase().includes(words));
  const list = instances.filter(matches);
  const key = (i: Instance) => by.value === 'space' ? i.space : by.value === 'zhost' ? i.zhost ?? '' : i.state;
  const groups = new Map<string, Instance[]>();
  for (const i of list.slice(0, MOST)) groups.set(key(i), [...(groups.get(key(i)) ?? []), i]);
  const name = (k: string) => by.value === 'state' ? word(k) : k === '' ? 'no zhost' : k;
  const more = (
    <>
      <input class="field" type="search" aria-label="Filter placements by name, zhost, state or version" placeholder="Filter: name, zhost, state" value={filter}
        onInput={(event) => choose(event.currentTarget.value)} />
      <Choice<By> label="Group by" of={[{ value: 'space', text: 'space' }, { value: 'zhost', text: 'zhost' }, { value: 'state', text: 'state' }]} value={by.value}
        choose={(value) => { by.value = value; }} />
    </>
  );
  return (
    <Card id="placements" name="Placements" count={list.length === instances.length ? number(instances.length) : `${number(list.length)} of ${number(instances.length)}`} more={more}>
      {list.length === 0 ? <Empty text="No instance is so." /> : (
        <div class="table-box" tabIndex={0} role="region" aria-label="Placements of all instances">
          <table>
            <thead><tr><th class="name">Instance</th><th class="st">State</th><th class="zh">zhost</th><th class="ve">Version</th><th class="since">Since</th><th class="on">Reason</th></tr></thead>
            {[...groups].map(([k, of]) => (
              <tbody key={k}>
                <tr class="group-row"><th colSpan={6} scope="rowgroup"><b>{name(k)}</b> {title(by.value, k, of)}</th></tr>
                {of.map((i) => <Row key={i.path} of={i} detail={detail} />)}
              </tbody>
            ))}
          </table>
        </div>
      )}
      {list.length > MOST && <p class="rest">{number(list.length - MOST)} more: the filter finds them.</p>}
    </Card>
  );
}
