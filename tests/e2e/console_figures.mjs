// How quick the console is with a large cluster, in headless Chromium: first paint, how soon an event is seen, and how long
// it keeps the main thread at once while events come. The cluster is simulated: the files of the console are served with the
// same policy as zrms has, and answers of the shape that zrms gives.
//
//   node console/build.mjs DIRECTORY
//   node tests/e2e/console_figures.mjs CHROMIUM DIRECTORY [--zhosts 5000] [--instances 100000] [--rate 100] [--seconds 20] [--check] [--json]
//
// --check: status 1 where a figure is over its limit.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';

const { values, positionals: [executablePath, directory] } = parseArgs({
  allowPositionals: true,
  options: {
    zhosts: { type: 'string', default: '5000' }, instances: { type: 'string', default: '100000' }, rate: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '20' }, check: { type: 'boolean', default: false }, json: { type: 'boolean', default: false },
  },
});
if (executablePath === undefined || directory === undefined || !existsSync(join(directory, 'index.html'))) {
  console.error('usage: console_figures.mjs CHROMIUM DIRECTORY [options]; DIRECTORY is what console/build.mjs has made');
  process.exit(2);
}
const ZHOSTS = Number(values.zhosts), INSTANCES = Number(values.instances), RATE = Number(values.rate), SECONDS = Number(values.seconds);
const TOPOLOGIES = 500, COLUMNS = 128, LABELS = ['eu-west', 'us-east', 'ap-south'];
const LIMITS = { paint: 1000, event: 200, task: 50 };

/* ---- the cluster ---- */

let seq = 1000;
const silent = (k) => k % 700 === 13;
const nameOf = (k) => `z-${String(k).padStart(4, '0')}`;

function summary() {
  const now = new Date().toISOString();
  const zhosts = [];
  for (let first = 0; first < ZHOSTS; first += COLUMNS) {
    const ks = Array.from({ length: Math.min(COLUMNS, ZHOSTS - first) }, (_, k) => first + k);
    const of = (figure) => ks.map(figure);
    zhosts.push({
      seq, names: of(nameOf), states: of((k) => silent(k) ? 'problem' : 'deployed-started'), cordoned: of((k) => k % 900 === 5),
      drains: of(() => ''), left: of(() => 0), since: of(() => now), heard: of(() => now), instances: of(() => INSTANCES / ZHOSTS),
      cpu_total: of(() => 8000), cpu_reserved: of((k) => (k * 37 + seq) % 8000), cpu_used: of((k) => k * 31 % 8000),
      memory_total: of(() => 2 ** 34), memory_reserved: of((k) => k * 7919 % 8000 * 2 ** 21), memory_used: of(() => 2 ** 32),
      devices_total: of(() => 0), devices_reserved: of(() => 0), labels: [{ name: 'region', values: of((k) => LABELS[k % 3]) }],
    });
  }
  const each = INSTANCES / TOPOLOGIES;
  const topologies = Array.from({ length: TOPOLOGIES }, (_, k) => ({
    seq, topology: { id: String(k).padStart(8, '0'), name: `app-${k}`, version: '1.0.0', state: k % 100 === 7 ? 'degraded' : 'running', spaces: each, updated: now },
    states: [{ state: 'deployed-started', count: each }],
    spaces: Array.from({ length: 4 }, (_, n) => ({ space: `space-${n}`, states: [{ state: 'deployed-started', count: each / 4 }] })),
  }));
  const lost = Array.from({ length: ZHOSTS }, (_, k) => k).filter(silent);
  const attention = lost.map((k) => ({ kind: 'zhost', name: nameOf(k), state: 'problem', reason: `no heartbeat since ${now}: no instance waits for it`, since: now }));
  return {
    seq, id: 'simulated', name: 'simulated', time: now, open_zhosts: ZHOSTS - lost.length, cpu_millicores: { total: ZHOSTS * 8000, reserved: ZHOSTS * 4000 },
    memory_bytes: { total: ZHOSTS * 2 ** 34, reserved: ZHOSTS * 2 ** 33 }, devices: { total: 0, reserved: 0 },
    zhost_states: [{ state: 'deployed-started', count: ZHOSTS - lost.length }, { state: 'problem', count: lost.length }],
    topology_states: [{ state: 'running', count: TOPOLOGIES - 5 }, { state: 'degraded', count: 5 }],
    space_states: [{ state: 'deployed-started', count: INSTANCES }], attention, attention_count: attention.length, zhosts, topologies,
  };
}

function event() {
  seq++;
  const topology = seq % TOPOLOGIES, kinds = ['space', 'placement', 'topology', 'zhost'];
  const kind = kinds[seq % 10 < 7 ? 0 : seq % 10 < 8 ? 1 : seq % 10 < 9 ? 2 : 3];
  const zhost = nameOf(seq * 7 % ZHOSTS);
  const of = { space: [`app-${topology}/space-${seq % 4}-${seq % 50}`, 'starting', 'deployed-started'], placement: [`app-${topology}/space-1`, '', zhost],
    topology: [`app-${topology}`, 'degraded', 'running'], zhost: [zhost, 'deployed-started', 'deployed-started'] }[kind];
  return { seq, time: new Date().toISOString(), kind, subject: of[0], from: of[1], to: of[2], cause: 'simulated', ...(kind === 'zhost' ? {} : { topology: String(topology) }) };
}

