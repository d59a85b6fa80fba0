import { parseDocument, stringify } from 'yaml';

export interface ParsedYaml {
  readonly value: unknown;
  /** What is wrong with the text, with its place; empty when it could be read. */
  readonly faults: readonly string[];
}

/** Aliases that one document may expand to, so that a small file can't become a large value. */
const ALIASES_MAX = 100;

/** Reads a YAML (or JSON) document. Duplicate keys are faults. */
export function readYaml(text: string): ParsedYaml {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true });
  if (document.errors.length > 0) {
    return {
      value: undefined,
      faults: document.errors.map(({ message }) => message.split('\n')[0] ?? message),
    };
  }
  try {
    return { value: document.toJS({ maxAliasCount: ALIASES_MAX }) as unknown, faults: [] };
  } catch (error) {
    return { value: undefined, faults: [error instanceof Error ? error.message : String(error)] };
  }
}

/** Writes a value as YAML without folding long lines. */
export function writeYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
