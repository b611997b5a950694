import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../../emulator/index.ts';
import type { MachineOptions } from '../../../emulator/index.ts';
import { BufferMemory } from './buffers.ts';
import type { KfdClient, ServedGpu } from './client.ts';
import { encodeRecords, KfdSvmType as Type, SVM_HEADER_BYTES, svmCallText } from './svm-attributes.ts';
import { KfdSvm } from './svm.ts';

const PAGE = 4096n;
const [GPU0, GPU1] = [0x5100, 0x5101];
const UNDEFINED = 0xffff_ffff;
const [EFAULT, EINVAL, EADDRINUSE] = [-14, -22, -98];
type Pair = readonly [type: number, value: number];

function rig(options: MachineOptions = {}, compute = true) {
  const machine = new EmulatedMachine({ gpus: 2, ...options });
  const gpus = machine.devices.map((device, index): ServedGpu => {
    const file = { number: index, gpu: index, node: device.open() };
    return { index, id: GPU0 + index, doorbells: 0n, file: compute ? file : undefined, view: undefined };
  });
  const client: KfdClient = {
    pid: 1,
    machine,
    process: { read: () => undefined, write: () => undefined, descriptorsOf: () => [] },
    files: new Set(),
    exited: false,
    refresh: () => machine.runDueWork(),
    look: () => undefined,
    hasMapped: () => false,
  };
  const buffers = new BufferMemory(client);
  const svm = new KfdSvm(client, gpus, buffers);
  const start = machine.process.mmap({ size: 8n * PAGE });
  const call = (op: number, first: number, pages: number, list: readonly Pair[], retries = true) => {
    const bytes = SVM_HEADER_BYTES + list.length * 8;
    const view = new DataView(new ArrayBuffer(bytes));
    view.setBigUint64(0, start + BigInt(first) * PAGE, true);
    view.setBigUint64(8, BigInt(pages) * PAGE, true);
    view.setUint32(16, op, true);
    view.setUint32(20, list.length, true);
    encodeRecords(
      view,
      list.map(([type, value]) => ({ type, value })),
    );
    const answer = svm.ioctl(view, bytes, retries);
    const answered = list.map((_, index): Pair => [
      view.getUint32(SVM_HEADER_BYTES + index * 8, true),
      view.getUint32(SVM_HEADER_BYTES + index * 8 + 4, true),
    ]);
    return { ...answer, answered, text: svmCallText(view, bytes) };
  };
  const set = (first: number, pages: number, ...list: Pair[]): number => call(0, first, pages, list).result;
  const get = (first: number, pages: number, ...list: Pair[]): readonly Pair[] => call(1, first, pages, list).answered;
  return { machine, client, svm, buffers, start, call, set, get, gpus };
}

describe('GET of KFD', () => {
  it('knows which of two GPUs it is, also after it was the other one', () => {
    const { set, get } = rig();
    for (const id of [GPU0, GPU1, GPU0]) {
      expect(set(0, 8, [Type.preferredLocation, id], [Type.prefetchLocation, id])).toBe(0);
      expect(get(0, 8, [Type.preferredLocation, 1], [Type.prefetchLocation, 1])).toEqual([
        [Type.preferredLocation, id],
        [Type.prefetchLocation, id],
      ]);
    }
    set(0, 4, [Type.preferredLocation, 0], [Type.prefetchLocation, 0]);
    expect(get(0, 4, [Type.preferredLocation, 1], [Type.prefetchLocation, 1])).toEqual([
      [Type.preferredLocation, 0],
      [Type.prefetchLocation, 0],
    ]);
    expect(get(0, 8, [Type.preferredLocation, 1], [Type.prefetchLocation, 1])).toEqual([
      [Type.preferredLocation, UNDEFINED],
      [Type.prefetchLocation, UNDEFINED],
    ]);
  });

  it('leaves out pages of no range, and tells the defaults where there is none', () => {
    const { set, get, call } = rig();
    const asked: Pair[] = [
      [Type.access, GPU1],
      [Type.setFlags, 0],
      [Type.clearFlags, 0],
      [Type.granularity, 0],
    ];
    expect(get(0, 8, ...asked)).toEqual([
      [Type.access, GPU1],
      [Type.setFlags, 3],
      [Type.clearFlags, 0xffff_fffc],
      [Type.granularity, 9],
    ]);
    expect(call(1, 0, 8, asked, false).answered[0]).toEqual([Type.noAccess, GPU1]);
    // A range for both GPUs, though only one was told something.
    set(2, 1, [Type.noAccess, GPU0]);
    expect(get(0, 8, [Type.access, GPU0], [Type.access, GPU1])).toEqual([
      [Type.noAccess, GPU0],
      [Type.access, GPU1],
    ]);
    set(5, 1, [Type.accessInPlace, GPU1], [Type.setFlags, 0x20], [Type.granularity, 3]);
    expect(get(0, 8, ...asked)).toEqual([
      [Type.noAccess, GPU1],
      [Type.setFlags, 3],
      [Type.clearFlags, 0xffff_ffdc],
      [Type.granularity, 3],
    ]);
    expect(get(4, 3, [Type.access, GPU1])).toEqual([[Type.accessInPlace, GPU1]]);
  });
});

