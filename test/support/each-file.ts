/** Loaded before each file of tests, also where files share a process. */
import { afterAll } from 'vitest';
import { cleanUpFile } from './after-file.ts';

afterAll(cleanUpFile);
