// Chapters of contents.mjs to pages, side by side in one directory: howto/three-machines.md is howto-three-machines.html. Links
// between chapters become links between pages; one to a file that is no chapter, or to a heading that is not there, ends the build.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IdAttributePlugin } from '@11ty/eleventy';
import { contents } from './contents.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const docs = dirname(here);
const made = process.env.SAMOZA_MANUAL_MADE;

const pageOf = (chapter) => `${chapter.replace(/^(manual|made)\//, '').replace(/\.md$/, '').replaceAll('/', '-')}.html`;
const sourceOf = (chapter) => chapter.startsWith('made/') ? join(made, chapter.slice('made/'.length)) : join(docs, chapter);
const titleOf = (text) => /^# (.*)$/m.exec(text)[1].replaceAll('`', '');

const parts = contents.map(({ part, chapters }) => ({
  part,
  chapters: chapters.map((chapter) => {
    const text = readFileSync(sourceOf(chapter), 'utf8');
    return { chapter, text, title: titleOf(text), page: pageOf(chapter) };
  }),
}));
const all = parts.flatMap((part) => part.chapters);
const pages = new Set(all.map((one) => one.chapter));

// Every page that people write is in the table of contents.
const written = ['.', 'manual', 'howto', 'design', 'spec'].flatMap((directory) => readdirSync(join(docs, directory))
  .filter((name) => name.endsWith('.md')).map((name) => normalize(join(directory, name))));
const left = written.filter((name) => !pages.has(name));
if (left.length > 0) throw new Error(`not in docs/manual/contents.mjs: ${left.join(', ')}`);

// As GitHub makes them, where these files are read, too.
const slugify = (heading) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-');

// Where a link of a chapter leads. A file of the tree that is no chapter is named, and not linked: the manual is read without the tree.
function target(chapter, href) {
  if (/^[a-z]+:/.test(href) || href.startsWith('#')) return href;
  const [path, heading] = href.split('#');
  const file = normalize(join(dirname(chapter), path));
  if (pages.has(file)) return pageOf(file) + (heading !== undefined ? `#${heading}` : '');
  if (existsSync(join(docs, file))) return null;
  throw new Error(`${chapter}: ${href} does not exist`);
}

export default function configure(config) {
  config.addPlugin(IdAttributePlugin, { checkDuplicates: false, slugify });
  config.amendLibrary('md', (md) => {
    md.enable('code'); // indented blocks, which Eleventy takes for text
    const image = md.renderer.rules.image;
    md.renderer.rules.image = (tokens, at, options, env, self) => {
      const src = tokens[at].attrGet('src');
      tokens[at].attrSet('src', src.split('/').at(-1));
      return image(tokens, at, options, env, self);
    };
    md.core.ruler.push('samoza_links', (state) => {
      for (const token of state.tokens) {
        let open = false;
        for (const child of token.children ?? []) {
          if (child.type === 'link_open') {
            const to = target(state.env.chapter, child.attrGet('href'));
            open = to !== null;
            if (open) child.attrSet('href', to);
            else child.hidden = true;
          } else if (child.type === 'link_close' && !open) {
            child.hidden = true;
          }
        }
      }
    });
  });
  all.forEach((one, at) => config.addTemplate(`${one.page}.md`, one.text, {
    layout: 'layout.njk', permalink: one.page, title: one.title, chapter: one.chapter, parts,
    before: all[at - 1], after: all[at + 1],
  }));
  config.addPassthroughCopy({ [relative('.', join(here, 'theme/contents.js'))]: 'contents.js' });
  for (const picture of ['pictures/console-topology.png', 'pictures/console-why.png', 'fleet-growth.svg', 'placement-growth.svg'])
    config.addPassthroughCopy({ [relative('.', join(docs, picture))]: picture.split('/').at(-1) });
  config.setUseGitIgnore(false);
  return { markdownTemplateEngine: false, htmlTemplateEngine: 'njk', dir: { input: relative('.', join(made, 'site')), includes: relative(join(made, 'site'), join(here, 'theme')) } };
}
