/** Ports of kfdtest's SVM tests, in the terms of the ioctl: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { memoryGroup } from './memory.ts';
import { migrateGroup } from './migrate.ts';
import { multiGpuGroup } from './multi-gpu.ts';
import { splitGroup } from './split.ts';

export const kfdtestGroups: readonly CaseGroup[] = [splitGroup, memoryGroup, migrateGroup, multiGpuGroup];
