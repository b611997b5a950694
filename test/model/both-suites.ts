/** The cases of the package and those that look inside the model, as one suite: what has to notice a mutant of the emulator. */
import { allCases, runConformance } from '../../lib/conformance/index.ts';
import type { ConcreteCase, ConformanceOptions, Report } from '../../lib/conformance/index.ts';
import { modelCases } from './index.ts';

export function bothSuites(): ConcreteCase[] {
  return [...allCases(), ...modelCases()];
}

/** As `runConformance`; queries may name cases of either suite. */
export function runBothSuites(options: Omit<ConformanceOptions, 'cases' | 'isolate'> = {}): Promise<Report> {
  return runConformance({ ...options, cases: bothSuites() });
}
