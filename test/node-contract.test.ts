/** One contract, three nodes: the emulated one, the addon's and that of ffi-rs - the last two on a served node. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../emulator/index.ts';
import { ffiSupport, libC } from '../lib/backend/ffi-library.ts';
import { ffiMemoryFunctions } from '../lib/backend/ffi-memory.ts';
import { FfiNode } from '../lib/backend/ffi-node.ts';
import { SvmDevice, SvmError } from '../lib/index.ts';
import { KernelMemory, type MemoryFunctions } from '../lib/backend/kernel-memory.ts';
import { KernelNode } from '../lib/backend/kernel-node.ts';
import { nativeAddon, nativeSupport } from '../lib/backend/native-addon.ts';
import type { DeviceNode } from '../lib/uapi/node.ts';
import { testNodeContract, type Rig } from './support/node-contract.ts';
import { describeWhere, ServedNode, whyNotServed } from './support/served-node.ts';

testNodeContract({
  name: 'EmulatedNode',
  cannot: {
    'raw-pointers': 'there is no memory behind an address of its argument; pointers are described',
    'bad-arguments-throw': 'it answers a short argument as the kernel does, with EFAULT',
    'unknown-by-errno': 'it throws NotModelledError, so that a test cannot mistake a gap for an answer',
  },
  open() {
    const machine = new EmulatedMachine();
    return {
      node: machine.devices[0]!.open(),
      map(size) {
        const address = machine.process.mmap({ size });
        const letters = { none: '-', read: 'r', 'read-write': 'rw' } as const;
        return {
          address,
          protect: (protection, offset, length) =>
            machine.process.mprotect(address + BigInt(offset), length, letters[protection]),
          unmap: (offset, length) => machine.process.munmap(address + BigInt(offset), length),
        };
      },
      specialPage: () => machine.process.mmap({ size: 4096, kind: 'pfnmap' }),
      close() {},
    };
  },
});

/** Memory of this very process, which the served node mirrors. */
function realRig(node: DeviceNode, functions: MemoryFunctions): Rig {
  const memory = new KernelMemory(functions);
  const regions: { unmap(): void }[] = [];
  return {
    node,
    map(size) {
      const region = memory.map(size);
      regions.push(region);
      return {
        address: region.address,
        protect: (protection, offset, length) => region.protect(protection, offset, length),
        unmap: (offset, length) => region.unmap(offset, length),
      };
    },
    // Every process has these pages of the kernel's clock; they are VM_PFNMAP.
    specialPage: () => BigInt(`0x${/^([0-9a-f]+)-.*\[vvar\]$/m.exec(readFileSync('/proc/self/maps', 'utf8'))![1]}`),
    close() {
      node.close();
      for (const region of regions) region.unmap();
    },
  };
}

const unserved = whyNotServed();
const noAddon = nativeSupport().available ? '' : nativeSupport().reason;
const noFfi = ffiSupport().available ? '' : ffiSupport().reason;
let served: ServedNode | undefined;

describeWhere(unserved, 'on a served node', () => {
  beforeAll(async () => {
    if (unserved === '') served = await ServedNode.start();
  });
  afterAll(async () => {
    // Undefined where nothing can be served, or the server did not start.
    if (served === undefined) return;
    expect(await served.stop()).toEqual({ code: 0, signal: null });
    // Whatever the tests did, nothing went wrong on the other side.
    expect(served.output.trim().split('\n').slice(1)).toEqual([]);
  });

  describeWhere(noAddon, 'through the addon', () => {
    testNodeContract({
      name: 'KernelNode',
      cannot: {},
      open: () => realRig(KernelNode.open(served!.node()), nativeAddon()),
    });
  });

  describeWhere(noFfi, 'through ffi-rs', () => {
    testNodeContract({
      name: 'FfiNode',
      cannot: {},
      open: () => realRig(FfiNode.open(served!.node()), ffiMemoryFunctions(libC())),
    });
  });

  describe.each(['kernel', 'ffi'] as const)('SvmDevice with backend %s', (backend) => {
    it('sets, gets and refuses through the typed API', (context) => {
      const problem = backend === 'ffi' ? noFfi : noAddon;
      if (problem !== '') context.skip(problem);
      const device = SvmDevice.open({ backend, node: served!.node() });
      expect(device.backend).toBe(backend);
      const buffer = device.memory.map(1 << 20);
      device.setAttributes(buffer, { access: 'in-place', granularity: 4, gpuReadMostly: true });
      expect(device.getAttributes(buffer)).toMatchObject({
        access: 'in-place',
        granularity: 4,
        gpuReadMostly: true,
        coherent: true,
      });
      buffer.write(0, new Uint8Array([1, 2, 3]));
      expect([...buffer.read(0, 4)]).toEqual([1, 2, 3, 0]);
      buffer.protect('read', 0, 4096);
      expect(() => buffer.write(4094, new Uint8Array(4))).toThrow(expect.objectContaining({ code: 'EFAULT' }));
      // Half of it: a hole of one page is soon filled by another thread's mapping.
      buffer.unmap(0, 1 << 19);
      expect(() => device.setAttributes(buffer, { access: 'inaccessible' })).toThrow(SvmError);
      expect(() => buffer.read(0, 1)).toThrow(expect.objectContaining({ code: 'EFAULT' }));
      device.close();
      buffer.unmap();
    });
  });
});
