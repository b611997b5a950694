/** Ports of kfdtest's SVM tests, in the terms of the ioctl. */
import type { CaseGroup } from '../../case.ts';
import { attributesGroup } from './attributes.ts';
import { splitGroup } from './split.ts';

export const kfdtestGroups: readonly CaseGroup[] = [attributesGroup, splitGroup];
