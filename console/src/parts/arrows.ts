// One stop of the tabulator for many things: arrows go on from there.

/** On the element around them. `columns`: how many stand in a line, for up and down. */
export function arrows(event: KeyboardEvent, selector: string) {
  const box = event.currentTarget as HTMLElement;
  const all = [...box.querySelectorAll<HTMLElement>(selector)];
  const at = all.indexOf(document.activeElement as HTMLElement);
  if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const top = all[0]!.offsetTop;
  const columns = Math.max(1, all.findIndex((one) => one.offsetTop > top));
  const width = all.some((one) => one.offsetTop > top) ? columns : all.length;
  const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width, Home: -at, End: all.length - 1 - at };
  const step = steps[event.key];
  const next = step !== undefined ? all[at + step] : undefined;
  if (step === undefined) return;
  event.preventDefault();
  if (next === undefined) return;
  all[at]!.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
