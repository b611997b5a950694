/** Another implementation of the driver in a child process: operations go in as JSON lines, recorded lines come out (docs/fuzz.md). */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

/** What the other side did instead of answering. */
export interface Breakdown {
  readonly kind: 'crash' | 'timeout' | 'garbage';
  /** In words, one line. */
  readonly text: string;
}

/** What came back for a list of operations. */
export interface Reply {
  /** Recorded lines, one for each operation that was answered. */
  readonly lines: readonly string[];
  /** Why there are fewer lines than operations; undefined: there are as many. */
  readonly breakdown: Breakdown | undefined;
}

/** Whoever answers operations; each list begins with a configuration, which starts over. */
export interface Implementation {
  ask(operations: readonly string[]): Promise<Reply>;
}

/** No answer has a longer line. */
const LONGEST_LINE = 2 ** 26;
/** The end of what the process wrote to standard error that is told. */
const TOLD_OF_ERRORS = 300;
/** Exit codes of a shell that finds no such command, or none that it may run. */
const NOT_RUN = [126, 127];

/** Milliseconds in which answers that have come are looked at. */
const GRACE = 50;

/** One wait for answers. */
interface Asked {
  readonly wanted: number;
  readonly lines: string[];
  readonly settle: (reply: Reply) => void;
}

function hasEnded({ exitCode, signalCode }: ChildProcessWithoutNullStreams): boolean {
  return exitCode !== null || signalCode !== null;
}

function endText(code: number | null, signal: NodeJS.Signals | null): string {
  return `ends with ${signal === null ? `exit code ${code}` : signal}`;
}

/** A command, started when it is first asked and again after each breakdown. `close` ends it. */
export class ChildImplementation implements Implementation {
  readonly #command: string;
  readonly #timeout: number;
  #child: ChildProcessWithoutNullStreams | undefined;
  #decoder = new StringDecoder('utf8');
  #rest: string[] = [];
  #restLength = 0;
  #errors = '';
  #asked: Asked | undefined;
  #timer: NodeJS.Timeout | undefined;
  #answeredOnce = false;

  /** `command` is run by the shell; `timeout` are milliseconds without an answer after which it counts as hanging. */
  constructor(command: string, timeout: number) {
    this.#command = command;
    this.#timeout = timeout;
  }

  /** Sends operations, and waits for as many lines. Error with `code: 'ERR_SVM_COMMAND'` if the command cannot be run at all. */
  ask(operations: readonly string[]): Promise<Reply> {
    const child = (this.#child ??= this.#start());
    return new Promise((resolve, reject) => {
      this.#asked = {
        wanted: operations.length,
        lines: [],
        settle: (reply) => {
          clearTimeout(this.#timer);
          this.#asked = undefined;
          const isMissing = !this.#answeredOnce && reply.lines.length === 0 && this.#isNotRun;
          this.#answeredOnce = true;
          if (!isMissing) return resolve(reply);
          const message = `${this.#command}: cannot be run: ${reply.breakdown?.text ?? ''}`;
          reject(Object.assign(new Error(message), { code: 'ERR_SVM_COMMAND' }));
        },
      };
      this.#restartTimer();
      child.stdin.write(`${operations.join('\n')}\n`);
    });
  }

  /** Ends the process; whoever waits gets what came. */
  close(): void {
    this.#stop();
  }

  #isNotRun = false;

  #start(): ChildProcessWithoutNullStreams {
    // A process group of its own, so that all that the shell starts ends with it.
    const child = spawn(this.#command, { shell: true, detached: true, stdio: 'pipe' });
    this.#decoder = new StringDecoder('utf8');
    this.#rest = [];
    this.#restLength = 0;
    this.#errors = '';
    child.stdout.on('data', (bytes: Buffer) => child === this.#child && this.#take(this.#decoder.write(bytes)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-TOLD_OF_ERRORS);
    });
    // Who has ended reads nothing any more; that it has ended is told by 'close'.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => child === this.#child && this.#break('crash', `cannot be started: ${error.message}`));
    child.on('close', (code, signal) => {
      if (child !== this.#child) return;
      this.#child = undefined;
      this.#isNotRun = code !== null && NOT_RUN.includes(code);
      this.#break('crash', `${endText(code, signal)}${this.#said()}`);
    });
    return child;
  }

  #said(): string {
    const text = this.#errors.trim().split('\n').slice(-3).join(' / ');
    return text === '' ? '' : `: ${text}`;
  }

  #take(text: string): void {
    let begin = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', begin)) {
      const line = this.#rest.length === 0 ? text.slice(begin, end) : this.#rest.join('') + text.slice(begin, end);
      this.#rest = [];
      this.#restLength = 0;
      begin = end + 1;
      if (line.trim() !== '') this.#line(line);
    }
    if (begin === text.length) return;
    this.#rest.push(text.slice(begin));
    this.#restLength += text.length - begin;
    if (this.#restLength > LONGEST_LINE) this.#break('garbage', `a line of more than ${LONGEST_LINE} characters`);
  }

  #line(line: string): void {
    const asked = this.#asked;
    if (asked === undefined) {
      this.#stop();
      return;
    }
    asked.lines.push(line);
    if (asked.lines.length < asked.wanted) this.#timer?.refresh();
    else asked.settle({ lines: asked.lines, breakdown: undefined });
  }

  #restartTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#timedOut(), this.#timeout);
  }

  /** Time may have passed because this side worked, and answers have come that nobody has looked at yet. */
  #timedOut(): void {
    const asked = this.#asked;
    const before = asked?.lines.length;
    setTimeout(() => {
      if (asked === undefined || this.#asked !== asked) return;
      if (asked.lines.length > before!) this.#restartTimer();
      else if (this.#child !== undefined && hasEnded(this.#child)) {
        // Something that it has started still holds its output open.
        this.#break('crash', `${endText(this.#child.exitCode, this.#child.signalCode)}${this.#said()}`);
      } else this.#break('timeout', `no answer within ${this.#timeout} ms`);
    }, GRACE);
  }

  #break(kind: Breakdown['kind'], text: string): void {
    this.#stop();
    const asked = this.#asked;
    asked?.settle({ lines: asked.lines, breakdown: { kind, text } });
  }

  #stop(): void {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined) return;
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}
