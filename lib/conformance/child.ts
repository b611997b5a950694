/** The process of `conformance --isolate`. */
import { allCases } from './cases/index.ts';
import { answerParent } from './framework/isolate-child.ts';

answerParent(allCases());
