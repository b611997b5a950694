/** The command line against hostile input and failing output: terminals, full disks, closed pipes, signals, bombs. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { runHere } from './support/cli-here.ts';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, run, type Run } from './support/package-support.ts';
import { cli, describeWhere, eventually, newMountPoint, spawnChild, whyNotServed } from './support/served-node.ts';

beforeAll(ensureDist);

/** The command in a process of its own, for what a process has: its end, files that cannot be written, signals. */
const amdgpuSvm = (...args: readonly string[]): Promise<Run> => run(process.execPath, [cli, ...args]);
/** The command in a shell, where its output can be sent anywhere. */
const inShell = (script: string, ...args: readonly string[]): Promise<Run> =>
  run('sh', ['-c', script, process.execPath, cli, ...args]);
const write = (name: string, content: string | Buffer): string => {
  const file = path.join(temporaryFolder(), name);
  fs.writeFileSync(file, content);
  return file;
};
// oxlint-disable-next-line no-control-regex -- the characters themselves
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

describe('text of a trace', () => {
  const evil = '\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e\r';
  it.each([
    ['a field name', JSON.stringify({ touch: { addr: 0, len: 1, write: true, [evil]: 1 } })],
    ['an operation', JSON.stringify({ [evil]: {} })],
    ['protection letters', JSON.stringify({ mmap: { addr: '0x1000', len: '0x1000', prot: evil, kind: 'anon' } })],
    ['no JSON', `{${evil}`],
    ['a recorded answer', `{"in":{"gc":{}},"out":{"${JSON.stringify(evil).slice(1, -1)}":1}}`],
  ])('does nothing to the terminal: %s', async (_what, line) => {
    const file = write('evil.jsonl', `${line}\n`);
    for (const args of [
      ['replay', file],
      ['replay', '--check', file],
      ['snapshot', file],
      ['replay', '--explain', file],
    ]) {
      const { output, code } = await runHere(args);
      expect(output).not.toMatch(CONTROLS);
      expect(code).toBeLessThan(3);
    }
  });

  it('in a file name neither', async () => {
    const { stderr, code } = await amdgpuSvm('replay', `/nowhere/${evil}`);
    expect(stderr).not.toMatch(CONTROLS);
    expect(stderr).toContain('\\u001b]0;owned');
    expect(code).toBe(2);
  });
});

/** A small gzip file that holds so many MiB of spaces, in members of 4 MiB. */
function spaces(mebibytes: number): Buffer {
  return Buffer.concat(Array<Buffer>(mebibytes / 4).fill(gzipSync(Buffer.alloc(4 << 20, 0x20))));
}

describe('a trace that is too much', () => {
  const expectRefused = ({ code, stderr }: Run, message: RegExp): void => {
    expect(stderr).toMatch(message);
    expect(stderr.length).toBeLessThan(3000);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  };

  it('is refused where it is unpacked, and allowed by --max-size', async () => {
    const bomb = write('bomb.jsonl.gz', spaces(300));
    for (const command of ['replay', 'snapshot', 'trace', 'inspect'])
      expectRefused(
        await runHere([command, bomb]),
        /bomb\.jsonl\.gz: holds more than 268435456 bytes; --max-size allows more/,
      );
    const small = write('small.jsonl', '{"gc":{}}\n');
    expectRefused(await runHere(['replay', '--max-size', '9', small]), /holds more than 9 bytes/);
    expect((await runHere(['replay', '--max-size', '10', small])).code).toBe(0);
    for (const wrong of ['0', 'x', '1e3', '-1'])
      expectRefused(
        await runHere(['replay', `--max-size=${wrong}`, small]),
        /--max-size: expected a whole number from 1/,
      );
  });

  it('is refused above what a text can hold', async () => {
    const bomb = write('giant.jsonl.gz', spaces(600));
    expectRefused(
      await runHere(['replay', '--max-size', '9999999999', bomb]),
      /holds more than \d+ bytes, which is the most that can be read/,
    );
  });

  it('is refused with a short message, however long the mistake', async () => {
    const long = 'x'.repeat(5 << 20);
    for (const line of [
      `{"${long}":{}}`,
      `{"touch":{"addr":"${long}","len":1,"write":true}}`,
      `{${long}`,
      `{"gc":{"${long}":1}}`,
    ])
      expectRefused(await runHere(['replay', write('long.jsonl', line)]), /long\.jsonl:1: /);
  });

  it('is refused where it is nested too deeply', async () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    let inject = '{"gc":{}}';
    for (let depth = 0; depth < 20_000; depth++) inject = `{"gc":{"inject":[{"at":"hmm","do":${inject}}]}}`;
    for (const line of [
      deep,
      `{"gc":${deep}}`,
      `{"in":{"gc":{}},"out":{"x":${deep}}}`,
      `{"in":${deep},"out":{}}`,
      inject,
    ])
      expectRefused(
        await runHere(['replay', '--check', write('deep.jsonl', line)]),
        /deep\.jsonl:1: nested more than 64 deep/,
      );
  });
});

