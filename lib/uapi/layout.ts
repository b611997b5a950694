/**
 * The one layout table of the structures that cross the kernel boundary
 * (spec/01-uapi §1-§3). Encoder, decoder, the `static_assert`s of the addon
 * (native/uapi_layout.h) and the documentation are checked against it.
 */

/** Position of one field: bytes from the start of the structure, and its width in bytes. */
export interface FieldLayout {
  readonly offset: number;
  readonly size: number;
}

/** Size in bytes and fields of one C structure. */
export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<Record<string, FieldLayout>>;
}

/** `struct drm_amdgpu_gem_svm`, the argument of the ioctl. */
export const GEM_SVM_LAYOUT = {
  size: 32,
  fields: {
    start_addr: { offset: 0, size: 8 },
    size: { offset: 8, size: 8 },
    operation: { offset: 16, size: 4 },
    nattr: { offset: 20, size: 4 },
    attrs_ptr: { offset: 24, size: 8 },
  },
} as const satisfies StructLayout;

/** `struct drm_amdgpu_svm_attribute`, one record of the array behind `attrs_ptr`. */
export const SVM_ATTRIBUTE_LAYOUT = {
  size: 8,
  fields: {
    type: { offset: 0, size: 4 },
    value: { offset: 4, size: 4 },
  },
} as const satisfies StructLayout;

/** `struct drm_version` of a 64-bit process, the argument of `DRM_IOCTL_VERSION`. */
export const DRM_VERSION_LAYOUT = {
  size: 64,
  fields: {
    version_major: { offset: 0, size: 4 },
    version_minor: { offset: 4, size: 4 },
    version_patchlevel: { offset: 8, size: 4 },
    name_len: { offset: 16, size: 8 },
    name: { offset: 24, size: 8 },
    date_len: { offset: 32, size: 8 },
    date: { offset: 40, size: 8 },
    desc_len: { offset: 48, size: 8 },
    desc: { offset: 56, size: 8 },
  },
} as const satisfies StructLayout;

/** Every structure of this boundary by its C name. */
export const STRUCT_LAYOUTS = {
  drm_amdgpu_gem_svm: GEM_SVM_LAYOUT,
  drm_amdgpu_svm_attribute: SVM_ATTRIBUTE_LAYOUT,
  drm_version: DRM_VERSION_LAYOUT,
} as const satisfies Readonly<Record<string, StructLayout>>;
