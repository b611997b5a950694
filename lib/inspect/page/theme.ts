/** Light or dark, as the system has it or as the user wants it. */
import { useLayoutEffect, useState } from 'preact/hooks';
import { forgetPaints } from './paints.ts';

export type Theme = 'auto' | 'light' | 'dark';

/** The wish, the theme that is shown, and how to wish for another one. */
export function useTheme(): [wish: Theme, shown: string, set: (theme: Theme) => void] {
  const [wish, setWish] = useState<Theme>('auto');
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useLayoutEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const onChange = (): void => setDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, []);
  const shown = wish === 'auto' ? (isDark ? 'dark' : 'light') : wish;
  // During the rendering: what is drawn on canvases behind it reads the new colours.
  if (document.documentElement.dataset['theme'] !== shown) {
    document.documentElement.dataset['theme'] = shown;
    forgetPaints();
  }
  return [wish, shown, setWish];
}
