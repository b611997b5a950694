/** Cases of GPU retry faults. */
import type { CaseGroup } from '../../framework/case.ts';
import { defaultsGroup } from './defaults.ts';
import { orderGroup } from './order.ts';
import { permissionsGroup } from './permissions.ts';
import { retriesGroup } from './retries.ts';
import { windowGroup } from './window.ts';
import { workGroup } from './work.ts';

export const faultsGroups: readonly CaseGroup[] = [
  orderGroup,
  defaultsGroup,
  permissionsGroup,
  windowGroup,
  retriesGroup,
  workGroup,
];
