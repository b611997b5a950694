/** `amdgpu-svm inspect`: a trace as a page to look at, from a local server or as a file. */
import { spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { basename, relative } from 'node:path';
import { folderPages, inspectorPage, InspectorServer } from '../inspect/index.ts';
import type { PageSource } from '../inspect/index.ts';
import { parseTrace, readTraceText } from '../trace/format/read-trace.ts';
import type { ReadOptions } from '../trace/format/read-trace.ts';
import { ExitCode, UsageError, writing } from './command.ts';
import type { inspect } from './commands/traces.ts';
import type { InputOf } from './definition.ts';
import { complain, goOnWithoutOutput, print } from './output.ts';
import { replaceFile } from './replace-file.ts';
import { readOptions } from './options.ts';
import { isFolder, traceFiles } from './trace-files.ts';
import { roundedBytes } from '../words/sizes.ts';

export async function runInspect({ values, operands }: InputOf<typeof inspect>): Promise<ExitCode> {
  if (operands.length > 2)
    throw new UsageError('inspect: expected at most two traces, FILE and OTHER; see amdgpu-svm inspect --help');
  const size = readOptions(values);
  const [folder] = operands.filter(isFolder);
  if (folder !== undefined) {
    if (operands.length > 1 || values.out !== undefined)
      throw new UsageError(`inspect: ${folder} is a folder, which is served alone and not written with --out`);
    return serve(pagesOf(folder, size), values.port ?? 0, values.open && !values['no-open']);
  }
  const page = inspectorPage(operands.map((file) => readTrace(file, size)));
  if (values.out !== undefined) return writeReport(values.out, page);
  return serve(page, values.port ?? 0, values.open && !values['no-open']);
}

/** The traces of a folder, each read when somebody looks at it. */
function pagesOf(folder: string, size: ReadOptions): PageSource {
  const traces = traceFiles('inspect', folder).map((file) => ({
    name: relative(folder, file),
    size: roundedBytes(statSync(file).size),
    page: () => inspectorPage([readTrace(file, size)]),
  }));
  return folderPages(folder, traces);
}

/** The trace, checked here so that a bad line is reported on the terminal. */
function readTrace(file: string, options: ReadOptions): { name: string; text: string } {
  const text = readTraceText(file, options);
  parseTrace(file, text);
  return { name: basename(file), text };
}

function writeReport(path: string, page: string): ExitCode {
  writing(path, () => replaceFile(path, page));
  print(`${path}: ${(page.length / 1e6).toFixed(1)} MB`);
  return ExitCode.ok;
}

async function serve(page: string | PageSource, port: number, open: boolean): Promise<ExitCode> {
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
