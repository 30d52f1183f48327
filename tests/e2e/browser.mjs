// A person at a page, such as the guest book's, in headless Chromium: reads commands from standard input, one
// a line, and answers each with one line of JSON.
//
//   sign NAME|TEXT    types both and presses the button
//   entries           the texts of the list, newest first
//   status            the line of status
//   placements        {space: zhost} as the page shows it
//   shot FILE         a screenshot
//   text ADDRESS      of the page that is loaded from there now, in the same window
//   fetch FILE        what the page that is open gets when it loads a file of its space
//   stranger ADDRESS  as `text`, in a window of another browser
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const [, , address, executablePath] = process.argv;
// A loaded machine takes its time; whether it takes too long is for the test to say.
const PATIENCE_MS = 300000;
const browser = await chromium.launch({
  executablePath,
  timeout: PATIENCE_MS,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const page = await browser.newPage();
page.setDefaultTimeout(PATIENCE_MS);
const problems = [];
page.on('pageerror', (error) => problems.push(String(error)));
await page.goto(address);

const commands = {
  async sign(argument) {
    const [name, text] = argument.split('|');
    await page.fill('#name', name);
    await page.fill('#text', text);
    await page.click('#send');
    return true;
  },
  entries: () => page.$$eval('#entries li div', (items) => items.map((i) => i.textContent)),
  status: () => page.textContent('#status'),
  placements: () => page.$$eval('#placements tr', (rows) => Object.fromEntries(
    rows.map((r) => [...r.children].map((c) => c.textContent)))),
  async shot(file) {
    await page.screenshot({ path: file });
    return true;
  },
  async text(where) {
    await page.goto(where);
    return page.innerText('body');
  },
  fetch: (file) => page.evaluate(async (name) => (await fetch(name)).text(), file),
  async stranger(where) {
    const context = await browser.newContext();
    const other = await context.newPage();
    await other.goto(where);
    const text = await other.innerText('body');
    await context.close();
    return text;
  },
  problems: () => problems,
};

console.log(JSON.stringify('ready'));
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, ...rest] = line.split(' ');
  console.log(JSON.stringify(await commands[verb](rest.join(' '))));
}
await browser.close();
