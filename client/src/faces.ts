import type { Face } from "@om/protocol";

/** Users whose newest face is kept in mind. */
const most = 10_000;

/** Faces come by push and by cursor, in any order: one is emitted if it is newer than the last of its user. */
export function createFaces(emit: (face: Face) => void): (face: Face) => void {
  const known = new Map<number, number>();
  return (face) => {
    if (face.ver <= (known.get(face.id) ?? 0)) return;
    known.delete(face.id);
    known.set(face.id, face.ver);
    const [oldest] = known.keys();
    if (known.size > most && oldest !== undefined) known.delete(oldest);
    emit(face);
  };
}
