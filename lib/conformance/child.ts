/** The process of `conformance --isolate`. */
import { GROUPS } from './cases/index.ts';
import { answerParent } from './framework/isolate-child.ts';

answerParent(GROUPS);
