/** Child processes whose ioctl(2) ends in native/test/ioctl_shim.c, for the tests of slow, interrupted and greedy drivers. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeSupport } from '../../lib/backend/native-addon.ts';
import { packageRoot } from '../../lib/backend/package-root.ts';
import { expectScriptSucceeds } from './native-helpers.ts';

/** What every script begins with: `device`, and calls of the shim by their fields. */
const SETUP = `
  const { EINTR, EAGAIN, EIO, EFAULT, EBADF } = require('node:os').constants.errno;
  const TEST = 0xC028647F;   // DRM_IOWR(0x7f, 40 bytes)
  const INTERRUPTIBLE = 0xffffffff;   // as error: sleeps, and gives EINTR when a signal comes
  const file = process.env.TEST_FILE;
  const device = addon.open(file);
  assert.equal(typeof device, 'object');
  const fillIn = (bytes, { error = 0, times = 0, sleep = 0, fill = 0 } = {}) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(0, error, true);
    view.setUint32(4, times, true);
    view.setUint32(8, sleep, true);
    view.setUint32(12, 0, true);
    view.setBigUint64(24, BigInt(fill), true);
    return bytes;
  };
  const make = (call) => fillIn(new Uint8Array(40), call);
  const field = (bytes, offset) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, true);
  const calls = (bytes) => field(bytes, 12);
`;

export interface Shim {
  /** Why the shim is not available, or ''. */
  readonly problem: string;
  /** Runs a script in a child process and expects it to succeed. */
  run(script: string, environment?: Readonly<Record<string, string>>, flags?: readonly string[]): void;
}

/** Builds the shim into `folder`. */
export function buildShim(folder: string): Shim {
  const { library, problem } = buildPreloaded(folder, 'ioctl_shim');
  const file = join(folder, 'renderD128');
  writeFileSync(file, '');
  // Behind what is preloaded already: the runtime of a sanitizer has to stay first.
  const LD_PRELOAD = [process.env['LD_PRELOAD'], library].filter(Boolean).join(':');
  return {
    problem,
    run: (script, environment = {}, flags = []) =>
      expectScriptSucceeds(SETUP + script, { environment: { LD_PRELOAD, TEST_FILE: file, ...environment }, flags }),
  };
}

/** Builds `native/test/NAME.c` as a library to preload; the problem is '' if it was built. */
export function buildPreloaded(folder: string, name: string): { library: string; problem: string } {
  const library = join(folder, `${name}.so`);
  return { library, problem: compile(name, library) };
}

function compile(name: string, library: string): string {
  if (!nativeSupport().available) return nativeSupport().reason;
  const source = join(packageRoot(import.meta.dirname)!, 'native', 'test', `${name}.c`);
  const options = ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', library, source, '-ldl'];
  // The compiler itself is not under test: a sanitizer's runtime in it would only complain.
  const { LD_PRELOAD: _preload, ...environment } = process.env;
  const result = spawnSync(process.env['CC'] || 'cc', options, { encoding: 'utf8', env: environment });
  return result.status === 0 ? '' : `the shim was not built: ${result.error?.message ?? result.stderr}`;
}
