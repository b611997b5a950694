import { expect, it } from 'vitest';
import { describeNative, errorOf, expectScriptSucceeds, openDescriptors } from './support/native-helpers.ts';

type Loose = Record<string, (...args: unknown[]) => unknown>;

describeNative('the KFD functions of the addon', (addon) => {
  const loose = addon as unknown as Loose;

  it('answer with the call that the system refused, and leave no descriptor behind', () => {
    const before = openDescriptors('/dev/null');
    expect(addon.kfdOpen('/nonexistent/kfd')).toEqual({ call: 'open', errno: -2 });
    expect(addon.kfdOpen('/dev/null')).toEqual({ call: 'AMDKFD_IOC_GET_VERSION', errno: -25 });
    expect(openDescriptors('/dev/null')).toBe(before);
  });

  it.each(['kfdAcquire', 'kfdSetXnack', 'kfdClose', 'kfdCreateQueue'])(
    '%s takes nothing but a handle of KFD',
    (name) => {
      const device = addon.open('/dev/null');
      for (const wrong of [undefined, null, 1, {}, '/dev/kfd', device])
        expect(errorOf(() => loose[name]!(wrong, 1, 1))).toMatchObject({
          code: 'ERR_SVM_INVALID_TYPE',
          message: 'kfd: must be a handle that kfdOpen() returned',
        });
    },
  );

  it.each(['kfdFetched', 'kfdFenced', 'kfdSubmit', 'kfdWait', 'kfdEvent', 'kfdCloseQueue'])(
    '%s takes nothing but a queue',
    (name) => {
      for (const wrong of [undefined, null, 1, {}, addon.open('/dev/null')])
        expect(errorOf(() => loose[name]!(wrong, 1, 1))).toMatchObject({
          code: 'ERR_SVM_INVALID_TYPE',
          message: 'queue: must be a handle that kfdCreateQueue() returned',
        });
    },
  );

  it('refuse paths that are none', () => {
    expect(errorOf(() => loose['kfdOpen']!(7))).toMatchObject({ code: 'ERR_SVM_INVALID_TYPE' });
    expect(errorOf(() => addon.kfdOpen('/dev/kfd\0'))).toMatchObject({ code: 'ERR_SVM_INVALID_TYPE' });
  });

  it('are in every environment', () => {
    expectScriptSucceeds(`
      const { Worker } = require('node:worker_threads');
      const code = 'const a = require(' + JSON.stringify(addonPath) + '); if (a.kfdOpen("/dev/null").errno !== -25) throw 1;';
      new Worker(code, { eval: true }).on('exit', (exit) => assert.equal(exit, 0));
    `);
  });
});
