/** What the HIP layer costs: an advice next to the same attribute set directly, and the life of many small allocations. */
import { EmulatedMachine } from 'amdgpu-svm/emulator';
import { HipMemoryAdvise, HipRuntime } from 'amdgpu-svm/hip';
import { SvmDevice } from 'amdgpu-svm';
import { measureTime } from './measurement.ts';
import type { Measurement } from './measurement.ts';
import { usedBytes } from './memory.ts';

const SIZE = 64 << 10;
const OPERATIONS = 5000;
/** An advice may cost so many times a raw set. */
const MOST_TIMES_RAW = 3;
const ALLOCATIONS = 100_000;
/** Microseconds: all of them in 5 s. */
const ALLOCATION_LIMIT = 50;
/** Bytes that the heap may have grown by per allocation when all are freed: noise, no leak. */
const GROWTH_LIMIT = 4;

/** Advice against `setAttributes`; 100,000 allocations of 64 KiB, each advised and freed, in time and in heap. */
export function measureHip(): Measurement[] {
  return [...measureAdvice(), ...measureAllocations()];
}

function measureAdvice(): Measurement[] {
  const device = SvmDevice.open({ emulator: new EmulatedMachine().devices[0]! });
  const hip = HipRuntime.open({ devices: [device] });
  const memory = hip.mallocManaged(SIZE);
  let on = false;
  const raw = measureTime({
    name: 'setAttributes, one flag of managed memory',
    operations: OPERATIONS,
    batch: () => {
      for (let done = 0; done < OPERATIONS; done++) {
        on = !on;
        device.setAttributes(memory, { gpuReadMostly: on });
      }
    },
  });
  const advice = measureTime({
    name: 'HIP memAdvise, one flag',
    operations: OPERATIONS,
    batch: () => {
      for (let done = 0; done < OPERATIONS; done++) {
        on = !on;
        hip.memAdvise(memory, SIZE, on ? HipMemoryAdvise.setReadMostly : HipMemoryAdvise.unsetReadMostly, 0);
      }
    },
  });
  hip.close();
  device.close();
  return [raw, { ...advice, target: { kind: 'limit', value: MOST_TIMES_RAW * raw.median } }];
}

function measureAllocations(): Measurement[] {
  const device = SvmDevice.open({ emulator: new EmulatedMachine().devices[0]! });
  const hip = HipRuntime.open({ devices: [device] });
  const cycle = (): void => {
    const memory = hip.mallocManaged(SIZE);
    hip.memAdvise(memory, SIZE, HipMemoryAdvise.setReadMostly, 0);
    hip.free(memory);
  };
  // What is made once, and the compiled code, are there before the heap is looked at.
  for (let done = 0; done < OPERATIONS; done++) cycle();
  const before = usedBytes();
  const start = process.hrtime.bigint();
  for (let done = 0; done < ALLOCATIONS; done++) cycle();
  const microseconds = Number(process.hrtime.bigint() - start) / 1000 / ALLOCATIONS;
  const growth = Math.max(0, (usedBytes() - before) / ALLOCATIONS);
  hip.close();
  device.close();
  return [
    {
      name: `HIP allocation of 64 KiB, advised and freed, one of ${ALLOCATIONS.toLocaleString('en')}`,
      unit: 'us',
      median: microseconds,
      best: microseconds,
      target: { kind: 'limit', value: ALLOCATION_LIMIT },
    },
    {
      name: 'heap that each of them leaves',
      unit: 'B',
      median: growth,
      best: growth,
      target: { kind: 'limit', value: GROWTH_LIMIT },
    },
  ];
}
