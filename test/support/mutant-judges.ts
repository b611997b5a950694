/** What a mutated emulator is judged by: evaluated again for each mutant (test/explore-mutants.test.ts). */
import { parseOperation } from '../../lib/trace/operations/parse.ts';
import { TraceRunner } from '../../lib/trace/replay/runner.ts';
import { explore, parseProgram } from '../../lib/explore/index.ts';
import type { ProgramSource } from '../../lib/explore/index.ts';
import type { Implementation } from '../../lib/trace/against/implementation.ts';
import { MUTANT_PROGRAMS } from './explore-programs.ts';

export { fuzzAgainst } from '../../lib/explore/index.ts';

/** The findings of a program, by id and what they say, those that a serial order shows apart. */
export function findingsOf(name: string, profile: string): { readonly serial: string[]; readonly races: string[] } {
  const { preemptions = 2, ...source }: ProgramSource & { preemptions?: number } = MUTANT_PROGRAMS[name]!;
  const program = parseProgram(name, source, profile);
  try {
    const { findings } = explore(program, { preemptions });
    const all = findings.map((each) => ({ ...each, text: `${each.id}: ${each.detail} ${each.harm.join()}` }));
    const at = (isSerial: boolean): string[] =>
      all.filter((each) => (each.preemptions === 0) === isSerial).map(({ text }) => text);
    return { serial: at(true), races: at(false) };
  } catch (error) {
    return { serial: [], races: [`the emulator ends with ${(error as Error).message}`] };
  }
}

/** This emulator as the other side of a comparison. */
export const implementation: Implementation = {
  ask(operations) {
    const runner = new TraceRunner();
    const lines = operations.map((text) => {
      const source: unknown = JSON.parse(text);
      try {
        return JSON.stringify({ in: source, out: runner.execute(parseOperation(source)) });
      } catch (error) {
        return JSON.stringify({ in: source, out: { fatal: (error as Error).message } });
      }
    });
    return Promise.resolve({ lines, breakdown: undefined });
  },
};
