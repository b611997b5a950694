/** The flags of a PTE: memory type by GPU and attributes, permissions by attributes and VMA. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  effects,
  EXECUTABLE,
  keptPteFlags,
  memoryTypeOf,
  MI300,
  NEEDS_EFFECTS,
  NEEDS_FAULTS,
  plainPte,
  PTE,
  pteAt,
  rangeWords,
  region,
  WRITEABLE,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';
import { SvmAttributeType } from '../../../lib/uapi/constants.ts';

export const pteFlagsGroup = new CaseGroup(
  'ranges,pte-flags',
  'The flags of PTEs of system memory and of VRAM (spec/03-gpu-ranges §B.2, spec/trace-format-v8 §9)',
);

const OTHER_GPUS = ['9.0.1', '9.2.1', '9.3.0', '9.4.0', '9.4.1', '9.4.2'] as const;
pteFlagsGroup
  .case('memory-type', 'the memory type follows the coherence attributes as on the GPU at hand')
  .source('spec/03-gpu-ranges §B.2, memory type')
  .parameters(
    parameters()
      .combine('gc', [...OTHER_GPUS, ...MI300])
      .combine('apu', [false, true])
      .combine('nodes', [1, 2])
      .combine('mtypeLocal', [0, 1, 2, 3])
      .combine('coherent', [false, true])
      .combine('extCoherent', [false, true])
      // What has no influence is varied a little only.
      .where(({ gc, apu, nodes, mtypeLocal }) =>
        (MI300 as readonly string[]).includes(gc) && apu && nodes === 1
          ? true
          : (MI300 as readonly string[]).includes(gc) && apu
            ? mtypeLocal === 2
            : !apu && nodes === 1 && mtypeLocal === ((MI300 as readonly string[]).includes(gc) ? 2 : 0),
      ),
  )
  .needs(...NEEDS_FAULTS, 'configuration')
  .run((t, { gc, apu, nodes, mtypeLocal, coherent, extCoherent }) => {
    t.setup({ machine: { gc, apu, numaNodes: nodes, mtypeLocal, noretry: false } });
    const memory = t.map(PAGE);
    t.set(memory, { coherent: Number(coherent), extCoherent: Number(extCoherent) });
    t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(pteAt(t, memory.address), PTE[memoryTypeOf(gc, apu, nodes, mtypeLocal, coherent, extCoherent)], 'PTE');
    t.equal(
      t.state().ranges.map(({ pteFlags }) => pteFlags),
      [keptPteFlags(t, pteAt(t, memory.address))],
      'PTE flags of the range',
    );
  });

pteFlagsGroup
  .case('default-record', 'memory without attributes is coherent')
  .source('spec/03-gpu-ranges §B.2')
  .parameters(
    parameters().combine('asic', ['gfx90a', 'gfx942', 'gfx942-apu', 'gfx950', 'gfx906-xnack', 'gfx908-xnack']),
  )
  .needs(...NEEDS_FAULTS, 'configuration')
  .run((t, { asic }) => {
    t.setup({ machine: { asic } });
    const memory = t.map(PAGE);
    t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(pteAt(t, memory.address), PTE[asic === 'gfx942-apu' ? 'RW' : asic === 'gfx950' ? 'NC' : 'UC'], 'PTE');
  });

pteFlagsGroup
  .case(
    'assembly',
    'valid, system, snooped and readable always; executable by GPU_EXEC; writeable unless GPU_RO or a read-only VMA',
  )
  .source('spec/03-gpu-ranges §B.2, assembly; §B.3')
  .parameters(
    parameters()
      .combine('by', ['fault', 'prefetch'])
      .combine('gpuReadOnly', [0, 1])
      .combine('gpuExecutable', [0, 1])
      .combine('protection', ['r', 'rw', 'rx', 'rwx']),
  )
  .needs(...NEEDS_FAULTS)
  .run((t, { by, gpuReadOnly, gpuExecutable, protection }) => {
    const memory = t.map(CHUNK_2M, { protection });
    t.set(memory, [
      { gpuReadOnly },
      { gpuExecutable },
      ...(by === 'prefetch' ? [[SvmAttributeType.prefetchLocation, 1] as const] : []),
    ]);
    if (by === 'fault') t.equal(t.fault(memory.address), 0, 'fault');
    const writeable = gpuReadOnly === 0 && protection.includes('w');
    // Whether the CPU may execute has no influence.
    const flags = (plainPte(t) & ~WRITEABLE) | (writeable ? WRITEABLE : 0n) | (gpuExecutable === 1 ? EXECUTABLE : 0n);
    t.equal([pteAt(t, memory.address), pteAt(t, memory.at(CHUNK_2M - PAGE))], [flags, flags], 'first and last PTE');
  });

pteFlagsGroup
  .case(
    'inert-flags',
    'HOST_ACCESS, HIVE_LOCAL and READ_MOSTLY are in no PTE, but the range counts as not valid (from V5 on it is cleared) and the next fault writes it again',
  )
  .source('spec/03-gpu-ranges §B.9; quirk Q19; spec/revisions §4')
  .parameters(
    parameters()
      .combine('attribute', ['hostAccess', 'hiveLocal', 'gpuReadMostly', 'coherent'])
      .combine('write', [false, true]),
  )
  .needs(...NEEDS_EFFECTS)
  .run((t, { attribute, write }) => {
    const memory = region(t);
    t.set(memory, { access: 'in-place' });
    t.equal(t.fault(memory.address, { write }), 0, 'first fault');
    t.advance();
    t.equal(
      effects(t, memory, () => t.fault(memory.address, { write })),
      [],
      'effects of a fault on a valid range',
    );
    const flags = t.state().ranges[0]!.attributeFlags;
    const [value] = t.get(memory, [attribute]);
    t.equal(
      effects(t, memory, () => t.set(memory, { [attribute]: 1 - value! })),
      t.can('changes-invalidate') ? ['zap 0+512', 'tlb'] : [],
      'effects of the SET',
    );
    t.equal(
      effects(t, memory, () => t.fault(memory.address, { write })),
      ['pte 0+512'],
      'effects of a fault after it',
    );
    // COHERENT has an influence on some GPUs.
    t.equal(pteAt(t, memory.address), plainPte(t, { coherent: attribute !== 'coherent' }), 'PTE');
    t.equal(
      t.state().ranges[0]!.attributeFlags,
      flags ^ (1 << (SvmAttributeType[attribute] - 4)),
      'record flags of the range',
    );
    t.advance();
    t.equal(
      effects(t, memory, () => t.fault(memory.address, { write })),
      [],
      'effects of one more fault',
    );
  });

pteFlagsGroup
  .case(
    'inert-values',
    'ACCESS, GRANULARITY and PREFERRED_LOC do not make a range invalid; from V5 on GRANULARITY alone',
  )
  .source('spec/03-gpu-ranges §B.9; quirk Q19; spec/revisions §4')
  .parameters(parameters().combine('attribute', ['access', 'granularity', 'preferredLocation']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { attribute }) => {
    const memory = region(t);
    t.set(memory, { access: 'in-place' });
    t.equal(t.fault(memory.address), 0, 'first fault');
    t.advance();
    t.set(memory, { [attribute]: 0 });
    t.has(memory, { [attribute]: 0 }, 'the attribute');
    t.equal(
      effects(t, memory, () => t.fault(memory.address)),
      // What was cleared keeps its pages: only the PTEs come again.
      t.can('changes-invalidate') && attribute !== 'granularity' ? ['pte 0+512'] : [],
      'effects of a fault after the SET',
    );
    t.equal(rangeWords(t, memory), ['0+512 mapped dma'], 'ranges');
  });

pteFlagsGroup
  .case('changed-flags', 'the next fault on a range whose attributes changed writes PTEs with the new flags')
  .source('spec/03-gpu-ranges §B.2, §B.9; spec/revisions §4')
  .parameters(parameters().combine('attribute', ['gpuReadOnly', 'gpuExecutable']).combine('from', [0, 1]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { attribute, from }) => {
    const memory = region(t);
    const bit = attribute === 'gpuReadOnly' ? WRITEABLE : EXECUTABLE;
    const plain = plainPte(t);
    const flags = (value: number): bigint =>
      attribute === 'gpuReadOnly' ? (value === 1 ? plain & ~bit : plain) : value === 1 ? plain | bit : plain;
    // Without a value of its own the record would be the default one.
    t.set(memory, [{ access: 'in-place' }, { [attribute]: from }]);
    t.equal(t.fault(memory.address), 0, 'first fault');
    t.equal(pteAt(t, memory.address), flags(from), 'PTE');
    t.advance();
    t.set(memory, { [attribute]: 1 - from });
    t.equal(pteAt(t, memory.address), t.can('changes-invalidate') ? 0n : flags(from), 'PTE after the SET');
    t.equal(
      effects(t, memory, () => t.fault(memory.at(PAGE))),
      ['pte 0+512'],
      'effects of the next fault',
    );
    t.equal(
      [pteAt(t, memory.address), pteAt(t, memory.at(CHUNK_2M - PAGE))],
      [flags(1 - from), flags(1 - from)],
      'PTEs',
    );
  });

/** Memory type of the GPU's own VRAM by GPU and coherence attributes (spec/trace-format-v8 §9). */
function vramType(gc: string, mtypeLocal: number, coherent: boolean, ext: boolean): keyof typeof PTE {
  if (gc === '9.4.1' || gc === '9.4.2') return coherent || ext ? 'CC' : 'RW';
  if (!(MI300 as readonly string[]).includes(gc)) return coherent || ext ? 'UC' : 'NC';
  return ext ? 'CC' : (['RW', 'NC', 'CC'] as const)[mtypeLocal]!;
}

