/** No false report: 1,000 random programs inside the documented rules, in CI. */
import { expect, it } from 'vitest';
import { formatHazard } from '../emulator/index.ts';
import { UAPI_PROFILES } from '../lib/uapi/profile.ts';
import type { UapiProfileName } from '../lib/uapi/profile.ts';
import { times } from './support/effort.ts';
import { seedFor } from './support/emulator-rig.ts';
import { CleanProgram } from './support/hazards-clean-program.ts';
import { watchedRig } from './support/hazards-scenarios.ts';

const PROGRAMS = times(500, 250);
const STEPS = 40;
/** Bytes that all mappings of a program fit into. */
const VRAM = 256 << 20;

const MACHINES: readonly { readonly profile: UapiProfileName; readonly xnackOff: boolean }[] = [
  ...(Object.keys(UAPI_PROFILES) as UapiProfileName[]).map((profile) => ({ profile, xnackOff: false })),
  { profile: 'v7-xnack-off', xnackOff: true },
];

it.each(MACHINES)(
  'reports nothing on $profile (retry faults switched off: $xnackOff) in programs that stay inside the rules',
  (machine) => {
    const first = seedFor('hazards-clean');
    let moved = 0;
    let written = 0;
    let zapped = 0;
    for (let seed = first; seed < first + PROGRAMS; seed++) {
      // Every fourth program has VRAM, where the driver moves memory there.
      const vram = seed % 4 === 0 ? VRAM : 0;
      const rig = watchedRig({ ...CleanProgram.options(seed), ...machine, vram });
      rig.machine.on('moved-to-vram', () => moved++);
      rig.machine.on('ptes-written', () => written++);
      rig.machine.on('ptes-zapped', () => zapped++);
      const program = new CleanProgram(rig, seed);
      program.run(STEPS);
      rig.node.close();
      const { hazards } = rig.machine.watchHazards();
      if (hazards.length > 0) {
        throw new Error(
          `seed ${seed}\n${hazards.slice(0, 5).map(formatHazard).join('\n')}\n${program.story.join('\n')}`,
        );
      }
    }
    // The programs are worth something only if they do a lot.
    expect(Math.min(written, zapped)).toBeGreaterThan(2 * PROGRAMS);
    expect(moved > PROGRAMS / 2).toBe(machine.profile === 'v8');
  },
  120_000,
);
