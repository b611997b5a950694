/** Cases of GPU retry faults: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { defaultsGroup } from './defaults.ts';
import { orderGroup } from './order.ts';
import { permissionsGroup } from './permissions.ts';
import { retriesGroup } from './retries.ts';
import { windowGroup } from './window.ts';
import { vmLayerGroup } from './vm-layer.ts';
import { checkpointGroup } from './checkpoint.ts';

export const faultsGroups: readonly CaseGroup[] = [
  orderGroup,
  vmLayerGroup,
  defaultsGroup,
  permissionsGroup,
  windowGroup,
  checkpointGroup,
  retriesGroup,
];
