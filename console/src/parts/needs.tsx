// What each space of a topology needs on its zhosts, and all of it together.
import type { Content, Declared, Instance } from '../base/topology_types';
import { number } from '../base/words';
import { Card } from './card';

const UNITS: Record<string, number> = {
  '': 1, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40,
};
const CPU = '50m', MEMORY = '32MiB'; // what a space needs that says nothing

const millicores = (text: string) => text.endsWith('m') ? parseFloat(text) : 1000 * parseFloat(text);

function bytes(text: string): number {
  const match = /^([\d.]+)([A-Za-z]*)$/.exec(text);
  return match !== null ? parseFloat(match[1]!) * (UNITS[match[2]!] ?? 1) : 0;
}

const cores = (m: number) => m >= 10000 ? `${number(Math.round(m / 100) / 10)} cores` : `${number(Math.round(m))} m`;
const amount = (b: number) => b >= 10 * 2 ** 30 ? `${(b / 2 ** 30).toFixed(1)} GiB` : `${number(Math.round(b / 2 ** 20))} MiB`;
const devices = (s: Declared) => (s.resources?.devices ?? []).map((d) => `${d.share !== undefined ? `${d.share} of ` : `${d.count ?? 1} `}${d.kind}`).join(', ');

export function Needs({ content, instances }: { content: Content; instances: Instance[] }) {
  const rows = content.topology.spaces.map((s) => {
    const count = instances.filter((i) => i.space === s.name).length;
    return { s, count, cpu: millicores(s.resources?.cpu ?? CPU), memory: bytes(s.resources?.memory ?? MEMORY) };
  });
  const total = (of: (r: typeof rows[number]) => number) => rows.reduce((sum, r) => sum + r.count * of(r), 0);
  const hasDevices = rows.some(({ s }) => devices(s) !== '');
  return (
    <Card id="needs" name="Resources" count="reserved where it is placed">
      <div class="table-box" tabIndex={0} role="region" aria-label="Resources of each space">
        <table>
          <thead><tr><th>Space</th><th class="num">Count</th><th class="num">cpu</th><th class="num">Memory</th>{hasDevices && <th>Devices</th>}</tr></thead>
          <tbody>
            {rows.map(({ s, count, cpu, memory }) => (
              <tr key={s.name}><td class="name">{s.name}</td><td class="num">{number(count)}</td><td class="num">{cores(cpu)}</td><td class="num">{amount(memory)}</td>{hasDevices && <td class="soft">{devices(s)}</td>}</tr>
            ))}
            <tr class="total"><td>Together</td><td class="num">{number(total(() => 1))}</td><td class="num">{cores(total((r) => r.cpu))}</td><td class="num">{amount(total((r) => r.memory))}</td>{hasDevices && <td />}</tr>
          </tbody>
        </table>
      </div>
    </Card>
  );
}
