/** Memories in words. */

/** The memory of GPU `gpu`, null: of the system. */
export function memoryName(gpu: number | null): string {
  return gpu === null ? 'system memory' : `VRAM of GPU ${gpu}`;
}
