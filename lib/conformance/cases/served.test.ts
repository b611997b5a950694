/** What of the suite runs on served nodes with a served KFD: a table in docs/conformance.md. test/conformance-kfd.test.ts runs a sample. */
import { describe, expect, it } from 'vitest';
import { expectGenerated, markdownTable } from '../../../test/support/generated-docs.ts';
import type { ConcreteCase } from '../framework/case.ts';
import { countsOfSkips } from '../framework/reporters/groups.ts';
import { reasonToSkip } from '../framework/run-case.ts';
import { Target } from '../framework/target.ts';
import { allCases } from './index.ts';

/** Two served nodes of a revision, as `Target.choose` finds them. */
function served(profile: string, xnack: 'on' | 'off' = 'on'): Target {
  const nodes = ['/dev/dri/renderD128', '/dev/dri/renderD129'];
  const driver = `amdgpu 3.64.0 (AMD GPU (emulated, revision ${profile}))`;
  return Target.of({
    identity: { backend: 'kernel', profile, driver, xnack, device: nodes.join(', ') },
    options: { backend: 'kernel', nodes },
    vramIsKnown: false,
    noWork: undefined,
    noMemory: {},
    counts: 'the emulator is no kernel',
  });
}

const TARGETS: readonly (readonly [name: string, target: Target])[] = [
  ['V4', served('v4')],
  ['V7, XNACK off', served('v7-xnack-off', 'off')],
  ['v8', served('v8')],
];
const number = (count: number): string => count.toLocaleString('en-US');

/** How many cases can run, and for what the others are skipped. */
function cells(cases: readonly ConcreteCase[]): string[] {
  return TARGETS.flatMap(([, target]) => {
    const reasons = cases.map((each) => reasonToSkip(each, target)).filter((reason) => reason !== undefined);
    return [number(cases.length - reasons.length), countsOfSkips(reasons) || '-'];
  });
}

describe('the suite on served nodes with KFD', () => {
  const groups = new Map<string, ConcreteCase[]>();
  for (const each of allCases()) {
    const name = each.group.split(',')[0]!;
    groups.set(name, [...(groups.get(name) ?? []), each]);
  }

  it('has the table of docs/conformance.md', () => {
    const rows = [...groups].map(([group, cases]) => [group, number(cases.length), ...cells(cases)]);
    const head = ['group', 'cases', ...TARGETS.flatMap(([name]) => [`${name}: run`, `${name}: skipped for`])];
    expectGenerated(
      'conformance.md',
      'the served suite',
      markdownTable([head, ...rows, ['all', number(allCases().length), ...cells(allCases())]]),
    );
  });

  it('runs at least 5,000 cases with a driver that has them', () => {
    for (const [name, target] of TARGETS) {
      const runs = allCases().filter((each) => reasonToSkip(each, target) === undefined);
      expect(runs.length, name).toBeGreaterThan(target.identity.xnack === 'on' ? 5000 : 3500);
    }
  });
});
