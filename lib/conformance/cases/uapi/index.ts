/** Cases of the user ABI. */
import { argumentsGroup } from './arguments.ts';
import { checkOrderGroup } from './check-order.ts';
import { valuesGroup } from './values.ts';
import { writeBackGroup } from './write-back.ts';

export const uapiGroups = [argumentsGroup, valuesGroup, checkOrderGroup, writeBackGroup];
