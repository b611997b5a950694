// Models: nothing - the catalogue, what came with PATCH v8 (spec/findings-v8 §3).
import type { CataloguedQuirk, QuirkTable } from './quirk.ts';

type MigrationQuirk = Omit<CataloguedQuirk, 'from'>;

/** Entries about memory that moves to the GPU and back. */
const MIGRATION_QUIRKS: Readonly<Record<string, MigrationQuirk>> = {
  'V8-D1': {
    title: 'the buffer object of a migration was released twice',
    kind: 'D',
    invariants: ['I10'],
    severity: 'corruption',
    text: 'The buffer object for a migration is created without being reserved, and unreserved at the end all the same. Where the migration did not take it (after any error, and after a success with nothing to do) it has been freed by then.',
    observable:
      'use after free on ordinary paths, for instance mprotect followed by a fault; a warning of lockdep for every migration.',
    advice: 'use system memory: leave the locations undefined',
  },
  'V8-D3': {
    title: 'a missing callback was called for device pages',
    kind: 'D',
    invariants: ['I10'],
    severity: 'corruption',
    text: 'Copying pages of another GPU maps them for DMA; unmapping them calls a function that the driver does not have.',
    observable: 'the kernel jumps to address 0 in a plain prefetch on the second GPU of a hive with coherent VRAM.',
    advice: 'prefetch to one GPU only',
  },
  'V8-D4': {
    title: 'only the first 4 KiB of a huge page were copied',
    kind: 'D',
    invariants: ['I1'],
    severity: 'corruption',
    text: 'The copy looks at one address for each 4 KiB, but only the first entry of a 2 MiB page is filled in: 511 of 512 pages are lost on the way to VRAM and back. Untouched aligned memory always goes this way: what the GPU writes to it is lost at the first access of the CPU, which then sees uninitialised kernel memory.',
    observable: 'the GPU reads zeros; the CPU reads what was in other memory.',
    advice: 'switch transparent huge pages off for memory that may move, and touch it before the GPU does',
  },
  'V8-D5': {
    title: 'an eviction left PTEs of VRAM that is given away',
    kind: 'D',
    invariants: ['I1', 'I3'],
    severity: 'corruption',
    text: 'An eviction unmaps page by page with one event each. The first event clears one PTE and marks the range not mapped, the others return early: all PTEs but one stay, while the VRAM goes to the next buffer object, possibly of another process.',
    observable: 'the GPU reads and writes data of somebody else until the range is mapped again.',
    advice: 'do not use more VRAM than there is',
  },
  'V8-D6': {
    title: 'partial events left PTEs of freed VRAM',
    kind: 'D',
    invariants: ['I1', 'I3'],
    severity: 'corruption',
    text: 'As for an eviction, with MADV_DONTNEED or munmap of a part and then an access of the CPU, with an event between a commit and its mark, and while the context closes.',
    observable: 'PTEs into freed VRAM.',
    advice: 'discard, protect and unmap whole chunks of 2 MiB',
  },
  'V8-D8': {
    title: 'locks were taken in the wrong order',
    kind: 'R',
    invariants: ['I7'],
    severity: 'violation',
    text: 'Splitting a range in VRAM evicts it while the reservation of the page directory is held, so the mmap lock is taken under a reservation; everywhere else it is the other way round.',
    observable: 'a deadlock with a thread that holds the mmap lock; a warning of lockdep.',
    advice: 'do not set attributes of parts of what lies in VRAM',
  },
  'V8-D9': {
    title: 'a fault that needs a migration makes no progress',
    kind: 'D',
    invariants: ['I7'],
    severity: 'violation',
    text: 'Memory that cannot move (file pages, pages of a peer, a hole after VRAM) makes the fault end with 0 and without a PTE forever, or kills the access (a pinned page, VRAM that is full), although RAM could be mapped.',
    observable: 'handled faults without end; or an access killed with ENOMEM, EBUSY or EFAULT.',
    advice: 'set no device location on memory that may not be able to move',
  },
  'V8-D10': {
    title: 'a fault on resident pages allocated VRAM',
    kind: 'D',
    invariants: ['I7'],
    severity: 'violation',
    text: 'A buffer object is made for each attempt of a migration, also where all pages are in VRAM already: the fault can evict others or itself, or fail with ENOMEM, although nothing has to be moved.',
    observable: 'evictions by a fault on pages that are in VRAM.',
    advice: 'leave some VRAM free',
  },
  'V8-D11': {
    title: 'two GPUs take the same memory from each other forever',
    kind: 'D',
    invariants: ['I7'],
    severity: 'violation',
    text: 'In a hive a pull that fails clears the PTEs of the other GPU each time: two GPUs that both prefer themselves disturb each other without end.',
    observable: 'endless faults on both.',
    advice: 'prefer one GPU, or system memory',
  },
  'V8-D12': {
    title: 'a failed copy to RAM was a SIGBUS',
    kind: 'F',
    invariants: ['I7'],
    severity: 'violation',
    text: 'Errors of the copy in a fault of the CPU end the process; the page stays in VRAM, and a later access would have succeeded.',
    observable: 'SIGBUS at an access of the CPU.',
    advice: 'nothing; the GPU was in trouble',
  },
  'V8-D13': {
    title: 'the window for copies would overflow',
    kind: 'D',
    invariants: ['I10'],
    severity: 'violation',
    text: 'A number of bytes is taken for a number of pages. The window of 1,024 pages would overflow with a chunk of more than 4 MiB; the largest today is 2 MiB.',
    observable: 'nothing with the chunks that there are.',
    advice: 'nothing; it cannot happen with chunks of 2 MiB',
    unobservable: 'no chunk is larger than 2 MiB, so that no copy is larger than the window',
  },
};

export const V8_QUIRKS: QuirkTable = Object.fromEntries(
  Object.entries(MIGRATION_QUIRKS).map(([id, quirk]) => [id, { ...quirk, from: 'v8' as const }]),
);
