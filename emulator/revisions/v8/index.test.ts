import { describe, expect, it } from 'vitest';
import { encodeSvmRequest } from '../../../lib/uapi/codec.ts';
import { UAPI_PROFILES } from '../../../lib/uapi/profile.ts';
import { at, BLOCK, PTE, Rig, T, V } from '../../../test/support/emulator-rig.ts';

const rigOfV8 = (options: object = {}): Rig => new Rig({ profile: 'v8', ...options });
const resetCall = (): Uint8Array =>
  encodeSvmRequest({ startAddress: at(V), size: at(1), operation: 2, attributeCount: 0 });

describe('the node of PATCH v8', () => {
  it('answers 0x1B, and no SVM call at the number of V4', () => {
    const { node } = rigOfV8();
    expect(UAPI_PROFILES.v8.command).toBe(0x1b);
    expect(node.ioctl(UAPI_PROFILES.v8.request, resetCall(), [])).toBe(0);
    expect(() => node.ioctl(UAPI_PROFILES.v4.request, resetCall(), [])).toThrow('DRM_AMDGPU_PROC_OPTIONS');
  });
});

describe('retry faults of PATCH v8', () => {
  it.each(['gfx942', 'gfx90a', 'gfx908', 'gfx906'] as const)('are on for %s unless amdgpu.noretry=1', (asic) => {
    expect(rigOfV8({ asic }).node.file.context).not.toBeNull();
    expect(rigOfV8({ asic, noretry: true }).node.file.computeResult).toBe(-95);
  });
});

describe('faults of PATCH v8', () => {
  it('are dropped with a 0 while the GPU is reset, and served afterwards', () => {
    const rig = rigOfV8();
    rig.map(V, BLOCK);
    rig.device.setInReset(true);
    expect([rig.fault(V), rig.pte(V)]).toEqual([0, 0n]);
    rig.device.setInReset(false);
    expect([rig.fault(V), rig.pte(V)]).toEqual([0, PTE.UC.rw]);
  });

  it('are a 0 in a closing context and for a PASID without one', () => {
    const rig = rigOfV8();
    rig.map(V, BLOCK);
    rig.device.closeContext(rig.node.file);
    expect(rig.fault(V)).toBe(0);
    expect(rig.device.fault({ address: at(V), write: false, pasid: 99 })).toBe(0);
  });

  it.each([
    ['ENOMEM', -12],
    ['EBUSY', 0],
  ] as const)('end with the collection of pages failing thrice with %s as %i', (errno, result) => {
    const rig = rigOfV8();
    rig.map(V, BLOCK);
    rig.device.failures.plan('collect-pages', errno, 3);
    expect(rig.fault(V)).toBe(result);
  });
});

it('a range that a change of attributes removes leaves the queue of the collector', () => {
  const rig = rigOfV8();
  rig.map(V, BLOCK);
  rig.fault(V);
  rig.machine.scope.addHook((point, pass) => {
    if (point === 'vma-checked' && pass === 1) rig.unmap(V + 256, 1);
  });
  rig.set(V + 16, 16, [T.gpuReadOnly, 1]);
  expect(rig.context.collector.pending).toBe(0);
  expect(rig.context.framework.ranges.size).toBe(0);
});
