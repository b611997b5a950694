/** Quirks of section E: faults. */
import { CaseGroup } from '../../framework/case.ts';
import { EINVAL } from '../../support/errno.ts';
import { parameters } from '../../framework/parameters.ts';
import { PAGE } from '../../support/units.ts';
import { SvmAttributeType } from '../../../uapi/constants.ts';

export const quirkFaultsGroup = new CaseGroup('quirks,faults', 'Quirks Q54 to Q67 and Q70: faults (spec/07-quirks §E)');

quirkFaultsGroup
  .case('q67', 'GPU_ALWAYS_MAPPED can only be refused or 0: what it would do is dead code')
  .source('spec/07-quirks §Q67')
  .parameters(parameters().combine('with', ['alone', 'behind', 'before']))
  .needs('always-mapped-type')
  .run((t, { with: place }) => {
    const memory = t.map(PAGE);
    const other = [SvmAttributeType.gpuReadOnly, 1] as const;
    const wanted = [SvmAttributeType.gpuAlwaysMapped, 1] as const;
    const result = t.trySet(
      memory,
      place === 'alone' ? [wanted] : place === 'behind' ? [other, wanted] : [wanted, other],
    );
    const [always, readOnly] = t.get(memory, ['gpuAlwaysMapped', 'gpuReadOnly']);
    t.shows(
      'Q67',
      { quirk: result === -EINVAL && always === 0 && readOnly === 0, correct: result === 0 && always === 1 },
      'setting GPU_ALWAYS_MAPPED',
    );
    t.set(memory, [{ gpuAlwaysMapped: false }, other]);
    t.has(memory, { gpuAlwaysMapped: false, gpuReadOnly: true }, 'setting it to 0 together with another attribute');
  });
