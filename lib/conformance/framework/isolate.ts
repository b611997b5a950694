/** Runs groups in processes of their own: a crash or a hang costs one case, not the run. */
import { codedError } from '../../uapi/errors.ts';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { programPath } from '../../backend/package-root.ts';
import type { ConcreteCase } from './case.ts';
import type { CaseResult, CaseRunOptions } from './run-case.ts';
import type { TargetOptions } from './target.ts';

/** Parent to child: the target, then one case after the other. */
export type ChildRequest =
  | { readonly target: TargetOptions }
  | { readonly id: string; readonly options: CaseRunOptions };
/** Child to parent: ready for cases, or the result of one. */
export type ChildAnswer = { readonly ready: true } | { readonly failed: string } | { readonly result: CaseResult };

// A case may end itself at its time limit; only one that can't is ended from outside.
const GRACE = 2_000;
const START_LIMIT = 60_000;
const STDERR_LINES = 5;

/** The program of the child: `answerParent` with the cases and a recorder, which this folder cannot reach. */
const CHILD = 'lib/conformance/child';

interface RunningChild {
  readonly process: ChildProcess;
  readonly group: string;
  readonly stderr: string[];
}

/** Runs cases in child processes, one process for each group; a new one where the old one was lost. */
export class IsolatedRunner {
  readonly #target: TargetOptions;
  readonly #program: string;
  #child: RunningChild | undefined;

  /** `program` is for tests of this class. */
  constructor(target: TargetOptions, program: string = programPath(CHILD)) {
    this.#target = target;
    this.#program = program;
  }

  /** Runs one case. Throws only if no child can be started. */
  async run(each: ConcreteCase, options: CaseRunOptions): Promise<CaseResult> {
    const started = performance.now();
    const child = await this.#childFor(each.group);
    const answer = await exchange(child.process, { id: each.id, options }, options.timeout + GRACE);
    if (typeof answer === 'object' && 'result' in answer) return answer.result;
    const lost =
      answer === 'late'
        ? `no answer after ${options.timeout} ms; its process was ended`
        : `its process ended: ${typeof answer === 'string' ? answer : JSON.stringify(answer)}`;
    const said = child.stderr.length === 0 ? '' : `; it said: ${child.stderr.join(' / ')}`;
    await this.close();
    return {
      id: each.id,
      status: answer === 'late' ? 'timeout' : 'crash',
      reason: `${lost}${said}`,
      checks: 0,
      findings: [],
      log: [],
      milliseconds: performance.now() - started,
    };
  }

  /** Ends the child, if there is one. */
  async close(): Promise<void> {
    const child = this.#child?.process;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((settle) => child.once('exit', settle));
    child.kill('SIGKILL');
    await ended;
  }

  async #childFor(group: string): Promise<RunningChild> {
    if (this.#child?.group === group && this.#child.process.connected) return this.#child;
    await this.close();
    const process = fork(this.#program, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
    const stderr: string[] = [];
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr.push(
        ...text
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== ''),
      );
      stderr.splice(0, stderr.length - STDERR_LINES);
    });
    this.#child = { process, group, stderr };
    const answer = await exchange(process, { target: this.#target }, START_LIMIT);
    if (typeof answer === 'object' && 'ready' in answer) return this.#child;
    await this.close();
    const why = typeof answer === 'object' && 'failed' in answer ? answer.failed : String(answer);
    throw codedError(
      'ERR_SVM_ISOLATE',
      `--isolate: the process for the group ${group} can't be started: ${why}${stderr.length === 0 ? '' : ` (${stderr.join(' / ')})`}`,
    );
  }
}

/** Sends a request and waits for the answer; 'late', or how the process ended instead. */
function exchange(child: ChildProcess, request: ChildRequest, limit: number): Promise<ChildAnswer | string> {
  return new Promise((settle) => {
    const done = (answer: ChildAnswer | string): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('close', onExit);
      child.off('error', onError);
      settle(answer);
    };
    const onMessage = (message: unknown): void => done(message as ChildAnswer);
    const onExit = (code: number | null, signal: string | null): void =>
      done(signal === null ? `exit code ${code}` : signal);
    const onError = (error: Error): void => done(error.message);
    const timer = setTimeout(() => done('late'), limit);
    child.once('message', onMessage);
    child.once('close', onExit);
    child.once('error', onError);
    // A child that has just died is reported by its end, when all that it said has been read.
    child.send(request, () => undefined);
  });
}
