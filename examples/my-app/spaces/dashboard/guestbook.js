// The page of the guest book. It sends requests along the path `queries`; every reply is the whole
// list. A reply may be lost when a space moves: the page repeats unanswered requests with the same
// id, so that no entry is added twice.
'use strict';

const byId = (id) => document.getElementById(id);
const RETRY_MS = 1500;
let unanswered = null; // the question that waits for its answer
let timer = 0;

function say(text) {
  byId('status').textContent = text;
}

function ask(question) {
  unanswered = question;
  clearTimeout(timer);
  timer = setTimeout(() => {
    say('The guest book does not answer; asking again …');
    ask(unanswered);
  }, RETRY_MS);
  samoza.emit('queries', question).catch((error) => say(`Not yet: ${error.message}`));
}

function show(lines) {
  const items = lines.filter((line) => line !== '').reverse().map((line) => {
    const [time, name, ...text] = line.split('\t');
    const item = document.createElement('li');
    const who = document.createElement('span');
    const when = document.createElement('time');
    const words = document.createElement('div');
    who.className = 'who';
    who.textContent = name;
    when.textContent = new Date(Number(time)).toLocaleString();
    words.textContent = text.join('\t');
    item.append(who, when, words);
    return item;
  });
  byId('entries').replaceChildren(...items);
}

samoza.onMessage((path, answer) => {
  const lines = answer.split('\n');
  const verb = lines.shift();
  if (verb === 'error') {
    say(lines.join(' '));
    return;
  }
  clearTimeout(timer);
  if (unanswered !== null && unanswered.startsWith('add')) {
    byId('text').value = '';
    byId('send').disabled = false;
  }
  unanswered = null;
  say('');
  show(lines);
});

byId('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('');
  const oneLine = (value) => value.replace(/\s+/g, ' ').trim();
  byId('send').disabled = true;
  ask(['add', id, Date.now(), oneLine(byId('name').value), oneLine(byId('text').value)].join('\n'));
});

async function showPlacements() {
  try {
    const { spaces } = await samoza.placements();
    byId('placements').replaceChildren(...spaces.map(({ path, zhost }) => {
      const row = document.createElement('tr');
      for (const text of [path, zhost]) {
        const cell = document.createElement('td');
        cell.textContent = text;
        row.append(cell);
      }
      return row;
    }));
  } catch (error) {
    byId('placements').replaceChildren();
  }
}

ask('list');
showPlacements();
setInterval(showPlacements, 2000);
