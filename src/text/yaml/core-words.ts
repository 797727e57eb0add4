/** Trees by the rules of YAML 1.2, as compose reads them: `on`, `off`, `y`, `yes` … are text, as keys and as values (go.yaml.in/yaml/v4 resolver.go). */
import type { YamlNode, YamlScalar } from './node.ts';

/** Whose words plain scalars are: those of YAML 1.1, as Kubernetes reads them, or those of YAML 1.2. */
export type YamlWords = '1.1' | '1.2';

const WORD = /^(?:y|yes|n|no|on|off)$/i;
const ANYWHERE = /(?<![\w-])(?:y|yes|n|no|on|off)(?![\w-])/i;

/** The same tree where no such word is in the text. What an alias stands for stays one node. */
export function coreWords(text: string, root: YamlNode): YamlNode {
  if (!ANYWHERE.test(text)) return root;
  const done = new Map<YamlNode, YamlNode>();
  const scalar = (node: YamlScalar): YamlScalar => {
    if (typeof node.value !== 'boolean' || node.style !== 'plain' || node.tag !== undefined) return node;
    const written = text.slice(node.start, node.end);
    return WORD.test(written) ? { ...node, value: written } : node;
  };
  const convert = (node: YamlNode): YamlNode => {
    const known = done.get(node);
    if (known !== undefined) return known;
    const made = converted(node);
    done.set(node, made);
    return made;
  };
  const converted = (node: YamlNode): YamlNode => {
    switch (node.kind) {
      case 'scalar':
        return scalar(node);
      case 'alias':
        return { ...node, target: convert(node.target) };
      case 'list':
        return { ...node, items: node.items.map(convert) };
      case 'map':
        return { ...node, entries: node.entries.map(({ key, value }) => ({ key: scalar(key), value: convert(value) })) };
    }
  };
  try {
    return convert(root);
  } catch (error) {
    // Nested too deeply: whoever works out its value says so.
    if (error instanceof RangeError) return root;
    throw error;
  }
}
