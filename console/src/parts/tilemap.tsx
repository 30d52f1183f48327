// zhosts as tiles, in groups by a label. As many as there are decide how much each one shows:
//
//   up to 60 a group     cards with name and loads
//   up to 400            squares with the glyph of the state
//   more                 one canvas: trouble is drawn last, larger, and with its shape; the list names each
//
// They stand where their names put them: nothing moves because a load changes.
import { computed, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { colours, isDark } from '../base/theme';
import { duration, number, percent, plural, word } from '../base/words';
import { now, zhosts, type Zhost } from '../store/store';
import { arrows } from './arrows';
import { Load } from './bar';
import { Card, Choice, Empty } from './card';
import { Glyph, State } from './glyph';
import { zhostPage } from './sentence';

const CARDS_MAX = 60;
const SQUARES_MAX = 400;
const NAME_MAX = 28;
const CELL = 10;
const EDGE = 4; // what is drawn larger reaches over its cell

/** "" : all together. */
const wanted = signal<string | null>(null);

const labels = computed(() => {
  const counts = new Map<string, number>();
  for (const z of zhosts.value) for (const name of Object.keys(z.labels)) counts.set(name, (counts.get(name) ?? 0) + 1);
  const first = ['region', 'kind'].filter((name) => counts.has(name));
  const rest = [...counts].filter(([name]) => !first.includes(name)).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  return [...first, ...rest.map(([name]) => name)].slice(0, 3);
});
const label = computed(() => wanted.value ?? labels.value[0] ?? '');

/** What its tile stands for: a drain is as good as a state. */
export const shown = (z: Zhost) => z.state !== 'deployed-started' ? z.state
  : z.drain === 'draining' || z.drain === 'stopping' ? 'draining' : z.cordoned ? 'cordoned' : 'deployed-started';

const groups = computed(() => {
  const found = new Map<string, Zhost[]>();
  for (const z of zhosts.value) {
    const name = label.value === '' ? '' : z.labels[label.value] ?? '';
    const group = found.get(name);
    if (group !== undefined) group.push(z);
    else found.set(name, [z]);
  }
  return [...found].sort((a, b) => a[0] < b[0] ? -1 : 1);
});

/** What the tile says besides its name; "": only loads. */
function note(z: Zhost) {
  const since = z.since !== '' ? duration(now.value.getTime() - Date.parse(z.since)).replace(/ \d+ s$/, '') : '';
  if (z.state === 'problem') return `silent ${since}`;
  if (shown(z) === 'draining') return `${z.left} left`;
  return z.state !== 'deployed-started' ? word(z.state) : '';
}

function title(z: Zhost) {
  const said = note(z);
  const state = said === word(shown(z)) ? ` ${said}` : `${said !== '' ? ` ${said}` : ''}, ${word(shown(z))}`;
  const loads = z.state === 'problem' ? '' : `, cpu ${percent(z.cpu, 1)} %, memory ${percent(z.memory, 1)} %` +
    (z.devices !== null ? `, devices ${percent(z.devices, 1)} %` : '') + ' reserved';
  return `${z.name}${state}${loads}, ${plural(z.instances, 'instance')}`;
}

function Body({ z }: { z: Zhost }) {
  const said = note(z);
  if (said !== '') return <span class="note" aria-hidden="true">{said}</span>;
  const load = (name: string, value: number) => <span class="load" aria-hidden="true"><em>{name}</em><Load value={value} /><em>{percent(value, 1)}</em></span>;
  return <>{load('cpu', z.cpu)}{load('mem', z.memory)}{z.devices !== null && load('dev', z.devices)}</>;
}

function Tiles({ of, small }: { of: Zhost[]; small: boolean }) {
  // As wide as the longest name needs: none is cut that is not very long.
  const longest = Math.min(NAME_MAX, Math.max(...of.map((z) => z.name.length)));
  return (
    <div class={small ? 'tiles squares' : 'tiles'} style={{ '--name': String(longest) }} onKeyDown={(event) => arrows(event, 'a')}>
      {of.map((z, k) => (
        <a key={z.name} class={`tile s-${shown(z)}`} href={zhostPage(z.name)} title={title(z)} tabIndex={k === 0 ? 0 : -1}>
          <span class="hidden">{title(z)}</span>
          <span class="head" aria-hidden="true"><span class="name">{z.name}</span><Glyph state={shown(z)} /></span>
          {!small && <Body z={z} />}
        </a>
      ))}
    </div>
  );
}

function draw(canvas: HTMLCanvasElement, of: Zhost[]) {
  const width = canvas.clientWidth;
  const columns = Math.max(1, Math.floor((width - 2 * EDGE) / CELL));
  const height = Math.ceil(of.length / columns) * CELL + 2 * EDGE;
  const scale = devicePixelRatio;
  const context = canvas.getContext('2d');
  if (context === null || width === 0) return;
  canvas.style.height = `${height}px`;
  canvas.width = width * scale;
  canvas.height = height * scale;
  context.scale(scale, scale);
  const look = colours('fill', 'fill-hot', 'surface', 's-problem', 's-degraded');
  const place = (k: number): [number, number] => [EDGE + k % columns * CELL, EDGE + Math.floor(k / columns) * CELL];
  const trouble: number[] = [];
  of.forEach((z, k) => {
    if (shown(z) !== 'deployed-started') return void trouble.push(k);
    const load = Math.max(z.cpu, z.memory, z.devices ?? 0);
    const [x, y] = place(k);
    context.globalAlpha = load > 0.9 ? 1 : 0.2 + 0.75 * load;
    context.fillStyle = load > 0.9 ? look['fill-hot'] : look.fill;
    context.fillRect(x, y, CELL - 2, CELL - 2);
  });
  context.globalAlpha = 1;
  for (const k of trouble) {
    const [x, y] = place(k);
    const isProblem = of[k]!.state === 'problem';
    context.fillStyle = look.surface;
    context.fillRect(x - 3, y - 3, CELL + 4, CELL + 4);
    context.fillStyle = context.strokeStyle = isProblem ? look['s-problem'] : look['s-degraded'];
    context.lineWidth = 2;
    context.beginPath();
    if (isProblem) {
      context.moveTo(x + CELL / 2 - 1, y - 3);
      context.lineTo(x + CELL + 1, y + CELL);
      context.lineTo(x - 3, y + CELL);
      context.fill();
    } else {
      context.strokeRect(x, y, CELL - 2, CELL - 2);
    }
  }
}

function Canvas({ name, of }: { name: string; of: Zhost[] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const again = () => { if (canvas.current !== null) draw(canvas.current, of); };
    again();
    const size = new ResizeObserver(again);
    size.observe(canvas.current!);
    return () => size.disconnect();
  }, [of, isDark.value]);
  const hover = (event: MouseEvent) => {
    const columns = Math.max(1, Math.floor((canvas.current!.clientWidth - 2 * EDGE) / CELL));
    const z = of[Math.floor((event.offsetY - EDGE) / CELL) * columns + Math.floor((event.offsetX - EDGE) / CELL)];
    canvas.current!.title = z !== undefined ? title(z) : '';
  };
  const bad = of.filter((z) => shown(z) !== 'deployed-started').length;
  return <canvas ref={canvas} onMouseMove={hover} role="img" aria-label={`${name !== '' ? `${name}: ` : ''}${plural(of.length, 'zhost')}, ${number(bad)} not running; the list of zhosts names each`} />;
}