describe('output that cannot be written', () => {
  it('on a full disk is told in one line, exit code 3', async () => {
    const trace = write('t.jsonl', '{"gc":{}}\n');
    const printing = [['info'], ['replay', trace], ['conformance', 'uapi', '--list'], ['--help'], ['trace', trace]].map(
      async (args) => {
        const { code, stderr } = await inShell('exec "$0" "$@" > /dev/full', ...args);
        expect(stderr, args.join(' ')).toMatch(/^amdgpu-svm: standard output cannot be written: .*ENOSPC/m);
        expect(stderr).not.toContain('    at ');
        expect(code).toBe(3);
      },
    );
    const writing = [
      ['trace', trace, '-o', '/dev/full'],
      ['inspect', trace, '--out', '/dev/full'],
    ].map(async (args) => {
      const { code, stderr } = await amdgpuSvm(...args);
      expect(stderr).toMatch(/\/dev\/full cannot be written: ENOSPC/);
      expect(code).toBe(3);
    });
    await Promise.all([...printing, ...writing]);
    const report = await amdgpuSvm(
      'conformance',
      'uapi,arguments:operation:operation=7',
      '--reporter',
      'json=/dev/full',
    );
    expect([report.code, report.stderr]).toEqual([3, expect.stringMatching(/^amdgpu-svm: .*ENOSPC.*\n$/)]);
  });

  it('to a reader that has left is no failure', async () => {
    const { code, stderr } = await run('bash', [
      '-c',
      '"$0" "$@" | head -n 1 > /dev/null; exit ${PIPESTATUS[0]}',
      process.execPath,
      cli,
      'conformance',
      '--list',
      'uapi',
    ]);
    expect(stderr).not.toContain('Error');
    expect(code).toBe(0);
  });
});

describe('files that are replaced', () => {
  it('hold their old or their new contents when a run is interrupted, and keep their mode and links', async () => {
    const folder = temporaryFolder();
    const report = path.join(folder, 'report.json');
    const link = path.join(folder, 'link.json');
    fs.writeFileSync(report, 'old', { mode: 0o640 });
    fs.symlinkSync('report.json', link);
    const interrupted = async (signal: NodeJS.Signals): Promise<string> => {
      const reporters = ['--reporter', `json=${link}`, '--reporter', 'human'];
      const child = spawnChild(process.execPath, [cli, 'conformance', ...reporters], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      // Its first line: it has begun, and is far from its end.
      await new Promise((settle) => child.stdout!.once('data', settle));
      expect(child.exitCode).toBeNull();
      child.kill(signal);
      await new Promise((settle) => child.once('close', settle));
      return fs.readFileSync(report, 'utf8');
    };
    expect(await interrupted('SIGKILL')).toBe('old');
    // What ran by then; a later run writes the journal again.
    fs.rmSync(path.join(folder, 'link.json.journal'));
    const { summary, run: how } = JSON.parse(await interrupted('SIGTERM')) as {
      summary: Record<string, number>;
      run: { ended: string };
    };
    expect([how.ended, summary['not-run']! > 100]).toEqual(['it was ended by SIGTERM', true]);
    const done = await amdgpuSvm('conformance', 'uapi,arguments:operation:operation=7', '--reporter', `json=${link}`);
    expect(done.code, done.output).toBe(0);
    expect(JSON.parse(fs.readFileSync(report, 'utf8'))).toMatchObject({ schema: expect.anything() as unknown });
    expect(fs.statSync(report).mode & 0o777).toBe(0o640);
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
    expect(fs.readdirSync(folder).sort()).toEqual(['link.json', 'report.json']);
    const refused = await amdgpuSvm(
      'conformance',
      'uapi',
      '--reporter',
      `json=${path.join(folder, 'no', 'such.json')}`,
    );
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('ENOENT')]);
  });
});

