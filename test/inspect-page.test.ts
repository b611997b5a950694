/** The inspector's page in a real Chromium, driven as a person drives it. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { temporaryFolder } from './support/after-file.ts';
import { findChromium, launchChromium, startInspector } from './support/inspect-support.ts';
import type { Inspector } from './support/inspect-support.ts';
import { cutTexts, faintTexts, smallTargets } from './support/inspect-view.ts';
import { PageMeter } from './support/page-work.ts';
import type { PageWork } from './support/page-work.ts';
import { ensureDist, root, runNode } from './support/package-support.ts';
import { randomTrace } from './support/random-trace.ts';

const STORY = [
  { config: { gc: '9.4.3' } },
  { mmap: { addr: '0x10000000', len: '0x400000', prot: 'rw', kind: 'anon' } },
  { mmap: { addr: '0x7f0000000000', len: '0x200000', prot: 'r', kind: 'anon' } },
  { set: { addr: '0x10000000', size: '0x200000', attrs: [[8, 1]] } },
  { fault: { addr: '0x10000000', write: false } },
  { fault: { addr: '0x7f0000000000', write: true } },
  { dontneed: { addr: '0x10001000', len: '0x1000' } },
  { fault: { addr: '0x10001000', write: false } },
]
  .map((operation) => JSON.stringify(operation))
  .join('\n');

const TWO_GPUS = [
  { config: { gpus: 2 } },
  { mmap: { addr: '0x10000000', len: '0x200000', prot: 'rw', kind: 'anon' } },
  { access: { addr: '0x10000000', len: '0x1000', write: true, gpu: 1 } },
]
  .map((operation) => JSON.stringify(operation))
  .join('\n');

const STOPPED_QUEUES = [
  { config: { profile: 'v7-xnack-off', xnackOff: true } },
  { mmap: { addr: '0x10000000', len: '0x200000', prot: 'rw', kind: 'anon' } },
  { touch: { addr: '0x10000000', len: '0x200000', write: true } },
  { set: { addr: '0x10000000', size: '0x200000', attrs: [[2, 1]] } },
  { dontneed: { addr: '0x10000000', len: '0x1000' } },
  { advance: { ns: 1_000_000 } },
  { work: {} },
  { access: { addr: '0x10000000', len: '0x1000', write: false } },
]
  .map((operation) => JSON.stringify(operation))
  .join('\n');

/** What people drop by mistake, and what they are told. */
const WRONG_FILES: readonly (readonly [name: string, content: Buffer, message: RegExp])[] = [
  ['cut.jsonl.gz', gzipSync(STORY).subarray(0, 60), /^cut\.jsonl\.gz: is no complete gzip file/],
  ['picture.png', Buffer.from('89504e470d0a1a0a', 'hex'), /^picture\.png: is no trace: a trace is UTF-8 text/],
  ['empty.jsonl', Buffer.alloc(0), /^empty\.jsonl: holds no operation/],
  ['out.json', Buffer.from('{"traceEvents":[],"otherData":{}}'), /^out\.json:1: expected one operation in an object/],
];

/** Drops a file on the page. */
async function drop(page: Page, name: string, content: Buffer): Promise<void> {
  // As text: what runs in the page is not of this program's world.
  await page.evaluate(`(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob('${content.toString('base64')}'), (letter) => letter.charCodeAt(0))], '${name}'));
    document.querySelector('.app').dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
  })()`);
}

const chromium = findChromium();
const cli = path.join(root, 'dist/lib/cli/main.cjs');
let folder: string;
let inspector: Inspector | undefined;
let browser: Browser | undefined;
/** One page for all tests, loaded again for each: a page of its own costs a process of Chromium's. */
let page: Page;
let problems: string[];

beforeAll(async () => {
  await ensureDist();
  folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'story.jsonl.gz'), gzipSync(STORY));
  fs.writeFileSync(path.join(folder, 'two-gpus.jsonl'), TWO_GPUS);
  fs.writeFileSync(path.join(folder, 'long.jsonl'), randomTrace(10_000));
  if ('reason' in chromium) return;
  inspector = await startInspector([path.join(folder, 'story.jsonl.gz')]);
  browser = await launchChromium(chromium.path);
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on(
    'request',
    (request) =>
      !/^(http:\/\/127\.0\.0\.1|file:|blob:|data:)/.test(request.url()) && problems.push(`asks for ${request.url()}`),
  );
});

