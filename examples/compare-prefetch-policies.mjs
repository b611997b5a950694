// Three policies of where memory lies while a GPU works on more of it than it has VRAM, by the cost model (docs/cost.md):
// the time, the GPU faults and the bytes that went over the link, printed and drawn.
//
//   node examples/compare-prefetch-policies.mjs [FILE.svg] [TABLE]     of the tables mi300x, mi210, mi250x, mi300a
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SvmDevice } from 'amdgpu-svm';
import { EmulatedMachine } from 'amdgpu-svm/emulator';

const [file = join(tmpdir(), 'compare-prefetch-policies.svg'), cost = 'mi300x'] = process.argv.slice(2);
const MIB = 2 ** 20;
const BASE = 0x1000_0000_0000n;
const [MEMORY, VRAM, WINDOW, PASSES] = [64 * MIB, 32 * MIB, 4 * MIB, 3];
const WINDOWS = MEMORY / WINDOW;
/** The first two windows are used again and again. */
const HOT = 2;

const POLICIES = [
  {
    name: 'On demand',
    does: ['the GPU is the preferred', 'location, faults move pages'],
    begin: (device, all) => device.setAttributes(all, { preferredLocation: 'device' }),
  },
  {
    name: 'Prefetch',
    does: ['each window moves before', 'the GPU works on it'],
    each: (device, window) => device.prefetch(window, 'device'),
  },
  { name: 'In place', does: ['nothing moves, the GPU', 'reaches over the link'] },
];

/** The GPU writes to each window in turn, and to a hot one after each. */
async function run({ begin, each }) {
  const machine = new EmulatedMachine({ profile: 'v8', vram: VRAM, repairs: 'all', cost });
  const device = SvmDevice.open({ emulator: machine.devices[0] });
  const all = { address: BASE, size: MEMORY };
  machine.process.mmap(all);
  machine.process.touch(BASE, MEMORY, true);
  const before = machine.costTotals.machine;
  device.setAttributes(all, { access: 'allow-migrate' });
  begin?.(device, all);
  const queue = device.createQueue();
  for (let pass = 0; pass < PASSES; pass++) {
    for (let window = 0; window < WINDOWS; window++) {
      for (const which of [window, window % HOT]) {
        const part = { address: BASE + BigInt(which * WINDOW), size: WINDOW };
        each?.(device, part);
        await queue.fill(part.address, pass, part.size);
      }
    }
  }
  const after = machine.costTotals.machine;
  device.close();
  const spent = (...kinds) =>
    kinds.reduce((sum, kind) => sum + after.kinds[kind].nanoseconds - before.kinds[kind].nanoseconds, 0) / 1e6;
  return {
    time: [
      spent('migration', 'migration-setup', 'eviction'),
      spent('page-tables', 'tlb-flush', 'dma-mapping', 'ioctl'),
      spent('copy'),
      spent('fault-delivery', 'fault-handling'),
      spent('gpu-access'),
    ],
    faults: [after.faults],
    bytes: [after.bytes.toVram, after.bytes.toSystem, after.bytes.remote].map((bytes) => bytes / MIB),
  };
}

const results = [];
for (const policy of POLICIES) results.push({ ...policy, ...(await run(policy)) });

const sum = (values) => values.reduce((total, value) => total + value, 0);
for (const { name, time, faults, bytes } of results) {
  const [toVram, toSystem, remote] = bytes;
  console.log(
    `${name}: ${sum(time).toFixed(1)} ms, ${faults[0]} GPU faults, ${toVram} MiB to VRAM, ${toSystem} MiB back, ${remote} MiB accessed over the link`,
  );
}

