// What waits for what, each link held up by the one below it.
import type { Link } from '../graph/model';
import { word } from '../base/words';
import { Card, Empty } from './card';
import { Glyph, shape } from './glyph';
import { Sentence, ToDo, whyPage, zhostPage } from './sentence';

export function Chain({ links, topology }: { links: Link[]; topology: string }) {
  return (
    <ol class="chain">
      {links.map((l) => (
        <li key={`${l.kind}/${l.name}`} data-link={l.name} data-state={l.state}>
          <Glyph state={l.state} />
          <h3><a class="cut" href={l.kind === 'zhost' ? zhostPage(l.name) : whyPage(topology, l.name)} title={l.name}>{l.name}</a>
            <span class={`c-${shape(l.state)}`}>{word(l.state)}{l.count > 1 && `, ${l.count} alike`}</span></h3>
          {l.text !== '' && <p><Sentence text={l.text} /><ToDo code={l.code} /></p>}
        </li>
      ))}
    </ol>
  );
}

const SHOWN = 4;

export function WaitChains({ of, topology, isStopped }: { of: Link[][]; topology: string; isStopped: boolean }) {
  return (
    <Card id="chains" name="What waits for what" count={of.length > 0 ? String(of.length) : undefined}>
      {of.length === 0 && <Empty text={isStopped ? 'Nothing is to run.' : 'What does not run, with what it waits for. Everything that is to run runs.'} />}
      {of.slice(0, SHOWN).map((links) => <Chain key={links[0]!.name} links={links} topology={topology} />)}
      {of.length > SHOWN && <p class="rest">{of.length - SHOWN} more: see the placements by state.</p>}
    </Card>
  );
}