afterAll(async () => {
  await browser?.close();
  await inspector?.stop('SIGTERM');
  fs.rmSync(folder, { recursive: true, force: true });
});

interface Dependencies {
  readonly page: Page;
  readonly step: () => Promise<string>;
  readonly run: (operation: string, fields?: Readonly<Record<string, string>>) => Promise<void>;
  readonly exported: (button?: string) => Promise<string>;
}

/** A test that needs Chromium; without one it is skipped, with the reason. */
function inBrowser(
  name: string,
  test: (surroundings: Dependencies) => Promise<void>,
  url: () => string = () => `${inspector!.url}#op=8`,
  timeout = 60_000,
): void {
  it(
    name,
    async (context) => {
      if ('reason' in chromium) return context.skip(chromium.reason);
      problems = [];
      await page.setViewportSize({ width: 1440, height: 900 });
      await page.emulateMedia({ colorScheme: 'light' });
      // Another fragment alone would not load the page again.
      await page.goto('about:blank');
      await page.goto(url());
      await page.getByRole('application').first().waitFor();
      await test({
        page,
        step: () => page.locator('input[name=step]').inputValue(),
        run: async (operation, fields = {}) => {
          await page.locator('select[name=operation]').selectOption(operation);
          for (const [field, value] of Object.entries(fields)) {
            const element = page.locator(`.hand [name=${field}]`);
            if ((await element.and(page.locator('select')).count()) === 1) await element.selectOption(value);
            else await element.fill(value);
          }
          await page.getByRole('button', { name: /^Run after/ }).click();
        },
        exported: async (button = 'Export trace') => {
          const [download] = await Promise.all([
            page.waitForEvent('download'),
            page.getByRole('button', { name: button }).click(),
          ]);
          const file = path.join(folder, `exported-${Math.random()}-${download.suggestedFilename()}`);
          await download.saveAs(file);
          return file;
        },
      });
      expect(problems).toEqual([]);
    },
    timeout,
  );
}

describe('a trace', () => {
  inBrowser('without retry faults has a lane that shows where the queues are stopped', async ({ page }) => {
    const stopped = page.locator('.row.operation.queues-stopped');
    expect(await stopped.count()).toBe(0);
    await drop(page, 'stopped.jsonl', Buffer.from(STOPPED_QUEUES));
    await page.locator('.stopped-key').waitFor();
    expect(await stopped.and(page.locator('.operation')).locator('.number').allTextContents()).toEqual(['5', '6', '7']);
    expect(await stopped.last().getByRole('img').getAttribute('aria-label')).toBe('queues stopped, for 1 ms');
  });

  inBrowser(
    'opens at its first hazard',
    async ({ page, step }) => {
      expect(await step()).toBe('6');
      expect(await page.locator('.details').textContent()).toMatch(/Operation 6: fault.*Hazards.*unhandled-fault/s);
    },
    () => inspector!.url,
  );

  inBrowser('is stepped through', async ({ page, step }) => {
    expect(await step()).toBe('8');
    expect(await page.locator('.row.operation').count()).toBeGreaterThanOrEqual(6);
    await page.getByRole('button', { name: 'first operation' }).click();
    expect(await step()).toBe('1');
    await page.getByRole('button', { name: 'next operation' }).click();
    expect(await page.getByRole('heading', { name: 'Operation 2: mmap' }).count()).toBe(1);
    expect(await page.getByRole('application').getAttribute('aria-label')).toMatch(/1 VMAs, 0 attributes/);
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    expect(await step()).toBe('4');
    await page.getByRole('button', { name: 'previous operation' }).click();
    expect(await step()).toBe('3');
    expect(await page.getByRole('application').getAttribute('aria-label')).toMatch(/2 VMAs, 0 attributes/);
    await page.locator('input[name=step]').fill('5');
    await page.keyboard.press('Enter');
    await page.getByRole('application').focus();
    for (const key of 'kkkjjj') await page.keyboard.press(key);
    expect(await step()).toBe('5');
    expect(await page.getByRole('status').textContent()).toMatch(/^operation 5 of 8: fault 0x10000000 read, mapped/);
  });

  inBrowser('leads to its faults, and says which rule decided them', async ({ page, step }) => {
    await page.getByRole('button', { name: 'first operation' }).click();
    const seen = [];
    for (let count = 0; count < 3; count++) {
      await page.getByRole('button', { name: 'next fault' }).click();
      seen.push([await step(), await page.locator('.outcome').first().textContent()]);
    }
    expect(seen).toEqual([
      ['5', 'mapped'],
      ['6', 'killed'],
      ['8', 'retry'],
    ]);
    expect(await page.locator('.details').textContent()).toMatch(
      /less than 2 ms ago.*Q57.*a needed fault was dropped/s,
    );
  });

  inBrowser('leads from a hazard to the operations after it', async ({ page, step }) => {
    await page.getByRole('button', { name: 'previous hazard' }).click();
    expect(await step()).toBe('7');
    expect(await page.locator('.details').textContent()).toMatch(
      /Q35.*stale mapping.*What to do: discard or protect whole 2 MiB chunks/s,
    );
    await page.getByRole('button', { name: 'SET_ATTR (4)' }).first().click();
    expect(await step()).toBe('4');
  });

  inBrowser('is opened from a file, plain or gzip; a bad one is told with file and line', async ({ page, step }) => {
    await page.getByLabel('trace file').setInputFiles(path.join(folder, 'two-gpus.jsonl'));
    await page.locator('input[name=step][max="3"]').waitFor();
    await page.getByLabel('trace file').setInputFiles(path.join(folder, 'story.jsonl.gz'));
    await page.locator('input[name=step][max="8"]').waitFor();
    await page
      .getByLabel('trace file')
      .setInputFiles({ name: 'bad.jsonl', mimeType: 'text/plain', buffer: Buffer.from('{"gc":{}}\n{"gc":') });
    expect(await page.getByRole('alert').first().textContent()).toMatch(/^bad\.jsonl:2: no JSON/);
    for (const [name, content, message] of WRONG_FILES) {
      await drop(page, name, content);
      await page.getByRole('alert').filter({ hasText: message }).waitFor();
    }
    expect(await step()).toBe('6');
  });
});

