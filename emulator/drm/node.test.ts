import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../index.ts';
import { at, BLOCK, GET, Rig, T, V } from '../../test/support/emulator-rig.ts';
import { ATTRS_PTR_OFFSET, encodeAttributes, encodeSvmRequest } from '../../lib/uapi/codec.ts';
import { DRM_VERSION_LAYOUT } from '../../lib/uapi/layout.ts';
import { drmCommandName, isClosedToRenderNodes } from '../../lib/uapi/ioctl-table.ts';
import { DRM_IOCTL_VERSION, drmReadWriteRequest, splitRequest } from '../../lib/uapi/request.ts';
import { UAPI_PROFILES } from '../../lib/uapi/profile.ts';

const [EACCES, EFAULT, ENODEV, EINVAL, ENOTTY] = [-13, -14, -19, -22, -25];
const attributes = (): { offset: number; data: Uint8Array } => ({
  offset: ATTRS_PTR_OFFSET,
  data: encodeAttributes([{ type: T.granularity, value: 0 }]),
});
const request = (): Uint8Array =>
  encodeSvmRequest({ startAddress: at(V), size: at(1), operation: GET, attributeCount: 1 });

describe('what the DRM core does around the handler', () => {
  it('refuses another type byte with ENOTTY', () => {
    expect(new Rig().node.ioctl(0xc020_655a, request(), [attributes()])).toBe(ENOTTY);
  });

  it('refuses an unplugged device with ENODEV, before the number is looked at', () => {
    const rig = new Rig();
    rig.device.unplug();
    expect([
      rig.node.ioctl(UAPI_PROFILES.v4.request, request(), [attributes()]),
      rig.node.ioctl(0xc020_64ff, request()),
    ]).toEqual([ENODEV, ENODEV]);
  });

  it('refuses a number that nobody has with EINVAL', () => {
    expect(new Rig().node.ioctl(drmReadWriteRequest(0x9f, 32), new Uint8Array(32))).toBe(EINVAL);
  });

  it('selects the handler by the number, not by the size: a longer structure is taken, its tail ignored', () => {
    const rig = new Rig();
    const arg = new Uint8Array(48).fill(0xff);
    arg.set(request());
    const pointer = attributes();
    expect(rig.node.ioctl(drmReadWriteRequest(0x5a, 48), arg, [pointer])).toBe(0);
    expect(new Uint32Array(pointer.data.buffer as ArrayBuffer)[1]).toBe(9);
  });

  it('extends a shorter structure with zeros', () => {
    const rig = new Rig();
    // 24 bytes: no attrs_ptr, so a null pointer; 16 bytes: no operation and no count either.
    for (const size of [24, 16, 8, 0])
      expect(rig.node.ioctl(drmReadWriteRequest(0x5a, size), request(), [])).toBe(EINVAL);
  });

  it('cannot copy what the caller did not pass', () => {
    expect(new Rig().node.ioctl(UAPI_PROFILES.v4.request, new Uint8Array(31), [attributes()])).toBe(EFAULT);
  });

  it('throws for an argument that is none, and says what it expects', () => {
    expect(() => new Rig().node.ioctl(UAPI_PROFILES.v4.request, 'x' as never)).toThrow(
      /^arg: expected a typed array or a DataView/,
    );
  });
});

