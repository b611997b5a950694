/** What the inspector's tests measure in the page: contrast, sizes of targets, what is cut off. As text: it runs in the page. */
import type { Page } from 'playwright-core';

const CONTRASTS = `(selector) => {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const luminance = () => {
    const [red, green, blue] = [...context.getImageData(0, 0, 1, 1).data].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const paint = (colour) => { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); };
  return [...document.querySelectorAll(selector)].filter((element) => element.getClientRects().length > 0 && !element.disabled && element.textContent !== '').map((element) => {
    const around = [];
    for (let each = element; each !== null; each = each.parentElement) around.unshift(getComputedStyle(each).backgroundColor);
    paint('#fff');
    around.forEach(paint);
    const background = luminance();
    paint(getComputedStyle(element).color);
    const text = luminance();
    const [light, dark] = text > background ? [text, background] : [background, text];
    return { what: (element.className || element.tagName) + ': ' + element.textContent.slice(0, 40), contrast: (light + 0.05) / (dark + 0.05) };
  });
}`;

/** Texts among those of `selector` whose contrast with what is behind them is less than 4.5. */
export async function faintTexts(page: Page, selector: string): Promise<{ count: number; faint: string[] }> {
  const all = (await page.evaluate(`(${CONTRASTS})(${JSON.stringify(selector)})`)) as {
    what: string;
    contrast: number;
  }[];
  return {
    count: all.length,
    faint: all.filter(({ contrast }) => contrast < 4.5).map(({ what, contrast }) => `${what} (${contrast.toFixed(2)})`),
  };
}

/** A checkbox is hit at its label; a border between panes 9 pixels next to it. */
const TARGETS = `() => [...document.querySelectorAll('button, select, input, summary, [role=separator], [role=option], .strip')]
  .filter((element) => element.getClientRects().length > 0)
  .map((element) => {
    const { width, height } = (element.matches('[type=checkbox]') ? element.closest('label') : element).getBoundingClientRect();
    const beyond = element.matches('[role=separator]') ? 2 * parseFloat(getComputedStyle(element, '::after')[element.matches('.vertical') ? 'left' : 'top']) : 0;
    return { what: element.outerHTML.slice(0, 80), width: width - (element.matches('.vertical') ? beyond : 0), height: height - (element.matches('.horizontal') ? beyond : 0) };
  })
  .filter(({ width, height }) => width < 24 || height < 24)`;

/** What is to be hit with pointer or finger and is smaller than 24 by 24 pixels. */
export async function smallTargets(page: Page): Promise<unknown[]> {
  return (await page.evaluate(`(${TARGETS})()`)) as unknown[];
}

const CUT = `() => [
  ...(document.documentElement.scrollWidth > innerWidth ? ['the page is ' + document.documentElement.scrollWidth + ' wide'] : []),
  ...[...document.querySelectorAll('.row > *, header > *, dd, dt, .badge, .answer')]
    .filter((element) => !element.matches('.file, .stopped, .menu, [hidden]') && element.getClientRects().length > 0)
    .filter((element) => {
      const around = element.closest('.row, header, section').getBoundingClientRect();
      const { left, right } = element.getBoundingClientRect();
      return element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline' || right > around.right + 1 || left < around.left - 1;
    })
    .map((element) => (element.className || element.tagName) + ': ' + element.textContent.slice(0, 60)),
]`;

/** What is wider than the place that it has. */
export async function cutTexts(page: Page): Promise<string[]> {
  return (await page.evaluate(`(${CUT})()`)) as string[];
}