describe('the map', () => {
  inBrowser('zooms from 128 TiB to one page, by wheel, keys and buttons', async ({ page }) => {
    const canvas = page.getByRole('application');
    const pages = async (): Promise<number> =>
      Number(await canvas.getAttribute('data-last-page')) - Number(await canvas.getAttribute('data-first-page'));
    expect(await pages()).toBe(2 ** 35);
    await page.getByText('compress gaps').click();
    expect(await pages()).toBe(2 ** 35);
    await page.getByText('compress gaps').click();
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + 100, box.y + 60);
    await page.mouse.wheel(0, -600);
    await expect.poll(pages).toBeLessThan(2 ** 35);
    await page.getByRole('button', { name: 'one page' }).click();
    expect(await pages()).toBeLessThanOrEqual(3);
    await canvas.focus();
    await page.keyboard.press('Home');
    expect(await pages()).toBe(2 ** 35);
    const perPage = Number(await canvas.getAttribute('data-pixels-per-page'));
    await page.keyboard.press('+');
    expect(Number(await canvas.getAttribute('data-pixels-per-page'))).toBeGreaterThan(perPage);
  });

  inBrowser('selects with the pointer and with the keyboard, and decodes PTE flags', async ({ page }) => {
    const canvas = page.getByRole('application');
    await page.locator('input[name=step]').fill('5');
    await page.keyboard.press('Enter');
    const box = (await canvas.boundingBox())!;
    // The first VMA is after the first compressed stretch.
    await page.mouse.click(box.x + 80, box.y + 60);
    expect(await page.locator('.item h2').textContent()).toBe('VMAs: anon rw');
    for (let lane = 0; lane < 4; lane++) await page.keyboard.press('ArrowDown');
    expect(await page.locator('.item h2').textContent()).toBe('PTEs: fresh r');
    expect(await page.locator('.item .flags').textContent()).toMatch(/VALID.*SYSTEM.*SNOOPED.*READABLE.*MTYPE/);
    expect(await page.locator('.item .flags').textContent()).not.toMatch(/WRITEABLE/);
    expect(await page.getByRole('status').textContent()).toMatch(/Selected PTEs: fresh r/);
    await page.keyboard.press('Escape');
    expect(await page.locator('.item').count()).toBe(0);
  });

  inBrowser('is also a list that the keyboard walks', async ({ page }) => {
    const list = page.getByRole('listbox', { name: 'Objects of the address space' });
    await list.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowDown');
    const active = await list.getAttribute('aria-activedescendant');
    expect(active).toBe('objects-1');
    expect(await page.locator(`#${active}`).getAttribute('aria-selected')).toBe('true');
  });
});

