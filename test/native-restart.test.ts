/**
 * The released addon against ioctls that are interrupted, slow or write too much:
 * in a child process whose ioctl(2) ends in native/test/ioctl_shim.c.
 */
import { spawnSync } from 'node:child_process';
import { constants } from 'node:os';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { nativeSupport, packageRoot } from '../lib/device/native-addon.ts';
import { describeIf, expectScriptSucceeds, temporaryFolder } from './native-helpers.ts';

const folder = temporaryFolder();
const shim = join(folder, 'ioctl_shim.so');

function buildShim(): string {
  if (!nativeSupport().available) return nativeSupport().reason;
  const source = join(packageRoot(import.meta.dirname)!, 'native', 'test', 'ioctl_shim.c');
  const compiler = process.env['CC'] || 'cc';
  const result = spawnSync(compiler, ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', shim, source, '-ldl'], {
    encoding: 'utf8',
  });
  return result.status === 0 ? '' : `the shim was not built: ${result.error?.message ?? result.stderr}`;
}

const SETUP = `
  const { EINTR, EAGAIN, EIO, EFAULT, EBADF } = require('node:os').constants.errno;
  const TEST = 0xC028647F;   // DRM_IOWR(0x7f, 40 bytes)
  const file = process.env.TEST_FILE;
  const device = addon.open(file);
  assert.equal(typeof device, 'object');
  const make = ({ error = 0, times = 0, sleep = 0, fill = 0 } = {}) => {
    const bytes = new Uint8Array(40);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, error, true);
    view.setUint32(4, times, true);
    view.setUint32(8, sleep, true);
    view.setBigUint64(24, BigInt(fill), true);
    return bytes;
  };
  const field = (bytes, offset) => new DataView(bytes.buffer).getUint32(offset, true);
  const calls = (bytes) => field(bytes, 12);
`;

