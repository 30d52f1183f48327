// A long list that grows at one end, of which only what is in view is drawn. While that end is in view it is followed; who
// scrolls away from it stays where he is, and is told how much has come since. What is dropped at the other end moves nothing.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

const BESIDE = 10; // rows above and below what is in view

/** `number`: it grows with time. `newest`: at which end the newest are. `looks`: of what a row is made besides the one that it
    shows; as long as it is the same, rows that were drawn stay as they are. */
export function Tail<T extends object>({ of, number, height, label, newest, row, looks = '', wide }: {
  of: T[]; number: (one: T) => number; height: number; label: string; newest: 'first' | 'last'; row: (one: T) => ComponentChildren; looks?: string; wide?: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, rows: 40 });
  const [isFollowing, setFollowing] = useState(true);
  const seen = useRef({ of, last: 0 });
  const follows = useRef(true);
  const ended = useRef(0); // where the newest were in view the last time
  const paused = useRef(0);
  const end = (b: HTMLElement) => newest === 'last' ? b.scrollHeight - b.clientHeight : 0;
  const numberAt = (at: number) => { const one = of.at(at); return one !== undefined ? number(one) : 0; };
  const newestOf = () => numberAt(newest === 'last' ? -1 : 0);
  // That somebody has scrolled away is told by an event of the next frame: before that, by where the box is. One that has
  // grown is moved to its end by the browser itself.
  const look = (b: HTMLElement) => {
    follows.current &&= Math.abs(ended.current - b.scrollTop) < height || Math.abs(end(b) - b.scrollTop) < height;
    if (follows.current && Math.abs(b.scrollTop - end(b)) > 0.5) b.scrollTop = end(b);
    ended.current = end(b);
  };
  useLayoutEffect(() => {
    const b = box.current!;
    const measure = () => setView({ top: Math.floor(b.scrollTop / height), rows: Math.ceil(b.clientHeight / height) });
    const scrolled = () => {
      measure();
      follows.current = Math.abs(end(b) - b.scrollTop) < height;
      setFollowing(follows.current);
    };
    const size = new ResizeObserver(() => { look(b); measure(); });
    size.observe(b);
    b.addEventListener('scroll', scrolled, { passive: true });
    return () => { size.disconnect(); b.removeEventListener('scroll', scrolled); };
  }, [height]);
  useLayoutEffect(() => {
    const b = box.current!;
    const { of: before, last } = seen.current;
    look(b);
    if (!follows.current && isFollowing) {
      paused.current = last;
      setFollowing(false);
    }
    if (!follows.current && newest === 'last') {
      const dropped = before.findIndex((one) => number(one) >= numberAt(0));
      if (dropped > 0) b.scrollTop -= dropped * height;
    } else if (!follows.current) {
      const came = of.findIndex((one) => number(one) <= last);
      if (came > 0) b.scrollTop += came * height;
    }
    seen.current = { of, last: newestOf() };
  }, [of]);
  if (isFollowing) paused.current = newestOf();
  const fresh = isFollowing ? 0 : newest === 'last' ? of.length - 1 - of.findLastIndex((one) => number(one) <= paused.current) : Math.max(0, of.findIndex((one) => number(one) <= paused.current));
  const follow = () => {
    follows.current = true;
    box.current!.scrollTop = end(box.current!);
    setFollowing(true);
  };
  const drawn = useRef({ looks, rows: new WeakMap<T, ComponentChildren>() });
  if (drawn.current.looks !== looks) drawn.current = { looks, rows: new WeakMap() };
  const rowOf = (one: T) => {
    const known = drawn.current.rows.get(one) ?? row(one);
    drawn.current.rows.set(one, known);
    return known;
  };
  const from = Math.max(0, Math.min(view.top, of.length) - BESIDE);
  const to = Math.min(of.length, view.top + view.rows + BESIDE);
  return (
    <div class="tail">
      <div class={wide ? 'virtual wide-rows' : 'virtual'} ref={box} tabIndex={0} role="region" aria-label={label}>
        <ol style={{ paddingTop: `${from * height}px`, paddingBottom: `${(of.length - to) * height}px` }}>{of.slice(from, to).map(rowOf)}</ol>
      </div>
      {!isFollowing && (
        <button type="button" class="button follow" onClick={follow}>{fresh > 0 ? `${fresh.toLocaleString('en')} new` : 'Paused'}: follow {newest === 'last' ? '↓' : '↑'}</button>
      )}
    </div>
  );
}