const SYSTEM = 0x2n;
const SNOOPED = 0x4n;

pteFlagsGroup
  .case(
    'by-location',
    "memory that a fault moves to VRAM has a PTE of the GPU's own memory (v8); before, a device location moves nothing",
  )
  .source('spec/trace-format-v8 §9; spec/revisions §4; spec/migration §2')
  .parameters(
    parameters()
      .combine('gc', ['9.0.1', '9.4.1', '9.4.2', '9.4.3', '9.4.4', '9.5.0'])
      .combine('mtypeLocal', [0, 1, 2])
      .combine('coherent', [false, true])
      .combine('extCoherent', [false, true])
      .combine('xgmi', [false, true])
      // What has no influence is varied a little only.
      .where(({ gc, mtypeLocal, coherent, xgmi }) =>
        (MI300 as readonly string[]).includes(gc) ? coherent && !xgmi : mtypeLocal === 0 && (!xgmi || gc === '9.4.2'),
      ),
  )
  .needs(...NEEDS_FAULTS, 'configuration')
  .run((t, { gc, mtypeLocal, coherent, extCoherent, xgmi }) => {
    const vram = { vram: 16 << 20, coherentVram: xgmi };
    const usesVram = t.perRevision({ v4: false, v7: false, 'v7-xnack-off': false, v8: true });
    t.setup({ machine: { gc, apu: false, numaNodes: 1, mtypeLocal, noretry: false, ...(usesVram ? vram : {}) } });
    const memory = region(t, CHUNK_2M, { kind: 'anon' });
    t.set(memory, { coherent: Number(coherent), extCoherent: Number(extCoherent), preferredLocation: 'device' });
    t.equal(t.fault(memory.address, { write: true }), 0, 'fault');
    const system = PTE[memoryTypeOf(gc, false, 1, mtypeLocal, coherent, extCoherent)];
    // CPU-connected VRAM of MI200 and all of MI300 is snooped.
    const snooped = (MI300 as readonly string[]).includes(gc) || xgmi;
    const own = PTE[vramType(gc, mtypeLocal, coherent, extCoherent)] & ~SYSTEM & (snooped ? -1n : ~SNOOPED);
    t.equal(pteAt(t, memory.address), usesVram ? own : system, 'PTE');
    t.equal(pteAt(t, memory.at(CHUNK_2M - PAGE)), usesVram ? own : system, 'PTE of the last page');
    // A CPU access brings it home, unless the CPU reaches it where it is.
    memory.write(0, new Uint8Array([1]));
    t.equal(pteAt(t, memory.address), usesVram ? (xgmi ? own : 0n) : system, 'PTE after a CPU access');
  });

