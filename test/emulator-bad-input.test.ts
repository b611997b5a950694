/** Bad input of the public API of the emulator: each error names the field and what is allowed, and nothing is left behind. */
import { describe, expect, it } from 'vitest';
import { thrown } from './support/devices.ts';
import { EmulatedMachine, EmulatedSyscallError, GPU_CATALOGUE } from '../emulator/index.ts';
import type { MachineOptions } from '../emulator/index.ts';
import { at, BLOCK, Rig, V } from './support/emulator-rig.ts';

/** What the call throws. */
const ADDRESS = at(V);
const bad = (value: unknown): never => value as never;

describe('options of a machine', () => {
  const table: readonly (readonly [field: string, options: unknown, allowed: RegExp])[] = [
    ['options', 5, /expected an object/],
    ['options', null, /expected an object/],
    ['options.gpu', { gpu: 2 }, /unknown option; known: asic, gpus/],
    ['asic', { asic: 'gfx9999' }, /known: gfx900/],
    ['asic', { asic: 5 }, /known: gfx900/],
    ['asic', { asic: ['gfx942'] }, /^asic: expected a model, or a name of the catalogue .*, got a list$/],
    ['asic.gc', { asic: {} }, /^asic.gc: expected .*, got undefined$/],
    ['asic.vaBits', { asic: { ...GPU_CATALOGUE.gfx942, vaBits: '48' } }, /^asic.vaBits: expected a number, got "48"$/],
    [
      'asic.gc.major',
      { asic: { ...GPU_CATALOGUE.gfx942, gc: { major: 256, minor: 0, revision: 0 } } },
      /0 to 255, got 256$/,
    ],
    ['asic.apu', { asic: { ...GPU_CATALOGUE.gfx942, apu: 1 } }, /^asic.apu: expected true or false, got 1$/],
    ['gpus', { gpus: 0 }, /expected 1 to 8/],
    ['gpus', { gpus: 9 }, /expected 1 to 8/],
    ['gpus', { gpus: '2' }, /expected a number/],
    ['gpus', { gpus: 1.5 }, /expected a whole number/],
    ['vaBits', { vaBits: 35 }, /expected 36 to 56/],
    ['vaBits', { vaBits: 57 }, /expected 36 to 56/],
    ['gc', { gc: '9.4' }, /expected a GC IP version like "9\.4\.3"/],
    ['gc', { gc: 9 }, /expected a GC IP version like "9\.4\.3"/],
    ['profile', { profile: 'v9' }, /v4/],
    ['defaultGranularity', { defaultGranularity: -1 }, /expected a whole number/],
    ['numaNodes', { numaNodes: Number.NaN }, /expected a whole number/],
    ['mtypeLocal', { mtypeLocal: 1n }, /expected a number/],
    ...(['apu', 'noretry', 'retryCam', 'ih1', 'sriovXnack', 'svmConfigured', 'thp', 'vmaMerge'] as const).map(
      (name) => [name, { [name]: 1 }, /expected true or false/] as const,
    ),
  ];
  for (const [field, options, allowed] of table) {
    it(`${JSON.stringify(options, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))}: the error names ${field}`, () => {
      const error = thrown(() => new EmulatedMachine(options as MachineOptions));
      expect(error.message.startsWith(field)).toBe(true);
      expect(error.message).toMatch(allowed);
      expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
      expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_SVM_/) as string });
    });
  }
});

