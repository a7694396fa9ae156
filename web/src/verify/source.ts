/** Where the bytes of a package come from: a file on the disk, never read as a whole. */
export interface Source {
  readonly size: number;
  /** The bytes from `from` up to `to`, both within the size. */
  read(from: number, to: number): Promise<Uint8Array>;
}

/** Bytes that are read at once: large enough to be quick, small enough to stop in between. */
export const PIECE_BYTES = 1 << 20;

export const ofBlob = (blob: Blob): Source => ({
  size: blob.size,
  read: async (from, to) => new Uint8Array(await blob.slice(from, to).arrayBuffer()),
});

export const ofBytes = (bytes: Uint8Array): Source => ({
  size: bytes.length,
  read: (from, to) => Promise.resolve(bytes.subarray(from, to)),
});
