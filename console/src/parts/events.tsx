// What has happened, the newest first.
import type { Happened } from '../base/types';
import { moment, word } from '../base/words';
import { happened, now } from '../store/store';
import { Card, Empty } from './card';
import { Glyph } from './glyph';
import { Sentence } from './sentence';

const ROLLOUT = /^(canary|rollout|promote)/;

function glyph(e: Happened) {
  if (e.kind === 'placement' || e.kind === 'reload') return 'moved';
  if (e.to !== undefined && e.to !== '') return e.to;
  if (/drain|cordon/.test(e.cause)) return 'draining';
  return ROLLOUT.test(e.cause) ? 'rollout' : 'pending';
}

export function Event({ of }: { of: Happened }) {
  const change = of.to !== undefined && of.to !== '' ? `${of.from ? `${word(of.from)} → ` : ''}${word(of.to)}` : '';
  const text = `${of.subject} ${change}: ${of.cause}`;
  return (
    <li class="event">
      <time dateTime={of.time} title={of.time}>{moment(of.time, now.value)}</time>
      <Glyph state={glyph(of)} size="small" />
      <span class="cut" title={text}><b>{of.subject}</b> <span class="soft">{change}{change !== '' && of.cause !== '' && ': '}<Sentence text={of.cause} /></span></span>
    </li>
  );
}

/** Those of a zhost come once more for each topology that has instances there. */
export const isOwn = (e: Happened) => e.kind !== 'zhost' || e.topology === undefined;

export function LatestEvents({ max }: { max: number }) {
  const list = happened.value.filter(isOwn).slice(0, max);
  return (
    <Card id="events" name="Latest events" more={<a class="button quiet" href="#/events">All events</a>}>
      {list.length === 0 && <Empty text="Changes of state, as they occur. There was none yet." />}
      <ol>{list.map((e) => <Event key={e.seq} of={e} />)}</ol>
    </Card>
  );
}
