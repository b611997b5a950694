/** Cases of the user ABI. */
import type { CaseGroup } from '../../framework/case.ts';
import { argumentsGroup } from './arguments.ts';
import { bufferObjectsGroup } from './buffer-objects.ts';
import { checkOrderGroup } from './check-order.ts';
import { limitsGroup } from './limits.ts';
import { prefetchErrorsGroup } from './prefetch-errors.ts';
import { requestGroup } from './request.ts';
import { valuesGroup } from './values.ts';
import { writeBackGroup } from './write-back.ts';

export const uapiGroups: readonly CaseGroup[] = [
  argumentsGroup,
  requestGroup,
  valuesGroup,
  checkOrderGroup,
  writeBackGroup,
  limitsGroup,
  prefetchErrorsGroup,
  bufferObjectsGroup,
];
