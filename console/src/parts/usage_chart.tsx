// What is used and what is reserved, over time. The library that draws it is loaded with the first chart.
import { useEffect, useRef, useState } from 'preact/hooks';
import type uPlot from 'uplot';
import { colours, isDark } from '../base/theme';

/** `span`: seconds that are shown, up to the last time. */
export interface Series { span: number; times: number[]; used: (number | null)[]; reserved: (number | null)[]; total: number }

const HEIGHT = 96;

function options(width: number, height: number, span: number, total: number, figure: (value: number) => string): uPlot.Options {
  const c = colours('accent', 'text-3', 'line', 'new-bg');
  const font = '11px Inter, sans-serif';
  return {
    width, height,
    padding: [6, 14, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true, range: (_, __, last) => [(last ?? 0) - span, last ?? 0] }, y: { range: [0, total] } },
    axes: [
      { stroke: c['text-3'], font, size: 22, gap: 4, grid: { show: false }, ticks: { show: false }, space: 70,
        values: (_, at) => at.map((s) => label(s, span)) },
      { stroke: c['text-3'], font, size: 52, gap: 4, grid: { stroke: c.line, width: 1 }, ticks: { show: false },
        splits: () => [0, total / 2, total], values: (_, at) => at.map(figure) },
    ],
    series: [
      {},
      { stroke: c.accent, width: 1.6, fill: c['new-bg'], points: { show: false }, spanGaps: false },
      { stroke: c['text-3'], width: 1.2, dash: [4, 3], points: { show: false }, spanGaps: false },
    ],
  };
}

const two = (value: number) => String(value).padStart(2, '0');

function label(seconds: number, span: number) {
  const at = new Date(seconds * 1000);
  return span > 2 * 86400 ? at.toLocaleDateString('en', { weekday: 'short', day: 'numeric' }) : `${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function UsageChart({ of, label: name, figure }: { of: Series; label: string; figure: (value: number) => string }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const [lib, setLib] = useState<{ new: typeof uPlot } | null>(null);
  const data: uPlot.AlignedData = [of.times, of.used, of.reserved];
  useEffect(() => { void import('uplot').then((loaded) => setLib({ new: loaded.default })); }, []);
  useEffect(() => {
    const b = box.current;
    if (lib === null || b === null) return;
    const height = () => matchMedia('(min-width: 1920px)').matches ? HEIGHT * 1.6 : HEIGHT;
    const made = new lib.new(options(b.clientWidth, height(), of.span, of.total, figure), data, b);
    plot.current = made;
    const size = new ResizeObserver(() => made.setSize({ width: b.clientWidth, height: height() }));
    size.observe(b);
    return () => { size.disconnect(); made.destroy(); plot.current = null; };
  }, [lib, of.span, of.total, isDark.value]);
  useEffect(() => plot.current?.setData(data), [of]);
  return <div class="chart" ref={box} role="img" aria-label={name} />;
}