describe('refusals of KFD', () => {
  it('come in its order, and change nothing', () => {
    const { call, set, get, buffers, start } = rig();
    expect(set(0, 9, [Type.granularity, 1])).toBe(EFAULT);
    expect(set(0, 9, [Type.granularity, 1], [8, 1])).toBe(EINVAL);
    expect(set(0, 8, [Type.access, 0x5102])).toBe(EINVAL);
    expect(set(0, 8, [Type.prefetchLocation, UNDEFINED])).toBe(EINVAL);
    expect(set(0, 0, [Type.granularity, 1])).toBe(EINVAL);
    expect(call(2, 0, 8, [[Type.granularity, 1]]).result).toBe(EINVAL);
    expect(call(1, 0, 8, [[Type.accessInPlace, GPU0]]).result).toBe(EINVAL);
    expect(call(1, 0, 8, [[Type.access, 0x5102]]).result).toBe(EINVAL);
    expect(call(1, 0, 9, [[Type.accessInPlace, GPU0]]).result).toBe(EFAULT);
    const buffer = { handle: 1n, gpu: 0, address: start + 7n * PAGE, size: PAGE, flags: 2, offset: 0n, onGpu: true };
    buffers.add(buffer);
    expect([set(0, 7, [Type.granularity, 1]), set(0, 8, [Type.granularity, 1])]).toEqual([0, EADDRINUSE]);
    buffers.remove(buffer);
    buffers.add({ ...buffer, address: 1n << 40n, flags: 4, offset: start + 7n * PAGE });
    expect(call(1, 7, 1, [[Type.granularity, 0]]).result).toBe(EADDRINUSE);
    expect(get(0, 7, [Type.granularity, 0])).toEqual([[Type.granularity, 1]]);
  });

  it('a structure that is shorter than its attributes, and no compute VM', () => {
    const { svm } = rig();
    const view = new DataView(new ArrayBuffer(32));
    view.setBigUint64(0, PAGE, true);
    view.setBigUint64(8, PAGE, true);
    view.setUint32(20, 2, true);
    expect(svm.ioctl(view, 32, true)).toEqual({
      result: EINVAL,
      notes: ['the structure ends before its attributes do'],
    });
    expect(rig({}, false).set(0, 8, [Type.granularity, 1])).toBe(EINVAL);
  });

  it('a GPU without SVM is no GPU to it', () => {
    expect(rig({ asic: 'gfx1100' }).set(0, 8, [Type.access, GPU0])).toBe(EINVAL);
  });
});

it('says once what differs, and what DRM SVM refuses', () => {
  const { call, machine, start } = rig({ profile: 'v8', vram: 1 << 30 });
  const { notes, text } = call(0, 0, 8, [
    [Type.preferredLocation, UNDEFINED],
    [Type.setFlags, 2],
  ]);
  expect(text).toBe(`set [0x${start.toString(16)}, +0x8000) PREFERRED_LOC:undefined SET_FLAGS:0x2`);
  expect(notes).toEqual([
    expect.stringContaining("unlike KFD's SVM, that of v8: memory with ACCESS_IN_PLACE"),
    expect.stringContaining('attributes stay when memory is unmapped'),
    expect.stringContaining('each GPU has attributes of its own'),
  ]);
  machine.devices[1]!.unplug();
  expect(call(0, 0, 8, [[Type.granularity, 3]])).toMatchObject({
    result: -19,
    notes: ['DRM SVM of GPU 0x5101 answers ENODEV; GPUs that were changed before: 1'],
  });
});
