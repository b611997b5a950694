/** Where and when a report was made: two reports that differ are compared by this first. */
import { arch, hostname, release, type } from 'node:os';
import { packageVersion } from '../../backend/package-root.ts';

/** What a report says of the machine that the suite ran on. The revision of the driver is part of the target. */
export interface Environment {
  /** Version of this package. */
  readonly package: string;
  /** Version of Node. */
  readonly node: string;
  /** Kernel: name, release and architecture. */
  readonly kernel: string;
  readonly host: string;
  /** Begin of the run, ISO 8601 in UTC; of SOURCE_DATE_EPOCH where that is set, so that reports can be reproduced. */
  readonly date: string;
}

/** The environment of a run that begins now. Throws a RangeError for a SOURCE_DATE_EPOCH that is no number of seconds. */
export function environment(): Environment {
  return {
    package: packageVersion(),
    node: process.version,
    kernel: `${type()} ${release()} ${arch()}`,
    host: hostname(),
    date: startOfRun().toISOString(),
  };
}

function startOfRun(): Date {
  const { SOURCE_DATE_EPOCH: epoch } = process.env;
  if (epoch === undefined || epoch === '') return new Date();
  if (!/^\d{1,11}$/.test(epoch))
    throw Object.assign(
      new RangeError(`SOURCE_DATE_EPOCH: expected seconds since 1970 as a number, got ${JSON.stringify(epoch)}`),
      { code: 'ERR_SVM_INVALID_OPTION' },
    );
  return new Date(Number(epoch) * 1000);
}
