/** Sound and video that players take: how a file begins, and the type of each extension that such a file has. */
const kinds: { begins: RegExp; types: Record<string, string> }[] = [
  {
    begins: /^[^]{4}ftyp/,
    types: { mp4: "video/mp4", m4v: "video/mp4", mov: "video/quicktime", "3gp": "video/3gpp", m4a: "audio/mp4" },
  },
  { begins: /^[^]E\xdf\xa3/, types: { webm: "video/webm", mkv: "video/x-matroska" } },
  { begins: /^OggS/, types: { ogg: "audio/ogg", oga: "audio/ogg", opus: "audio/ogg", ogv: "video/ogg" } },
  { begins: /^(?:ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb])/, types: { mp3: "audio/mpeg" } },
  { begins: /^\xff[\xf0\xf1\xf8\xf9]/, types: { aac: "audio/aac" } },
  { begins: /^RIFF[^]{4}WAVE/, types: { wav: "audio/wav" } },
  { begins: /^fLaC/, types: { flac: "audio/flac" } },
  { begins: /^#!AMR/, types: { amr: "audio/amr" } },
];

/** Whether files of this extension may be sound or video: `playableType` tells. */
export function maybePlayable(extension: string): boolean {
  return kinds.some(({ types }) => types[extension] !== undefined);
}

/** @param head the first 12 bytes. @returns undefined when the bytes are not what the extension says */
export function playableType(extension: string, head: Buffer): string | undefined {
  const latin = head.toString("latin1", 0, 12);
  return kinds.find(({ begins, types }) => types[extension] !== undefined && begins.test(latin))?.types[extension];
}
