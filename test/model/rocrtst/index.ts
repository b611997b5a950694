/** Ports of rocrtst's SVM suites, through the HSA layer: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { discardGroup } from './discard.ts';
import { basicGroup } from './svm-memory.ts';

export const rocrtstGroups: readonly CaseGroup[] = [basicGroup, discardGroup];
