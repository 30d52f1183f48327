import type { ComponentChildren } from 'preact';

/** A part of a page with its heading. */
export function Card({ id, name, count, children, more }: {
  id: string; name: string; count?: string; children: ComponentChildren; more?: ComponentChildren;
}) {
  return (
    <section class={`card ${id}`} aria-labelledby={`${id}-name`}>
      <header>
        <h2 id={`${id}-name`}>{name}</h2>
        {count !== undefined && <span class="count">{count}</span>}
        <span class="space" />
        {more}
      </header>
      {children}
    </section>
  );
}

/** One of some ways to look at the same. */
export function Choice<T extends string>({ label, of, value, choose }: {
  label: string; of: { value: T; text: string }[]; value: T; choose: (value: T) => void;
}) {
  return (
    <span class="choice" role="group" aria-label={label}>
      {of.map((one) => (
        <button key={one.value} type="button" aria-pressed={one.value === value} onClick={() => choose(one.value)}>{one.text}</button>
      ))}
    </span>
  );
}

/** What would be here, and the command that fills it. */
export function Empty({ text, command }: { text: string; command?: string }) {
  return <p class="empty">{text}{command !== undefined && <code class="command">{command}</code>}</p>;
}
