/** KFDSVMRangeTest: one buffer that several GPUs take turns with. */
import type { SvmDevice } from '../../../device/index.ts';
import { defaultOf } from '../../support/attributes.ts';
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import {
  ACCESS,
  ALLOW_MIGRATE,
  firstWrong,
  GPU,
  GPU_RO,
  IN_PLACE,
  INACCESSIBLE,
  longsOf,
  PREFERRED,
  PREFETCH,
  register,
  SYSTEM,
  UNDEFINED,
} from './node.ts';

export const multiGpuGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,multi-gpu',
  'kfdtest: ranges that several GPUs share',
);

const SIZE = 1 << 20;
const STEP = 512;

/** The position of the first 512th u64 that is not its own index plus `add`; -1 if none. */
function firstOff(bytes: Uint8Array, add: number): number {
  return firstWrong(bytes, (index) => index / 2 + add, 2 * STEP);
}

async function share(t: CaseContext, access: number): Promise<void> {
  t.setup({ gpus: 2 });
  const [memory, data] = [t.map(SIZE), t.map(SIZE)];
  for (const range of [memory, data]) register(t, range.range(), t.device);
  const eachRange = (action: (device: SvmDevice, range: { address: bigint; size: number }) => void): void => {
    for (const device of t.devices) for (const range of [memory, data]) action(device, range.range());
  };
  eachRange((device, range) => {
    t.set(range, { access }, device);
    t.set(range, { prefetchLocation: 'device' }, device);
  });
  eachRange((device, range) =>
    t.has(range, { access, prefetchLocation: 'device' }, 'access and prefetch location', device),
  );
  for (const [index, device] of t.devices.entries()) {
    // The original writes once, so that the second GPU could do nothing unseen.
    memory.write(0, longsOf(SIZE / 8, index));
    await t.queue(device).copy(data.address, memory.address, SIZE);
    t.equal(firstOff(data.read(0, SIZE), index), -1, `first word that GPU ${index} did not copy`);
  }
}

for (const [name, access] of [
  ['MultiGPUMigrationTest', ALLOW_MIGRATE],
  ['MultiGPUAccessInPlaceTest', IN_PLACE],
] as const) {
  multiGpuGroup
    .case(name, 'a buffer that was prefetched to each GPU in turn is read and written by each of them (1 MiB)')
    .source(`kfdtest KFDSVMRangeTest.${name}`)
    .parameters(parameters().combine('xnack', ['on', 'off']))
    .needs('two-gpus', 'gpu-work')
    .needsAt(({ xnack }) => [xnack === 'off' ? 'xnack-off' : 'retry-faults'])
    .run((t) => share(t, access));
}

multiGpuGroup
  .case(
    'MultiGPUMigrationTest-attributes',
    'each GPU has attributes of its own: what is set on one is not set on the other',
  )
  .source('kfdtest KFDSVMRangeTest.MultiGPUMigrationTest, extended')
  .parameters(
    parameters()
      .combine('setter', [0, 1])
      .combine('access', [INACCESSIBLE, IN_PLACE])
      .combine('location', [SYSTEM, GPU]),
  )
  .needs('two-gpus')
  .run((t, { setter, access, location }) => {
    t.setup({ gpus: 2 });
    const memory = t.map(pages(16));
    const types = [PREFERRED, PREFETCH, ACCESS, GPU_RO];
    t.set(
      memory.range(),
      { preferredLocation: location, prefetchLocation: location, access, gpuReadOnly: true },
      t.devices[setter],
    );
    t.equal(
      t.get(memory.range(), types, t.devices[setter]),
      [location, location, access, 1],
      'attributes on the GPU that was told',
    );
    t.equal(
      t.get(memory.range(), types, t.devices[1 - setter]),
      [UNDEFINED, UNDEFINED, defaultOf(t, 'access'), 0],
      'attributes on the other',
    );
  });
