// Models: nothing - a device in one line.
import type { GpuModel } from '../gpu/catalogue.ts';

/** "EmulatedDevice { 0: gfx942, XNACK on, 1 open file }" */
export function deviceLine(device: {
  readonly index: number;
  readonly gpu: { readonly model: GpuModel };
  readonly xnackEnabled: boolean;
  readonly files: readonly unknown[];
  readonly unplugged: boolean;
}): string {
  const { index, gpu, files } = device;
  const open = `${files.length} open file${files.length === 1 ? '' : 's'}`;
  const state = device.unplugged ? ', unplugged' : '';
  return `EmulatedDevice { ${index}: ${gpu.model.asic}, XNACK ${device.xnackEnabled ? 'on' : 'off'}, ${open}${state} }`;
}
