import { expect, it } from 'vitest';
import { DRM_IOCTL_VERSION, STRUCT_LAYOUTS } from '../lib/uapi/index.ts';
import { describeNative } from './support/native-helpers.ts';

describeNative('the layout the C++ compiler sees', (addon) => {
  it('is the layout table of lib/uapi', () => {
    expect(addon.layout().structs).toEqual(STRUCT_LAYOUTS);
    expect(addon.layout().requests).toEqual({ DRM_IOCTL_VERSION });
  });

  // Copied by hand from spec/01-uapi §1-§3 and from the man page of the DRM ioctl, not
  // from our table: the table and the addon could agree on something wrong.
  it('has the published numbers', () => {
    const { structs, requests, pageSize } = addon.layout();
    expect(requests['DRM_IOCTL_VERSION']).toBe(0xc0406400);
    const argument = structs['drm_amdgpu_gem_svm']!;
    expect(argument.size).toBe(32);
    expect(Object.entries(argument.fields).map(([name, { offset, size }]) => [name, offset, size])).toEqual([
      ['start_addr', 0, 8],
      ['size', 8, 8],
      ['operation', 16, 4],
      ['nattr', 20, 4],
      ['attrs_ptr', 24, 8],
    ]);
    expect(structs['drm_amdgpu_svm_attribute']!.size).toBe(8);
    expect(structs['drm_amdgpu_svm_attribute']!.fields['value']).toEqual({ offset: 4, size: 4 });
    expect(structs['drm_version']!.size).toBe(64);
    expect(structs['drm_version']!.fields['name_len']).toEqual({ offset: 16, size: 8 });
    expect(structs['drm_version']!.fields['desc']).toEqual({ offset: 56, size: 8 });
    expect([4096, 16384, 65536]).toContain(pageSize);
  });
});
