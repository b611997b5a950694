/** The process of `conformance --isolate`. */
import './index.ts';
import { allCases } from './conformance/cases/index.ts';
import { answerParent } from './conformance/framework/isolate-child.ts';

answerParent(allCases());
