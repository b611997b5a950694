/** hipMemDiscardBatchAsync.cc on a GPU that reaches managed memory only. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { eachHip, hipOn, INVALID_VALUE, PAGE } from '../../../lib/conformance/cases/hip/runtime.ts';
import { HipDeviceAttribute, HipStatus } from '../../../lib/hip/index.ts';

export const discardGroup = new CaseGroup('hip,hipMemDiscardBatchAsync', 'HIP: memory whose contents are given up');

const SOURCE = 'HIP catch hipMemDiscardBatchAsync.cc';

for (const [name, call] of [
  ['NegativeTests', 'memDiscardBatchAsync'],
  ['NegativeTests_DrvApi', 'drvMemDiscardBatchAsync'],
] as const) {
  discardGroup
    .case(
      `Unit_hipMemDiscardBatchAsync_${name}-not-pageable`,
      'memory that is not managed is refused where GPUs do not reach it',
    )
    .source(`${SOURCE} ${name}: the original takes success as well`)
    .parameters(eachHip([1]).combine('memory', ['hipMalloc', 'hipHostMalloc', 'mmap']))
    .needs('configuration')
    .needsAt(({ memory }) => (memory === 'hipMalloc' ? ['special-mapping'] : []))
    .run(async (t, point) => {
      t.setup({ machine: { sriovXnack: false } });
      const hip = hipOn(t, point);
      const { runtime } = hip;
      const pointer = {
        hipMalloc: () => runtime.malloc(PAGE),
        hipHostMalloc: () => runtime.hostMalloc(PAGE),
        mmap: () => t.map(PAGE).address,
      }[point.memory]();
      t.equal(runtime.deviceGetAttribute(HipDeviceAttribute.pageableMemoryAccess, 0), 0, 'PageableMemoryAccess');
      const stream = runtime.streamCreate();
      await t.throws(() => runtime[call]([pointer], [PAGE], 1, 0, stream), INVALID_VALUE, 'the discard');
      t.equal(runtime.streamQuery(stream), HipStatus.success, 'the stream afterwards');
    });
}
