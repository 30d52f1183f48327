// A sentence of zrms, in its words: names of zhosts and topologies lead to them, what is quoted is set as code, and times
// are those of this machine.
import { now, topologyNames, zhostNames } from '../store/store';
import { moment } from '../base/words';

const TOKENS = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|'[^']*'|[a-z0-9][a-z0-9-]*)/g;

export const topologyPage = (name: string) => `#/topology?name=${encodeURIComponent(name)}`;
export const whyPage = (topology: string, path: string) => `#/why?topology=${encodeURIComponent(topology)}&space=${encodeURIComponent(path)}`;
export const zhostPage = (name: string) => `#/zhost?name=${encodeURIComponent(name)}`;

/** What a reason of that code means and what to do, in the manual that zrms serves. */
export const ToDo = ({ code }: { code: string | undefined }) => code === undefined || code === '' ? null : (
  <> <a class="to-do" href={`/docs/reasons.html#${encodeURIComponent(code)}`} target="_blank" rel="noreferrer" title={`The manual about ${code}`} aria-label={`What to do about ${code}`}>What to do</a></>
);

export function Sentence({ text }: { text: string }) {
  const parts = text.split(TOKENS).map((part) => {
    if (/^\d{4}-\d\d-\d\dT/.test(part)) return <time dateTime={part}>{moment(part, now.value)}</time>;
    if (/^'.*'$/.test(part)) return <code>{part.slice(1, -1)}</code>;
    if (zhostNames.value.has(part)) return <a href={zhostPage(part)}>{part}</a>;
    if (topologyNames.value.has(part)) return <a href={topologyPage(part)}>{part}</a>;
    return part;
  });
  return <>{parts}</>;
}