// The picture: a row for each policy, a column for each quantity.
const INK = '#1f2933';
const PALE = '#616e7c';
const COLUMNS = [
  {
    title: 'Time, ms',
    key: 'time',
    digits: 1,
    parts: ['moving pages', 'page tables', 'copies', 'GPU faults', 'GPU accesses'],
    colours: ['#0072b2', '#56b4e9', '#009e73', '#d55e00', '#e69f00'],
  },
  { title: 'GPU faults', key: 'faults', digits: 0, parts: ['GPU faults'], colours: ['#d55e00'] },
  {
    title: 'Bytes over the link, MiB',
    key: 'bytes',
    digits: 0,
    parts: ['to VRAM', 'back to system memory', 'GPU accesses'],
    colours: ['#009e73', '#8fd3bd', '#e69f00'],
  },
];
const [WIDTH, LEFT, TOP, ROW, BAR, GAP] = [1040, 204, 132, 84, 36, 40];
const COLUMN = (WIDTH - LEFT - 28 - GAP * (COLUMNS.length - 1)) / COLUMNS.length;
/** Room for the number after the longest bar. */
const LABEL = 48;
const BOTTOM = TOP + ROW * results.length;
const HEIGHT = BOTTOM + 164;

const text = (x, y, content, { size = 13, colour = INK, weight = 400, anchor = 'start' } = {}) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" font-size="${size}" fill="${colour}" font-weight="${weight}" text-anchor="${anchor}">${content}</text>`;
const box = (x, y, width, height, colour, more = '') =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}" fill="${colour}"${more}/>`;

function drawColumn({ title, key, digits, parts, colours }, index) {
  const x = LEFT + index * (COLUMN + GAP);
  const most = Math.max(...results.map((result) => sum(result[key])));
  const scale = (COLUMN - LABEL) / most;
  const drawn = [text(x, TOP - 14, title, { size: 15, weight: 600 })];
  for (const [row, result] of results.entries()) {
    const y = TOP + row * ROW + (ROW - BAR) / 2;
    let at = x;
    for (const [part, value] of result[key].entries()) {
      if (value * scale >= 0.3) drawn.push(box(at, y, value * scale, BAR, colours[part]));
      at += value * scale;
    }
    drawn.push(text(at + 8, y + BAR / 2 + 5, sum(result[key]).toFixed(digits), { size: 14, weight: 600 }));
  }
  drawn.push(box(x - 1, TOP, 1, BOTTOM - TOP, '#9aa5b1'));
  if (parts.length > 1) {
    for (const [part, name] of parts.entries()) {
      const y = BOTTOM + 18 + part * 20;
      drawn.push(box(x, y, 12, 12, colours[part], ' rx="2"'), text(x + 20, y + 11, name, { colour: PALE }));
    }
  }
  return drawn;
}

const rows = results.flatMap(({ name, does }, row) => {
  const y = TOP + row * ROW + ROW / 2;
  return [
    ...(row === 0 ? [] : [box(24, TOP + row * ROW, WIDTH - 48, 1, '#e4e7eb')]),
    text(28, y - 12, name, { size: 15, weight: 600 }),
    ...does.map((line, index) => text(28, y + 6 + index * 16, line, { size: 12, colour: PALE })),
  ];
});
const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'DejaVu Sans', sans-serif" role="img">`,
  '<title>Three policies compared by time, GPU faults and bytes over the link</title>',
  box(0, 0, WIDTH, HEIGHT, '#ffffff', ' rx="8"'),
  text(28, 42, 'Where should memory lie?', { size: 22, weight: 700 }),
  text(
    28,
    68,
    `A GPU with ${VRAM / MIB} MiB of VRAM writes three times to ${MEMORY / MIB} MiB, and after each ${WINDOW / MIB} MiB to a hot part. PATCH v8, repaired; cost table ${cost}.`,
    { colour: PALE },
  ),
  ...rows,
  ...COLUMNS.flatMap(drawColumn),
  text(28, HEIGHT - 16, 'A model, not a measurement: nothing overlaps, and most of its numbers are estimates.', {
    size: 12,
    colour: PALE,
  }),
  '</svg>',
];
writeFileSync(file, `${svg.join('\n')}\n`);
console.log(`drawn: ${file}`);
