/**
 * The variable NODE_EXTRA_CA_CERTS, which is set in networks with a certificate of their own: each start of Node reads all certificates
 * then, a third of its time, and tests start Node more than a thousand times. Only what downloads needs it.
 */
const NAME = 'NODE_EXTRA_CA_CERTS';
const SET_ASIDE = `${NAME}_OF_NPM`;

/** Programs that are started from now on do without. */
export function setCertificatesAside() {
  const value = process.env[NAME];
  if (value === undefined) return;
  process.env[SET_ASIDE] = value;
  delete process.env[NAME];
}

/** The environment for a program that downloads. @returns {NodeJS.ProcessEnv} */
export function withCertificates() {
  const value = process.env[SET_ASIDE];
  return value === undefined ? process.env : { ...process.env, [NAME]: value };
}
