import { describe, expect, it } from 'vitest';
import { makeProfile } from '../uapi/uapi-profile.ts';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import { attributeTypes, encodeAttributeValues } from './attributes.ts';

const { v4 } = UAPI_PROFILES;
const { gpuAlwaysMapped: _removed, ...attributeTypesOfLater } = v4.attributeTypes;
const later = makeProfile({ ...v4, name: 'later', attributeTypes: attributeTypesOfLater });

describe('attribute names', () => {
  it('are those of the profile', () => {
    expect(encodeAttributeValues(v4, { gpuAlwaysMapped: false })).toEqual([{ type: 11, value: 0 }]);
    expect(attributeTypes(v4, v4.attributeNames)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(attributeTypes(later, later.attributeNames)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(later.lastAttributeType).toBe(10);
  });

  it('that the profile does not have are refused with its name and what it has', () => {
    const expected = expect.objectContaining({
      name: 'TypeError',
      code: 'ERR_SVM_UNKNOWN_ATTRIBUTE',
      message: expect.stringMatching(
        /^(attributes|names): unknown attribute "gpuAlwaysMapped"; profile later has preferredLocation, .*gpuReadMostly$/,
      ),
    });
    expect(() => encodeAttributeValues(later, { gpuAlwaysMapped: false })).toThrow(expected);
    expect(() => attributeTypes(later, ['access', 'gpuAlwaysMapped'])).toThrow(expected);
  });
});
