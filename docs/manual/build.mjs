// Makes the manual's pages, below the directory that is named. Needs node_modules (npm ci), and nothing from the network.
//
//   node build.mjs MEX DIRECTORY [DEPFILE TARGET]
//
// MEX: the program, which explains the fields of files. DEPFILE: of what files TARGET is made, for ninja.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [mex, out, depfile] = process.argv.slice(2, 5).map((path) => resolve(path));
const target = process.argv[5];
if (out === undefined) {
  console.error('usage: node build.mjs MEX DIRECTORY [DEPFILE TARGET]');
  process.exit(2);
}
// Every heading of the pages, for the field that finds them; and that every link between pages leads to one.
function headings(directory) {
  const found = [];
  const ids = new Map();
  const pages = readdirSync(directory).filter((name) => name.endsWith('.html')).map((name) => [name, readFileSync(join(directory, name), 'utf8')]);
  for (const [page, text] of pages) {
    const chapter = /<title>(.*) · Samoza<\/title>/.exec(text)[1];
    ids.set(page, new Set([...text.matchAll(/ id="([^"]*)"/g)].map((match) => match[1])));
    for (const [, level, id, inner] of text.matchAll(/<h([1-4])[^>]* id="([^"]*)"[^>]*>(.*?)<\/h\1>/g))
      found.push({ page, id: level === '1' ? '' : id, text: plain(inner), chapter: plain(chapter) });
  }
  for (const [page, text] of pages) {
    for (const [, to, id] of text.matchAll(/href="([^":#]*)#([^"]*)"/g))
      if (!ids.get(to === '' ? page : to)?.has(decodeURIComponent(id))) throw new Error(`${page}: there is no heading #${id} in ${to}`);
  }
  return found;
}

const plain = (html) => html.replace(/<[^>]*>/g, '').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&');

const introductions = {
  topology: ['The fields of topology.yaml', 'What an application is made of. `mex explain FIELD` says the same in a terminal, and `mex schema topology` prints it for editors.'],
  manifest: ['The fields of manifest.yaml', 'Name and version of a package, and how it replaces the one that runs. `mex explain manifest.FIELD` says the same in a terminal.'],
  zhosts: ['The fields of a list of zhosts', 'For `startz up --zhosts FILE` and `zsim place`: what machines offer. `mex explain zhosts.FIELD` says the same in a terminal.'],
};
const made = mkdtempSync(join(tmpdir(), 'samoza-manual-'));
try {
  for (const [kind, [title, text]] of Object.entries(introductions)) {
    const fields = execFileSync(mex, ['explain', kind, '--all', '--markdown'], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
    writeFileSync(join(made, `${kind}-yaml.md`), `# ${title}\n\n${text}\n\n${fields.replace(/^# .*\n\n/, '')}`);
  }
  process.env.SAMOZA_MANUAL_MADE = made;
  process.chdir(here);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const site = join(made, 'site'); // empty: every page is made of contents.mjs
  mkdirSync(site);
  const { Eleventy } = await import('@11ty/eleventy');
  const pages = new Eleventy(relative('.', site), relative('.', out), { configPath: 'eleventy.config.mjs', quietMode: true });
  await pages.write();
  writeFileSync(join(out, 'headings.js'), `globalThis.samozaHeadings = ${JSON.stringify(headings(out))};\n`);
  // Its fonts are those of the machine: the console's are packed with the console.
  const tokens = readFileSync(join(here, '../../console/src/styles/tokens.css'), 'utf8').replace(/@font-face \{[^}]*\}\n/g, '');
  writeFileSync(join(out, 'manual.css'), tokens + readFileSync(join(here, 'theme/manual.css'), 'utf8'));
  if (target !== undefined) {
    const docs = dirname(here);
    const sources = ['.', 'manual', 'manual/theme', 'howto', 'design', 'spec'].flatMap((directory) => readdirSync(join(docs, directory), { withFileTypes: true })
      .filter((entry) => entry.isFile()).map((entry) => join(docs, directory, entry.name)));
    writeFileSync(depfile, `${target}: ${[mex, ...sources].join(' ')}\n`);
  }
} catch (error) {
  let cause = error;
  while (cause.originalError !== undefined) cause = cause.originalError; // Eleventy's own are about its files
  console.error(`docs/manual: ${cause.message}`);
  process.exitCode = 1;
} finally {
  rmSync(made, { recursive: true, force: true });
}
