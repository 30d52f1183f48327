// A person at the console, in headless Chromium: reads commands from standard input, one a line, and answers each with
// one line of JSON.
//
//   fresh                from now on, another page of a browser that knows nothing
//   open ADDRESS         of the console
//   text SELECTOR        of the first such element; null: there is none
//   texts SELECTOR       of all of them
//   click SELECTOR       the first one
//   fill SELECTOR|TEXT
//   press KEY
//   answer PATH FILE     from now on, requests for this path are answered with that file
//   hold PATH            from now on, requests for this path wait for `release`
//   refuse PATH STATUS   from now on, requests for this path are answered with that status, by nobody
//   held                 how many requests wait, or were refused so, since `hold` or `refuse`
//   release PATH         what waits goes on, and what comes from now on
//   focused              what has the focus: its id, or its text
//   size WIDTH|HEIGHT
//   theme light|dark
//   axe                  what axe-core finds: rule and element
//   overflow             by how many pixels the page is wider than the window
//   shot FILE            a screenshot; false: Chromium makes none
//   script TEXT          what it evaluates to
//   problems             errors of the page, refusals of its policy, requests to other hosts; since the last time
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [, , executablePath] = process.argv;
const PATIENCE_MS = 60000;
const SHOT_PATIENCE_MS = [15000, 15000, 30000];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const browser = await chromium.launch({
  executablePath,
  timeout: PATIENCE_MS,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let page = null;
let problems = [];
let origin = null;
let held = []; // of each request that waits or was refused: what lets it go on

async function fresh() {
  const before = page?.context();
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
  page = await context.newPage();
  await before?.close();
  problems = [];
  origin = null;
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => problems.push(`error: ${error}`));
  // A refused or a failed request is said by the browser itself, with no page to blame.
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (origin !== null && url.origin !== origin && url.protocol !== 'data:') problems.push(`foreign: ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
  });
  return true;
}
await fresh();

const commands = {
  fresh,
  async open(address) {
    origin = new URL(address).origin;
    await page.goto('about:blank');
    await page.goto(address);
    return true;
  },
  text: (selector) => page.evaluate((s) => document.querySelector(s)?.innerText ?? null, selector),
  texts: (selector) => page.$$eval(selector, (all) => all.map((one) => one.innerText)),
  async click(selector) {
    await page.click(selector);
    return true;
  },
  async fill(argument) {
    const [selector, text] = argument.split('|');
    await page.fill(selector, text);
    return true;
  },
  async press(key) {
    await page.keyboard.press(key);
    return true;
  },
  async answer(argument) {
    const [path, file] = argument.split(' ');
    await page.route(`**${path}`, (route) => route.fulfill({ path: file, contentType: 'application/json' }));
    return true;
  },
  async hold(path) {
    held = [];
    const mine = held;
    await page.route(`**${path}`, (route) => held === mine ? new Promise((done) => mine.push(() => route.continue().then(done))) : route.continue());
    return true;
  },
  async refuse(argument) {
    const [path, status] = argument.split(' ');
    held = [];
    await page.route(`**${path}`, async (route) => {
      await route.fulfill({ status: Number(status), json: { error: { code: 'unavailable', message: 'not now' } } });
      held.push(() => undefined);
    });
    return true;
  },
  held: () => held.length,
  async release(path) {
    const those = held;
    held = [];
    await Promise.all(those.map((go) => go()));
    await page.unroute(`**${path}`);
    return true;
  },
  focused: () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent || ''),
  async size(argument) {
    const [width, height] = argument.split('|').map(Number);
    await page.setViewportSize({ width, height });
    return true;
  },
  async theme(colorScheme) {
    await page.emulateMedia({ colorScheme });
    return true;
  },
  async axe() {
    // By the debugger, which the page's policy does not stop.
    await page.evaluate(axe);
    return page.evaluate(async () => {
      const found = await window.axe.run(document, { resultTypes: ['violations'] });
      return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)}: ${n.any[0]?.message ?? ''}`));
    });
  },
  overflow: () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth),
  async shot(file) {
    // Chromium has been seen to make no frame for a picture, with a page that answers; the next size makes it draw. Where it
    // makes none at all, there is none: it is for people to look at, and shows nothing that is judged.
    for (const timeout of SHOT_PATIENCE_MS) {
      try {
        await page.screenshot({ path: file, timeout });
        return true;
      } catch (error) {
        if (error.name !== 'TimeoutError') throw error;
        const { width, height } = page.viewportSize();
        await page.setViewportSize({ width, height: height + 1 });
        await page.setViewportSize({ width, height });
      }
    }
    return false;
  },
  script: (text) => page.evaluate(text),
  problems() {
    const said = problems;
    problems = [];
    return said;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const space = line.indexOf(' ');
  const name = space < 0 ? line : line.slice(0, space);
  try {
    const answer = await commands[name](space < 0 ? '' : line.slice(space + 1));
    console.log(JSON.stringify({ answer: answer ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
