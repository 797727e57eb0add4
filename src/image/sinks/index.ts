/** Where images are written to. */
export { type DockerArchiveOptions, writeDockerArchive } from './docker-archive.ts';
export { type OciLayoutOptions, type WrittenLayout, writeOciLayout } from './oci-layout.ts';
