/** What the HSA layer costs on top of the typed API: the same attribute of the same range through both. */
import { EmulatedMachine } from 'amdgpu-svm/emulator';
import { HsaRuntime, HsaSvmAttribute } from 'amdgpu-svm/hsa';
import { SvmDevice } from 'amdgpu-svm';
import type { Workload } from './measurement.ts';

const SIZE = 64 << 10;
const OPERATIONS = 5000;

/** A set of READ_MOSTLY by `setAttributes`, by HSA, and by HSA while somebody listens to its traffic. */
export function hsaWorkloads(): Workload[] {
  const device = SvmDevice.open({ emulator: new EmulatedMachine().devices[0]! });
  const range = device.memory.map(SIZE);
  const runtime = HsaRuntime.open({ devices: [device] });
  let value = false;
  const throughHsa = (times: number): void => {
    for (let done = 0; done < times; done++) {
      value = !value;
      runtime.svmAttributesSet(range.address, SIZE, [{ attribute: HsaSvmAttribute.readMostly, value }]);
    }
  };
  return [
    {
      name: 'setAttributes, one flag',
      operations: OPERATIONS,
      batch: () => {
        for (let done = 0; done < OPERATIONS; done++) {
          value = !value;
          device.setAttributes(range, { gpuReadMostly: value });
        }
      },
    },
    { name: 'HSA svmAttributesSet, one flag', operations: OPERATIONS, batch: () => throughHsa(OPERATIONS) },
    {
      name: 'HSA svmAttributesSet, one flag, with a listener',
      operations: OPERATIONS,
      batch: () => {
        const stop = runtime.traffic.on(() => undefined);
        throughHsa(OPERATIONS);
        stop();
      },
    },
  ];
}
