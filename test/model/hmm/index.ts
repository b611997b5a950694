/** Ports of the kernel's hmm-tests: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { accessGroup } from './access.ts';
import { snapshotGroup } from './snapshot.ts';
import { teardownGroup } from './teardown.ts';
import { snapshotRangesGroup } from './snapshot-ranges.ts';

export const hmmGroups: readonly CaseGroup[] = [accessGroup, snapshotGroup, snapshotRangesGroup, teardownGroup];
