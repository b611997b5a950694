/** What the tests of the addon share. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nativeAddon, nativeSupport } from '../../lib/backend/native-addon.ts';
import type { NativeAddon } from '../../native/native.d.ts';

const support = nativeSupport();

/**
 * `describe` for tests that need the addon. Without it they are skipped with the
 * reason printed; in CI they fail, so that a broken build can't look green.
 */
export function describeNative(name: string, body: (addon: NativeAddon) => void): void {
  describeIf(name, support.available ? '' : support.reason, () => body(nativeAddon()));
}

/** The same for any precondition; `problem` is '' when it holds. */
export function describeIf(name: string, problem: string, body: () => void): void {
  if (problem === '') {
    describe(name, body);
  } else if (process.env['CI']) {
    describe(name, () => {
      it('has what it needs in CI', () => expect.fail(problem));
    });
  } else {
    console.warn(`skipped: ${name}: ${problem}`);
    // The body may need what is missing already while it is collected, so it is left out.
    it.skip(`${name} (skipped: ${problem})`, () => {});
  }
}

export interface ChildOptions {
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * Runs a CommonJS script in a process of its own, where `addon`, `assert` and
 * `check(negativeOrValue)` are defined. What crashes there leaves us alive.
 */
export function runScript(script: string, options: ChildOptions = {}): SpawnSyncReturns<string> {
  const prelude = `
    const assert = require('node:assert/strict');
    const addonPath = ${JSON.stringify(support.path)};
    const addon = require(addonPath);
    const check = (value) => { assert.ok(!(value < 0), 'errno ' + value); return value; };
  `;
  return spawnSync(process.execPath, [...(options.flags ?? []), '-e', prelude + script], {
    encoding: 'utf8',
    timeout: 100_000,
    env: { ...process.env, ...options.environment, NODE_OPTIONS: '' },
  });
}

/** Runs the script and expects the process to end by itself with code 0. */
export function expectScriptSucceeds(script: string, options?: ChildOptions): void {
  const result = runScript(script, options);
  expect({ status: result.status, signal: result.signal, stderr: result.status === 0 ? '' : result.stderr }).toEqual({
    status: 0,
    signal: null,
    stderr: '',
  });
}

/** Number of descriptors of this process for `file`, which must be there. Others come and go: the test runner has some, too. */
export function openDescriptors(file: string): number {
  const path = realpathSync(file);
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false; // It was closed meanwhile: that of the list itself always is.
    }
  }).length;
}

/** The error of `action`, as an object with the fields of our errors. */
export function errorOf(action: () => unknown): Error & Record<string, unknown> {
  try {
    action();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('nothing was thrown');
}