describe('ioctls that are not modelled', () => {
  const answer = (number: number): unknown => {
    try {
      return new Rig().node.ioctl(drmReadWriteRequest(number, 16), new Uint8Array(16));
    } catch (error) {
      expect(error).toBeInstanceOf(NotModelledError);
      expect(error).toMatchObject({ code: 'ERR_SVM_NOT_MODELLED' });
      return (error as NotModelledError).feature;
    }
  };

  it.each([
    [0x0c, 'DRM_IOCTL_GET_CAP'],
    [0x09, 'DRM_IOCTL_GEM_CLOSE'],
    [0xbf, 'DRM_IOCTL_SYNCOBJ_CREATE'],
    [0xca, 'DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT'],
    [0x40, 'DRM_AMDGPU_GEM_CREATE'],
    [0x44, 'DRM_AMDGPU_CS'],
    [0x45, 'DRM_AMDGPU_INFO'],
    [0x49, 'DRM_AMDGPU_WAIT_CS'],
    [0x50, 'DRM_AMDGPU_GEM_OP'],
  ])('0x%x is refused by its name, %s', (number, name) => {
    expect(answer(number)).toBe(name);
  });

  it('are those of a real node by name, and the others as a real node refuses them', () => {
    for (let number = 0; number < 0x100; number++) {
      if (number === 0 || number === splitRequest(UAPI_PROFILES.v4.request).number) continue;
      const name = drmCommandName(number);
      const expected = isClosedToRenderNodes(number) ? EACCES : (name ?? EINVAL);
      expect([number, answer(number)]).toEqual([number, expected]);
    }
  });

  it('rejects the promise of the asynchronous form', async () => {
    await expect(new Rig().node.ioctlAsync(drmReadWriteRequest(0x45, 16), new Uint8Array(16))).rejects.toThrow(
      NotModelledError,
    );
  });
});

describe('DRM_IOCTL_VERSION', () => {
  const { fields, size } = DRM_VERSION_LAYOUT;

  /** Issues the call with room for so many bytes of the name. */
  function version(room: number, target?: Uint8Array): { result: number; view: DataView } {
    const arg = new Uint8Array(size);
    const view = new DataView(arg.buffer);
    view.setBigUint64(fields.name_len.offset, BigInt(room), true);
    const result = new Rig().node.ioctl(
      DRM_IOCTL_VERSION,
      arg,
      target === undefined ? [] : [{ offset: fields.name.offset, data: target }],
    );
    return { result, view };
  }

  it('tells version and lengths without any room for names', () => {
    const { result, view } = version(0);
    expect([
      result,
      view.getInt32(fields.version_major.offset, true),
      view.getBigUint64(fields.name_len.offset, true),
    ]).toEqual([0, 3, 6n]);
    expect(view.getBigUint64(fields.desc_len.offset, true)).toBeGreaterThan(0n);
  });

  it('gives as much of the name as fits: the driver is amdgpu', () => {
    const name = new Uint8Array(16);
    expect(version(16, name).result).toBe(0);
    expect(new TextDecoder().decode(name)).toBe('amdgpu\0\0\0\0\0\0\0\0\0\0');
    const short = new Uint8Array(16);
    const { view } = version(3, short);
    expect([new TextDecoder().decode(short.subarray(0, 4)), view.getBigUint64(fields.name_len.offset, true)]).toEqual([
      'amd\0',
      6n,
    ]);
  });

  it('fails with EFAULT where the room that was promised is not there', () => {
    expect(version(16, new Uint8Array(2)).result).toBe(EFAULT);
  });
});

describe('a node', () => {
  it('has a name of its own on each device', () => {
    const rig = new Rig({ gpus: 2 });
    const paths = rig.machine.devices.map((device) => device.open().path);
    expect([rig.node.kind, ...paths]).toEqual(['emulated', 'emulated:renderD128', 'emulated:renderD129']);
  });

  it('is closed once; then its context is gone and every call throws', async () => {
    const rig = new Rig();
    rig.region();
    rig.access(V, BLOCK, true);
    rig.node.close();
    rig.node.close();
    expect([rig.node.closed, rig.device.files.length, rig.machine.process.space.notifiers.size]).toEqual([true, 0, 0]);
    expect(() => rig.get(V, 1, T.access)).toThrow(expect.objectContaining({ code: 'ERR_SVM_CLOSED' }));
    await expect(rig.setAsync(V, 1, [T.access, 1])).rejects.toMatchObject({ code: 'ERR_SVM_CLOSED' });
    expect(rig.fault(V)).toBe(-95);
  });

  it('answers the asynchronous form as the other one', async () => {
    const rig = new Rig();
    rig.map(V, BLOCK);
    expect(await rig.setAsync(V, BLOCK, [T.access, 1])).toBe(0);
    expect(await rig.setAsync(V, BLOCK, [T.access, 3])).toBe(EINVAL);
    expect(rig.value(V, BLOCK, T.access)).toBe(1);
  });
});
