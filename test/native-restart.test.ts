/**
 * The released addon against ioctls that are interrupted, slow or write too much:
 * in a child process whose ioctl(2) ends in native/test/ioctl_shim.c.
 */
import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { describeIf } from './support/native-helpers.ts';
import { buildShim } from './support/native-shim.ts';

const shim = buildShim(temporaryFolder());

describeIf('ioctls that the shim answers', shim.problem, () => {
  const { run } = shim;

  it.each(['EINTR', 'EAGAIN'])('are restarted after %s', (name) => {
    run(`
      for (const times of [0, 1, 7, 1000]) {
        const arg = make({ error: ${name}, times });
        assert.equal(device.ioctl(TEST, arg), 0);
        assert.equal(calls(arg), times + 1);
      }
    `);
  });

  it('are restarted 1000 times at most, then give the errno', () => {
    run(`
      for (const error of [EINTR, EAGAIN]) {
        const arg = make({ error, times: 1001 });
        assert.equal(device.ioctl(TEST, arg), -error);
        assert.equal(calls(arg), 1001);
        const endless = make({ error, times: 0xffffffff });
        addon.ioctlAsync(device, TEST, endless).then((result) => {
          assert.equal(result, -error);
          assert.equal(calls(endless), 1001);
        });
      }
    `);
  });

  it('are restarted after the interruption of a real signal', () => {
    run(`
      const { spawn } = require('node:child_process');
      const { once } = require('node:events');
      (async () => {
        process.on('SIGUSR2', () => undefined);
        const sender = spawn('sh', ['-c', 'while kill -USR2 ' + process.pid + '; do sleep 0.01; done']);
        process.on('exit', () => sender.kill('SIGKILL'));
        // From the first one on they keep coming.
        await once(process, 'SIGUSR2');
        const prepared = addon.prepareIoctl(device, TEST, 40);
        for (const issue of [
          (arg) => device.ioctl(TEST, arg),
          (arg) => { prepared.arg.set(arg); const result = prepared.ioctl(); arg.set(prepared.arg); return result; },
        ]) {
          let interrupted = false;
          // A busy machine may hold the sender back for the length of one call.
          for (let tries = 0; tries < 40 && !interrupted; tries++) {
            const arg = make({ error: INTERRUPTIBLE, sleep: 150 });
            const started = performance.now();
            assert.equal(issue(arg), 0);
            assert.ok(performance.now() - started >= 145, 'cut short');
            interrupted = calls(arg) > 1;
          }
          assert.ok(interrupted, 'not interrupted');
        }
        process.exit(0);
      })();
    `);
  });

  it('are not restarted after another errno', () => {
    run(`
      const arg = make({ error: EIO, times: 1 });
      assert.equal(device.ioctl(TEST, arg), -EIO);
      assert.equal(calls(arg), 1);
    `);
  });

  it('fill the data of a pointer, and show no address', () => {
    run(`
      (async () => {
        for (const call of [device.ioctl, (...args) => addon.ioctlAsync(device, ...args)]) {
          for (const length of [1, 8, 512, 4096, 100_000]) {
            const arg = make({ fill: length });
            const data = new Uint8Array(length);
            assert.equal(await call(TEST, arg, [{ offset: 16, data }]), 0);
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
        for (const call of [device.ioctl, (...args) => addon.ioctlAsync(device, ...args)]) {
          for (const extra of [1, 8, 504, 5000, 1 << 20]) {
            const data = new Uint8Array(8);
            const arg = make({ fill: 8 + extra });
            assert.equal(await call(TEST, arg, [{ offset: 16, data }]), -EFAULT);
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

  it('never block the event loop, however many devices are slow', () => {
    run(`
      (async () => {
        let ticks = 0;
        const ticking = setInterval(() => ticks++, 5);
        let longest = 0;
        let last = performance.now();
        const watching = setInterval(() => { longest = Math.max(longest, performance.now() - last); last = performance.now(); }, 1);
        // More than the four threads of the pool.
        const pending = Array.from({ length: 6 }, () => addon.ioctlAsync(addon.open(file), TEST, make({ sleep: 1500 })));
        assert.ok(performance.now() - last < 1400, 'issuing blocked');
        await Promise.all(pending);
        clearInterval(ticking);
        clearInterval(watching);
        assert.ok(ticks >= 20, ticks + ' ticks');
        assert.ok(longest < 1400, 'blocked for ' + longest + ' ms');
      })();
    `);
  });

  it('keep the order of a device when many are issued from several places', () => {
    run(`
      (async () => {
        const args = Array.from({ length: 60 }, (_, index) => make({ sleep: index % 7 === 0 ? 3 : 0 }));
        const other = addon.open(file);
        const disturbing = Array.from({ length: 30 }, () => addon.ioctlAsync(other, TEST, make({ sleep: 1 })));
        const pending = [];
        for (const [index, arg] of args.entries()) {
          if (index % 10 === 9) await new Promise(setImmediate);
          pending.push(addon.ioctlAsync(device, TEST, arg));
        }
        await Promise.all([...pending, ...disturbing]);
        const orders = args.map((arg) => field(arg, 32));
        assert.deepEqual(orders, orders.toSorted((a, b) => a - b));
      })();
    `);
  });

  it('keep their buffers while they run, and let them go afterwards', () => {
    run(
      `
        (async () => {
          let collected = 0;
          const registry = new FinalizationRegistry(() => collected++);
          const issue = () => {
            const data = new Uint8Array(5000);
            const arg = make({ sleep: 20, fill: 5000 });
            registry.register(data, 1);
            registry.register(arg, 1);
            return addon.ioctlAsync(device, TEST, arg, [{ offset: 16, data }]);
          };
          const pending = Array.from({ length: 10 }, issue);
          let running = true;
          Promise.all(pending).then((results) => { assert.ok(results.every((result) => result === 0)); running = false; });
          while (running) { gc(); await new Promise((done) => setTimeout(done, 5)); }
          for (let tries = 0; collected < 20 && tries < 100; tries++) { gc(); await new Promise((done) => setTimeout(done, 2)); }
          assert.equal(collected, 20);
        })();
      `,
      {},
      ['--expose-gc'],
    );
  });

  it('of different devices run side by side', () => {
    run(`
      (async () => {
        const slow = make({ sleep: 1500 });
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
        assert.equal(device.ioctl(TEST, make()), -EBADF);
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
