/** What the driver answers to a fault, as GPU work sees it: served, or refused and the access killed. One that is repeated forever is not asked for. */
import { CaseGroup } from '../../framework/case.ts';
import { parameters } from '../../framework/parameters.ts';
import { gpuFault } from '../../support/gpu-fault.ts';
import { allocate, gpuLoad, gpuStore, load, MEMORY, memoryNeeds, store } from '../../support/memory.ts';
import { CHUNK_2M, CHUNK_64K, PAGE } from '../../support/units.ts';

export const answersGroup = new CaseGroup('faults,answers', 'Which faults of GPU work are served (05-faults)');

const [OLD, NEW] = [0x0bad_cafe, 0x600d_f00d];

answersGroup
  .case(
    'permission',
    'the permission of the mapping decides: a fault is served or refused, and a refused one changes nothing',
  )
  .source('spec/05-faults §5.1, §5.2')
  .parameters(
    parameters()
      .combine('protection', ['rw', 'r', '-'])
      .combine('gpuReadOnly', [false, true])
      .combine('write', [false, true])
      .combine('before', ['untouched', 'on-cpu', 'on-gpu'])
      // Written by a GPU that may only read: repeated forever.
      .where(({ protection, gpuReadOnly, write }) => !(protection === 'rw' && gpuReadOnly && write)),
  )
  .needs('gpu-work', 'retry-faults', 'gpu-fault')
  .run(async (t, { protection, gpuReadOnly, write, before }) => {
    const memory = t.map(CHUNK_2M);
    const word = before === 'untouched' ? 0 : OLD;
    if (gpuReadOnly) t.set(memory, { gpuReadOnly });
    if (before !== 'untouched') store(memory, PAGE, OLD);
    if (before === 'on-gpu') t.equal(await gpuLoad(t, memory.at(PAGE)), OLD, 'what the GPU reads before');
    if (protection !== 'rw') memory.protect(protection);
    const isRefused = protection === '-' || (write && protection === 'r');
    t.equal(
      await gpuFault(t, memory.at(PAGE), write ? NEW : undefined),
      isRefused ? 'refused' : write ? NEW : word,
      'what became of the access',
    );
    memory.protect('rw');
    t.equal(load(memory, PAGE), write && !isRefused ? NEW : word, 'what the CPU reads');
    // The file answers as before, whatever became of the queues.
    t.has(memory, { gpuReadOnly }, 'the attributes');
  });

answersGroup
  .case('neighbours', 'memory of others is read and written up to the page that may not be touched')
  .source('spec/05-faults §5.1; spec/03-gpu-ranges §A.7')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('protection', ['r', '-'])
      .combine('write', [false, true])
      // The word of a page that is read-only is read.
      .where(({ protection, write }) => protection === '-' || write),
  )
  .needs('gpu-work', 'retry-faults', 'gpu-fault')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, protection, write }) => {
    // Of three pieces, each a range of its own, the middle one may not be touched.
    const mapping = allocate(t, memory, 3 * CHUNK_64K);
    for (let piece = 0; piece < 3; piece++) store(mapping, piece * CHUNK_64K, OLD + piece);
    mapping.protect(protection, CHUNK_64K, CHUNK_64K);
    for (const piece of [0, 2]) {
      t.equal(await gpuLoad(t, mapping.at(piece * CHUNK_64K)), OLD + piece, `what the GPU reads of piece ${piece}`);
      await gpuStore(t, mapping.at(piece * CHUNK_64K), NEW + piece);
    }
    t.equal(await gpuFault(t, mapping.at(CHUNK_64K), write ? NEW : undefined), 'refused', 'the access to piece 1');
    mapping.protect('rw');
    t.equal(
      [0, 1, 2].map((piece) => load(mapping, piece * CHUNK_64K)),
      [NEW, OLD + 1, NEW + 2],
      'what the CPU reads',
    );
  });