describe('the view', () => {
  const numbers = async (): Promise<string[]> => page.locator('#operations .row .number').allTextContents();

  inBrowser('shows what is searched for', async ({ page, step }) => {
    await page.keyboard.press('/');
    await page.keyboard.type('0x10001000 retry');
    await expect.poll(numbers).toEqual(['8']);
    expect(await page.locator('.search .found').textContent()).toBe('1 of 8');
    await page.locator('.search input').fill('');
    await page.locator('.search select[name=kind]').selectOption('fault');
    await expect.poll(numbers).toEqual(['5', '6', '8']);
    await page.getByRole('application').focus();
    const seen = [];
    for (const key of ['n', 'n', 'N', 'N', 'N']) {
      await page.keyboard.press(key);
      seen.push(await step());
    }
    expect(seen).toEqual(['5', '6', '5', '8', '6']);
    await page.locator('.search select[name=kind]').selectOption('');
    expect(await page.locator('select[name=only] option').allTextContents()).toContain('Q35 (1)');
    await page.locator('select[name=only]').selectOption('Q35');
    await expect.poll(numbers).toEqual(['7']);
    await page.locator('.search input').fill('nothing says this');
    expect(await page.locator('.search .found').textContent()).toBe('0 of 8');
    expect(await page.getByRole('button', { name: 'next found' }).isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'all', exact: true }).click();
    await expect.poll(numbers).toContain('1');
  });

  inBrowser('is in the address: reloaded and shared it is the same', async ({ page, step }) => {
    const canvas = page.getByRole('application');
    const view = async (): Promise<unknown[]> => [
      await step(),
      await canvas.getAttribute('data-first-page'),
      await canvas.getAttribute('data-last-page'),
      await page.locator('.item h2').textContent(),
      await page.locator('.search input').inputValue(),
      await page.getByRole('checkbox', { name: 'events' }).isChecked(),
      await numbers(),
    ];
    await page.locator('input[name=step]').fill('5');
    await page.keyboard.press('Enter');
    await canvas.focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter', '+'])
      await page.keyboard.press(key);
    await page.locator('.search input').fill('fault');
    await page.getByRole('checkbox', { name: 'events' }).uncheck();
    await expect
      .poll(() => page.url())
      .toMatch(/#op=5&select=ptes:0x10000000:0x\w+&map=0x\w+-0x\w+&events=no&find=fault$/);
    const before = await view();
    expect(before).toMatchObject([
      '5',
      expect.anything(),
      expect.anything(),
      'PTEs: fresh r',
      'fault',
      false,
      ['5', '6', '7', '8'],
    ]);
    const url = page.url();
    await page.reload();
    await canvas.waitFor();
    await expect.poll(view).toEqual(before);
    await page.goto('about:blank');
    await page.goto(url);
    await canvas.waitFor();
    await expect.poll(view).toEqual(before);
    // Written by hand, while the page is open.
    await page.evaluate('location.hash = "op=2"');
    await page.getByRole('heading', { name: 'Operation 2: mmap' }).waitFor();
    await expect.poll(numbers).toContain('1');
  });

  inBrowser('has panes that pointer and keyboard make larger, and that stay so', async ({ page }) => {
    const timeLine = page.locator('.timeline');
    const width = async (): Promise<number> => (await timeLine.boundingBox())!.width;
    const usual = await width();
    const border = page.getByRole('separator', { name: 'width of the time line' });
    await border.focus();
    for (let times = 0; times < 3; times++) await page.keyboard.press('ArrowRight');
    await expect.poll(width).toBeCloseTo(usual + 48, 0);
    expect(Number(await border.getAttribute('aria-valuenow'))).toBe(Math.round(await width()));
    const { x, y, height } = (await border.boundingBox())!;
    await page.mouse.move(x - 5, y + height / 2);
    await page.mouse.down();
    await page.mouse.move(x - 105, y + height / 2, { steps: 3 });
    await page.mouse.up();
    await expect.poll(width).toBeCloseTo(usual - 52, 0);
    await page.reload();
    await page.getByRole('application').waitFor();
    expect(await width()).toBeCloseTo(usual - 52, 0);
    await border.focus();
    await page.keyboard.press('Home');
    await expect.poll(width).toBe(220);
    await page.keyboard.press('Enter');
    await expect.poll(width).toBeCloseTo(usual, 0);
    const map = page.getByRole('application');
    const mapHeight = (await map.boundingBox())!.height;
    await page.getByRole('separator', { name: 'height of the map' }).focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(async () => (await map.boundingBox())!.height).toBe(mapHeight + 16);
    await page.keyboard.press('Enter');
    // Details are after their border.
    const details = page.locator('.details');
    const detailsWidth = (await details.boundingBox())!.width;
    await page.getByRole('separator', { name: 'width of the details' }).focus();
    await page.keyboard.press('ArrowLeft');
    await expect.poll(async () => (await details.boundingBox())!.width).toBeCloseTo(detailsWidth + 16, 0);
    await page.keyboard.press('Enter');
  });

  inBrowser('has help on its keys', async ({ page, step }) => {
    const help = page.getByRole('dialog', { name: 'Keys and search' });
    await page.keyboard.press('?');
    await help.waitFor();
    await page.keyboard.press('k');
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    expect(await step()).toBe('8');
    await page.getByRole('button', { name: 'help' }).click();
    await help.getByRole('button', { name: 'close' }).click();
    await help.waitFor({ state: 'detached' });
  });

  inBrowser('can be read and hit, light and dark, wide and narrow', async ({ page }) => {
    await drop(page, 'stopped.jsonl', Buffer.from(`${STORY}\n{"in":{"gc":{}},"out":{"ret":-22}}`));
    await page.locator('input[name=step][max="9"]').waitFor();
    await page.locator('.legend').waitFor();
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1440, 390]) {
        await page.setViewportSize({ width, height: 900 });
        const where = `${colorScheme}, ${width} pixels`;
        // What a click or another width changes is drawn some time later.
        const look = async (): Promise<void> => {
          const badges = new Set<string>();
          for (const operation of ['9', '2']) {
            await page.locator('input[name=step]').fill(operation);
            await page.keyboard.press('Enter');
            const { count, faint } = await faintTexts(
              page,
              '.badge, .answer, .row .text, .row .name, .row .number, .event-text, .details :is(p, dd, dt, li, h2, h3, strong, summary), button, select, .legend .entry, .note, .of',
            );
            expect(count, where).toBeGreaterThan(80);
            expect(faint, where).toEqual([]);
            expect(await cutTexts(page), where).toEqual([]);
            for (const badge of await page.locator('.badge').all()) badges.add((await badge.getAttribute('class'))!);
          }
          expect(badges, where).toEqual(
            new Set(['hazard', 'fault', 'differs', 'changed'].map((kind) => `badge ${kind}`)),
          );
        };
        await vi.waitFor(look, { timeout: 30_000, interval: 200 });
        expect(await smallTargets(page), where).toEqual([]);
      }
    }
  });
});

