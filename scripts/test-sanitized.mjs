#!/usr/bin/env node
/**
 * `npm run test:sanitized`: the native tests with the addon built by native/CMakeLists.txt with
 * AddressSanitizer and UndefinedBehaviorSanitizer (every finding ends the process), then
 * LeakSanitizer on a script that does a bit of everything. `npm test` does this in CI.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { findCompiler } from './build-addon.mjs';
import { cmakeFolder } from './build-cmake.mjs';
import { ensureDependencies } from './dependencies.mjs';
import {
  dependency,
  isMain,
  root,
  runLogged,
  runMain,
  runNode,
  runSuccessfully,
  say,
  ScriptError,
} from './support.mjs';

const tests = ['test/native-', 'lib/backend/native-addon.test.ts', 'lib/backend/kernel-'];
/** Under the sanitizers a call takes several times as long; the plain run makes more. */
const fuzzCalls = '20000';

/** The sanitizer's runtime has to be loaded before Node, which isn't built with it. @returns {string} */
function sanitizerRuntime() {
  const { stdout } = spawnSync(findCompiler() ?? 'c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' });
  const library = stdout?.trim() ?? '';
  if (!path.isAbsolute(library))
    throw new ScriptError('the runtime of AddressSanitizer (libasan.so) was not found next to the compiler');
  return library;
}

/** A process of its own, so that other work can go on next to it. */
export function buildSanitized() {
  const script = path.join(root, 'scripts', 'build-cmake.mjs');
  return runSuccessfully(process.execPath, [script, 'amdgpu_svm', '--sanitize']);
}

/** @param {Promise<string>} [built] a build that was begun before */
export async function testSanitized(built = buildSanitized()) {
  await built;
  const addon = path.join(cmakeFolder(true), 'Release', 'amdgpu_svm.node');
  const sanitized = {
    ...process.env,
    LD_PRELOAD: sanitizerRuntime(),
    UBSAN_OPTIONS: 'print_stacktrace=1',
    AMDGPU_SVM_ADDON: addon,
    FUZZ_CALLS: fuzzCalls,
    // An addon that can't be loaded is a failure here, no reason to skip everything.
    CI: 'true',
  };
  say('test: the native tests under AddressSanitizer and UndefinedBehaviorSanitizer');
  // Leaks are looked for below: Node itself leaves a lot to the end of the process.
  // A SIGSEGV belongs to the addon's own handler and to the default action: ASan would make it an exit code.
  const withoutLeaks = { ...sanitized, ASAN_OPTIONS: 'detect_leaks=0:handle_segv=0' };
  const code = await runNode([dependency('vitest/vitest.mjs'), 'run', ...tests], withoutLeaks);
  if (code !== 0) throw new ScriptError('the native tests failed under the sanitizers');
  checkLeaks(addon, sanitized);
}

/** @param {string} addon @param {NodeJS.ProcessEnv} environment */
function checkLeaks(addon, environment) {
  const env = { ...environment, ASAN_OPTIONS: 'detect_leaks=1', LSAN_OPTIONS: 'exitcode=0' };
  const args = ['--expose-gc', path.join(root, 'native', 'test', 'mixed.cjs'), addon];
  const { ok, output, log } = runLogged('leaks', process.execPath, args, { env });
  if (!ok || !output.includes('done\n'))
    throw new ScriptError(`the script that is checked for leaks failed, see ${log}`);
  // One paragraph for each place that leaked; those of Node and V8 have no frame of ours.
  const ours = output
    .split('\n\n')
    .filter((record) => /(Direct|Indirect) leak of/.test(record) && record.includes('amdgpu_svm'));
  if (ours.length > 0) throw new ScriptError(`the addon leaks, see ${log}:\n${ours.join('\n\n')}`);
  say(
    `test: the addon leaks nothing (${output.includes('LeakSanitizer') ? "LeakSanitizer's report has records of Node only" : 'LeakSanitizer has nothing to report'})`,
  );
}

if (isMain(import.meta.url)) {
  await runMain(async () => {
    process.chdir(root);
    ensureDependencies();
    await testSanitized();
  });
}
