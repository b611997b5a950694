/** The inspector: a page that shows a trace, as a file or from a local server. */
export { inspectorPage } from './page-file.ts';
export { InspectorServer } from './server.ts';
export type { PageSource } from './server.ts';
export { folderPages } from './folder-pages.ts';