describe('two traces', () => {
  const DIFFERENT = STORY.replace('"dontneed"', '"mprotect"').replace('"len":"0x1000"}', '"len":"0x1000","prot":"r"}');

  inBrowser('are side by side, with the first difference marked', async ({ page, step }) => {
    await page
      .getByLabel('file to compare with')
      .setInputFiles({ name: 'other.jsonl', mimeType: 'text/plain', buffer: Buffer.from(DIFFERENT) });
    await page.locator('.parting').waitFor();
    expect(await page.locator('.parting').textContent()).toBe(
      '5 operations are the same; then A asks for dontneed 0x10001000 +4 KiB (operation 7), B for mprotect 0x10001000 +4 KiB r (operation 7).',
    );
    expect(await step()).toBe('7');
    const marked = page.locator('.row.operation.differing');
    expect(await marked.locator('.name').allTextContents()).toEqual(['dontneed', 'mprotect']);
    expect(await marked.locator('.badge.differs').first().textContent()).toBe('first difference: other operation');
    expect(await page.locator('.details h2').allTextContents()).toEqual([
      'Operation 7: dontneed',
      'Operation 7: mprotect',
    ]);
    await page.keyboard.press('k');
    const shown = (): Promise<string[]> => page.locator('.details h2').allTextContents();
    await expect.poll(shown).toEqual(['Operation 6: fault', 'Operation 6: fault']);
    // By its number: which row is the last that is drawn depends on how far the list has scrolled. It may be scrolled on the way to
    // the click, and then another row has the element that was found.
    const eighth = page.locator('#operations-b .row.operation', { has: page.getByText('8', { exact: true }) });
    const clicked = async (): Promise<string[]> => {
      await eighth.click();
      return shown();
    };
    await expect.poll(clicked).toEqual(['Operation 8: fault', 'Operation 8: fault']);
    await expect.poll(() => page.url()).toMatch(/#op=8&b-op=8$/);
    await page.getByRole('application').last().focus();
    await page.keyboard.press('d');
    expect(await step()).toBe('7');
    await page.getByRole('button', { name: 'only story.jsonl.gz' }).click();
    await page.locator('.parting').waitFor({ state: 'detached' });
    expect(await page.locator('.file').textContent()).toBe('story.jsonl.gz');
  });

  inBrowser('are gone through to the end of the longer one', async ({ page, step }) => {
    const short = STORY.split('\n').slice(0, 6).join('\n');
    await drop(page, 'short.jsonl', Buffer.from(short));
    await page.locator('input[name=step][max="6"]').waitFor();
    await page.getByLabel('file to compare with').setInputFiles(path.join(folder, 'story.jsonl.gz'));
    await page.locator('.parting').waitFor();
    expect(await page.locator('.parting').textContent()).toBe(
      '5 operations are the same; A ends there; B goes on with operation 7.',
    );
    const seen = [];
    for (const key of ['d', 'j', 'k', 'k']) {
      await page.keyboard.press(key);
      seen.push([await step(), ...(await page.locator('.details h2').allTextContents())].join(', '));
    }
    expect(seen).toEqual([
      '7, Operation 6: fault, Operation 7: dontneed',
      '8, Operation 6: fault, Operation 8: fault',
      '7, Operation 6: fault, Operation 7: dontneed',
      '6, Operation 6: fault, Operation 6: fault',
    ]);
  });

  inBrowser(
    'are what the command opens two files as',
    async ({ page }) => {
      expect(await page.locator('.timeline h2').allTextContents()).toEqual(['A: story.jsonl.gz', 'B: other.jsonl']);
      expect(await page.locator('.row.operation.differing').count()).toBe(2);
      expect(await page.locator('.details h2').allTextContents()).toEqual([
        'Operation 7: dontneed',
        'Operation 7: mprotect',
      ]);
    },
    () => {
      const [other, report] = ['other.jsonl', 'both.html'].map((name) => path.join(folder, name)) as [string, string];
      fs.writeFileSync(other, DIFFERENT);
      expect(
        spawnSync(process.execPath, [cli, 'inspect', path.join(folder, 'story.jsonl.gz'), other, '--out', report])
          .status,
      ).toBe(0);
      return `file://${report}`;
    },
  );
});

describe('several GPUs', () => {
  inBrowser('are shown one after the other, and operated by hand', async ({ page, run, exported }) => {
    const choice = page.locator('select[name=gpu]');
    // A trace of one GPU needs no choice.
    expect(await choice.count()).toBe(0);
    await page.getByLabel('trace file').setInputFiles(path.join(folder, 'two-gpus.jsonl'));
    await page.locator('input[name=step][max="3"]').waitFor();
    expect(await choice.locator('option').allTextContents()).toEqual(['GPU 0', 'GPU 1']);
    const objects = page.getByRole('listbox', { name: 'Objects of the address space' });
    const rangesShown = async (): Promise<boolean> => /GPU range/.test((await objects.textContent()) ?? '');
    expect(await rangesShown()).toBe(false);
    await choice.selectOption('1');
    expect(await rangesShown()).toBe(true);
    await run('set', { addr: '0x10000000', len: '4K', attribute: 'access', value: 'in-place' });
    await page
      .getByRole('status')
      .getByText(/^operation 4 of 4: set GPU 1 /)
      .waitFor({ state: 'attached' });
    expect(fs.readFileSync(await exported(), 'utf8')).toMatch(/"set":\{.*"gpu":1/);
    await page.getByRole('button', { name: 'undo' }).click();
    expect([await choice.inputValue(), await choice.locator('option').count()]).toEqual(['1', 2]);
    if (process.env['AMDGPU_SVM_SCREENSHOT'] !== undefined)
      await page.screenshot({ path: process.env['AMDGPU_SVM_SCREENSHOT'] });
    await choice.selectOption('0');
    expect(await rangesShown()).toBe(false);
  });
});

describe('by hand', () => {
  inBrowser('a session is driven, exported, and replays identically', async ({ page, run, exported }) => {
    await page.getByText('New', { exact: true }).click();
    await page.getByRole('button', { name: 'start an empty session' }).click();
    await page.locator('input[name=step][max="1"]').waitFor();
    await run('mmap', { addr: '0x20000000', len: '4M', prot: 'rw', kind: 'anon' });
    await run('touch', { write: 'write' });
    await run('set', { attribute: 'access', value: 'in-place' });
    await run('access', { write: 'write' });
    expect(await page.getByRole('status').textContent()).toMatch(/operation 5 of 5: access .* 2 faults/);
    await run('munmap', { len: '1M' });
    await run('gc');
    await run('advance', { ns: '3000000' });
    await run('fault', { addr: '0x20100000', write: 'read' });
    await run('mprotect', { prot: 'r' });
    await run('dontneed');
    await run('get');
    await run('dump');
    const file = await exported();
    const replay = await runNode([cli, 'replay', '--check', file]);
    expect(replay).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 of 1 trace identical, 13 operations') as string,
    });
  });

  inBrowser('an operation in the middle replaces what followed, and is taken back', async ({ page, step, run }) => {
    await page.locator('input[name=step]').fill('3');
    await page.keyboard.press('Enter');
    await run('gc');
    expect(await page.locator('.of').first().textContent()).toBe('of 4');
    await page.getByRole('button', { name: 'undo' }).click();
    expect(await step()).toBe('8');
  });

  inBrowser('wrong input is told, and changes nothing', async ({ page, step, run }) => {
    await run('munmap', { addr: 'somewhere' });
    expect(await page.locator('.hand [role=alert]').textContent()).toMatch(/^address: expected a number/);
    expect(await step()).toBe('8');
  });

  inBrowser('the trace of a file is exported as it answers', async ({ exported }) => {
    const replay = await runNode([cli, 'replay', '--check', await exported()]);
    expect(replay).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 of 1 trace identical, 8 operations') as string,
    });
    const chrome = JSON.parse(fs.readFileSync(await exported('Perfetto'), 'utf8')) as { traceEvents: unknown[] };
    expect(chrome.traceEvents.length).toBeGreaterThan(20);
  });
});

