// What needs attention, the worst first, each with its one sentence. Of many alike the first ones stand for all.
import type { Attention as Entry } from '../base/types';
import { duration, number, plural, word } from '../base/words';
import { now, summary, topologies } from '../store/store';
import { Card, Empty } from './card';
import { Glyph } from './glyph';
import { TroubledNotices, useTroubledNotices } from './notices';
import { Sentence, ToDo, topologyPage, zhostPage } from './sentence';

const ALIKE_MAX = 3;

const address = (a: Entry) => a.kind === 'zhost' ? zhostPage(a.name) : topologyPage(a.name);
const glyph = (a: Entry) => a.kind === 'rollout' && a.state !== 'failed' ? 'rollout' : a.state;
const kind = (a: Entry) => a.kind === 'topology' ? word(a.state) : `${a.kind}, ${word(a.state)}`;
const isHot = (a: Entry) => a.state === 'failed' || a.state === 'problem';

function Progress({ name }: { name: string }) {
  const rollout = topologies.value.find((t) => t.name === name)?.rollout;
  if (rollout === null || rollout === undefined || rollout.all === 0) return null;
  return (
    <span class="bar progress" title={`${rollout.done} of ${rollout.all}`} aria-hidden="true">
      <i class="new" style={{ flexGrow: rollout.done }} /><i class="off" style={{ flexGrow: rollout.all - rollout.done }} />
    </span>
  );
}

function Item({ of }: { of: Entry }) {
  const since = of.since !== undefined ? now.value.getTime() - Date.parse(of.since) : null;
  const about = of.kind === 'topology' && of.count !== undefined && of.of !== undefined && of.of > 1
    ? `${of.count} of ${plural(of.of, 'instance')} ${of.count === 1 ? 'is' : 'are'} not running.` : '';
  return (
    <li class={isHot(of) ? 'item hot' : 'item'}>
      <Glyph state={glyph(of)} />
      <h3><a class="cut" href={address(of)} title={of.name}>{of.name}</a><span class={`kind c-${glyph(of)}`}>{kind(of)}</span></h3>
      {since !== null && <time dateTime={of.since} title={`since ${of.since}`}>{duration(since)}</time>}
      <p>{of.kind === 'rollout' && <Progress name={of.name} />}<Sentence text={of.reason} />.<ToDo code={of.failure_code} /></p>
      {about !== '' && <p class="more">{about}</p>}
    </li>
  );
}

/** Runs of alike ones: of each the first few, and how many more there are. */
function grouped(all: Entry[]) {
  const runs: { shown: Entry[]; more: number }[] = [];
  for (const a of all) {
    const last = runs.at(-1);
    const first = last?.shown[0];
    if (last === undefined || first === undefined || first.kind !== a.kind || first.state !== a.state) runs.push({ shown: [a], more: 0 });
    else if (last.shown.length < ALIKE_MAX || all.length <= 8) last.shown.push(a);
    else last.more++;
  }
  return runs;
}

export function Attention() {
  const all = summary.value?.attention ?? [];
  const targets = useTroubledNotices();
  const count = (summary.value?.attention_count ?? 0) + targets.length;
  return (
    <Card id="attention" name="Needs attention" count={number(count)} more={all.length > 1 && <span class="count small">worst first</span>}>
      {count === 0 && <Empty text="What has failed, waits or is silent, with its reason. There is nothing." />}
      <ol>
        {grouped(all).map((run) => (
          <>
            {run.shown.map((a) => <Item key={`${a.kind}/${a.name}`} of={a} />)}
            {run.more > 0 && (
              <li class="item rest" key={`${run.shown[0]!.kind}/${run.shown[0]!.state}`}>
                <Glyph state={glyph(run.shown[0]!)} />
                <p><a href={`#/${run.shown[0]!.kind === 'zhost' ? 'zhosts' : 'topologies'}?state=${run.shown[0]!.state}`}>
                  {number(run.more)} more: {kind(run.shown[0]!)}</a></p>
              </li>
            )}
          </>
        ))}
        {targets.map((target) => <TroubledNotices key={`notices/${target.name}`} of={target} />)}
      </ol>
    </Card>
  );
}
