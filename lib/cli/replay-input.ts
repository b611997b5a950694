/** `amdgpu-svm replay - --json`: the emulator as the other side of `--against` (docs/fuzz.md). */
import { createInterface } from 'node:readline';
import { parseOperation } from '../trace/operations/parse.ts';
import type { TraceAnswer } from '../trace/operations/index.ts';
import { TraceRunner } from '../trace/replay/runner.ts';
import { ExitCode } from './command.ts';
import { toJson } from './output.ts';

/** Answers the operations on standard input, one per line, until it ends. */
export async function answerStandardInput(): Promise<ExitCode> {
  const runner = new TraceRunner();
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue;
    const written = process.stdout.write(`${answerLine(runner, line)}\n`);
    if (!written) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
  return ExitCode.ok;
}

function answerLine(runner: TraceRunner, line: string): string {
  let source: unknown;
  let answer: TraceAnswer;
  try {
    source = JSON.parse(line);
    answer = runner.execute(parseOperation(source));
  } catch (error) {
    // What is refused is an answer too, of this line only.
    const message = error instanceof Error ? error.message : String(error);
    answer = source === undefined ? { error: message } : { fatal: message };
  }
  return toJson({ in: source ?? null, out: answer })!;
}
