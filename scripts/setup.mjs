#!/usr/bin/env node
/**
 * Makes a checkout ready to run with nothing but Node and npm: dependencies from the lockfile,
 * dist/, and the addon where it can be built. Does nothing, quickly, when all is there.
 */
import { addonIsStale, buildAddon, whyNotBuildable } from './build-addon.mjs';
import { buildFuseHelper, fuseHelperIsStale, whyNoFuseHelper } from './build-fuse.mjs';
import { distIsStale, ensureDist } from './build.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { isMain, messageOf, runMain, say, ScriptError, withLock } from './support.mjs';

/** @param {boolean} tolerant whether a failed compilation is only told */
function buildPackage(tolerant) {
  say('setup: building dist/');
  try {
    ensureDist();
  } catch (error) {
    if (!tolerant || process.env.CI) throw error;
    say(`setup: dist/ is out of date, ${messageOf(error)}`);
  }
}

function provideAddon() {
  const impossible = whyNotBuildable();
  const reason = impossible ?? withLock(buildAddonIfStale);
  if (reason === undefined) return;
  if (process.env.CI && impossible === undefined) throw new ScriptError(`no addon: ${reason}`);
  say(`setup: no addon, only the emulated device is available: ${reason}`);
}

function buildAddonIfStale() {
  if (!addonIsStale()) return undefined;
  say('setup: building the addon');
  return buildAddon();
}

function provideFuseHelper() {
  // What it needs is seldom installed, and only `serve` misses it: no word about that.
  if (whyNoFuseHelper() !== undefined) return;
  const reason = withLock(() => (fuseHelperIsStale() ? buildFuseHelper() : undefined));
  if (reason === undefined) return;
  if (process.env.CI) throw new ScriptError(`no FUSE helper: ${reason}`);
  say(`setup: no FUSE helper, amdgpu-svm serve is not available: ${reason}`);
}

/**
 * @param {{ tolerant?: boolean }} [options] `tolerant`: go on with the old dist/ if the sources don't
 *   compile, for a run of some unit tests in the middle of a change
 */
export function setup({ tolerant = false } = {}) {
  ensureDependencies();
  // Each check is made again under the lock: another process may have done the work meanwhile.
  if (distIsStale()) withLock(() => distIsStale() && buildPackage(tolerant));
  if (addonIsStale()) provideAddon();
  if (fuseHelperIsStale()) provideFuseHelper();
}

if (isMain(import.meta.url)) await runMain(() => setup());
