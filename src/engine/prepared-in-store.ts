/** An image that lies ready in an engine's own store (podman, Docker): its containers end with it, and it ends with the engine. */
import type { Image } from '../image/image.ts';
import type { Container, PreparedImage } from './engine.ts';

/** `open` holds what the engine still has to remove when it is closed. */
export function preparedInStore(
  image: Image,
  create: PreparedImage['create'],
  giveBack: () => Promise<void>,
  open: Set<() => Promise<void>>,
): PreparedImage {
  const containers = new Set<Container['remove']>();
  const remove = async (): Promise<void> => {
    await Promise.all([...containers].map((each) => each()));
    await giveBack();
    open.delete(remove);
  };
  open.add(remove);
  return {
    image,
    async create(launch, options) {
      const container = await create(launch, options);
      containers.add(container.remove);
      return container;
    },
    remove,
  };
}
