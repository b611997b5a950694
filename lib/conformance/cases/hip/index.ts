/** Ports of the managed-memory tests of HIP's catch suite, through the HIP layer. */
import type { CaseGroup } from '../../case.ts';
import { adviseV2Group } from './advise-v2.ts';
import { adviseGroup } from './advise.ts';

export const hipGroups: readonly CaseGroup[] = [adviseGroup, adviseV2Group];
