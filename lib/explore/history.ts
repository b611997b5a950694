/** Random histories: a configuration and operations of one family, uneven on purpose. */
import { COMMON_PREEMPTION_POINTS } from '../../emulator/index.ts';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import type { OperationObject } from '../trace/operations/descriptor.ts';
import { Chance } from './chance.ts';
import { FAMILIES } from './choices.ts';
import type { Family } from './choices.ts';

/** Whether the driver of a profile has what a family is about. */
export function hasFamily(profile: UapiProfileName, family: Family): boolean {
  return family !== 'vram' || UAPI_PROFILES[profile].behaviour.movesToVram;
}

type Fields = Readonly<Record<string, unknown>>;

/** Pages: of a GPU range, of the window of a notifier, and before the end of 47-bit addresses. */
const [RANGE, WINDOW, ADDRESS_END] = [512, 131_072, 2 ** 35];
const BASE = 0x10_000;

const FAILURE_POINTS = [
  'lock-pd', 'hmm', 'update', 'zap', 'pdes', 'attr-alloc', 'range-alloc', 'reserve', 'mn-insert', 'dma', 'cpuram',
] as const; // prettier-ignore
const ERRNOS = [-12, -11, -16, -5, -14, -22] as const;
const KINDS = ['anon', 'anon', 'anon', 'anon', 'file', 'thp', 'io', 'pfnmap', 'mixedmap', 'heap', 'stack'] as const;
const PROTS = ['rw', 'rw', 'rw', 'r', 'rwx', '-', 'w'] as const;

function bytes(pages: number): string {
  return `0x${(BigInt(pages) * 4096n).toString(16)}`;
}

/** Writes one history. */
class HistoryWriter {
  readonly #chance: Chance;
  readonly #profile: UapiProfileName;
  readonly #family: Family;
  readonly #off: boolean;
  /** Places that were mapped lately; most operations go there again. */
  readonly #recent: [page: number, pages: number][] = [];

  constructor(profile: UapiProfileName, family: Family, chance: Chance) {
    this.#chance = chance;
    this.#profile = profile;
    this.#family = family;
    this.#off = UAPI_PROFILES[profile].behaviour.runsWithoutRetryFaults && !chance.once(4);
  }

