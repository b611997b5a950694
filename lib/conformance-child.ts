/** The process of `conformance --isolate`. */
import './index.ts';
import { answerParent } from './conformance/isolate-child.ts';

answerParent();
