// What happens, as it does: by subject and kind, as the address says.
import { useMemo } from 'preact/hooks';
import { go, route } from '../base/route';
import type { Happened } from '../base/types';
import { number } from '../base/words';
import { Card, Choice, Empty } from '../parts/card';
import { addressWith } from '../parts/columns';
import { Event, isOwn } from '../parts/events';
import { State } from '../parts/glyph';
import { Tail } from '../parts/tail';
import { contact, happened, HAPPENED_MAX } from '../store/store';

const ROW = 34;
const KINDS = [
  { value: '', text: 'all' }, { value: 'topology', text: 'topologies' }, { value: 'space', text: 'instances' },
  { value: 'placement', text: 'places' }, { value: 'zhost', text: 'zhosts' },
] as const;

const numberOf = (e: Happened) => e.seq;

export function Events() {
  const { query } = route.value;
  const kind = query.get('kind') ?? '';
  const subject = query.get('subject') ?? '';
  const list = useMemo(() => happened.value
    .filter((e) => isOwn(e) && (kind === '' || e.kind === kind) && (subject === '' || e.subject.includes(subject) || e.from === subject || e.to === subject)), [happened.value, kind, subject]);
  const isAll = happened.value.length >= HAPPENED_MAX;
  const more = (
    <>
      <Choice label="Kind" of={[...KINDS]} value={kind} choose={(value) => go(addressWith({ kind: value }))} />
      <input class="field" type="search" aria-label="Filter by subject" placeholder="Filter: subject, zhost" value={subject} onInput={(event) => go(addressWith({ subject: event.currentTarget.value }))} />
      {contact.value.kind === 'live' && <span class="wide"><State state="running" text="following" /></span>}
    </>
  );
  return (
    <main id="main" class="list-page events-page">
      <h1 class="hidden">Events</h1>
      <Card id="all" name="Events" count={`${number(list.length)}${isAll ? ` of the newest ${number(HAPPENED_MAX)}` : ''}`} more={more}>
        {list.length === 0 ? <Empty text={happened.value.length > 0 ? 'No event is so.' : 'Changes of state, as they occur. There was none yet.'} />
          : <Tail key={`${kind} ${subject}`} of={list} number={numberOf} height={ROW} label="Events, the newest first" newest="first" row={(e) => <Event key={e.seq} of={e} />} />}
      </Card>
    </main>
  );
}
