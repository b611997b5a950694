/** Ports of kfdtest's SVM tests, in the terms of the ioctl. */
import type { CaseGroup } from '../../framework/case.ts';
import { attributesGroup } from './attributes.ts';
import { evictGroup } from './evict.ts';
import { memoryGroup } from './memory.ts';
import { migrateGroup } from './migrate.ts';
import { multiGpuGroup } from './multi-gpu.ts';
import { splitGroup } from './split.ts';

export const kfdtestGroups: readonly CaseGroup[] = [
  attributesGroup,
  splitGroup,
  memoryGroup,
  migrateGroup,
  multiGpuGroup,
  evictGroup,
];