pteFlagsGroup
  .case('vram-permissions', 'GPU_RO and GPU_EXEC are in PTEs of VRAM as in those of system memory')
  .source('spec/trace-format-v8 §9')
  .parameters(
    parameters().combine('gpuReadOnly', [0, 1]).combine('gpuExecutable', [0, 1]).combine('by', ['fault', 'prefetch']),
  )
  .needs(...NEEDS_FAULTS, 'configuration')
  .run((t, { gpuReadOnly, gpuExecutable, by }) => {
    const usesVram = t.perRevision({ v4: false, v7: false, 'v7-xnack-off': false, v8: true });
    t.setup({ machine: { gc: '9.4.2', ...(usesVram ? { vram: 16 << 20 } : {}) } });
    const memory = region(t, CHUNK_2M, { kind: 'anon' });
    t.set(memory, {
      gpuReadOnly,
      gpuExecutable,
      ...(by === 'fault' ? { preferredLocation: 'device' } : { prefetchLocation: 'device' }),
    });
    if (by === 'fault') t.equal(t.fault(memory.address), 0, 'fault');
    const place = usesVram ? PTE.CC & ~SYSTEM & ~SNOOPED : PTE.UC;
    const flags = (gpuReadOnly === 1 ? place & ~WRITEABLE : place) | (gpuExecutable === 1 ? EXECUTABLE : 0n);
    t.equal([pteAt(t, memory.address), pteAt(t, memory.at(CHUNK_2M - PAGE))], [flags, flags], 'first and last PTE');
  });