describe('a report', () => {
  inBrowser(
    'is one file that needs no server',
    async ({ page, step }) => {
      expect(await step()).toBe('7');
      expect(await page.locator('.file').textContent()).toBe('story.jsonl.gz');
    },
    () => {
      const file = path.join(folder, 'report.html');
      if (!fs.existsSync(file)) throw new Error('the report was not written');
      return `file://${file}#op=7`;
    },
  );

  beforeAll(async () => {
    const written = await runNode([
      cli,
      'inspect',
      path.join(folder, 'story.jsonl.gz'),
      '--out',
      path.join(folder, 'report.html'),
    ]);
    expect(written.code).toBe(0);
  });
});

// `move` is called before each of 60 frames of the page's own.
const MOVES = 60;
const EACH_FRAME = `async (move) => {
  for (let frame = 0; frame < ${MOVES}; frame++) {
    move(frame);
    await new Promise(requestAnimationFrame);
  }
}`;
const SCROLL = `(frame) => { document.querySelector('#operations').scrollTop = frame * 997; }`;
const ZOOM = `(frame) => {
  const canvas = document.querySelector('.map canvas');
  canvas.dispatchEvent(new WheelEvent('wheel', { deltaY: frame % 90 < 45 ? -40 : 40, clientX: canvas.getBoundingClientRect().x + 300, clientY: 300, cancelable: true }));
}`;