/* ---- its server ---- */

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.txt': 'text/plain' };
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const streams = new Set();
let sent = 0; // bytes of the newest summary

const server = createServer((request, answer) => {
  const { pathname, searchParams } = new URL(request.url, 'http://simulated');
  const json = (body) => {
    const text = JSON.stringify(body);
    answer.writeHead(200, { 'Content-Type': 'application/json' }).end(text);
    return text.length;
  };
  if (pathname === '/v1/session') return json({ user: 'bench', role: 'viewer', topologies: [] });
  if (pathname === '/v1/summary') return void (sent = json(summary()));
  if (pathname === '/v1/events' && searchParams.get('stream') === '0') return json({ events: Array.from({ length: 200 }, event) });
  if (pathname === '/v1/events') {
    answer.writeHead(200, { 'Content-Type': 'text/event-stream' });
    answer.write(': here\n\n');
    streams.add(answer);
    return request.on('close', () => streams.delete(answer));
  }
  const file = join(directory, pathname === '/' ? 'index.html' : pathname);
  if (pathname.includes('..') || !existsSync(file)) return answer.writeHead(404).end();
  answer.writeHead(200, { 'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY, 'Content-Encoding': 'gzip' }).end(gzipSync(readFileSync(file)));
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const url = `http://127.0.0.1:${server.address().port}/`;

/* ---- what is measured ---- */

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--no-first-run'] });
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const problems = [];
page.on('pageerror', (error) => problems.push(String(error)));
await page.addInitScript(() => {
  window.tasks = [];
  window.seen = [];
  new PerformanceObserver((list) => { for (const task of list.getEntries()) window.tasks.push({ at: task.startTime, ms: task.duration }); }).observe({ type: 'longtask', buffered: true });
  // An event is seen when a frame with it has been drawn.
  const known = new Set();
  const look = () => {
    for (const one of document.querySelectorAll('.event time')) {
      const time = one.getAttribute('datetime');
      if (known.has(time)) continue;
      known.add(time);
      requestAnimationFrame(() => setTimeout(() => window.seen.push({ time, ms: Date.now() - Date.parse(time) }), 0));
    }
  };
  addEventListener('DOMContentLoaded', () => new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true, attributeFilter: ['datetime'] }));
});
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const quantile = (list, part) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(part * list.length))] ?? NaN;
const figures = [];

/* Of the page's main thread: the longest task by the time of the processor, which other work of the machine does not lengthen. */
async function longestOf(run) {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] });
  await run();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString());
  const mains = new Set(traceEvents.filter((e) => e.name === 'thread_name' && e.args.name === 'CrRendererMain').map((e) => `${e.pid} ${e.tid}`));
  return traceEvents.filter((e) => mains.has(`${e.pid} ${e.tid}`) && e.tdur !== undefined && e.name.endsWith('RunTask')).reduce((most, e) => Math.max(most, e.tdur / 1000), 0);
}

let whole = 0;
const loads = await longestOf(async () => {
  const began = Date.now();
  await page.goto(url);
  await page.waitForSelector('main.overview h1');
  whole = Date.now() - began;
});
const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN);
figures.push(['first paint', paint, LIMITS.paint], ['the overview is there', whole, LIMITS.paint], ['loading: longest task, processor time', loads, LIMITS.task]);

async function busy(name, hash) {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await wait(1500);
  await page.evaluate(() => { window.tasks.length = window.seen.length = 0; });
  const longest = await longestOf(async () => {
    let due = performance.now();
    const end = due + SECONDS * 1000;
    while (performance.now() < end) {
      const happened = event();
      for (const stream of streams) stream.write(`id: ${happened.seq}\ndata: ${JSON.stringify(happened)}\n\n`);
      due += 1000 / RATE;
      if (due > performance.now()) await wait(due - performance.now());
    }
    await wait(500);
  });
  const { tasks, seen } = await page.evaluate(() => ({ tasks: window.tasks.map((t) => t.ms), seen: window.seen.map((s) => s.ms) }));
  figures.push([`${name}: an event is seen, median of ${seen.length}`, quantile(seen, 0.5), LIMITS.event], [`${name}: 99 of 100`, quantile(seen, 0.99), LIMITS.event],
    [`${name}: longest task (${tasks.length} over 50 ms)`, Math.max(0, ...tasks), LIMITS.task], [`${name}: longest task, processor time`, longest, LIMITS.task]);
}
await busy('overview', '#/overview');
await busy('events', '#/events');
await busy('zhosts', '#/zhosts');
await browser.close();
server.closeAllConnections();
server.close();

if (values.json) {
  console.log(JSON.stringify({ figures: figures.map(([name, ms, limit]) => ({ name, ms, limit })), problems }));
  process.exit(0);
}
console.log(`${ZHOSTS} zhosts, ${INSTANCES} instances in ${TOPOLOGIES} topologies, ${RATE} events a second for ${SECONDS} s a page; a summary has ${(sent / 2 ** 20).toFixed(1)} MiB`);
let isOver = problems.length > 0;
for (const [name, ms, limit] of figures) {
  if (Number.isNaN(ms)) continue; // a page without events
  isOver ||= ms > limit;
  console.log(`${name.padEnd(48)} ${String(Math.round(ms)).padStart(6)} ms  ${ms > limit ? 'over' : 'within'} ${limit}`);
}
for (const problem of problems) console.log(`problem: ${problem}`);
process.exit(values.check && isOver ? 1 : 0);
