/** Cases of the user ABI. */
import { argumentsGroup } from './arguments.ts';

export const uapiGroups = [argumentsGroup];