/** Goes to an operation as a person does, and resolves when the page shows it. */
const JUMP = `async (number) => {
  const input = document.querySelector('input[name=step]');
  input.value = String(number);
  input.dispatchEvent(new Event('change', { bubbles: true }));
  while (!document.querySelector('[role=status]').textContent.startsWith('operation ' + number + ' of')) await new Promise((resolve) => setTimeout(resolve));
}`;

describe('10,000 operations', () => {
  inBrowser(
    'scroll and zoom with little work for each frame, and are gone back in without waiting',
    async ({ page }) => {
      await page.getByLabel('trace file').setInputFiles(path.join(folder, 'long.jsonl'));
      await page.locator('input[name=step][max="10000"]').waitFor();
      await page.locator('.loading').waitFor({ state: 'detached' });
      const meter = await PageMeter.of(page);
      const said: string[] = [];
      const note = (what: string, { ms, units, layouts }: PageWork, times: number): void =>
        void said.push(
          `${what} ${(ms / times).toFixed(1)} ms, ${(units / times).toFixed(2)} units, ${(layouts / times).toFixed(1)} layouts`,
        );
      for (const [what, move] of Object.entries({ scroll: SCROLL, zoom: ZOOM })) {
        const work = await meter.measure(() => page.evaluate(`(${EACH_FRAME})(${move})`));
        note(what, work, MOVES);
        // A frame of a 60 Hz screen are 17 ms, and no move lays the page out again and again.
        expect(work.units / MOVES, what).toBeLessThan(1.7);
        expect(work.layouts / MOVES, what).toBeLessThan(4);
      }
      expect(await page.locator('#operations .row').count()).toBeLessThan(80);

      const jump = (number: number): Promise<unknown> => page.evaluate(`(${JUMP})(${number})`);
      for (const number of [9000, 7000, 5000]) {
        const work = await meter.measure(() => jump(number));
        note(`jump to ${number}`, work, 1);
        expect(work.units, `jump to ${number}`).toBeLessThan(100);
      }
      // Back step by step, as fast as a held key repeats, over more steps than have their states with a jump.
      const steps = Array.from({ length: 139 }, (_, index) => 4999 - index);
      const back = await meter.measure(async () => {
        for (const number of steps) {
          await jump(number);
          await page.evaluate('new Promise((resolve) => setTimeout(resolve, 25))');
        }
      });
      note('a step back', back, steps.length);
      expect(back.units / steps.length).toBeLessThan(4);
      console.log(`work of the page: ${said.join('; ')}`);
      await meter.detach();
    },
    undefined,
    180_000,
  );
});

