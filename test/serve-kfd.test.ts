import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readKfdTopology } from '../lib/backend/kfd/topology.ts';
import { nativeSupport } from '../lib/backend/native-addon.ts';
import { SvmDevice } from '../lib/device/index.ts';
import { run } from './support/package-support.ts';
import { describeWhere, ServedNode, whyNotServed } from './support/served-node.ts';

const problem = nativeSupport().available ? whyNotServed() : nativeSupport().reason;

/** The file that is opened first gets the higher descriptor. Prints the errnos of ACQUIRE_VM, and what KFD knows of the memory. */
const SWAPPED = `
import ctypes, fcntl, mmap, os, struct, sys
kfd, first, second = [os.open(sys.argv[1] + name, os.O_RDWR) for name in ('/kfd', '/renderD128', '/renderD128')]
os.dup2(first, 50)
os.close(first)
def acquire(descriptor):
    try: return fcntl.ioctl(kfd, 0x40084b15, struct.pack('<II', descriptor, 0x5100)) and 0
    except OSError as error: return error.errno
print([acquire(number) for number in (999, kfd, 0, 50, second, 50)].__repr__().replace('b\\'\\'', '0'))
memory = mmap.mmap(-1, 4096)
address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
record = ctypes.create_string_buffer(struct.pack('<II', 3, 5), 8)
fcntl.ioctl(50, 0xc020645a, struct.pack('<QQIIQ', address, 4096, 0, 1, ctypes.addressof(record)))
call = bytearray(struct.pack('<QQIIII', address, 4096, 1, 1, 7, 0))
fcntl.ioctl(kfd, 0xc0204b20, call)
print(struct.unpack('<I', call[28:])[0])
`;

/** Connects to the socket over which sessions hear of touched doorbells, as one that nobody has started; prints what comes of it. */
const FOREIGN = `
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(chr(0) + sys.argv[1])
try: connection.sendall((1).to_bytes(4, 'little'))
except BrokenPipeError: pass
try: print(connection.recv(1))
except ConnectionResetError: print(b'')
`;

