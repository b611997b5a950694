/**
 * Names each skipped test with its reason and ends the output with one line of totals. In CI a
 * skipped test fails the run: everything that is tested there is meant to run.
 */
import fs from 'node:fs';
import path from 'node:path';

/** @typedef {import('vitest/node').TestCase} TestCase */
/** @typedef {import('vitest/node').Reporter} Reporter */

/** @implements {Reporter} */
export default class TotalsReporter {
  /** @type {import('vitest/node').Vitest | undefined} */
  #vitest;
  /** @type {string[]} */
  #lines = [];
  #forbiddenSkips = false;

  /** @param {import('vitest/node').Vitest} vitest */
  onInit(vitest) {
    this.#vitest = vitest;
    if (vitest.config.watch) return;
    // Coverage and other reporters print after the run's end; the totals come last nevertheless.
    process.on('exit', () => {
      this.#print();
      if (this.#forbiddenSkips) process.exitCode = process.exitCode || 1;
    });
  }

  /**
   * @param {ReadonlyArray<import('vitest/node').TestModule>} modules
   * @param {ReadonlyArray<unknown>} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {TestCase[]} */
    const skipped = [];
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      // A file that doesn't load and a hook that throws fail the run without a failed test.
      failed += module.errors().length;
      for (const suite of module.children.allSuites()) failed += suite.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else if (this.#isSelected(test)) skipped.push(test);
      }
    }
    this.#forbiddenSkips = Boolean(process.env.CI) && skipped.length > 0;
    this.#lines = [
      ...skipped.map(
        (test) =>
          `skipped: ${path.relative(process.cwd(), test.module.moduleId)} > ${test.fullName}: ${reasonOf(test)}`,
      ),
      ...(this.#forbiddenSkips ? [`error: ${skipped.length} skipped in CI, where every test has to run`] : []),
      `tests: ${passed} passed, ${failed} failed, ${skipped.length} skipped`,
    ];
    if (this.#vitest?.config.watch) this.#print();
  }

  #print() {
    if (this.#lines.length > 0) fs.writeSync(1, `\n${this.#lines.join('\n')}\n`);
    this.#lines = [];
  }

  /** A test that `-t` left out is not a skipped one. @param {TestCase} test */
  #isSelected(test) {
    const pattern = this.#vitest?.config.testNamePattern;
    return (
      pattern === undefined ||
      new RegExp(pattern.source, pattern.flags.replace('g', '')).test(test.fullName.replaceAll(' > ', ' '))
    );
  }
}

/** @param {TestCase} test */
function reasonOf(test) {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  if (note) return note;
  return test.options.mode === 'todo' ? 'not written yet' : 'no reason given';
}