function Group({ name, of }: { name: string; of: Zhost[] }) {
  const counts = new Map<string, number>();
  for (const z of of) counts.set(shown(z), (counts.get(shown(z)) ?? 0) + 1);
  const running = counts.get('deployed-started') ?? 0;
  return (
    <div class="group">
      <h3>
        {name !== '' && <b>{name}</b>}<span>{number(running)} running</span>
        {[...counts].filter(([state]) => state !== 'deployed-started').map(([state, count]) => (
          <State key={state} state={state} text={`${number(count)} ${word(state)}`} />
        ))}
      </h3>
      {of.length <= SQUARES_MAX ? <Tiles of={of} small={of.length > CARDS_MAX} /> : <Canvas name={name} of={of} />}
    </div>
  );
}

export function TileMap() {
  const choices = [...labels.value.map((name) => ({ value: name, text: name })), { value: '', text: 'all' }];
  const more = (
    <>
      <span class="legend"><span><i />cpu, memory, devices</span><span><i class="hot" />over 90 %</span></span>
      {labels.value.length > 0 && <Choice label="Group zhosts by" of={choices} value={label.value} choose={(name) => { wanted.value = name; }} />}
      <a class="button quiet" href="#/zhosts">List</a>
    </>
  );
  return (
    <Card id="zhosts" name="zhosts" count={number(zhosts.value.length)} more={more}>
      {zhosts.value.length === 0
        ? <Empty text="Machines that have joined the cluster. None has." command="startz node --name NAME --join TOKEN" />
        : groups.value.map(([name, of]) => <Group key={name} name={name === '' && label.value !== '' ? `no ${label.value}` : name} of={of} />)}
    </Card>
  );
}
