/** Chromium and the inspector's server for the tests of the page. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { root } from './package-support.ts';

const NAMES = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'chrome',
];

/** Path of a Chromium, or why there is none. */
export function findChromium(): { path: string } | { reason: string } {
  const named = process.env['CHROMIUM'];
  if (named !== undefined) return fs.existsSync(named) ? { path: named } : { reason: `CHROMIUM=${named} is not there` };
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(path.delimiter)].filter((folder) => folder !== '');
  for (const folder of folders) {
    for (const name of NAMES) if (fs.existsSync(path.join(folder, name))) return { path: path.join(folder, name) };
  }
  return {
    reason: 'no Chromium on this machine (looked for chromium and google-chrome in PATH; CHROMIUM=PATH names another)',
  };
}

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Otherwise each load of a page starts a process, which takes half of its time.
  '--process-per-site',
];

export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGUMENTS });
}

/** A running `amdgpu-svm inspect`. */
export interface Inspector {
  readonly url: string;
  /** Sends a signal and resolves with the exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts the command as a user does; resolves when it has printed its URL. */
export function startInspector(args: readonly string[]): Promise<Inspector> {
  const child = spawn(process.execPath, [path.join(root, 'dist/lib/cli/main.cjs'), 'inspect', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', (code) => resolve(code)));
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (data: Buffer): void => {
      output += data.toString();
      const url = /http:\/\/127\.0\.0\.1:\d+\/[\w-]+\//.exec(output)?.[0];
      if (url === undefined) return;
      resolve({
        url,
        stop: (signal = 'SIGINT') => {
          child.kill(signal);
          return ended;
        },
      });
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    void ended.then((code) => reject(new Error(`inspect ended with ${code}: ${output}`)));
  });
}