describeIf('ioctls that the shim answers', buildShim(), () => {
  const file = join(folder, 'renderD128');
  writeFileSync(file, '');
  // Behind what is preloaded already: the runtime of a sanitizer has to stay first.
  const LD_PRELOAD = [process.env['LD_PRELOAD'], shim].filter(Boolean).join(':');
  const run = (script: string, environment: Record<string, string> = {}) =>
    expectScriptSucceeds(SETUP + script, { environment: { LD_PRELOAD, TEST_FILE: file, ...environment } });

  it.each(['EINTR', 'EAGAIN'])('are restarted after %s', (name) => {
    run(`
      for (const times of [0, 1, 7, 1000]) {
        const arg = make({ error: ${name}, times });
        assert.equal(addon.ioctl(device, TEST, arg), 0);
        assert.equal(calls(arg), times + 1);
      }
    `);
  });

  it('are restarted 1000 times at most, then give the errno', () => {
    run(`
      for (const error of [EINTR, EAGAIN]) {
        const arg = make({ error, times: 1001 });
        assert.equal(addon.ioctl(device, TEST, arg), -error);
        assert.equal(calls(arg), 1001);
        const endless = make({ error, times: 0xffffffff });
        addon.ioctlAsync(device, TEST, endless).then((result) => {
          assert.equal(result, -error);
          assert.equal(calls(endless), 1001);
        });
      }
    `);
  });

  it('are not restarted after another errno', () => {
    run(`
      const arg = make({ error: EIO, times: 1 });
      assert.equal(addon.ioctl(device, TEST, arg), -EIO);
      assert.equal(calls(arg), 1);
    `);
  });

  it('fill the data of a pointer, and show no address', () => {
    run(`
      (async () => {
        for (const call of [addon.ioctl, addon.ioctlAsync]) {
          for (const length of [1, 8, 512, 4096, 100_000]) {
            const arg = make({ fill: length });
            const data = new Uint8Array(length);
            assert.equal(await call(device, TEST, arg, [{ offset: 16, data }]), 0);
            assert.ok(data.every((byte) => byte === 0xab));
            assert.ok(arg.subarray(16, 24).every((byte) => byte === 0));
          }
        }
      })();
    `);
  });

  it('give EFAULT when more is written than the data has, and damage nothing', () => {
    run(`
      (async () => {
        const around = Array.from({ length: 100 }, () => new Uint8Array(8).fill(7));
        for (const call of [addon.ioctl, addon.ioctlAsync]) {
          for (const extra of [1, 8, 504, 5000, 1 << 20]) {
            const data = new Uint8Array(8);
            const arg = make({ fill: 8 + extra });
            assert.equal(await call(device, TEST, arg, [{ offset: 16, data }]), -EFAULT);
          }
        }
        assert.ok(around.every((bytes) => bytes.every((byte) => byte === 7)));
      })();
    `);
  });

  it('run one after the other on one device, in the order of issue', () => {
    run(`
      (async () => {
        const args = [30, 0, 10, 0, 0, 5].map((sleep) => make({ sleep }));
        const ended = [];
        await Promise.all(args.map((arg, index) => addon.ioctlAsync(device, TEST, arg).then(() => ended.push(index))));
        assert.deepEqual(args.map((arg) => field(arg, 32)), [1, 2, 3, 4, 5, 6]);
        assert.deepEqual(ended, [0, 1, 2, 3, 4, 5]);
      })();
    `);
  });

  it('of different devices run side by side', () => {
    run(`
      (async () => {
        const slow = make({ sleep: 400 });
        const quick = make();
        const first = addon.ioctlAsync(device, TEST, slow);
        await addon.ioctlAsync(addon.open(file), TEST, quick);
        await first;
        assert.ok(field(quick, 32) < field(slow, 32));
      })();
    `);
  });

  it('keep the file open when it is closed in mid call, and it closes afterwards', () => {
    run(`
      (async () => {
        const { readdirSync, readlinkSync } = require('node:fs');
        const descriptors = () => readdirSync('/proc/self/fd').filter((number) => {
          try { return readlinkSync('/proc/self/fd/' + number) === file; } catch { return false; }
        }).length;
        const args = [make({ sleep: 50 }), make({ sleep: 20 })];
        const pending = args.map((arg) => addon.ioctlAsync(device, TEST, arg));
        assert.equal(addon.close(device), 0);
        assert.equal(addon.ioctl(device, TEST, make()), -EBADF);
        assert.equal(await addon.ioctlAsync(device, TEST, make()), -EBADF);
        assert.equal(descriptors(), 1);
        assert.deepEqual(await Promise.all(pending), [0, 0]);
        assert.deepEqual(args.map((arg) => field(arg, 36)), [1, 1]);
        assert.equal(descriptors(), 0);
      })();
    `);
  });

  it('take the bytes as they are when issued, not as they become', () => {
    run(`
      (async () => {
        const blocker = addon.ioctlAsync(device, TEST, make({ sleep: 50 }));
        const arg = make({ error: EIO, times: 1 });
        const pending = addon.ioctlAsync(device, TEST, arg);
        arg.fill(0);
        await blocker;
        assert.equal(await pending, -EIO);
        assert.equal(calls(arg), 1);
      })();
    `);
  });

  it('survive the process ending while they run', () => {
    run(`
      addon.ioctlAsync(device, TEST, make({ sleep: 100 }));
      addon.ioctlAsync(device, TEST, make({ sleep: 100 }));
      setTimeout(() => process.exit(0), 10);
    `);
  });

  it('survive a worker terminated while they run; what was queued is dropped', () => {
    run(`
      const { Worker } = require('node:worker_threads');
      const source = 'const addon = require(' + JSON.stringify(addonPath) + ');' +
        'const device = addon.open(' + JSON.stringify(file) + ');' +
        'const bytes = (sleep) => { const b = new Uint8Array(40); new DataView(b.buffer).setUint32(8, sleep, true); return b; };' +
        'for (let i = 0; i < 50; i++) addon.ioctlAsync(device, ' + TEST + ', bytes(200));' +
        'addon.mapMemory(1 << 20); require("node:worker_threads").parentPort.postMessage("issued");';
      const started = Date.now();
      const worker = new Worker(source, { eval: true });
      worker.on('message', () => worker.terminate());
      worker.on('exit', () => assert.ok(Date.now() - started < 5000, 'the queue was waited for'));
    `);
  });

  it('answer driverVersion', () => {
    run(`
      assert.deepEqual(addon.driverVersion(device),
        { name: 'amdgpu', date: '', description: 'AMD GPU', major: 3, minor: 64, patchlevel: 0 });
    `);
    run(`assert.equal(addon.driverVersion(device).name, process.env.SHIM_DRIVER.slice(0, 4096));`, {
      SHIM_DRIVER: 'x'.repeat(5000),
    });
    run(`assert.equal(addon.driverVersion(device).name, '');`, { SHIM_DRIVER: '' });
  });
});

it('the errnos of this platform are those the tests assume', () => {
  expect([constants.errno.EINTR, constants.errno.EAGAIN]).toEqual([4, 11]);
});
