/** Tests of hmm-tests that need what V4 or the package does not have. */
import { CaseGroup } from '../../framework/case.ts';

export const deviceMemoryGroup = new CaseGroup(
  'hmm,not-here',
  'hmm-tests that need memory of the device, exclusive access, or a child process',
);

const MIGRATION = 'V4 has no migration to memory of the GPU';
const FORK = 'needs a child process with copy-on-write pages';
const EXCLUSIVE = 'the ioctl has no device-exclusive access';

for (const [name, reason] of [
  ['migrate', MIGRATION],
  ['migrate_fault', MIGRATION],
  ['migrate_release', MIGRATION],
  ['migrate_shared', MIGRATION],
  ['migrate_multiple', MIGRATION],
  ['migrate_mixed', MIGRATION],
  ['migrate_dirty', MIGRATION],
  ['migrate_anon_huge_empty', MIGRATION],
  ['migrate_anon_huge_zero', MIGRATION],
  ['migrate_anon_huge_free', MIGRATION],
  ['migrate_anon_huge_fault', MIGRATION],
  ['migrate_anon_huge_err', MIGRATION],
  ['migrate_anon_huge_zero_err', MIGRATION],
  ['migrate_partial_unmap_fault', MIGRATION],
  ['migrate_remap_fault', MIGRATION],
  ['benchmark_thp_migration', MIGRATION],
  ['cow_in_device', MIGRATION],
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
