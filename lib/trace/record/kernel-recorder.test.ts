import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../../emulator/index.ts';
import { EmulatedMemory } from '../../backend/emulated-memory.ts';
import type { HostRegion, HostRegionMapper } from '../../backend/host-region.ts';
import { HostMemory } from '../../device/host-memory.ts';
import { encodeSvmRequest } from '../../uapi/codec.ts';
import { SvmOperation } from '../../uapi/constants.ts';
import type { DeviceNode } from '../../uapi/node.ts';
import { uapiProfile } from '../../uapi/profile.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import { readTraceFile } from '../format/read-trace.ts';
import { replayTrace } from '../replay/replay.ts';
import { TraceRecorder } from './recorder.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const root = temporaryFolder();
let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'case-'));
  file = join(folder, 'recorded.jsonl');
});

const names = (path = file): string[] => readTraceFile(path).map(({ operation }) => operation.name);

describe('a recording on a kernel', () => {
  /** A render node that says yes to everything. */
  function kernelNode(number: number): DeviceNode {
    return {
      kind: 'kernel',
      path: `/dev/dri/renderD${128 + number}`,
      closed: false,
      ioctl: () => 0,
      ioctlAsync: () => Promise.resolve(0),
      close: () => undefined,
    };
  }
  const memory: HostRegionMapper = {
    map: () => {
      throw new Error('not needed');
    },
  };
  const SET = encodeSvmRequest({
    startAddress: 0x1000n,
    size: 0x1000n,
    operation: SvmOperation.setAttributes,
    attributeCount: 0,
  });

  it('has the memory that is locked and moved, and replays', () => {
    const recorder = new TraceRecorder(file);
    const mapper = new EmulatedMemory(new EmulatedMachine().process);
    const { node, memory: recorded } = recorder.attachKernel(kernelNode(0), mapper, uapiProfile('v4'));
    const memory = new HostMemory(recorded, () => undefined);
    const [from, to] = [memory.map(4 * 4096), memory.map(4 * 4096)];
    from.lock(0, 4096);
    from.unlock(0, 4096);
    from.moveTo(to, { length: 4096, targetOffset: 8192, keepOld: true });
    from.moveTo(to, { offset: 4096, length: 4096 });
    const stranger = new HostMemory(mapper, () => undefined).map(4096);
    expect(() => to.moveTo(stranger, { length: 4096 })).toThrow(
      'target: expected memory that the same device has mapped',
    );
    node.close();
    recorder.close();
    const lines = readTraceFile(file);
    const hex = (address: bigint): string => `0x${address.toString(16)}`;
    const place = { addr: hex(from.address), len: '0x1000' };
    expect(lines.slice(3, 7).map(({ source }) => source)).toEqual([
      { mlock: place },
      { munlock: place },
      { mremap: { ...place, newlen: '0x1000', to: hex(to.address + 8192n), keep: true } },
      { mremap: { addr: hex(from.address + 4096n), len: '0x1000', newlen: '0x1000', to: hex(to.address) } },
    ]);
    expect(replayTrace(lines, { check: true }).difference).toBeUndefined();
  });

  it('says which operation comes next before it is issued, and takes that back with its answer', async () => {
    const profile = uapiProfile('v4');
    const recorder = new TraceRecorder(file);
    const lastLines = (): string[] => readFileSync(file, 'utf8').trimEnd().split('\n').slice(1);
    const seen: string[][] = [];
    const region = {
      address: 0x10_0000n,
      size: 8192,
      unmap: () => {
        seen.push(lastLines());
        throw new Error('refused');
      },
    };
    const attached = recorder.attachKernel(
      {
        ...kernelNode(0),
        ioctl: () => (seen.push(lastLines()), 0),
        ioctlAsync: async () => (await Promise.resolve(), seen.push(lastLines()), 0),
      },
      { map: () => region as unknown as HostRegion },
      profile,
    );
    const memory = attached.memory.map({ size: 8192, shared: false });
    const slow = attached.node.ioctlAsync(profile.request, SET);
    attached.node.ioctl(profile.request, SET);
    await slow;
    expect(() => memory.unmap(0, 4096)).toThrow('refused');
    attached.node.close();
    recorder.close();
    const mmap = expect.stringContaining('"mmap"') as string;
    const next = expect.stringMatching(/^# next: \{"(ioctl|set)"/) as string;
    const done = expect.stringMatching(/^\{"in":\{"(ioctl|set)"/) as string;
    expect(seen).toEqual([
      [mmap, next, next],
      [mmap, done, next],
      [mmap, done, done, '# next: {"munmap":{"addr":"0x100000","len":"0x1000"}}'],
    ]);
    // What failed is no operation, and nothing that was announced is left.
    expect(lastLines()).toEqual([mmap, done, done, '{"fini":{}}']);
  });

  it.each(['v4', 'v7'] as const)('holds eight render nodes, the next has a file of its own, and names %s', (name) => {
    const profile = uapiProfile(name);
    const recorders = Array.from({ length: 9 }, (_, number) => {
      const recorder = new TraceRecorder(file);
      const { node } = recorder.attachKernel(kernelNode(number), memory, profile);
      node.ioctl(profile.request, SET);
      return { recorder, node };
    });
    for (const { recorder, node } of recorders) {
      node.close();
      recorder.close();
    }
    expect(readdirSync(folder).sort()).toEqual(['recorded.2.jsonl', 'recorded.jsonl']);
    const lines = readTraceFile(file);
    const [{ operation: config }] = lines as [TraceLine];
    expect(config).toMatchObject({ config: { gpus: 8, profile: name, lazy: true } });
    const sets = lines.filter(({ operation }) => operation.name === 'ioctl' || operation.name === 'set');
    expect(sets.map(({ operation }) => operation.gpu)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(names(join(folder, 'recorded.2.jsonl'))).toEqual(['config', sets[0]!.operation.name, 'fini']);
  });
});
