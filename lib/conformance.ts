/** The conformance suite, with the recorder of the package. */
import './index.ts';

export * from './conformance/index.ts';
