// A long list that grows at one end, of which only what is in view is drawn. While that end is in view it is followed; who
// scrolls away from it stays where he is, and is told how much has come since. What is dropped at the other end moves nothing.
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

const BESIDE = 10; // rows above and below what is in view

export interface Numbered { n: number }

/** `newest`: at which end the newest are. Numbers grow with time. */
export function Tail<T extends Numbered>({ of, height, label, newest, row, wide }: {
  of: T[]; height: number; label: string; newest: 'first' | 'last'; row: (one: T) => ComponentChildren; wide?: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, rows: 40 });
  const [isFollowing, setFollowing] = useState(true);
  const seen = useRef({ first: 0, last: 0 });
  const follows = useRef(true);
  const end = (b: HTMLElement) => newest === 'last' ? b.scrollHeight - b.clientHeight : 0;
  const newestOf = () => (newest === 'last' ? of.at(-1) : of[0])?.n ?? 0;
  useEffect(() => {
    const b = box.current!;
    const measure = () => setView({ top: Math.floor(b.scrollTop / height), rows: Math.ceil(b.clientHeight / height) });
    const scrolled = () => {
      measure();
      follows.current = Math.abs(end(b) - b.scrollTop) < height;
      setFollowing(follows.current);
    };
    const size = new ResizeObserver(() => { if (follows.current) b.scrollTop = end(b); measure(); });
    size.observe(b);
    b.addEventListener('scroll', scrolled, { passive: true });
    return () => { size.disconnect(); b.removeEventListener('scroll', scrolled); };
  }, [height]);
  useLayoutEffect(() => {
    const b = box.current!;
    const { first, last } = seen.current;
    if (follows.current) {
      if (Math.abs(b.scrollTop - end(b)) > 0.5) b.scrollTop = end(b);
    } else if (newest === 'last') {
      const dropped = of.findIndex((one) => one.n >= first);
      if (dropped > 0) b.scrollTop -= dropped * height;
    } else {
      const came = of.findIndex((one) => one.n <= last);
      if (came > 0) b.scrollTop += came * height;
    }
    seen.current = { first: of[0]?.n ?? 0, last: newestOf() };
  }, [of]);
  const paused = useRef(0);
  if (isFollowing) paused.current = newestOf();
  const fresh = isFollowing ? 0 : newest === 'last' ? of.length - 1 - of.findLastIndex((one) => one.n <= paused.current) : Math.max(0, of.findIndex((one) => one.n <= paused.current));
  const follow = () => {
    follows.current = true;
    box.current!.scrollTop = end(box.current!);
    setFollowing(true);
  };
  const from = Math.max(0, Math.min(view.top, of.length) - BESIDE);
  const to = Math.min(of.length, view.top + view.rows + BESIDE);
  return (
    <div class="tail">
      <div class={wide ? 'virtual wide-rows' : 'virtual'} ref={box} tabIndex={0} role="region" aria-label={label}>
        <ol style={{ paddingTop: `${from * height}px`, paddingBottom: `${(of.length - to) * height}px` }}>{of.slice(from, to).map((one) => row(one))}</ol>
      </div>
      {!isFollowing && (
        <button type="button" class="button follow" onClick={follow}>{fresh > 0 ? `${fresh.toLocaleString('en')} new` : 'Paused'}: follow {newest === 'last' ? '↓' : '↑'}</button>
      )}
    </div>
  );
}
