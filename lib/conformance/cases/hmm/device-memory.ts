/** Tests of hmm-tests that need what the driver or the package does not have. */
import { CaseGroup } from '../../framework/case.ts';

export const deviceMemoryGroup = new CaseGroup(
  'hmm,not-here',
  'hmm-tests that need exclusive access, pages of userfaultfd, or a device that fails',
);

const EXCLUSIVE = 'the ioctl has no device-exclusive access';

for (const [name, reason] of [
  ['migrate_dirty', 'the copy-on-write pages of a private file mapping are not modelled'],
  ['migrate_anon_huge_err', 'needs a device that lets a copy fail'],
  ['migrate_anon_huge_zero_err', 'needs a device that lets a copy fail'],
  ['benchmark_thp_migration', 'prints times and checks nothing'],
  ['exclusive', EXCLUSIVE],
  ['exclusive_mprotect', EXCLUSIVE],
  ['exclusive_cow', EXCLUSIVE],
  ['read_unlocked', 'needs pages that userfaultfd provides'],
] as const) {
  deviceMemoryGroup.case(name, `hmm-tests ${name}`).source(`hmm-tests ${name}`).unimplemented(reason);
}
