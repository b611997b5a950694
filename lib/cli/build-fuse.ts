/** `amdgpu-svm build --fuse`: compiles the helper of `amdgpu-svm serve`, which no release contains as it needs libfuse. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ExitCode } from './command.ts';
import { complain, print } from './output.ts';
import { cppCompiler, firstError, firstInPath } from './programs.ts';

/** Puts the program where `serve` looks for it. `root`: the folder of the package. */
export function buildFuseHelper(root: string, verbose: boolean): number {
  const source = join(root, 'native', 'fuse', 'amdgpu_svm_fuse.cpp');
  // Arguments that the compiler reads from a file, as it does in a checkout.
  const flags = `@${join(root, 'native', 'fuse', 'flags.txt')}`;
  const compiler = cppCompiler();
  const libraries = fuseFlags();
  const missing = [
    compiler === undefined ? 'a C++ compiler (g++ or clang++)' : '',
    firstInPath('pkg-config') === undefined ? 'pkg-config' : libraries === undefined ? 'libfuse 3 with its headers' : '',
  ].filter((name) => name !== '');
  if (process.platform !== 'linux' || !existsSync(source) || missing.length > 0) {
    const why =
      process.platform !== 'linux'
        ? `the FUSE helper is for Linux, this is ${process.platform}`
        : !existsSync(source)
          ? `${source} is missing: the package is not complete`
          : `${missing.join(', ')} not found; on Debian: apt-get install g++ pkg-config libfuse3-dev, on Alpine: apk add g++ pkgconf fuse3-dev`;
    complain(`amdgpu-svm build: ${why}`);
    return ExitCode.infrastructure;
  }
  const folder = join(root, 'build-fuse');
  const program = join(folder, 'amdgpu-svm-fuse');
  const [command, ...before] = compiler!;
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    complain(`amdgpu-svm build: ${folder} can't be written: ${(error as Error).message}`);
    return ExitCode.infrastructure;
  }
  const args = [...before, flags, source, ...libraries!, '-o', `${program}.new`];
  print(`amdgpu-svm build: compiling the FUSE helper with ${command}`);
  const result = spawnSync(command!, args, { encoding: 'utf8', stdio: verbose ? 'inherit' : 'pipe' });
  if (result.status !== 0) {
    rmSync(`${program}.new`, { force: true });
    const line = verbose ? undefined : (firstError(result.stderr) ?? result.error?.message);
    complain(`amdgpu-svm build: the compilation failed${line === undefined ? '' : `: ${line} (--verbose shows everything)`}`);
    return ExitCode.failure;
  }
  // A running server keeps the file it was started from: it is replaced, not overwritten.
  renameSync(`${program}.new`, program);
  print(`amdgpu-svm build: made ${program}`);
  return ExitCode.ok;
}

/** What libfuse has to be compiled and linked with; undefined without it. */
function fuseFlags(): readonly string[] | undefined {
  const result = spawnSync('pkg-config', ['--cflags', '--libs', 'fuse3'], { encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim().split(/\s+/) : undefined;
}
