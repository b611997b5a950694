/** The race explorer finds rules that are broken under a race only, the fuzzer those that are broken at all. */
import { beforeAll, describe, expect, it } from 'vitest';
import { moduleEvaluator } from '../scripts/evaluate-modules.mjs';
import { complaintsAbout } from '../scripts/mutant-types.mjs';
import { MUTANTS } from '../scripts/mutants.mjs';
import { RACE_MUTANTS } from '../scripts/mutants-races.mjs';
import { transformAll } from '../scripts/mutation-check.mjs';
import { sample } from './support/effort.ts';

type Judges = typeof import('./support/mutant-judges.ts');

/** Rules of V4 that are broken in a copy, and the family of histories that is to tell. */
const WRONG_RULES: Readonly<Record<string, 'core' | 'attributes' | 'borders' | 'inject'>> = {
  'default-access': 'attributes',
  'default-flags': 'attributes',
  'equal-set-has-effects': 'attributes',
  'no-split-invalidation': 'attributes',
  'segment-skips-hole': 'attributes',
  'clear-keeps-tail': 'core',
  'collector-keeps-attributes': 'core',
  'collector-keeps-range': 'core',
  'set-does-not-wait': 'core',
  'fault-does-not-collect': 'core',
  'unmap-not-queued': 'core',
  'zap-without-flush': 'core',
  'dma-mapping-stays': 'core',
  'split-keeps-range': 'borders',
  'window-edge': 'core',
  'no-vma-killed': 'core',
  'special-vma-served': 'core',
  'executable-bit': 'core',
  'prefetch-without-flush': 'core',
  'fault-flushes': 'core',
};

const ENTRY = '/test/support/mutant-judges.ts';
let original: Judges;
let judgesOf: (id: string) => Promise<Judges>;
beforeAll(async () => {
  const rules = MUTANTS.filter(({ id }) => Object.hasOwn(WRONG_RULES, id));
  const { modules, mutated } = await transformAll([...RACE_MUTANTS, ...rules], ENTRY);
  const evaluate = moduleEvaluator(modules, ENTRY);
  original = (await evaluate(undefined)) as unknown as Judges;
  judgesOf = async (id) => (await evaluate(mutated.get(id))) as unknown as Judges;
});

describe('the race explorer', () => {
  it('knows twenty mutants that only matter under a race', () => {
    expect(RACE_MUTANTS).toHaveLength(20);
  });

  it.each(sample(RACE_MUTANTS, 5))('finds $id', async ({ id, program, revision = 'v4' }) => {
    const before = original.findingsOf(program, revision);
    const after = (await judgesOf(id)).findingsOf(program, revision);
    expect(after.serial).toEqual(before.serial);
    expect(after.races.filter((each) => !before.races.includes(each))).not.toEqual([]);
  });
});

/** Bugs that show as each kind of finding that the monitor does not name, in a program of test/support/explore-programs.ts. */
const PLANTED: readonly { kind: string; id: string; becomes?: string; revision?: string; program: string }[] = [
  { kind: 'answers', id: 'v7-set-skips-memory', revision: 'v7', program: 'prefetch / unmap, collect' },
  { kind: 'attributes', id: 'v7-unmap-clears', revision: 'v7', program: 'prefetch / unmap, collect' },
  { kind: 'order', id: 'default-access', program: 'set / unmap' },
  { kind: 'stale', id: 'move-unannounced', revision: 'v8', program: 'with VRAM: write, read / read' },
  {
    kind: 'contents',
    id: 'dma-mapping-stays',
    becomes: 'context.process.contents.write(range.startPage + firstIndex - 1, 0, Uint8Array.of(99, 0, 0, 0));',
    program: 'read / discard',
  },
  {
    kind: 'left',
    id: 'collector-keeps-range',
    becomes: 'const removed = context.framework.removeRange(range); context.device.counters.dmaPages++;',
    program: 'set / unmap',
  },
  { kind: 'deadlock', id: 'race-set-does-not-sleep', program: 'fault / set' },
  { kind: 'crash', id: 'race-collection-unchecked', program: 'prefetch / discard' },
];

describe('each kind of finding', () => {
  let judges: (id: string) => Promise<Judges>;
  beforeAll(async () => {
    const known = new Map([...MUTANTS, ...RACE_MUTANTS].map(({ id, becomes }) => [id, becomes]));
    const planted = PLANTED.map(({ id, becomes = known.get(id)! }) => ({ id, becomes }));
    const { modules, mutated } = await transformAll(planted, ENTRY);
    const evaluate = moduleEvaluator(modules, ENTRY);
    judges = async (id) => (await evaluate(mutated.get(id))) as unknown as Judges;
  });

  it('is planted by code that compiles', async () => {
    const own = PLANTED.flatMap(({ id, becomes }) => (becomes === undefined ? [] : [{ id, becomes }]));
    expect(own).toHaveLength(2);
    expect(await complaintsAbout(own)).toEqual([]);
  });

  it.each(PLANTED)('$kind is found where $id is broken', async ({ kind, id, revision = 'v4', program }) => {
    const shown = ({ serial, races }: ReturnType<Judges['findingsOf']>): string[] =>
      [...serial, ...races].filter((text) => new RegExp(`^${kind}: |[ ,]${kind}(,|$)`).test(text));
    const before = shown(original.findingsOf(program, revision));
    const after = shown((await judges(id)).findingsOf(program, revision));
    expect(after.filter((each) => !before.includes(each))).not.toEqual([]);
  });
});

describe('the fuzzer', () => {
  it.each(sample(Object.entries(WRONG_RULES), 5))(
    'finds the wrong rule %s by histories of the family %s',
    async (id, family) => {
      const { implementation } = await judgesOf(id);
      const options = { profile: 'v4', families: [family], seed: 1, operations: 3000, length: 60 } as const;
      const { findings } = await original.fuzzAgainst(implementation, options);
      expect(findings).toHaveLength(1);
      // The configuration is the first line of the trace.
      expect(findings[0]!.trace.length - 1).toBeLessThanOrEqual(8);
    },
  );
});