pteFlagsGroup
  .case(
    'peer-vram',
    'in one hive the pages of another GPU cannot be mapped: the fault is answered 0, and nothing changes (v8)',
  )
  .source('spec/migration §7; spec/trace-format-v8 §3')
  .parameters(
    parameters().combine('gc', ['9.4.2', '9.4.3']).combine('coherent', [false, true]).combine('write', [false, true]),
  )
  .needs(...NEEDS_FAULTS, 'configuration', 'two-gpus')
  .run((t, { gc, coherent, write }) => {
    const usesVram = t.perRevision({ v4: false, v7: false, 'v7-xnack-off': false, v8: true });
    t.setup({
      gpus: 2,
      machine: {
        gc,
        apu: false,
        numaNodes: 1,
        ...(usesVram ? { vram: 16 << 20, coherentVram: coherent, links: 'hive' } : {}),
      },
    });
    const memory = region(t, CHUNK_2M, { kind: 'anon' });
    t.set(memory, { preferredLocation: 'device' });
    t.equal(t.fault(memory.address), 0, 'fault of the GPU that prefers its VRAM');
    const own = pteAt(t, memory.address);
    t.equal(t.fault(memory.address, { device: 1, write }), 0, 'fault of the other');
    const system = PTE[memoryTypeOf(gc, false, 1, 0, true, false)];
    t.equal(pteAt(t, memory.address, 1), usesVram ? 0n : system, 'PTE of the other');
    t.equal(pteAt(t, memory.address), own, 'PTE of the GPU that has the pages');
  });
