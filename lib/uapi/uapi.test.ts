import { describe, expect, it } from 'vitest';
import * as uapi from './index.ts';

describe('the user ABI of RFC V4', () => {
  it('has the published request numbers', () => {
    expect(uapi.UAPI_PROFILES.v4.request).toBe(0xc020645a);
    expect(uapi.DRM_IOCTL_VERSION).toBe(0xc0406400);
    expect(uapi.splitRequest(0xc020645a)).toEqual({ type: 0x64, number: 0x5a, size: 32, direction: 3 });
  });

  it('has structures without holes or overlaps, but for the alignment hole of drm_version', () => {
    for (const [name, layout] of Object.entries(uapi.STRUCT_LAYOUTS)) {
      let end = 0;
      for (const field of Object.values(layout.fields)) {
        expect(field.offset - end, name).toBe(name === 'drm_version' && field.offset === 16 ? 4 : 0);
        end = field.offset + field.size;
      }
      expect(end, name).toBe(layout.size);
    }
  });

  it('encodes the request byte for byte', () => {
    const bytes = uapi.encodeSvmRequest({
      startAddress: 0x7f00_1234_5000n,
      size: 0x20_0000n,
      operation: uapi.SvmOperation.getAttributes,
      attributeCount: 3,
      attributesPointer: 0xffff_8000_0000_0008n,
    });
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '00503412007f0000' + '0000200000000000' + '01000000' + '03000000' + '080000000080ffff',
    );
    expect(uapi.decodeSvmRequest(bytes)).toEqual({
      startAddress: 0x7f00_1234_5000n,
      size: 0x20_0000n,
      operation: 1,
      attributeCount: 3,
      attributesPointer: 0xffff_8000_0000_0008n,
    });
  });

  it('encodes attribute records in their order and reads them back', () => {
    const records = [
      { type: 0, value: 0xffff_ffff },
      { type: 11, value: 0 },
      { type: 0, value: 7 },
    ];
    const bytes = uapi.encodeAttributes(records);
    expect(bytes.length).toBe(24);
    expect(uapi.decodeAttributes(bytes)).toEqual(records);
    expect(uapi.decodeAttributes(bytes.subarray(8, 23))).toEqual([records[1]]);
  });

  it('numbers the attribute types 0 to 11 and the flags 1 << (type - 4)', () => {
    expect(Object.values(uapi.SvmAttributeType)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    for (const [name, bit] of Object.entries(uapi.SvmFlag)) {
      expect(bit).toBe(1 << (uapi.SvmAttributeType[name as uapi.SvmFlagName] - 4));
    }
  });

  it('refuses an unknown profile by name', () => {
    expect(() => uapi.uapiProfile('v9')).toThrow(/profile: unknown UAPI profile "v9"; known: v4/);
    expect(uapi.uapiProfile('v4').request).toBe(0xc020645a);
  });
});
