/** Ports of the managed-memory tests of HIP's catch suite, through the HIP layer: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { adviseGroup } from './advise.ts';
import { attachGroup } from './attach.ts';
import { discardGroup } from './discard.ts';

export const hipGroups: readonly CaseGroup[] = [adviseGroup, attachGroup, discardGroup];
