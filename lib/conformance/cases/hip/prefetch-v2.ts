/** hipMemPrefetchAsync_v2.cc. */
import { CaseGroup } from '../../framework/case.ts';
import {
  Attribute,
  CPU,
  eachGpu,
  eachHip,
  hipFeatures,
  INVALID_DEVICE,
  INVALID_VALUE,
  ints,
  NONE,
  openHip,
  PAGE,
  Place,
  valuesOf,
} from './runtime.ts';

export const prefetchV2Group = new CaseGroup('hip,hipMemPrefetchAsync', 'HIP: prefetches on streams');

const V2 = 'HIP catch hipMemPrefetchAsync_v2.cc';

const INTS = PAGE / 4;

prefetchV2Group
  .case(
    'Unit_hipMemPrefetchAsync_v2_Device_Host',
    'to a GPU, where a kernel fills the memory, and to the CPU, which does',
  )
  .source(`${V2} Device_Host`)
  .parameters(eachGpu().combine('place', ['device', 'host']))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    hip.runtime.setDevice(point.device);
    hip.runtime.memPrefetchAsync_v2(
      memory,
      PAGE,
      point.place === 'device' ? { type: Place.device, id: point.device } : { type: Place.host },
    );
    await hip.runtime.deviceSynchronize();
    t.equal(
      hip.ask(Attribute.lastPrefetchLocation, memory, PAGE),
      point.place === 'device' ? point.device : CPU,
      'LastPrefetchLocation',
    );
    if (point.place === 'device') await hip.kernel(memory, memory, INTS, () => 10);
    else memory.write(0, ints(INTS, 10));
    t.equal(valuesOf(memory.read()), [10], 'values');
  });

prefetchV2Group
  .case(
    'Unit_hipMemPrefetchAsync_v2_HostNuma_HostNumaCurrent',
    'to a NUMA node, or that of the thread: it reads as the CPU (where the pages are cannot be seen)',
  )
  .source(`${V2} HostNuma_HostNumaCurrent`)
  .parameters(eachHip().combine('node', ['0', '1', 'current']))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point, { cpuAgents: 2 });
    const memory = hip.managed(4096);
    await hip.prefetch(memory, 4096, 0);
    const location = {
      0: { type: Place.hostNuma, id: 0 },
      1: { type: Place.hostNuma, id: 1 },
      current: { type: Place.hostNumaCurrent },
    }[point.node];
    hip.runtime.memPrefetchAsync_v2(memory, 4096, location);
    await hip.runtime.deviceSynchronize();
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, 4096), CPU, 'LastPrefetchLocation');
    for (const device of t.devices)
      t.has(
        { address: memory.address, size: 4096 },
        { prefetchLocation: 'system' },
        'what each device was told',
        device,
      );
  });

prefetchV2Group
  .case(
    'Unit_hipMemPrefetchAsync_v2_Negative',
    'what is refused, and with which error; a location type that is none counts as a device in "rocm"',
  )
  .source(`${V2} Negative`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const { runtime } = hip;
    const memory = hip.managed(64);
    const device = { type: Place.device, id: 0 };
    await t.throws(() => runtime.memPrefetchAsync_v2(null, 64, device), INVALID_VALUE, 'a null pointer');
    await t.throws(() => runtime.memPrefetchAsync_v2(memory, 0, device), INVALID_VALUE, 'count 0');
    await t.throws(
      () => runtime.memPrefetchAsync_v2(memory, 64 + 10, device),
      INVALID_VALUE,
      'a count beyond the allocation',
    );
    await t.throws(() => runtime.memPrefetchAsync_v2(memory, 64, device, 1), INVALID_VALUE, 'flags 1');
    await t.throws(
      () => runtime.memPrefetchAsync_v2(memory, 64, { type: Place.device, id: point.gpus }),
      INVALID_DEVICE,
      'a device too many',
    );
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, 64), NONE, 'LastPrefetchLocation after the refusals');
    const odd = (): void => runtime.memPrefetchAsync_v2(memory, 64, { type: 9, id: 0 });
    if (hip.isRocm) odd();
    else await t.throws(odd, INVALID_VALUE, 'location type 9');
    t.equal(
      hip.ask(Attribute.lastPrefetchLocation, memory, 64),
      hip.isRocm ? 0 : NONE,
      'LastPrefetchLocation after location type 9',
    );
    await runtime.deviceSynchronize();
  });
