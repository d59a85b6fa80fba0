import { asObject, asStringRecord } from './shape.ts';

/** Keys and values of one namespace: answer of GET_KVLIST_BY_NAMESPACE and REGISTER_BROKER (Java: KVTable). */
export interface KvTable {
  readonly table: Readonly<Record<string, string>>;
}

export function readKvTable(value: unknown): KvTable {
  return { table: asStringRecord(asObject(value)['table']) };
}
