/** What one run of the service tests has to itself; see `sweep.mjs`. */
import { tmpdir } from 'node:os';

/** What the names of containers, images and volumes of one run of the service tests have in common; see `sweep.mjs`. */
export const RUN_TAG: string = process.env.UNROOT_SERVICES_RUN ?? String(process.pid);
/** Where such a run keeps its files. */
export const RUN_FOLDER: string = process.env.UNROOT_SERVICES_FOLDER ?? tmpdir();
