// Light or dark: as the system says, or as somebody has chosen. tokens.css has both values of each colour.
import { computed, effect, signal } from '@preact/signals';
import { kept } from './kept';

const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = typeof THEMES[number];
export const theme = kept<Theme>('theme', THEMES, 'auto');

const dark = matchMedia('(prefers-color-scheme: dark)');
const system = signal(dark.matches);
dark.addEventListener('change', () => { system.value = dark.matches; });

/** What is seen: whatever is drawn on a canvas is drawn again when it changes. */
export const isDark = computed(() => theme.value === 'auto' ? system.value : theme.value === 'dark');
effect(() => { document.documentElement.dataset['theme'] = theme.value; });

export const nextTheme = () => { theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!; };

/** The colour of a token, as it is now, for a canvas. */
export function colours<T extends string>(...tokens: T[]): Record<T, string> {
  const probe = document.createElement('i');
  document.body.append(probe);
  const found = tokens.map((token) => {
    probe.style.color = `var(--${token})`;
    return [token, getComputedStyle(probe).color];
  });
  probe.remove();
  return Object.fromEntries(found) as Record<T, string>;
}
