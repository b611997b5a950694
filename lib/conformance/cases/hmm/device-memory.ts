/** Tests of hmm-tests that need what the driver or the package does not have. */
import { CaseGroup } from '../../framework/case.ts';

export const deviceMemoryGroup = new CaseGroup(
  'hmm,not-here',
  'hmm-tests that need exclusive access, a child process, or a device that fails',
);

const FORK = 'needs a child process with copy-on-write pages';
const EXCLUSIVE = 'the ioctl has no device-exclusive access';

for (const [name, reason] of [
  ['migrate_dirty', 'the copy-on-write pages of a private file mapping are not modelled'],
  ['migrate_anon_huge_err', 'needs a device that lets a copy fail'],
  ['migrate_anon_huge_zero_err', 'needs a device that lets a copy fail'],
  ['migrate_remap_fault', 'needs mremap'],
  ['benchmark_thp_migration', 'prints times and checks nothing'],
  ['cow_in_device', FORK],
  ['anon_write_child', FORK],
  ['anon_write_child_shared', FORK],
  ['exclusive', EXCLUSIVE],
  ['exclusive_mprotect', EXCLUSIVE],
  ['exclusive_cow', EXCLUSIVE],
  ['hmm_gup_test', 'needs pages that another driver has pinned'],
  ['anon_write_hugetlbfs', 'mappings of hugetlbfs are not modelled; transparent huge pages see hmm,access'],
  ['read_unlocked', 'needs pages that userfaultfd provides'],
] as const) {
  deviceMemoryGroup.case(name, `hmm-tests ${name}`).source(`hmm-tests ${name}`).unimplemented(reason);
}
