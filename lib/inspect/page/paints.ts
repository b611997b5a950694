/** The colours of the style sheet for what is drawn on a canvas. */

let known = new Map<string, string>();

/** The value of `--NAME`. */
export function paintOf(name: string): string {
  let paint = known.get(name);
  if (paint === undefined) {
    paint = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || '#888';
    known.set(name, paint);
  }
  return paint;
}

/** The theme has changed: colours are read again. */
export function forgetPaints(): void {
  known = new Map();
}
