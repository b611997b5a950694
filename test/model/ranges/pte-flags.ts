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
  'The flags of the PTEs of system memory (spec/03-gpu-ranges §B.2)',
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
