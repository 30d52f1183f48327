// A long list of which only what is in view is drawn: rows have one height.
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

const BESIDE = 10; // rows above and below what is in view

export function Virtual<T>({ of, height, label, row }: { of: T[]; height: number; label: string; row: (one: T) => ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, rows: 40 });
  useEffect(() => {
    const b = box.current!;
    const measure = () => {
      setView({ top: Math.floor(b.scrollTop / height), rows: Math.ceil(b.clientHeight / height) });
    };
    const size = new ResizeObserver(measure);
    size.observe(b);
    b.addEventListener('scroll', measure, { passive: true });
    return () => { size.disconnect(); b.removeEventListener('scroll', measure); };
  }, [height]);
  const from = Math.max(0, Math.min(view.top, of.length) - BESIDE);
  const to = Math.min(of.length, view.top + view.rows + BESIDE);
  return (
    <div class="virtual sorts" ref={box} tabIndex={0} role="region" aria-label={label}>
      <ol style={{ paddingTop: `${from * height}px`, paddingBottom: `${(of.length - to) * height}px` }}>
        {of.slice(from, to).map((one) => row(one))}
      </ol>
    </div>
  );
}
