/**
 * Where the project is to be found. It has no public place yet, and `.invalid` is a name that nobody can own (RFC 2606): when
 * there is one, it is changed here, and the test says which lines of package.json follow.
 */
const PROJECT_URL = 'https://amdgpu-svm.invalid';

/** What package.json says of it. */
export const PROJECT_LINKS = {
  homepage: `${PROJECT_URL}/`,
  bugs: { url: `${PROJECT_URL}/issues` },
  repository: { type: 'git', url: `git+${PROJECT_URL}/amdgpu-svm.git` },
};

/** Whether that is still a placeholder. */
export const IS_PLACEHOLDER = new URL(PROJECT_URL).hostname.endsWith('.invalid');
