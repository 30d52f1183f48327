// Finds chapters and headings by what is typed; without this script the contents are a plain list.
const field = document.getElementById('find');
const lists = [...document.querySelectorAll('nav .part, nav ul')];
const found = document.createElement('ul');
found.id = 'found';
found.hidden = true;
field.hidden = false;
field.after(found);

// headings.js is loaded when somebody begins to look for something, also where the manual is a directory of files.
let loading;
const load = () => loading ??= new Promise((done, failed) => {
  const script = document.createElement('script');
  script.src = 'headings.js';
  script.onload = () => done(globalThis.samozaHeadings);
  script.onerror = failed;
  document.head.append(script);
});

const entry = ({ page, id, text, chapter }) => {
  const item = document.createElement('li');
  const link = document.createElement('a');
  const where = document.createElement('span');
  link.href = id === '' ? page : `${page}#${id}`;
  where.className = 'where';
  where.textContent = chapter === text ? '' : chapter;
  link.append(text, where);
  item.append(link);
  return item;
};

field.addEventListener('input', async () => {
  const words = field.value.toLowerCase().split(/\s+/).filter((word) => word !== '');
  const headings = await load();
  const isIn = (text) => words.every((word) => text.toLowerCase().includes(word));
  const fits = [...headings.filter(({ text }) => isIn(text)), ...headings.filter(({ text, chapter }) => !isIn(text) && isIn(`${text} ${chapter}`))];
  const isLooking = words.length > 0;
  for (const list of lists) list.hidden = isLooking;
  found.hidden = !isLooking;
  found.replaceChildren(...fits.slice(0, 60).map(entry));
  if (isLooking && fits.length === 0) found.textContent = 'No chapter and no heading has these words.';
});
document.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest' });
