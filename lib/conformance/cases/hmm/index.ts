/** Ports of the kernel's hmm-tests. */
import type { CaseGroup } from '../../framework/case.ts';
import { accessGroup } from './access.ts';
import { deviceMemoryGroup } from './device-memory.ts';
import { migrateGroup } from './migrate.ts';
import { processCallsGroup } from './process-calls.ts';
import { teardownGroup } from './teardown.ts';

export const hmmGroups: readonly CaseGroup[] = [
  accessGroup,
  teardownGroup,
  migrateGroup,
  processCallsGroup,
  deviceMemoryGroup,
];