describe('signals', () => {
  it.each([
    ['record', ['record', 'FILE', '--']],
    ['run', ['run', '--trace', '--']],
  ])('to %s reach the program that it runs, which decides', async (_name, args) => {
    const folder = temporaryFolder();
    const script = `process.on('SIGTERM', () => { console.log('told'); process.exit(7); }); setInterval(() => {}, 1000); console.log(process.pid);`;
    const own = args.map((each) => (each === 'FILE' ? path.join(folder, 'out.jsonl') : each));
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const child = spawn(process.execPath, [cli, ...own, process.execPath, '-e', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (chunk) => (output += String(chunk)));
      await eventually(() => /\d+\n/.test(output));
      const program = Number(output);
      child.kill(signal);
      const code = await new Promise((settle) => child.once('close', settle));
      expect(code).toBe(signal === 'SIGTERM' ? 7 : 130);
      expect(output.includes('told')).toBe(signal === 'SIGTERM');
      expect(() => process.kill(program, 0)).toThrow(/ESRCH/);
    }
  });
});

describeWhere(whyNotServed(), 'a service', () => {
  it('goes on when nobody takes its log', async () => {
    const mount = newMountPoint();
    const server = spawnChild(process.execPath, [cli, 'serve', '--mount', mount, '--log'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let complaints = '';
    server.stderr!.on('data', (chunk) => (complaints += String(chunk)));
    await new Promise((settle) => server.stdout!.once('data', settle));
    server.stdout!.destroy();
    for (let turn = 0; turn < 3; turn++) {
      const opened = await run('sh', ['-c', `exec 9<>'${mount}/renderD128'`]);
      expect(opened.code, opened.output).toBe(0);
    }
    await eventually(() => complaints !== '');
    expect(complaints).toMatch(/^amdgpu-svm: no more output, since it cannot be written: .*EPIPE\n$/);
    expect(server.exitCode).toBeNull();
    server.kill('SIGTERM');
    expect(await new Promise((settle) => server.once('close', settle))).toBe(0);
  });

  it('leaves a file alone that has the name of its socket', async () => {
    const mount = newMountPoint();
    fs.writeFileSync(`${mount}.gpu`, 'work of years');
    const refused = await amdgpuSvm('serve', '--mount', mount);
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining('is there and is no socket')]);
    expect(fs.readFileSync(`${mount}.gpu`, 'utf8')).toBe('work of years');
  });
});

describe('licences', () => {
  it('of what is bundled are in THIRD_PARTY, in the page, in reports and in the package', async () => {
    expect((await run(process.execPath, [path.join(root, 'scripts', 'third-party.mjs'), '--check'])).code).toBe(0);
    const text = fs.readFileSync(path.join(root, 'THIRD_PARTY'), 'utf8');
    expect(text).toMatch(
      /preact \d+\.\d+\.\d+ [^]*The MIT License \(MIT\)[^]*Jason Miller[^]*WITHOUT WARRANTY OF ANY KIND/,
    );
    expect(text).toMatch(/The command contains commander \d+\.\d+\.\d+ [^]*TJ Holowaychuk/);
    const report = path.join(temporaryFolder(), 'report.html');
    expect((await amdgpuSvm('inspect', '--out', report)).code).toBe(0);
    for (const page of [report, path.join(root, 'dist', 'lib', 'inspect', 'page.html')]) {
      const html = fs.readFileSync(page, 'utf8');
      expect(html).toContain(text.slice(0, text.indexOf('The command contains')).trim());
      const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)![1]!;
      expect(policy).toMatch(/script-src 'sha256-[\w+/]{43}='(;|$)/);
      expect(policy.split(';').find((each) => each.includes('script-src'))).not.toContain('unsafe-inline');
    }
    expect(
      (JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as { files: string[] }).files,
    ).toContain('THIRD_PARTY');
  });
});
