import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { nativeSupport } from '../lib/backend/native-addon.ts';
import { describeNative, expectScriptSucceeds, openDescriptors } from './support/native-helpers.ts';

/** What every thread does, as the source of a function. */
const WORK = `(async (addon) => {
  const page = addon.layout().pageSize;
  const kept = [];
  for (let round = 0; round < 100; round++) {
    const device = addon.open('/dev/null');
    const pending = addon.ioctlAsync(device, 0xC0406400, new Uint8Array(64), [{ offset: 24, data: new Uint8Array(16) }]);
    if (device.ioctl(0xC0406400, new Uint8Array(64)) !== -25) throw new Error('ioctl');
    const { handle } = addon.mapMemory(4 * page);
    const bytes = new Uint8Array(addon.viewMemory(handle));
    bytes.fill(round);
    addon.protectMemory(handle, page, page, round % 8);
    if (round % 3 === 0) addon.unmapMemory(handle, 0, 4 * page);
    else kept.push(handle);
    if (round % 5 !== 0) addon.close(device);
    else kept.push(device);
    if ((await pending) !== -25) throw new Error('ioctlAsync');
  }
  return kept.length;
})`;

describeNative('threads and the end of them', (addon) => {
  const path = nativeSupport().path!;
  const source = `
    const { parentPort } = require('node:worker_threads');
    const addon = require(${JSON.stringify(path)});
    ${WORK}(addon).then((kept) => parentPort.postMessage(kept));
  `;

  it('four workers and the main thread use the addon at once, and leave no descriptor', async () => {
    const before = openDescriptors('/dev/null');
    const workers = Array.from({ length: 4 }, () => {
      const worker = new Worker(source, { eval: true });
      return new Promise<{ kept: unknown; code: number }>((resolve, reject) => {
        let kept: unknown;
        worker.on('message', (message) => (kept = message));
        worker.on('error', reject);
        worker.on('exit', (code) => resolve({ kept, code }));
      });
    });
    const devices = Array.from({ length: 20 }, () => addon.open('/dev/null'));
    expect((await Promise.all(workers)).every(({ kept, code }) => kept === 86 && code === 0)).toBe(true);
    for (const device of devices) if (typeof device !== 'number') addon.close(device);
    // Each worker kept 20 devices open; its end has closed them.
    expect(openDescriptors('/dev/null')).toBe(before);
  });

  it('a process that leaves everything open ends cleanly', () => {
    expectScriptSucceeds(`
      globalThis.kept = [addon.open('/dev/null'), addon.mapMemory(1 << 20)];
      globalThis.bytes = new Uint8Array(addon.viewMemory(kept[1].handle));
      ${WORK}(addon).then(() => process.on('exit', () => { bytes[0] = 1; }));
    `);
    expectScriptSucceeds(`${WORK}(addon); process.exit(0);`);
  });

  it('workers that are terminated at any moment take nothing with them', () => {
    expectScriptSucceeds(`
      const { Worker } = require('node:worker_threads');
      const source = ${JSON.stringify(source)};
      let running = 12;
      for (let index = 0; index < running; index++) {
        const worker = new Worker(source, { eval: true });
        worker.on('error', (error) => { throw error; });
        setTimeout(() => worker.terminate(), 5 * index);
      }
    `);
  });

  it('collected devices close their files', () => {
    expectScriptSucceeds(
      `
        const count = () => require('node:fs').readdirSync('/proc/self/fd').length;
        const before = count();
        for (let round = 0; round < 100; round++) {
          const device = addon.open('/dev/null');
          if (round % 2) addon.ioctlAsync(device, 0xC0406400, new Uint8Array(64));
        }
        assert.ok(count() >= before + 100);
        let tries = 0;
        const again = () => {
          gc();
          if (count() <= before) return;
          assert.ok(++tries < 200, 'left open: ' + (count() - before));
          setTimeout(again, 2);
        };
        again();
      `,
      { flags: ['--expose-gc'] },
    );
  });

  it('two copies of the addon live in one process', () => {
    expectScriptSucceeds(`
      const { copyFileSync, mkdtempSync, rmSync } = require('node:fs');
      const folder = mkdtempSync(require('node:path').join(require('node:os').tmpdir(), 'amdgpu-svm-'));
      copyFileSync(addonPath, folder + '/copy.node');
      const copy = require(folder + '/copy.node');
      rmSync(folder, { recursive: true });
      assert.notEqual(copy.open, addon.open);
      const device = copy.open('/dev/null');
      assert.equal(device.ioctl(0xC0406400, new Uint8Array(64)), -25);
      copy.close(device);
      addon.close(addon.open('/dev/null'));
      delete require.cache[addonPath];
      const again = require(addonPath);
      assert.equal(again.close(again.open('/dev/null')), 0);
    `);
  });
});
