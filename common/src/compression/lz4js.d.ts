/** The part of lz4js in use; the package has no types. */
declare module 'lz4js' {
  export function decompressBound(source: Uint8Array): number;
  /** Returns the size of the content, which may be larger than `target` could take. */
  export function decompressFrame(source: Uint8Array, target: Uint8Array): number;
}
