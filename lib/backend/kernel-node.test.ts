import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/after-file.ts';
import { describeNative, errorOf, openDescriptors } from '../../test/support/native-helpers.ts';
import { DRM_IOCTL_VERSION, type DeviceNode, UAPI_PROFILES } from '../uapi/index.ts';
import { KernelNode } from './kernel-node.ts';

describeNative('KernelNode', () => {
  const folder = temporaryFolder();
  const file = join(folder, 'file');
  writeFileSync(file, '12345678');

  it.each([
    ['ENOENT', -2, () => join(folder, 'missing')],
    ['ENOTDIR', -20, () => join(file, 'below')],
    ['EISDIR', -21, () => folder],
  ])('throws %s with code, errno, syscall and path when the file does not open', (code, errno, path) => {
    const error = errorOf(() => KernelNode.open(path()));
    expect(error).toMatchObject({ code, errno, syscall: 'open', path: path() });
    expect(error.message).toBe(`${code}: ${error.message.slice(code.length + 2)}`);
    expect(error.message).toContain(`open '${path()}'`);
  });

  it('throws a TypeError for what is no path', () => {
    for (const path of [undefined, 3, 'a\0b']) {
      expect(errorOf(() => KernelNode.open(path as string))).toMatchObject({
        name: 'TypeError',
        code: 'ERR_SVM_INVALID_TYPE',
      });
    }
  });

  it('is a DeviceNode that hands out negative errnos', async () => {
    const node: DeviceNode = KernelNode.open('/dev/null');
    expect([node.kind, node.path, node.closed]).toEqual(['kernel', '/dev/null', false]);
    const pointers = [{ offset: 24, data: new Uint8Array(8) }];
    expect(node.ioctl(UAPI_PROFILES.v4.request, new Uint8Array(32), pointers)).toBe(-25);
    expect(await node.ioctlAsync(UAPI_PROFILES.v4.request, new Uint8Array(32), pointers)).toBe(-25);
    node.close();
  });

  it('has no driver version where there is no DRM driver', () => {
    const node = KernelNode.open('/dev/null');
    expect(node.driverVersion()).toBe(-25);
    node.close();
  });

  it('changes the structure in place', () => {
    const node = KernelNode.open(file);
    const arg = new Uint8Array(4);
    expect(node.ioctl(0x541b, arg)).toBe(0);
    expect(arg[0]).toBe(8);
    node.close();
  });

  it('throws ERR_SVM_CLOSED after close, which may be called twice', async () => {
    const before = openDescriptors('/dev/null');
    const node = KernelNode.open('/dev/null');
    node.close();
    node.close();
    expect(node.closed).toBe(true);
    expect(openDescriptors('/dev/null')).toBe(before);
    expect(errorOf(() => node.ioctl(DRM_IOCTL_VERSION, new Uint8Array(64)))).toMatchObject({
      code: 'ERR_SVM_CLOSED',
      message: 'the node /dev/null is closed',
    });
    expect(errorOf(() => node.driverVersion())).toMatchObject({ code: 'ERR_SVM_CLOSED' });
    await expect(node.ioctlAsync(DRM_IOCTL_VERSION, new Uint8Array(64))).rejects.toMatchObject({
      code: 'ERR_SVM_CLOSED',
    });
  });

  it('is closed by the end of a using block', () => {
    const node = KernelNode.open('/dev/null');
    node[Symbol.dispose]();
    expect(node.closed).toBe(true);
  });

  it('ends what is under way after close', async () => {
    const node = KernelNode.open('/dev/null');
    const pending = Promise.all(
      Array.from({ length: 20 }, () => node.ioctlAsync(DRM_IOCTL_VERSION, new Uint8Array(64))),
    );
    node.close();
    expect(await pending).toEqual(new Array(20).fill(-25));
  });

  it('throws, and rejects, for arguments that are no ioctl', async () => {
    const node = KernelNode.open('/dev/null');
    expect(errorOf(() => node.ioctl(DRM_IOCTL_VERSION, new Uint8Array(8)))).toMatchObject({
      code: 'ERR_SVM_OUT_OF_RANGE',
    });
    await expect(node.ioctlAsync(-1, new Uint8Array(8))).rejects.toMatchObject({ code: 'ERR_SVM_OUT_OF_RANGE' });
    await expect(node.ioctlAsync(0, 'x' as never)).rejects.toMatchObject({ code: 'ERR_SVM_INVALID_TYPE' });
    node.close();
  });
});
