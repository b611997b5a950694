/** hipStreamAttachMemAsync.cc and stream/hipStreamAttachMemAsync.cc */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { HipDeviceAttribute } from '../../../lib/hip/index.ts';
import { eachHip, hipOn, INVALID_VALUE, PAGE } from '../../../lib/conformance/cases/hip/runtime.ts';

export const attachGroup = new CaseGroup(
  'hip,hipStreamAttachMemAsync',
  'HIP: attaching memory to a stream, which means nothing on AMD but is checked',
);

const SOURCE = 'HIP catch hipStreamAttachMemAsync.cc';

attachGroup
  .case(
    'Unit_hipStreamAttachMemAsync_Negative_Parameters-not-pageable',
    'memory that the runtime does not know, where GPUs do not reach it: neither attached nor prefetched',
  )
  .source(`${SOURCE} Negative_Parameters, section pageable not supported`)
  .parameters(eachHip([1]))
  .needs('configuration')
  .run(async (t, point) => {
    t.setup({ machine: { sriovXnack: false } });
    const { runtime } = hipOn(t, point);
    t.equal(runtime.deviceGetAttribute(HipDeviceAttribute.pageableMemoryAccess, 0), 0, 'PageableMemoryAccess');
    const { address } = t.map(PAGE);
    await t.throws(
      () => runtime.streamAttachMemAsync(runtime.streamCreate(), address, PAGE),
      INVALID_VALUE,
      'the attach',
    );
    await t.throws(() => runtime.memPrefetchAsync(address, PAGE, 0), 'hipErrorNotSupported', 'a prefetch to the GPU');
  });
