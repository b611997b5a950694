// Models: nothing - what the options of a machine say of the VRAM of its GPUs.
import type { Fabric } from './gpu/fabric.ts';
import { PAGE_BYTES } from './kernel/page-number.ts';
import type { ResolvedOptions } from './options.ts';
import type { DeviceMemorySettings } from './svm/device-memory.ts';
import type { Repairs } from './svm/repairs.ts';

/** The VRAM of each GPU as SVM finds it when the driver starts. */
export function vramSettings(
  options: ResolvedOptions,
  fabric: Fabric,
  repairs: Repairs,
): (DeviceMemorySettings | null)[] {
  return options.vram.map((bytes, gpu) =>
    bytes === 0 || options.preferGtt
      ? null
      : {
          gpu,
          pages: bytes / PAGE_BYTES,
          coherent: options.coherentVram[gpu]!,
          owner: fabric.ownerOf(gpu),
          usable: !options.appApu,
          repairs,
          policies: options.policies,
          registration: options.vramRegistration[gpu]!,
        },
  );
}
