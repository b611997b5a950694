/** KFDSVMRangeTest: one buffer that several GPUs take turns with. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { GPU, register, words } from '../../../lib/conformance/cases/kfdtest/node.ts';

export const multiGpuGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,multi-gpu',
  'kfdtest: ranges that several GPUs share',
);

multiGpuGroup
  .case(
    'MultiGPUMigrationTest-invalidated',
    'a CPU event takes the pages from every GPU, and each comes back to the new ones',
  )
  .source('kfdtest KFDSVMRangeTest.MultiGPUMigrationTest, extended')
  .parameters(parameters().combine('event', ['discard', 'protect']))
  .needs('two-gpus', 'gpu-work', 'introspection')
  .needs('retry-faults')
  .run(async (t, { event }) => {
    t.setup({ gpus: 2 });
    const memory = t.map(pages(16));
    for (const device of t.devices) register(t, memory.range(), device, { location: GPU });
    for (const device of [0, 1]) t.equal(t.ptes(memory.range(), { device }), 'rw*16', `PTEs of GPU ${device}`);
    if (event === 'discard') memory.discard();
    else memory.protect('r');
    for (const device of [0, 1])
      t.equal(t.ptes(memory.range(), { device }), '-*16', `PTEs of GPU ${device} after the event`);
    if (event === 'protect') memory.protect('rw');
    for (const [index, device] of t.devices.entries()) {
      memory.write(0, words(index + 7));
      t.equal(await t.queue(device).read(memory.address, 4), words(index + 7), `what GPU ${index} reads`);
      await t.queue(device).write(memory.at(4), words(index + 9));
      t.equal(memory.read(4, 4), words(index + 9), `what GPU ${index} wrote`);
    }
  });
