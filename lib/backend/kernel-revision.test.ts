import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scanKernelRevision } from './kernel-revision.ts';
import { temporaryFolder } from '../../test/support/after-file.ts';

const folder = temporaryFolder();

function table(contents: string): string {
  const path = join(folder, 'kallsyms');
  writeFileSync(path, contents);
  return path;
}

const OTHERS = '0000000000000000 T vfs_read\n0000000000000000 t amdgpu_gem_va_ioctl\t[amdgpu]\n';
const lines = (...names: string[]): string => names.map((name) => `0000000000000000 t ${name}\t[amdgpu]\n`).join('');
const [IOCTL, CLEARS, RESET, VRAM, QUIESCE] = [
  'amdgpu_gem_svm_ioctl',
  'amdgpu_svm_attr_clear_pages',
  'amdgpu_svm_attr_reset',
  'amdgpu_svm_range_migrate_to_vram',
  'amdgpu_svm_quiesce_compute',
] as const;

describe('the revision of a kernel', () => {
  it.each([
    ['v4', [IOCTL, CLEARS]],
    ['v7', [RESET, IOCTL]],
    ['v7-xnack-off', [IOCTL, QUIESCE, RESET]],
    ['v8', [VRAM, RESET, IOCTL]],
  ])('is told by its symbols: %s', (revision, names) => {
    const path = table(OTHERS + lines(...names));
    expect(scanKernelRevision(path)).toEqual({
      svm: 'present',
      revision,
      reason: expect.stringMatching(
        new RegExp(`^the kernel has revision ${revision}: amdgpu_gem_svm_ioctl, .*kallsyms\\)$`),
      ),
    });
  });

  // Every other set of the five symbols.
  const known = [[], [IOCTL, CLEARS], [IOCTL, RESET], [IOCTL, RESET, QUIESCE], [IOCTL, RESET, VRAM]].map((names) =>
    names.toSorted().join(),
  );
  const all = [IOCTL, CLEARS, RESET, VRAM, QUIESCE];
  const mixes = Array.from({ length: 32 }, (_, bits) => all.filter((_name, index) => (bits >> index) & 1)).filter(
    (names) => !known.includes(names.toSorted().join()),
  );
  it('has 27 mixes that nobody posted', () => expect(mixes).toHaveLength(27));
  it.each(mixes.map((names) => [names]))('is refused, with what was seen, for the mix %j', (names) => {
    const { svm, revision, reason } = scanKernelRevision(table(OTHERS + lines(...names)));
    expect([svm, revision]).toEqual(['unsupported', undefined]);
    expect(reason).toMatch(new RegExp(`no revision that is known: it has ${names.join(', ')}, and not `));
  });

  it('is absent where the driver lacks the handler', () => {
    const { svm, reason } = scanKernelRevision(table(OTHERS));
    expect([svm, reason]).toEqual(['absent', expect.stringMatching(/has no amdgpu_gem_svm_ioctl/)]);
  });

  it.each([
    ['built in', `0 T ${IOCTL}\n0 T ${CLEARS}\n`],
    ['at the end of the file', `0 T ${IOCTL}\n0 T ${CLEARS}`],
    ['with a suffix of the compiler', `0 t ${IOCTL}.llvm.123\t[amdgpu]\n0 t ${CLEARS}.constprop.0\t[amdgpu]\n`],
    ['with addresses', `ffffffffc0a01230 t ${IOCTL}\t[amdgpu]\nffffffffc0a01230 t ${CLEARS}\t[amdgpu]\n`],
  ])('is found %s', (_where, contents) => {
    expect(scanKernelRevision(table(contents)).revision).toBe('v4');
  });

  it('is not taken from longer names', () => {
    for (const name of [`${IOCTL}2`, `__pfx_${IOCTL}`, `${IOCTL}_compat`, `${RESET}_all`]) {
      const contents = `${OTHERS}0 t ${name}\n0 t ${name}`;
      expect(scanKernelRevision(table(contents)).svm).toBe('absent');
    }
  });

  it('is found across every chunk border', () => {
    const size = 256 * 1024;
    const line = lines(RESET);
    for (let shift = -60; shift <= 10; shift++) {
      const before = Buffer.alloc(size + shift, '0000000000000000 t x\n').toString('latin1');
      const contents = `${before}\n${line}${'0 t y\n'.repeat(50_000)}${lines(IOCTL)}`;
      expect(scanKernelRevision(table(contents)).revision, `shift ${shift}`).toBe('v7');
    }
  });

  it('is unknown in a table without any symbol of amdgpu, which says what to do', () => {
    for (const contents of ['', '0 T vfs_read\n']) {
      expect(scanKernelRevision(table(contents))).toEqual({
        svm: 'unknown',
        revision: undefined,
        reason: expect.stringMatching(/shows no symbol of amdgpu; say which profile it is$/),
      });
    }
  });

  it('is unknown where the table cannot be read', () => {
    expect(scanKernelRevision(join(folder, 'none'))).toMatchObject({
      svm: 'unknown',
      reason: expect.stringMatching(/^ENOENT.*; say which profile it is$/),
    });
    expect(scanKernelRevision(folder).reason).toMatch(/^EISDIR/);
  });

  it('is asked of the real table without throwing', () => {
    expect(['present', 'absent', 'unknown', 'unsupported']).toContain(scanKernelRevision().svm);
  });
});
