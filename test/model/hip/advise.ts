/** hipMemAdvise.cc */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { Advise, eachPlace, hipFeatures, openHip, PAGE } from '../../../lib/conformance/cases/hip/runtime.ts';

export const adviseGroup = new CaseGroup('hip,hipMemAdvise', 'HIP: advice on managed memory');

const SOURCE = 'HIP catch hipMemAdvise.cc';

adviseGroup
  .case(
    'Unit_hipMemAdvise_Flags_Do_Not_Cause_Prefetch-mapped',
    'an advice maps nothing on any GPU; a prefetch does. Without retry faults managed memory is mapped from the start',
  )
  .source(`${SOURCE} Unit_hipMemAdvise_Flags_Do_Not_Cause_Prefetch, extended; spec/xnack-off §2`)
  .parameters(
    eachPlace().combine('advice', ['setPreferredLocation', 'setAccessedBy', 'setReadMostly', 'setCoarseGrain']),
  )
  .needs('introspection')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    hip.runtime.memAdvise(memory, PAGE, Advise[point.advice], point.device);
    const mapped = t.can('xnack-off') ? 'rw*1' : '-*1';
    for (const device of hip.gpus) t.equal(t.ptes(memory, { device }), mapped, `PTEs of GPU ${device}`);
    await hip.prefetch(memory, PAGE, 0);
    t.equal(t.ptes(memory), 'rw*1', 'PTEs of GPU 0 after a prefetch');
  });
