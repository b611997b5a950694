import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, readSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DRM_IOCTL_VERSION, UAPI_PROFILES } from '../lib/uapi/index.ts';
import type { DeviceHandle } from '../native/native.d.ts';
import { temporaryFolder } from './support/after-file.ts';
import { describeNative, expectScriptSucceeds, openDescriptors } from './support/native-helpers.ts';

const { EACCES, EBADF, EINVAL, EISDIR, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENOTTY } = constants.errno;

describeNative('files that are no device', (addon) => {
  const folder = temporaryFolder();
  const file = join(folder, 'file');
  writeFileSync(file, 'contents');

  function opened(path: string): DeviceHandle {
    const handle = addon.open(path);
    if (typeof handle === 'number') throw new Error(`open ${path}: ${handle}`);
    return handle;
  }

  it('refuse to be opened with the errno of open(2)', () => {
    expect(addon.open(join(folder, 'missing'))).toBe(-ENOENT);
    expect(addon.open('')).toBe(-ENOENT);
    expect(addon.open(join(file, 'below'))).toBe(-ENOTDIR);
    expect(addon.open(folder)).toBe(-EISDIR);
    expect(addon.open('/long'.repeat(1000))).toBe(-ENAMETOOLONG);
    symlinkSync('circle', join(folder, 'circle'));
    expect(addon.open(join(folder, 'circle'))).toBe(-ELOOP);
  });

  it('give EACCES to a user without permission', () => {
    const locked = join(folder, 'locked');
    writeFileSync(locked, '');
    chmodSync(locked, 0o000);
    chmodSync(folder, 0o755);
    const root = process.geteuid?.() === 0;
    // Permissions don't hold for root; being nobody for one call is enough.
    if (root) process.seteuid!(65534);
    try {
      expect(addon.open(locked)).toBe(-EACCES);
    } finally {
      if (root) process.seteuid!(0);
    }
  });

  it.each([
    ['/dev/null', () => '/dev/null', ENOTTY],
    ['/dev/zero', () => '/dev/zero', ENOTTY],
    ['a regular file', () => file, ENOTTY],
    ['/dev/urandom, which knows ioctls but not this one', () => '/dev/urandom', EINVAL],
  ])('answer the ioctl with their errno: %s', async (_name, path, errno) => {
    const handle = opened(path());
    const attributes = Uint8Array.from({ length: 16 }, (_, index) => index);
    const arg = new Uint8Array(32).fill(0x55);
    const pointers = [{ offset: 24, data: attributes }];
    expect(handle.ioctl(UAPI_PROFILES.v4.request, arg, pointers)).toBe(-errno);
    expect(await addon.ioctlAsync(handle, UAPI_PROFILES.v4.request, arg, pointers)).toBe(-errno);
    expect(addon.driverVersion(handle)).toBe(-errno);
    // Nothing was changed, and the pointer field shows no address of ours.
    expect(arg).toEqual(new Uint8Array(32).fill(0x55));
    expect(attributes).toEqual(Uint8Array.from({ length: 16 }, (_, index) => index));
    expect(addon.close(handle)).toBe(0);
  });

  it('pass on what a real ioctl writes: FIONREAD of a file with 8 bytes', async () => {
    const handle = opened(file);
    const FIONREAD = 0x541b;
    const arg = new Uint8Array(8).fill(0xee);
    expect(handle.ioctl(FIONREAD, arg)).toBe(0);
    expect([...arg]).toEqual([8, 0, 0, 0, 0xee, 0xee, 0xee, 0xee]);
    arg.fill(0);
    expect(await addon.ioctlAsync(handle, FIONREAD, arg)).toBe(0);
    expect(arg[0]).toBe(8);
    addon.close(handle);
  });

  it('give EFAULT, not a damaged heap, when the kernel writes more than the argument has', () => {
    const handle = opened(file);
    // FIONREAD writes 4 bytes and its number does not say so.
    expect(handle.ioctl(0x541b, new Uint8Array(3))).toBe(-constants.errno.EFAULT);
    addon.close(handle);
  });

  it('give EBADF after closing, and closing twice is 0', async () => {
    const handle = opened('/dev/null');
    expect(addon.close(handle)).toBe(0);
    expect(addon.close(handle)).toBe(0);
    expect(handle.ioctl(DRM_IOCTL_VERSION, new Uint8Array(64))).toBe(-EBADF);
    expect(await addon.ioctlAsync(handle, DRM_IOCTL_VERSION, new Uint8Array(64))).toBe(-EBADF);
    expect(addon.driverVersion(handle)).toBe(-EBADF);
  });

  it('give EBADF when only the function is left of a handle, whatever it is called on', () => {
    expectScriptSucceeds(
      `
        const descriptors = () => require('node:fs').readdirSync('/proc/self/fd').length;
        const before = descriptors();
        const ioctls = [1, 2, 3].map(() => addon.open('/dev/null').ioctl);
        const held = addon.open('/dev/null');
        (async () => {
          for (let tries = 0; descriptors() > before + 1 && tries < 500; tries++) { gc(); await new Promise((done) => setTimeout(done, 1)); }
          for (const that of [undefined, held, addon, null]) {
            for (const ioctl of ioctls) assert.equal(Reflect.apply(ioctl, that, [0xC0406400, new Uint8Array(64)]), -9);
          }
          assert.equal(Reflect.apply(held.ioctl, {}, [0xC0406400, new Uint8Array(64)]), -25);
          // A getter that lets go of the last reference, and the collector runs.
          let ioctl = addon.open('/dev/null').ioctl;
          const pointers = [{ get offset() { ioctl = undefined; gc(); return 0; }, data: new Uint8Array(8) }];
          assert.ok([-9, -25].includes(ioctl(0xC0406400, new Uint8Array(64), pointers)));
          assert.throws(() => { 'use strict'; held.ioctl = 1; }, TypeError);
          assert.equal(addon.close(held), 0);
        })();
      `,
      { flags: ['--expose-gc'] },
    );
  });

  it('leave no descriptor behind', async () => {
    const before = openDescriptors('/dev/null');
    const other = join(folder, 'other');
    mkdirSync(other, { recursive: true });
    for (let round = 0; round < 200; round++) {
      const handle = opened('/dev/null');
      const pending = addon.ioctlAsync(handle, DRM_IOCTL_VERSION, new Uint8Array(64));
      addon.close(handle);
      expect(await pending).toBe(-ENOTTY);
      expect(addon.open(other)).toBe(-EISDIR);
    }
    expect([openDescriptors('/dev/null'), openDescriptors(other)]).toEqual([before, 0]);
  });

  it('leave no descriptor behind after 10,000 opens, whether closed or forgotten', () => {
    expectScriptSucceeds(
      `
        const { readdirSync, readlinkSync } = require('node:fs');
        // Node opens descriptors of its own when it likes.
        const isOurs = (name) => { try { return readlinkSync('/proc/self/fd/' + name) === '/dev/null'; } catch { return false; } };
        const count = () => readdirSync('/proc/self/fd').filter(isOurs).length;
        const settle = async (limit) => {
          for (let tries = 0; count() > limit && tries < 500; tries++) { gc(); await new Promise((done) => setTimeout(done, 1)); }
        };
        (async () => {
          const before = count();
          for (let round = 0; round < 10_000; round++) {
            const device = addon.open('/dev/null');
            assert.equal(device.ioctl(0xC0406400, new Uint8Array(64)), -25);
            if (round % 2 === 0) assert.equal(addon.close(device), 0);
            if (round % 3 === 0) addon.prepareIoctl(device, 0xC0406400, 64, 0, 8);
            if (round % 200 === 199) await settle(before + 100);
          }
          // The last handle may still be in the frame of this function: newer Nodes leave it there.
          await settle(before + 1);
          assert.ok(count() <= before + 1, before + ' descriptors before, ' + count() + ' after');
        })();
      `,
      { flags: ['--expose-gc'] },
    );
  });

  it('leave buffers alone that were detached while the ioctl ran', async () => {
    const handle = opened(file);
    const arg = new Uint8Array(8);
    const data = new Uint8Array(64);
    const pending = addon.ioctlAsync(handle, 0x541b, arg, [{ offset: 0, data }]);
    const moved = structuredClone(arg, { transfer: [arg.buffer] });
    structuredClone(data, { transfer: [data.buffer] });
    expect(await pending).toBe(0);
    expect([...moved]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    addon.close(handle);
  });
});

describeNative('files that are open already', (addon) => {
  const folder = temporaryFolder();
  const file = join(folder, 'file');
  writeFileSync(file, 'contents');

  it('are adopted by a descriptor of their own, of the same open file', () => {
    const theirs = openSync(file, 'r+');
    const before = openDescriptors(file);
    const handle = addon.adopt(theirs) as DeviceHandle;
    const ours = addon.descriptor(handle);
    expect(ours).not.toBe(theirs);
    expect(openDescriptors(file)).toBe(before + 1);
    readSync(theirs, new Uint8Array(3));
    // FIONREAD: what is left from the position, which is shared.
    const left = new Uint8Array(4);
    expect(handle.ioctl(0x541b, left)).toBe(0);
    expect(left[0]).toBe(5);
    expect(readFileSync(`/proc/self/fdinfo/${ours}`, 'utf8')).toMatch(/^flags:\s0?2\d*2$/m);
    expect(addon.close(handle)).toBe(0);
    expect(addon.descriptor(handle)).toBe(-EBADF);
    expect(readSync(theirs, new Uint8Array(8))).toBe(5);
    closeSync(theirs);
    expect(openDescriptors(file)).toBe(before - 1);
  });

  it('are not there: EBADF', () => {
    expect(addon.adopt(1 << 30)).toBe(-EBADF);
    const free = openSync(file, 'r');
    closeSync(free);
    expect(addon.adopt(free)).toBe(-EBADF);
  });

  it.each([[undefined], ['3'], [3n], [-1], [0.5], [2 ** 31], [NaN], [{ valueOf: (): number => 0 }]])(
    'are not named by %o',
    (descriptor) => {
      const code = typeof descriptor === 'number' ? 'ERR_SVM_OUT_OF_RANGE' : 'ERR_SVM_INVALID_TYPE';
      expect(() => addon.adopt(descriptor as never)).toThrow(expect.objectContaining({ code }));
    },
  );
});
