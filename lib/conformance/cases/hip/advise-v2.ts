/** hipMemAdvise_v2.cc */
import { CaseGroup } from '../../framework/case.ts';
import {
  Advise,
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
  Place,
  valuesOf,
} from './runtime.ts';

export const adviseV2Group = new CaseGroup('hip,hipMemAdvise_v2', 'HIP: advice with a place instead of a device');

const SOURCE = 'HIP catch hipMemAdvise_v2.cc';
const SIZE = 4096;
const INTS = SIZE / 4;

adviseV2Group
  .case('Unit_hipMemAdvise_v2_Device_Host', 'ReadMostly with a place: a GPU and the CPU read the memory')
  .source(`${SOURCE} Unit_hipMemAdvise_v2_Device_Host`)
  .parameters(eachGpu().combine('place', ['device', 'host']))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    memory.write(0, ints(INTS, 10));
    const location = point.place === 'device' ? { type: Place.device, id: point.device } : { type: Place.host };
    hip.runtime.memAdvise_v2(memory, SIZE, Advise.setReadMostly, location);
    t.equal(hip.ask(Attribute.readMostly, memory, SIZE), 1, 'ReadMostly');
    t.equal(valuesOf(memory.read()), [10], 'values that the CPU reads');
    // The original copies to device memory, of which the runtime has none that a GPU reaches.
    const copy = hip.managed(SIZE);
    hip.runtime.setDevice(point.device);
    await hip.runtime.launch(null, (queue) => queue.copy(copy.address, memory.address, SIZE));
    t.equal(valuesOf(copy.read()), [10], 'values that the GPU copied');
  });

adviseV2Group
  .case(
    'Unit_hipMemAdvise_v2_HostNuma_HostNumaCurrent',
    'ReadMostly with a NUMA node, or that of the thread; on "PreferredLocation" they are all the CPU',
  )
  .source(`${SOURCE} Unit_hipMemAdvise_v2_HostNuma_HostNumaCurrent`)
  .parameters(eachHip().combine('node', ['0', '1', 'current', 'host']))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point, { cpuAgents: 2 });
    const memory = hip.managed(SIZE);
    memory.write(0, ints(INTS, 10));
    const location = {
      0: { type: Place.hostNuma, id: 0 },
      1: { type: Place.hostNuma, id: 1 },
      current: { type: Place.hostNumaCurrent },
      host: { type: Place.host },
    }[point.node];
    hip.runtime.memAdvise_v2(memory, SIZE, Advise.setReadMostly, location);
    t.equal(hip.ask(Attribute.readMostly, memory, SIZE), 1, 'ReadMostly');
    t.equal(valuesOf(memory.read()), [10], 'values that the CPU reads');
    hip.runtime.memAdvise_v2(memory, SIZE, Advise.setPreferredLocation, location);
    t.equal(hip.ask(Attribute.preferredLocation, memory, SIZE), CPU, 'PreferredLocation');
  });

adviseV2Group
  .case('Unit_hipMemAdvise_v2_Negative', 'what is refused, and with which error')
  .source(`${SOURCE} Unit_hipMemAdvise_v2_Negative`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(64);
    const device = { type: Place.device, id: 0 };
    const { setReadMostly, setPreferredLocation } = Advise;
    await t.throws(() => hip.runtime.memAdvise_v2(null, 64, setReadMostly, device), INVALID_VALUE, 'a null pointer');
    await t.throws(() => hip.runtime.memAdvise_v2(memory, 0, setReadMostly, device), INVALID_VALUE, 'count 0');
    await t.throws(
      () => hip.runtime.memAdvise_v2(memory, 64 + 10, setReadMostly, device),
      INVALID_VALUE,
      'a count beyond the allocation',
    );
    for (const type of [-1, 0, 5])
      await t.throws(
        () => hip.runtime.memAdvise_v2(memory, 64, setReadMostly, { type, id: 0 }),
        INVALID_VALUE,
        `location type ${type}`,
      );
    for (const advice of [-1, 0, 7, 102])
      await t.throws(() => hip.runtime.memAdvise_v2(memory, 64, advice, device), INVALID_VALUE, `advice ${advice}`);
    await t.throws(
      () => hip.runtime.memAdvise_v2(memory, 64, setPreferredLocation, { type: Place.device, id: point.gpus }),
      INVALID_DEVICE,
      'a device too many',
    );
    t.equal(
      [hip.ask(Attribute.readMostly, memory, 64), hip.ask(Attribute.preferredLocation, memory, 64)],
      [0, NONE],
      'attributes after the refusals',
    );
  });