describe('calls of the process', () => {
  const table: readonly (readonly [field: string, call: (rig: Rig) => unknown, allowed: RegExp])[] = [
    ['size', ({ machine }) => machine.process.mmap({ size: bad('4096') }), /expected a number or a bigint/],
    ['size', ({ machine }) => machine.process.mmap({ size: 0 }), /expected from 1 to/],
    ['size', ({ machine }) => machine.process.mmap({ size: -4096 }), /expected from 1 to/],
    ['size', ({ machine }) => machine.process.mmap({ size: 1.5 }), /expected a whole number/],
    ['address', ({ machine }) => machine.process.mmap({ size: 4096, address: bad(4096) }), /expected a bigint/],
    ['address', ({ machine }) => machine.process.mmap({ size: 4096, address: -1n }), /expected an address from 0n/],
    [
      'protection',
      ({ machine }) => machine.process.mmap({ size: 4096, protection: 'rwq' }),
      /expected letters of 'rwx' or '-'/,
    ],
    [
      'protection',
      ({ machine }) => machine.process.mmap({ size: 4096, protection: bad(3) }),
      /expected letters of 'rwx' or '-'/,
    ],
    ['kind', ({ machine }) => machine.process.mmap({ size: 4096, kind: bad('swap') }), /expected one of anon, file/],
    [
      'bytes',
      ({ machine }) => machine.process.mmap({ size: 4096, bytes: new Uint8Array(1) }),
      /expected (4096 bytes|a typed array or a DataView), got/,
    ],
    [
      'bytes',
      ({ machine }) => machine.process.mmap({ size: 4096, bytes: bad('x') }),
      /expected (4096 bytes|a typed array or a DataView), got/,
    ],
    ['address', ({ machine }) => machine.process.munmap(bad(5), 4096), /expected a bigint/],
    ['size', ({ machine }) => machine.process.munmap(ADDRESS, bad(null)), /expected a number or a bigint/],
    ['protection', ({ machine }) => machine.process.mprotect(ADDRESS, 4096, ''), /expected letters of 'rwx' or '-'/],
    ['address', ({ machine }) => machine.process.discard(1n << 64n, 4096), /expected an address from 0n to 2\^64 - 1/],
    ['write', ({ machine }) => machine.process.touch(ADDRESS, 4096, bad(undefined)), /expected true or false/],
    ['address', ({ machine }) => machine.process.read(bad('0x1000'), 4), /expected a bigint/],
    ['size', ({ machine }) => machine.process.read(ADDRESS, -1), /expected from 1 to/],
    ['address', ({ machine }) => machine.process.write(bad(0), new Uint8Array(1)), /expected a bigint/],
    ['data', ({ machine }) => machine.process.write(ADDRESS, bad([1, 2])), /expected a typed array or a DataView/],
    ['address', ({ device }) => device.fault({ address: bad(5), write: false }), /expected a bigint/],
    ['write', ({ device }) => device.fault({ address: ADDRESS, write: bad('yes') }), /expected true or false/],
    ['pasid', ({ device }) => device.fault({ address: ADDRESS, write: false, pasid: bad('1') }), /expected a number/],
    [
      'timestamp',
      ({ device }) => device.fault({ address: ADDRESS, write: false, timestamp: bad(1n) }),
      /expected a number/,
    ],
    ['address', ({ device }) => device.access({ address: bad(undefined), size: 1, write: false }), /expected a bigint/],
    [
      'size',
      ({ device }) => device.access({ address: ADDRESS, size: bad({}), write: false }),
      /expected a number or a bigint/,
    ],
    ['write', ({ device }) => device.access({ address: ADDRESS, size: 1, write: bad(0) }), /expected true or false/],
    [
      'timestamp',
      ({ device }) => device.access({ address: ADDRESS, size: 1, write: false, timestamp: bad('now') }),
      /expected a number/,
    ],
    ['compute', ({ device }) => device.open({ compute: bad(1) }), /expected true or false/],
    ['ring', ({ device }) => device.setInterruptRing(bad('ih2'), true, 1), /expected one of ih1, soft/],
    ['timestamp', ({ device }) => device.setInterruptRing('soft', true, -1), /expected a whole number/],
    ['pending', ({ device }) => device.setInterruptRing('soft', bad(1), 1), /expected true or false/],
    ['bytes', ({ device }) => device.takeVram(bad('1 MiB')), /expected/],
    ['bytes', ({ device }) => device.takeVram(-1n), /expected/],
    ['offset', ({ device }) => device.freeVram(-1), /expected a whole number/],
    ['nanoseconds', ({ machine }) => machine.clock.advance(-1), /expected a whole number/],
    ['event', ({ machine }) => machine.on(bad('faults'), () => {}), /known: .*notifier-inserted/],
    ['listener', ({ machine }) => machine.on('fault', bad(5)), /expected a function/],
    ['point', ({ machine }) => machine.at(bad('anywhere'), () => {}), /expected one of vma-checked/],
    ['callback', ({ machine }) => machine.at('hmm', bad('x')), /expected a function/],
    ['pass', ({ machine }) => machine.at('hmm', () => {}, { pass: -1 }), /expected a whole number/],
    ['pass', ({ machine }) => machine.at('hmm', () => {}, { pass: 0 }), /expected a whole number/],
  ];
  for (const [field, call, allowed] of table) {
    it(`${call
      .toString()
      .replace(/\s+/g, ' ')
      .replace(/^.*?=> /, '')}: the error names ${field}`, () => {
      const rig = new Rig();
      rig.region();
      const before = rig.snapshot();
      const error = thrown(() => call(rig));
      expect(error.message.startsWith(`${field}: `)).toBe(true);
      expect(error.message).toMatch(allowed);
      expect([rig.snapshot(), rig.heldLocks()]).toEqual([before, []]);
      expect(rig.reach(V)).toBe('faulted');
    });
  }
});

describe('calls that the emulated system refuses', () => {
  for (const [code, syscall, call] of [
    ['EEXIST', 'mmap', ({ machine }: Rig) => machine.process.mmap({ address: ADDRESS, size: 4096 })],
    ['EINVAL', 'mmap', ({ machine }: Rig) => machine.process.mmap({ address: 1n, size: 4096 })],
    ['EPERM', 'mmap', ({ machine }: Rig) => machine.process.mmap({ address: 0n, size: 4096 })],
    ['EINVAL', 'munmap', ({ machine }: Rig) => machine.process.munmap(ADDRESS + 1n, 4096)],
    ['ENOMEM', 'mprotect', ({ machine }: Rig) => machine.process.mprotect(0x1000n, 4096, 'r')],
    ['ENOMEM', 'madvise', ({ machine }: Rig) => machine.process.discard(0x1000n, 4096)],
    ['EFAULT', 'touch', ({ machine }: Rig) => machine.process.touch(0x1000n, 1, false)],
  ] as const) {
    it(`throw ${code} of ${syscall}`, () => {
      const rig = new Rig();
      rig.region();
      const error = thrown(() => call(rig));
      expect(error).toBeInstanceOf(EmulatedSyscallError);
      expect(error).toMatchObject({ code, syscall, name: 'EmulatedSyscallError' });
      expect(rig.machine.process.touch(ADDRESS, BLOCK * 4096, true).pages).toBe(BLOCK);
    });
  }
});
