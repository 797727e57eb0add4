/** What the names of containers, images and volumes of one run of the service tests have in common; see `sweep.mjs`. */
export const RUN_TAG: string = process.env.UNROOT_SERVICES_RUN ?? String(process.pid);