describe('a long trace', () => {
  inBrowser(
    'shows at once that it is read, and how far, and stays at hand meanwhile',
    async ({ page }) => {
      const operations = 10_000;
      fs.writeFileSync(path.join(folder, 'longer.jsonl'), `${randomTrace(operations - 1)}{"dump":{}}\n`);
      const long = await startInspector([path.join(folder, 'longer.jsonl')]);
      try {
        await page.goto('about:blank');
        const meter = await PageMeter.of(page);
        const start = await meter.now();
        await page.goto(long.url, { waitUntil: 'commit' });
        const progress = page.locator('.loading progress');
        await progress.waitFor();
        const painted = (await meter.now()).ms - start.ms;
        const seen = [await progress.getAttribute('value'), await page.locator('.loading .note').textContent()];
        // Between slices of the work the page answers.
        const answered = await page.evaluate(
          'new Promise((resolve) => setTimeout(() => resolve(document.querySelector(".loading") !== null)))',
        );
        await page.locator(`input[name=step][max="${operations}"]`).waitFor();
        const loaded = (await meter.now()).ms - start.ms;
        const unit = await meter.unit();
        console.log(
          `${operations} operations: ${painted.toFixed(0)} ms of work until something is seen (${seen.join(', ')}), ${loaded.toFixed(0)} ms until it is loaded; a unit is ${unit.toFixed(1)} ms`,
        );
        expect(answered).toBe(true);
        expect(painted / unit).toBeLessThan(100);
        expect(loaded / unit).toBeLessThan((400 * operations) / 77_556 + 40);
        // Not at the dump that ends it.
        expect(Number(await page.locator('input[name=step]').inputValue())).toBeLessThan(1000);
        expect(await page.locator('.details').textContent()).toMatch(/Hazards/);
        await meter.detach();
      } finally {
        await long.stop('SIGTERM');
      }
    },
    undefined,
    180_000,
  );
});

describe('the server', () => {
  it('listens on 127.0.0.1 only, serves the page only, and ends on SIGINT', async () => {
    const own = await startInspector(['--port', '0']);
    const page = await fetch(own.url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toMatch(/<title>amdgpu-svm inspect/);
    expect((await fetch(`${own.url}../package.json`)).status).toBe(404);
    expect((await fetch(own.url, { method: 'POST' })).status).toBe(405);
    expect(await own.stop('SIGINT')).toBe(0);
  });

  it.each([
    [['--port', '99999'], /--port: expected a whole number from 0 to 65535/],
    [['a', 'b', 'c'], /expected at most two traces/],
    [['/nowhere/at/all'], /\/nowhere\/at\/all: cannot be read: ENOENT/],
  ])('refuses %j with one clear line', async (args, message) => {
    const { code, stderr } = await runNode([cli, 'inspect', ...args]);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  });
});