describeWhere(problem, 'a served KFD', () => {
  let served: ServedNode;
  const devices: SvmDevice[] = [];
  beforeAll(async () => {
    if (problem === '') served = await ServedNode.start(['--kfd', '--log']);
  }, 30_000);
  afterAll(async () => {
    for (const device of devices) device.close();
    await served?.stop();
  });

  function open(more: { kfd?: string } = {}): SvmDevice {
    const topology = `${served.mount}.topology`;
    const device = SvmDevice.open({ node: served.node(), kfd: `${served.mount}/kfd`, topology, ...more });
    devices.push(device);
    return device;
  }

  it('has a topology that names the node', () => {
    expect(readKfdTopology(`${served.mount}.topology`)).toMatchObject({
      gpus: [{ gfx: 'gfx942', renderMinor: 128, hostAtomics: 'pcie', sdmaEngines: 2 }],
      leftOut: [],
      reason: '',
    });
  });

  it('does GPU work on memory that nobody has touched, through faults that SVM serves', async () => {
    using device = open();
    using queue = device.createQueue();
    using from = device.memory.map(3 << 20);
    using to = device.memory.map(3 << 20);
    await queue.fill(from.address, 0x0102_0304, from.size);
    const data = Uint8Array.from({ length: 5000 }, (_, index) => index * 7);
    await queue.write(from.address + 4093n, data);
    await queue.copy(to.address + 1n, from.address, from.size - 1);
    expect(Buffer.from(await queue.read(to.address + 4094n, data.length)).equals(data)).toBe(true);
    expect(Buffer.from(to.bytes.subarray(4094, 9094)).equals(data)).toBe(true);
    expect([...to.bytes.subarray(0, 9)]).toEqual([0, 4, 3, 2, 1, 4, 3, 2, 1]);
    await queue.atomicAdd(to.address + 16n, 0x1_0000_0000n);
    expect(await queue.read(to.address + 16n, 8)).toEqual(Uint8Array.of(1, 4, 3, 2, 2, 4, 3, 2));
    await queue.atomic('compare-swap', to.address + 20n, 7n, { bits: 32, compare: 0x0203_0402n });
    await queue.atomic('swap', to.address + 16n, 9n, { bits: 32 });
    expect(await queue.read(to.address + 16n, 8)).toEqual(Uint8Array.of(9, 0, 0, 0, 7, 0, 0, 0));
    await expect(queue.atomic('and', to.address, 0n)).rejects.toMatchObject({ code: 'ERR_SVM_NOT_AVAILABLE' });
    const { ranges } = await served.gpuJson<{ ranges: { startPage: number }[] }>('snapshot');
    expect(ranges.length).toBeGreaterThan(2);
  });

  it('wraps its ring, and takes the next queue for a new one', async () => {
    using device = open();
    using memory = device.memory.map(1 << 16);
    // 36 bytes of packets each: the first round goes beyond the 64 KiB of the ring.
    for (const [round, count] of [2000, 2].entries()) {
      using queue = device.createQueue();
      for (let index = 0; index < count; index++) void queue.fill(memory.address + BigInt(4 * index), index + round, 4);
      await queue.idle();
      const words = new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset, count);
      expect(words.every((word, index) => word === index + round)).toBe(true);
    }
  }, 30_000);

  it('does a small piece of work soon after a rest, and tells nobody else of it', async () => {
    using device = open();
    using queue = device.createQueue();
    using memory = device.memory.map(4096);
    const [, name] = /kfd=(amdgpu-svm-\w+)/.exec(readFileSync(`/proc/${served.helper}/cmdline`, 'latin1'))!;
    const foreign = await run('python3', ['-c', FOREIGN, name!]);
    expect(foreign.output.trim()).toBe("b''");
    const took: number[] = [];
    for (let time = 0; time < 12; time++) {
      await new Promise((settle) => setTimeout(settle, 40));
      const begin = performance.now();
      await queue.fill(memory.address, time, 4096);
      took.push(performance.now() - begin);
      expect(memory.bytes[4092]).toBe(time);
    }
    // Looked at each second only, it would take hundreds of milliseconds; on an idle machine the median is below one.
    expect(Math.min(...took)).toBeLessThan(20);
  });

  it('tells a fault that is refused, after which the queues of the process are lost', async () => {
    using device = open();
    using queue = device.createQueue();
    using memory = device.memory.map(8192);
    memory.protect('read', 4096, 4096);
    await expect(queue.fill(memory.address, 1, 8192)).rejects.toMatchObject({
      code: 'ERR_SVM_GPU_FAULT',
      address: memory.address + 4096n,
      access: 'write',
      reason: 'the page may not be written',
    });
    await expect(queue.fill(memory.address, 1, 4096)).rejects.toMatchObject({ code: 'ERR_SVM_DEVICE_LOST' });
  });

  it('makes the VM of the very file that a descriptor stands for', async () => {
    const result = await run('python3', ['-c', SWAPPED, served.mount]);
    expect(result.output.trim().split('\n')).toEqual(['[22, 22, 22, 0, 16, 0]', '5']);
    expect(served.output).not.toContain('the system does not tell');
  });

  it('binds one file of a process, as long as that is open', async () => {
    using first = open();
    using queue = first.createQueue();
    {
      using second = open();
      const message = expect.stringMatching(/bound another file .* open the device once in a process$/) as string;
      expect(() => second.createQueue()).toThrow(expect.objectContaining({ code: 'ERR_SVM_NOT_AVAILABLE', message }));
    }
    using without = open({ kfd: 'none' });
    expect(() => without.createQueue()).toThrow(/it was opened with kfd: "none"$/);
    using memory = first.memory.map(4096);
    await queue.fill(memory.address, 5, 4096);
    expect(memory.bytes[4092]).toBe(5);
  });

  it('gives GPU work to a device on the same file, which lives on when the first is closed', async () => {
    const device = open();
    using adopted = SvmDevice.adopt(device.fd!, { kfd: `${served.mount}/kfd`, topology: `${served.mount}.topology` });
    using queue = adopted.createQueue();
    using memory = adopted.memory.map(8192);
    await queue.fill(memory.address, 7, 8192);
    device.close();
    await queue.fill(memory.address, 9, 4096);
    expect([memory.bytes[0], memory.bytes[4096]]).toEqual([9, 7]);
  });
});
