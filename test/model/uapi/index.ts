/** Cases of the user ABI: what only the model shows. */
import type { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { checkOrderGroup } from './check-order.ts';
import { prefetchErrorsGroup } from './prefetch-errors.ts';
import { requestGroup } from './request.ts';

export const uapiGroups: readonly CaseGroup[] = [requestGroup, checkOrderGroup, prefetchErrorsGroup];
