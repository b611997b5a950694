/** Prepared ioctls: the kernel works on the memory that JavaScript writes into. */
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { KernelNode } from '../lib/backend/kernel-node.ts';
import { DRM_IOCTL_VERSION, UAPI_PROFILES } from '../lib/uapi/index.ts';
import type { DeviceHandle, PreparedIoctl } from '../native/native.d.ts';
import { temporaryFolder } from './support/after-file.ts';
import { describeIf, describeNative, expectScriptSucceeds } from './support/native-helpers.ts';
import { buildShim } from './support/native-shim.ts';

const { EBADF, EFAULT, ENOTTY } = constants.errno;
const FIONREAD = 0x541b;
const folder = temporaryFolder();
const shim = buildShim(folder);

describeNative('prepared ioctls', (addon) => {
  const file = join(folder, 'file');
  writeFileSync(file, 'contents');

  /** A device that nobody holds is closed by the collector, at any moment. */
  const held: DeviceHandle[] = [];
  function prepared(
    request: number,
    length: number,
    offset?: number,
    dataLength?: number,
  ): [PreparedIoctl, DeviceHandle] {
    const device = addon.open(file) as DeviceHandle;
    held.push(device);
    const made = addon.prepareIoctl(device, request, length, offset, dataLength);
    if (typeof made === 'number') throw new Error(`prepareIoctl: ${made}`);
    return [made, device];
  }

  it('give what ioctl gives, call after call', () => {
    const [call, device] = prepared(FIONREAD, 8);
    for (let round = 0; round < 3; round++) {
      call.arg.fill(0xee);
      expect(call.ioctl()).toBe(0);
      expect([...call.arg]).toEqual([8, 0, 0, 0, 0xee, 0xee, 0xee, 0xee]);
    }
    expect('data' in call).toBe(false);
    addon.close(device);
    expect(call.ioctl()).toBe(-EBADF);
    expect(addon.prepareIoctl(device, FIONREAD, 8)).toBe(-EBADF);
  });

  it('start with zeros, and show no address', () => {
    const [call] = prepared(UAPI_PROFILES.v4.request, 32, 24, 16);
    expect(call.arg).toEqual(new Uint8Array(32));
    expect(call.data).toEqual(new Uint8Array(16));
    call.arg.fill(0x55);
    expect(call.ioctl()).toBe(-ENOTTY);
    expect(call.arg).toEqual(new Uint8Array(32).fill(0x55));
  });

  it('give EFAULT, not damage, when the kernel writes more than the argument has', () => {
    const [call] = prepared(FIONREAD, 3);
    expect(call.ioctl()).toBe(-EFAULT);
  });

  it('belong to a node: closing it ends them', () => {
    const node = KernelNode.open(file);
    const call = node.prepare(DRM_IOCTL_VERSION, 64, 24, 8)!;
    expect(call.ioctl()).toBe(-ENOTTY);
    node.close();
    expect(call.ioctl()).toBe(-EBADF);
    expect(() => node.prepare(DRM_IOCTL_VERSION, 64, 24, 8)).toThrow(
      expect.objectContaining({ code: 'ERR_SVM_CLOSED' }),
    );
  });

  it('outlive their handle, their function and their buffers in every order', () => {
    expectScriptSucceeds(
      `
        const settle = async () => { for (let i = 0; i < 5; i++) { gc(); await new Promise((done) => setTimeout(done, 1)); } };
        const mappings = () => require('node:fs').readFileSync('/proc/self/maps', 'utf8').split('\\n').length;
        const make = () => addon.prepareIoctl(addon.open('/dev/null'), 0xC020645A, 32, 24, 24);
        (async () => {
          const { ioctl } = make();
          const { arg } = make();
          const { data } = make();
          await settle();
          arg.fill(1); data.fill(2);
          assert.equal(ioctl(), -9);   // its handle is collected, and that closes the file
          const kept = addon.open('/dev/null');
          const moved = addon.prepareIoctl(kept, 0xC020645A, 32, 24, 24);
          try { structuredClone(0, { transfer: [moved.arg.buffer, moved.data.buffer] }); } catch {}
          await settle();
          assert.equal(moved.ioctl(), -25);
          const before = mappings();
          for (let round = 0; round < 5000; round++) { make(); if (round % 500 === 0) await settle(); }
          await settle();
          assert.ok(mappings() < before + 100, mappings() - before + ' mappings were left');
        })();
      `,
      { flags: ['--expose-gc'] },
    );
  });
});

describeIf('prepared ioctls that the shim answers', shim.problem, () => {
  it('fill the data of their pointer, up to its end and no further', () => {
    shim.run(`
      const around = Array.from({ length: 100 }, () => new Uint8Array(8).fill(7));
      for (const length of [1, 8, 512, 4096, 100_000]) {
        const call = addon.prepareIoctl(device, TEST, 40, 16, length);
        fillIn(call.arg, { fill: length });
        assert.equal(call.ioctl(), 0);
        assert.ok(call.data.every((byte) => byte === 0xab));
        assert.ok(call.arg.subarray(16, 24).every((byte) => byte === 0));
        fillIn(call.arg, { fill: length + 1 });
        assert.equal(call.ioctl(), -EFAULT);
      }
      assert.ok(around.every((bytes) => bytes.every((byte) => byte === 7)));
    `);
  });

  it('are restarted as ioctl is', () => {
    shim.run(`
      const call = addon.prepareIoctl(device, TEST, 40, 16, 8);
      for (const [times, result] of [[0, 0], [1, 0], [1000, 0], [1001, -EAGAIN]]) {
        fillIn(call.arg, { error: EAGAIN, times });
        assert.equal(call.ioctl(), result);
        assert.equal(calls(call.arg), Math.min(times, 1000) + 1);
      }
    `);
  });
});
