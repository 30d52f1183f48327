// Makes the files of the console, below the directory that is named: index.html, and everything else in assets/ with
// its digest in its name. Needs node_modules (npm ci), and nothing from the network.
//
//   node build.mjs DIRECTORY
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] !== undefined ? resolve(process.argv[2]) : undefined;
if (out === undefined) {
  console.error('usage: node build.mjs DIRECTORY');
  process.exit(2);
}
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, 'assets'), { recursive: true });

// A file that is taken over as it is.
function add(name, content) {
  const digest = createHash('sha256').update(content).digest('hex').slice(0, 8).toUpperCase();
  const hashed = `${basename(name, extname(name))}-${digest}${extname(name)}`;
  writeFileSync(join(out, 'assets', hashed), content);
  return `/assets/${hashed}`;
}

// Lays out graphs: a worker of its own, loaded where there is one to draw.
const elk = add('elk.js', readFileSync(join(here, 'node_modules/elkjs/lib/elk-worker.min.js')));

const made = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { console: 'src/main.tsx', style: 'src/styles/index.css' },
  outdir: join(out, 'assets'),
  entryNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  publicPath: '/assets',
  chunkNames: '[name]-[hash]',
  define: { ELK_WORKER: JSON.stringify(elk) },
  bundle: true,
  splitting: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  loader: { '.woff2': 'file' },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
const files = Object.keys(made.metafile.outputs).map((path) => basename(path));
const find = (pattern) => `/assets/${files.find((name) => pattern.test(name))}`;

const used = ['preact', '@preact/signals', '@preact/signals-core', '@fontsource-variable/inter', '@fontsource-variable/jetbrains-mono', 'uplot', 'elkjs'];
const licences = used.map((name) => {
  const at = join(here, 'node_modules', name);
  const text = readFileSync(join(at, readdirSync(at).find((file) => /^LICENSE/.test(file))), 'utf8');
  const { version } = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8'));
  return `${name} ${version}, source: https://www.npmjs.com/package/${name}\n\n${text.trim()}\n`;
});
const replaced = {
  ICON: add('icon.svg', readFileSync(join(here, 'icon.svg'))),
  LICENCES: add('licences.txt', licences.join(`\n${'-'.repeat(72)}\n\n`)),
  FONT: find(/^inter-.*\.woff2$/),
  STYLE: find(/^style-.*\.css$/),
  SCRIPT: find(/^console-.*\.js$/),
};
const page = readFileSync(join(here, 'index.html'), 'utf8');
writeFileSync(join(out, 'index.html'), page.replace(/\b(ICON|LICENCES|FONT|STYLE|SCRIPT)\b/g, (word) => replaced[word]));
