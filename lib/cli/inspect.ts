/** `amdgpu-svm inspect`: a trace as a page to look at, from a local server or as a file. */
import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { inspectorPage, InspectorServer } from '../inspect/index.ts';
import { parseTrace, readTraceText } from '../trace/format/read-trace.ts';
import type { ReadOptions } from '../trace/format/read-trace.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { complain, goOnWithoutOutput, print } from './output.ts';
import { replaceFile } from './replace-file.ts';
import { readOptions, SIZE_HELP, SIZE_OPTION } from './options.ts';

const OPTIONS = {
  port: { type: 'string', default: '0' },
  out: { type: 'string' },
  open: { type: 'boolean', default: false },
  'no-open': { type: 'boolean', default: false },
  ...SIZE_OPTION,
} as const;

export const inspectCommand: Command = {
  name: 'inspect',
  synopsis: '[FILE] [--port N] [--open] | [FILE] --out REPORT.html',
  help: `Serves a page on 127.0.0.1 until SIGINT or SIGTERM: the address space as lanes, the operations as a time
line, details with the rule that decided, and a form to run operations. The emulator runs in the page.
FILE is a trace, plain or gzip; without it the session is empty. See docs/inspector.md.

  --port N            port to listen on; default: a free one
  --open              open the page in the browser of the desktop (default: only its URL is printed)
  --no-open           don't (for scripts that want to say it)
  --out REPORT.html   write the page with the trace in it as one file that needs no server, and end
  ${SIZE_HELP}`,
  async run(args) {
    const { values, positionals } = readArguments('inspect', args, OPTIONS, true);
    if (positionals.length > 1)
      throw new UsageError('inspect: expected at most one trace FILE; see amdgpu-svm inspect --help');
    const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : NaN;
    if (!(port <= 0xffff)) throw new UsageError(`inspect: --port: expected 0 to 65535, got "${values.port}"`);
    const page = inspectorPage(readTrace(positionals[0], readOptions('inspect', values)));
    if (values.out !== undefined) return writeReport(values.out, page);
    return serve(page, port, values.open && !values['no-open']);
  },
};

/** The trace, checked here so that a bad line is reported on the terminal. */
function readTrace(file: string | undefined, options: ReadOptions): { name: string; text: string } | undefined {
  if (file === undefined) return undefined;
  const text = readTraceText(file, options);
  parseTrace(file, text);
  return { name: basename(file), text };
}

function writeReport(path: string, page: string): number {
  try {
    replaceFile(path, page);
  } catch (error) {
    complain(`amdgpu-svm inspect: ${path} cannot be written: ${(error as Error).message}`);
    return ExitCode.infrastructure;
  }
  print(`${path}: ${(page.length / 1e6).toFixed(1)} MB`);
  return ExitCode.ok;
}

async function serve(page: string, port: number, open: boolean): Promise<number> {
  const stop = new Promise<void>((settle) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => settle());
  });
  let server: InspectorServer;
  try {
    server = await InspectorServer.start(page, port);
  } catch (error) {
    complain(`amdgpu-svm inspect: port ${port} is not available: ${(error as Error).message}`);
    return ExitCode.infrastructure;
  }
  goOnWithoutOutput();
  print(`inspector at ${server.url} - stop it with Ctrl-C`);
  if (open) openBrowser(server.url);
  await stop;
  await server.close();
  return ExitCode.ok;
}

function openBrowser(url: string): void {
  const child = spawn('xdg-open', [url], { stdio: 'ignore', detached: true });
  child.on('error', () => complain('amdgpu-svm inspect: no browser could be opened; open the URL yourself'));
  child.unref();
}