  config(): OperationObject {
    const chance = this.#chance;
    const config: Record<string, unknown> = { profile: this.#profile };
    if (this.#off) config['xnackOff'] = true;
    if (this.#family === 'vram')
      Object.assign(config, { vram: chance.of([4, 16, 64]) << 20, thpMig: !chance.once(3), thp: chance.once(4) });
    if (this.#family === 'sparse') config['vaBits'] = chance.of([47, 48]);
    if (this.#family === 'configs') {
      config['gc'] = chance.of(['9.4.3', '9.4.3', '9.4.2', '9.4.4', '9.5.0', '9.4.1', '9.4.0']);
      config['granularity'] = chance.of([0, 1, 4, 8, 9, 10, 27, 30]);
      for (const name of ['apu', 'noretry', 'retryCam', 'ih1', 'thp', 'vmaMerge', 'sriovXnack', 'lazy'])
        if (chance.once(3)) config[name] = chance.once(2);
      config['mtypeLocal'] = chance.below(3);
      config['numaNodes'] = 1 + chance.below(2);
    }
    return { config };
  }

  operation(): OperationObject {
    const [name, fields] = this.#plain();
    const chance = this.#chance;
    if (this.#family === 'inject' && chance.once(2)) return { [name]: { ...fields, inject: this.#injections() } };
    if (this.#family === 'fail' && chance.once(3)) return { [name]: { ...fields, fail: this.#failures() } };
    return { [name]: fields };
  }

  #injections(): object[] {
    const chance = this.#chance;
    return Array.from({ length: 1 + chance.below(2) }, () => {
      const [name, fields] = this.#plain();
      return { at: chance.of(COMMON_PREEMPTION_POINTS), nth: 1 + chance.below(3), do: { [name]: fields } };
    });
  }

  #failures(): object[] {
    const chance = this.#chance;
    return [{ at: chance.of(FAILURE_POINTS), nth: 1 + chance.below(4), err: chance.of(ERRNOS) }];
  }

  /** Where the next operation is: seldom somewhere new. */
  #place(): [page: number, pages: number] {
    const chance = this.#chance;
    if (this.#recent.length === 0 || chance.once(6)) return this.#newPlace();
    const [page, pages] = chance.of(this.#recent);
    // The whole, a part, or a little beyond its ends.
    if (chance.once(3)) return [page, pages];
    const first = page + chance.below(pages);
    return chance.once(8)
      ? [Math.max(1, page - 1 - chance.below(4)), pages + 4]
      : [first, 1 + chance.below(Math.max(1, page + pages - first + (chance.once(8) ? 3 : 0)))];
  }

  #newPlace(): [page: number, pages: number] {
    const chance = this.#chance;
    const near = (border: number): [number, number] => [
      Math.max(1, border - chance.below(20)),
      1 + chance.below(chance.once(3) ? 600 : 40),
    ];
    switch (this.#family) {
      case 'borders':
        return near(BASE + chance.of([RANGE, 2 * RANGE, 16, 48, WINDOW - BASE, 2 * WINDOW - BASE]));
      case 'sparse':
        return near(chance.of([ADDRESS_END, ADDRESS_END - RANGE, ADDRESS_END / 2, WINDOW, 2 ** 36, BASE]));
      case 'attributes':
        return [BASE + chance.below(64), 1 + chance.below(16)];
      default:
        return [BASE + chance.below(6) * 2 * RANGE + chance.below(RANGE), 1 + chance.below(chance.once(4) ? 700 : 64)];
    }
  }

  #remember(page: number, pages: number): void {
    this.#recent.push([page, pages]);
    if (this.#recent.length > 6) this.#recent.shift();
  }

  #pairs(): (readonly [number, number])[] {
    const chance = this.#chance;
    const pair = (): readonly [number, number] => {
      const type = chance.once(40) ? chance.of([12, 11, 99]) : chance.below(11);
      if (type <= 1) return [type, chance.of([0, 1, 1, 0xffff_ffff, 2])];
      if (type === 2) return [type, chance.below(chance.once(10) ? 5 : 3)];
      if (type === 3) return [type, chance.of([0, 4, 9, 9, 12, 63, 64])];
      return [type, chance.below(2)];
    };
    return Array.from({ length: chance.once(3) ? 1 + chance.below(6) : 1 }, pair);
  }

  #plain(): readonly [name: string, fields: Fields] {
    const chance = this.#chance;
    const [page, pages] = this.#place();
    const place = { addr: bytes(page), len: bytes(pages) };
    const sized = { addr: bytes(page), size: bytes(pages) };
    const set = (): readonly [string, Fields] => ['set', { ...sized, attrs: this.#pairs() }];
    const get = (): readonly [string, Fields] => ['get', { ...sized, types: this.#pairs().map(([type]) => type) }];
    if (this.#family === 'attributes' && !chance.once(4)) return chance.once(4) ? get() : set();
    if (this.#recent.length === 0 || chance.once(7)) {
      const [at, length] = this.#newPlace();
      this.#remember(at, length);
      return ['mmap', { addr: bytes(at), len: bytes(length), prot: chance.of(PROTS), kind: chance.of(KINDS) }];
    }
    const byChance = chance.below(100);
    if (byChance < 16) return ['access', { ...place, write: chance.once(2) }];
    if (byChance < 28) return ['fault', { addr: place.addr, write: chance.once(2) }];
    if (byChance < 44) return set();
    if (byChance < 48) return get();
    if (byChance < 57) return ['touch', { ...place, write: chance.once(2) }];
    if (byChance < 64) return ['munmap', place];
    if (byChance < 71) return ['dontneed', place];
    if (byChance < 76) return ['mprotect', { ...place, prot: chance.of(PROTS) }];
    if (byChance < 82) return this.#off ? ['work', {}] : ['gc', {}];
    if (byChance < 90)
      return ['advance', { ns: chance.of([1000, 500_000, 1_999_999, 2_000_000, 2_000_000, 3_000_000]) }];
    return this.#seldom(place, sized, byChance - 90);
  }

  #seldom(place: Fields, sized: Fields, byChance: number): readonly [name: string, fields: Fields] {
    const chance = this.#chance;
    const hasReset = Object.hasOwn(UAPI_PROFILES[this.#profile].operations, 'resetAttributes');
    switch (byChance) {
      case 0:
      case 1:
        return hasReset ? ['reset', sized] : ['gc', {}];
      case 2:
        return ['ih', { ring: chance.of(['ih1', 'soft']), pending: chance.once(2), ts: chance.below(5) }];
      case 3:
        return !hasReset || chance.once(2)
          ? ['fault', { addr: place['addr'], write: false, ts: chance.below(4) }]
          : ['bomap', place];
      case 4:
        return hasReset ? ['bounmap', { addr: place['addr'] }] : ['gc', {}];
      case 5:
        if (this.#family === 'vram')
          return chance.once(3) ? ['vram', { bytes: bytes(16 << chance.below(8)) }] : ['evict', {}];
        return this.#off ? ['kfd', { quiesce: chance.of([0, 0, -3, -5]) }] : ['dump', {}];
      case 6:
        return chance.once(6) ? ['close', {}] : chance.once(4) ? ['fini', {}] : ['dump', {}];
      case 7:
        return [
          'ioctl',
          {
            op: chance.below(4),
            ...sized,
            nattr: chance.below(4),
            ptr: chance.of(['ok', 'null', 'bad', 'ro']),
            attrs: this.#pairs(),
          },
        ];
      default:
        return ['dump', {}];
    }
  }
}

/** History number `index` of a seed: a configuration and `length` operations. */
export function generateHistory(
  profile: UapiProfileName,
  family: Family,
  seed: number,
  index: number,
  length: number,
): OperationObject[] {
  const chance = new Chance(
    Math.imul(seed, 0x9e37_79b1) ^ Math.imul(index + 1, 0x85eb_ca6b) ^ FAMILIES.indexOf(family),
  );
  const writer = new HistoryWriter(profile, family, chance);
  return [writer.config(), ...Array.from({ length }, () => writer.operation())];
}
