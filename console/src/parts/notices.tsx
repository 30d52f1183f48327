// Targets of notices that do not get them: people who wait to be told would not know.
import { read } from '../base/api';
import { useLoaded } from '../base/loaded';
import type { NoticeTarget } from '../base/types';
import { duration, plural } from '../base/words';
import { now } from '../store/store';
import { Glyph } from './glyph';

const EVERY_MS = 30_000;

/** Those in trouble; none while nothing is known of them. */
export function useTroubledNotices(): NoticeTarget[] {
  const loaded = useLoaded('notices', (signal) => read<{ notices?: NoticeTarget[] }>('/v1/notices', signal), EVERY_MS);
  return (loaded.value?.notices ?? []).filter((target) => target.state === 'failing' || target.dropped > 0);
}

export function TroubledNotices({ of }: { of: NoticeTarget }) {
  const isFailing = of.state === 'failing';
  const dropped = of.dropped > 0 ? `${plural(of.dropped, 'notice')} could not be delivered in time. ` : '';
  return (
    <li class={isFailing ? 'item hot' : 'item'}>
      <Glyph state={isFailing ? 'problem' : 'degraded'} />
      <h3><span class="cut" title={of.where}>{of.name}</span><span class={`kind c-${isFailing ? 'problem' : 'degraded'}`}>notices, {isFailing ? 'failing' : 'dropped'}</span></h3>
      {of.error_time !== undefined && <time dateTime={of.error_time} title={`last tried ${of.error_time}`}>{duration(now.value.getTime() - Date.parse(of.error_time))}</time>}
      <p>{of.error ?? 'It has been reached again'}.</p>
      <p class="more">{dropped}{of.waiting > 0 && `${plural(of.waiting, 'notice waits', 'notices wait')} for it.`}</p>
    </li>
  );
}
